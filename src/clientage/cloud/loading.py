"""Tables of a dataset replaced whole: loaded beside, and copied over, one after another, when all of them are there.

What a process that died left is gone after a day; where it died while it copied, when the table is sent again.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clientage.cloud import stored
from clientage.cloud.bigquery import ATTEMPT, KINDS, SAME, Dataset, described, retry
from clientage.cloud.jobs import Jobs
from clientage.errors import SinkError
from clientage.tables import TableSpec

KEPT = timedelta(days=1)  # how long a table on the way may lie there
BESIDE = "_loading_"


@dataclass(frozen=True)
class Load:
    """A table to be sent.

    Attributes:
        table: Its name.
        spec: What is promised of it.
        path: Its rows as Parquet, with all columns of the promise.
        rows: How many there are.
    """

    table: str
    spec: TableSpec
    path: Path
    rows: int

    @property
    def cluster(self) -> list[str]:
        """Columns that rows are sorted by: those of the key."""
        return list(self.spec.key[:4])


def replace(dataset: Dataset, loads: Sequence[Load], done: Callable[[float], None] = lambda share: None) -> None:
    """Put tables in place of those that are there; none is touched before all of them are loaded.

    Args:
        dataset: Where to.
        loads: The tables.
        done: Told the share that is done.

    Raises:
        SinkError: A table that is there is not ours, or BigQuery does not take one. Where tables were replaced
            before, it says which.
    """
    for load in loads:
        _ours(dataset, load)
    _clear(dataset, _left(dataset, loads))
    jobs = Jobs(dataset)
    beside = [f"{load.table}{BESIDE}{jobs.token}" for load in loads]
    with dataset.explained():
        try:
            for i, load in enumerate(loads):
                _loaded(dataset, jobs, load, beside[i])
                done((i + 1) / (2 * len(loads)))
            for i, load in enumerate(loads):
                with _halfway(dataset, loads[:i], load):
                    _put(dataset, jobs, load, beside[i])
                done(0.5 + (i + 1) / (2 * len(loads)))
        finally:
            _clear(dataset, beside)


def _ours(dataset: Dataset, load: Load) -> None:
    """See that a table that is there may be replaced: it is one, and has no column or kind that ours has not."""
    there = dataset.table(load.table)
    if there is None:
        return
    if there.table_type != "TABLE":
        kind = there.table_type.lower().replace("_", " ")
        raise SinkError(
            f"{dataset.name}: {load.table} there is no table but a {kind}, such as a run on BigQuery makes. "
            "Give another dataset, or --views to make the views alone.",
            "another shape",
        )
    wanted = {name: KINDS[column.kind] for name, column in load.spec.columns.items()}
    foreign = [
        field.name for field in there.schema if wanted.get(field.name) != SAME.get(field.field_type, field.field_type)
    ]
    if foreign:
        raise SinkError(
            f"{dataset.name}: the table {load.table} there has another shape ({', '.join(foreign)}). "
            "Rename it, or give another dataset.",
            "another shape",
        )


def _loaded(dataset: Dataset, jobs: Jobs, load: Load, beside: str) -> None:
    """Load rows into a table beside the one they are for."""
    from google.cloud import bigquery  # noqa: PLC0415

    table = bigquery.Table(f"{dataset.name}.{beside}", described(load.spec))
    table.clustering_fields = load.cluster or None
    table.description = f"One row per {load.spec.row}."
    table.expires = datetime.now(UTC) + KEPT
    rows = jobs.load(load.table, table, [load.path])
    if rows != load.rows:
        raise SinkError(
            f"{dataset.name}: of {load.rows:,} rows of {load.table} {rows:,} arrived. Nothing was changed; "
            "send them again.",
            "lost rows",
        )


def _put(dataset: Dataset, jobs: Jobs, load: Load, beside: str) -> None:
    """Copy a table over the one it is for, which then stays.

    Whether a copy takes over an end is not documented: so there is none from before it on, wherever this may die.
    """
    stored.lasting(dataset, beside, None)
    jobs.copy(load.table, f"{dataset.name}.{beside}", f"{dataset.name}.{load.table}")
    stored.lasting(dataset, load.table, None)


@contextlib.contextmanager
def _halfway(dataset: Dataset, replaced: Sequence[Load], load: Load) -> Iterator[None]:
    """Where a table cannot be put in its place, say which are there already, and what makes them those of one run."""
    already = ", ".join([*(each.table for each in replaced), f"perhaps {load.table}"])
    with (
        adding(f"Replaced already: {already}. Send them again, and all tables are of one run."),
        Dataset(dataset.address, again="").explained(),  # which does not say that nothing was changed
    ):
        yield


@contextlib.contextmanager
def adding(said: str) -> Iterator[None]:
    """Add to what BigQuery refuses what was done before.

    Args:
        said: A sentence.

    Raises:
        SinkError: What was refused, with that sentence.
    """
    try:
        yield
    except SinkError as error:
        sentence = f"{error}".removesuffix(".")
        raise SinkError(f"{sentence}. {said}", error.kind) from error


def _left(dataset: Dataset, loads: Sequence[Load]) -> list[str]:
    """What lies beside these tables for longer than it may."""
    beside, since = tuple(f"{load.table}{BESIDE}" for load in loads), datetime.now(UTC) - KEPT
    return [name for name, found in stored.tables(dataset).items() if name.startswith(beside) and found.created < since]


def _clear(dataset: Dataset, names: Sequence[str]) -> None:
    """Remove what was on the way; what cannot be goes by itself after a day, or when it is sent again."""
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    for name in names:
        try:
            dataset.client.delete_table(f"{dataset.name}.{name}", not_found_ok=True, retry=retry(), timeout=ATTEMPT)
        except (GoogleAPIError, RequestException):
            return
