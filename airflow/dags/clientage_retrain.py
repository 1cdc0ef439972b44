"""Where the shop drifts, and every week: a challenger, the gate, and the champion in use everywhere."""

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, TriggerRule, chain, dag
from clientage_commands import BIN, DEFAULTS, DRIFT, MODEL, NOT_DUE, WEEKLY, command, ready

VERIFY = 'verify ${CLIENTAGE_SERVICE_URL:+--url "$CLIENTAGE_SERVICE_URL" --wait 300}'
PROMOTE = 'promote --reason "$AIRFLOW_CTX_DAG_RUN_ID"'
TELL = f'{BIN} models | {BIN} tell "a challenger was trained"'


EVERY_WEEK = CronTriggerTimetable(WEEKLY, timezone="UTC") if WEEKLY else None


@dag(
    schedule=AssetOrTimeSchedule(timetable=EVERY_WEEK, assets=[DRIFT]) if EVERY_WEEK else [DRIFT],
    start_date=pendulum.datetime(2010, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["clientage"],
    doc_md=__doc__,
)
def clientage_retrain() -> None:
    """A model that was made lately is left alone; one that the gate refuses changes nothing."""
    train = command("train", "train --due", skip_on_exit_code=NOT_DUE)
    tell = BashOperator(task_id="tell", bash_command=TELL, trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    chain(
        ready(),
        train,
        command("gate", "promote --check", skip_on_exit_code=NOT_DUE),
        command("promote", PROMOTE, outlets=[MODEL], skip_on_exit_code=NOT_DUE),
        command("verify", VERIFY),
        tell,
    )
    chain(train, tell)


clientage_retrain()
