"""Tables of a dataset replaced whole: loaded beside, and copied over when all of them are there.

Jobs have ids of their own, so that a call that is made again because its answer was lost does nothing twice. What a
process that died left is gone after a day.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clientage.cloud.bigquery import ATTEMPT, KINDS, SAME, Dataset, described, retry
from clientage.errors import SinkError
from clientage.tables import TableSpec

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

KEPT = timedelta(days=1)  # how long a table on the way may lie there
JOB, UPLOAD = 600.0, 120.0  # seconds: that a job may take, and a part of an upload
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
        SinkError: A table that is there is not ours, or BigQuery does not take one.
    """
    for load in loads:
        _ours(dataset, load)
    token = f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(4)}"
    with dataset.explained():
        location = dataset.client.get_dataset(dataset.name, retry=retry(), timeout=ATTEMPT).location
        jobs = _Jobs(dataset, token, str(location) if location else None)
        try:
            for i, load in enumerate(loads):
                jobs.load(load)
                done((i + 1) / (2 * len(loads)))
            for i, load in enumerate(loads):
                jobs.copy(load)
                done(0.5 + (i + 1) / (2 * len(loads)))
        finally:
            jobs.clear(loads)


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


@dataclass(frozen=True)
class _Jobs:
    """Jobs of one sending."""

    dataset: Dataset
    token: str
    location: str | None

    def load(self, load: Load) -> None:
        """Load rows into a table beside the one they are for."""
        from google.cloud import bigquery  # noqa: PLC0415

        beside = bigquery.Table(self._beside(load), described(load.spec))
        beside.clustering_fields = load.cluster or None
        beside.description = f"One row per {load.spec.row}."
        beside.expires = datetime.now(UTC) + KEPT
        self._client.create_table(beside, exists_ok=True, retry=retry(), timeout=ATTEMPT)
        how = bigquery.LoadJobConfig(
            source_format="PARQUET", schema=described(load.spec), write_disposition="WRITE_TRUNCATE",
            clustering_fields=load.cluster or None,
        )  # fmt: skip

        def begin(job: str) -> Any:
            with load.path.open("rb") as file:
                return self._client.load_table_from_file(
                    file, self._beside(load), size=load.path.stat().st_size, job_id=job, job_config=how,
                    location=self.location, timeout=UPLOAD,
                )  # fmt: skip

        rows = self._done("load", load, begin).output_rows
        if rows != load.rows:
            raise SinkError(
                f"{self.dataset.name}: of {load.rows:,} rows of {load.table} {rows:,} arrived. Nothing was changed; "
                "send them again.",
                "lost rows",
            )

    def copy(self, load: Load) -> None:
        """Put a table in its place, at once."""
        from google.cloud import bigquery  # noqa: PLC0415

        over = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
        target = f"{self.dataset.name}.{load.table}"
        self._done(
            "copy", load,
            lambda job: self._client.copy_table(
                self._beside(load), target, job_id=job, job_config=over, location=self.location,
                retry=retry(), timeout=ATTEMPT,
            ),
        )  # fmt: skip

    def clear(self, loads: Sequence[Load]) -> None:
        """Remove what was on the way; what cannot be goes by itself after a day."""
        from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
        from requests import RequestException  # noqa: PLC0415

        for load in loads:
            try:
                self._client.delete_table(self._beside(load), not_found_ok=True, retry=retry(), timeout=ATTEMPT)
            except (GoogleAPIError, RequestException):
                return

    def _done(self, what: str, load: Load, begin: Callable[[str], Any]) -> Any:
        """Begin a job and wait for it; where it was begun and the answer was lost, wait for that one."""
        from google.api_core.exceptions import Conflict  # noqa: PLC0415

        name = f"clientage_{what}_{load.table}_{self.token}"

        def begun() -> Any:
            try:
                return begin(name)
            except Conflict:
                return self._client.get_job(name, location=self.location, retry=retry(), timeout=ATTEMPT)

        job = retry()(begun)()
        job.result(retry=retry(), timeout=JOB)
        return job

    def _beside(self, load: Load) -> str:
        return f"{self.dataset.name}.{load.table}{BESIDE}{self.token}"

    @property
    def _client(self) -> "Client":
        return self.dataset.client
