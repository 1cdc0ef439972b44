"""Days of the past, each in a draft of its own: the tables as they would have been, by the model in use."""

from datetime import date, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Param, dag, get_current_context, task
from clientage_commands import BIN, DEFAULTS, ready

RUN = f'{BIN} run "$CLIENTAGE_INBOX" --draft "$DAY" --as-of "$DAY" --set source.until="$DAY"'


@dag(
    schedule=None,
    max_active_runs=1,
    default_args=DEFAULTS,
    params={
        "since": Param("2011-07-01", type="string", format="date", description="The first day."),
        "until": Param("2011-07-03", type="string", format="date", description="The last day."),
        "every": Param(1, type="integer", minimum=1, description="Days from one to the next."),
    },
    tags=["clientage"],
    doc_md=__doc__,
)
def clientage_backfill() -> None:
    """The tables of the workspace stay as they are; `clientage publish DAY` would take those of a day."""

    @task(retries=0, do_xcom_push=True)
    def days() -> list[dict[str, str]]:
        """The days, as the environment of one task each."""
        wanted = get_current_context()["params"]
        since, until = date.fromisoformat(wanted["since"]), date.fromisoformat(wanted["until"])
        found = range(0, (until - since).days + 1, wanted["every"])
        if not found:
            raise ValueError(f"since {since} lies after until {until}. Exchange the two.")
        return [{"DAY": str(since + timedelta(days=day))} for day in found]

    named = days()
    run = BashOperator.partial(task_id="run", bash_command=RUN, max_active_tis_per_dagrun=1).expand(env=named)
    ready() >> named >> run


clientage_backfill()
