# Airflow with the DAGs, beside Clientage in an environment of its own: the tasks call its command.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
ARG CLIENTAGE=clientage:latest

FROM ${BASE} AS libraries
COPY constraints.txt /source/constraints.txt
COPY airflow/constraints.txt /airflow.txt
ENV UV_SYSTEM_CERTS=1 UV_NO_CACHE=1
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --constraint /source/constraints.txt uv \
    && /opt/uv/bin/uv venv --quiet --python python3 /opt/airflow \
    && /opt/uv/bin/uv pip install --quiet --python /opt/airflow --requirement /airflow.txt \
    && /opt/uv/bin/uv pip uninstall --quiet --python /opt/airflow setuptools \
    && find /opt/airflow -type d -path '*/site-packages/*/tests' -prune -exec rm -r {} + \
    && python3 -m compileall -q -j 0 /opt/airflow/lib

FROM ${CLIENTAGE}
COPY --from=libraries /opt/airflow /opt/airflow
COPY airflow/dags /opt/dags
ENV PATH=/opt/airflow/bin:$PATH \
    AIRFLOW_HOME=/tmp/airflow \
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=/data/airflow/logs \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    CLIENTAGE_BIN=/opt/clientage/bin/clientage \
    CLIENTAGE_HOME=/data \
    CLIENTAGE_INBOX=/data/inbox \
    HEALTH_URL=http://127.0.0.1:8080/api/v2/monitor/health
ENTRYPOINT ["airflow"]
