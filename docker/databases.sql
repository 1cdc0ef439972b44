-- A database for each, and a user that owns it. Run once, by the first start of PostgreSQL.
\getenv mlflow MLFLOW_PASSWORD
\getenv predictions PREDICTIONS_PASSWORD
\getenv airflow AIRFLOW_PASSWORD
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow';
CREATE ROLE predictions LOGIN PASSWORD :'predictions';
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE predictions OWNER predictions;
CREATE DATABASE airflow OWNER airflow;
REVOKE CONNECT ON DATABASE mlflow, predictions, airflow FROM PUBLIC;
