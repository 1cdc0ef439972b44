"""Tables and views that are in a dataset: what they are, how long they stay, and which table a view shows."""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clientage.cloud import views
from clientage.cloud.bigquery import ATTEMPT, Dataset, retry
from clientage.cloud.views import View

DAY = 24 * 3600 * 1000  # in milliseconds
SHOWS = "shows"  # the label of a view that names its table


@dataclass(frozen=True)
class Found:
    """A table or view that is there.

    Attributes:
        is_view: Whether it is a view.
        created: When it was made.
        expires: When it goes away by itself; None for never.
    """

    is_view: bool
    created: datetime
    expires: datetime | None


def require(dataset: Dataset) -> None:
    """See that the dataset is there, may be used, and keeps what it gets, before any work is done.

    Where it has an end for partitions, as every one of BigQuery's sandbox has, a new table that is partitioned by day
    takes it over, even where it is told to have none, and then loses its older rows without a word.

    Raises:
        ClientageError: It is not, or BigQuery does not answer.
    """
    with dataset.explained():
        found = dataset.client.get_dataset(dataset.name, retry=retry(), timeout=ATTEMPT)
    if ends := found.default_partition_expiration_ms:
        raise dataset.raised(
            f"{dataset.name}: new tables there lose the rows of each day after {ends / DAY:,.3g} days, as the dataset "
            "has a default end of partitions. Take it away: bq update --default_partition_expiration 0 "
            f"{found.project}:{found.dataset_id}",
            "rows end",
        )


def tables(dataset: Dataset) -> dict[str, Found]:
    """What is in the dataset, by name."""
    with dataset.explained():
        listed = dataset.client.list_tables(dataset.name, retry=retry(), timeout=ATTEMPT)
        return {each.table_id: Found(each.table_type == "VIEW", each.created, each.expires) for each in listed}


def rows(dataset: Dataset, name: str) -> int:
    """How many rows a table has."""
    with dataset.explained():
        return int(dataset.client.get_table(f"{dataset.name}.{name}", retry=retry(), timeout=ATTEMPT).num_rows or 0)


def lasting(dataset: Dataset, name: str, until: timedelta | None) -> bool:
    """How long a table stays; None: as long as nobody removes it.

    Returns:
        Whether it is there at all.
    """
    from google.api_core.exceptions import NotFound  # noqa: PLC0415
    from google.cloud import bigquery  # noqa: PLC0415

    table = bigquery.Table(f"{dataset.name}.{name}")  # of no version: asked twice, done once
    table.expires = datetime.now(UTC) + until if until else None
    with dataset.explained(), contextlib.suppress(NotFound):
        dataset.client.update_table(table, ["expires"], retry=retry(), timeout=ATTEMPT)
        return True
    return False


def remove(dataset: Dataset, name: str) -> None:
    """Remove a table or a view, where there is one."""
    with dataset.explained():
        dataset.client.delete_table(f"{dataset.name}.{name}", not_found_ok=True, retry=retry(), timeout=ATTEMPT)


def show(dataset: Dataset, name: str, table: str) -> None:
    """Let a view of a name show a table, whatever it showed before."""
    statement = f"SELECT * FROM `{dataset.name}.{table}`"  # noqa: S608 - names of ours
    views.make(dataset, View(name, f"The table {name} of the last run.", statement), {SHOWS: table})


def shown(dataset: Dataset, name: str) -> str:
    """The table that a view shows; empty where it is not one of these, or is not there."""
    view = dataset.table(name)
    return str(view.labels.get(SHOWS, "")) if view else ""
