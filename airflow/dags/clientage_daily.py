"""Every day: order lines in, each stage a task of its own, the tables published at once, and a look at what moved."""

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import CronTriggerTimetable, chain, dag
from clientage_commands import BIN, DAILY, DAY, DEFAULTS, DRIFT, STAGES, TABLES, command, ready

# drift is no failure: the command ends with 3, and the next task tells those who wait for it
MONITOR = f"""\
{BIN} monitor; code=$?
case $code in
  0) echo calm ;;
  3) echo drift ;;
  *) exit $code ;;
esac
"""
DRIFTED = """[ "{{ ti.xcom_pull(task_ids='monitor') }}" = drift ] || { echo "nothing moved"; exit 99; }"""


@dag(
    schedule=CronTriggerTimetable(DAILY, timezone="UTC") if DAILY else None,
    start_date=pendulum.datetime(2010, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["clientage"],
    doc_md=__doc__,
)
def clientage_daily() -> None:
    """The flow of a day, in a draft until it is whole."""
    day = f"--as-of {DAY} --set source.until={DAY}"
    source = {"read": ' "$CLIENTAGE_INBOX"'}
    chain(
        ready(),
        *[command(stage, f"step {stage}{source.get(stage, '')} --draft daily {day}") for stage in STAGES],
        command("publish", f"publish daily {day}", outlets=TABLES),
        BashOperator(task_id="monitor", bash_command=MONITOR, do_xcom_push=True),
        BashOperator(task_id="drift", bash_command=DRIFTED, outlets=[DRIFT]),
    )


clientage_daily()
