"""Jobs of BigQuery under ids of their own: a call that is made again because its answer was lost does nothing twice."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clientage.cloud.bigquery import ATTEMPT, Dataset, retry

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, Table

LONGEST, UPLOAD = 3600.0, 120.0  # seconds: that a job may take, and a part of an upload


class Jobs:
    """Jobs in a dataset that belong together, each of them done once.

    Attributes:
        token: Tells them from all others, in their ids; fit for names of tables.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Nothing is reached yet.

        Args:
            dataset: Where they work.
        """
        self.token = f"{datetime.now(UTC):%Y%m%dT%H%M%S}{secrets.token_hex(4)}"
        self._dataset = dataset

    def load(self, name: str, table: "Table", files: Sequence[Path]) -> int:
        """Make a table, unless it is there, and load Parquet files in place of its rows.

        Args:
            name: What is loaded, as ids say it.
            table: The table, with its columns and all else that is to be known of it.
            files: Its rows.

        Returns:
            The number of rows.
        """
        from google.cloud import bigquery  # noqa: PLC0415

        where = self._dataset.location  # asked first, as it tells a dataset that is missing at once
        self._client.create_table(table, exists_ok=True, retry=retry(), timeout=ATTEMPT)
        rows = 0
        for i, path in enumerate(files):
            how = bigquery.LoadJobConfig(
                source_format="PARQUET", schema=table.schema, clustering_fields=table.clustering_fields,
                write_disposition="WRITE_APPEND" if i else "WRITE_TRUNCATE",
            )  # fmt: skip
            if table.time_partitioning:
                how.time_partitioning = table.time_partitioning
            rows += int(self._done(f"load{i or ''}_{name}", self._upload(path, table, how, where)).output_rows or 0)
        return rows

    def copy(self, name: str, source: str, target: str) -> None:
        """Put a table in the place of another, at once.

        Args:
            name: What is copied, as ids say it.
            source: project.dataset.table.
            target: The same, of the one whose place it takes.
        """
        from google.cloud import bigquery  # noqa: PLC0415

        over = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
        self._done(
            f"copy_{name}",
            lambda job: self._client.copy_table(
                source, target, job_id=job, job_config=over, location=self._dataset.location, retry=retry(),
                timeout=ATTEMPT,
            ),
        )  # fmt: skip

    def _upload(self, path: Path, table: "Table", how: Any, where: str | None) -> Callable[[str], Any]:
        def begin(job: str) -> Any:
            with path.open("rb") as file:
                return self._client.load_table_from_file(
                    file, table.reference, size=path.stat().st_size, job_id=job, job_config=how,
                    location=where, timeout=UPLOAD,
                )  # fmt: skip

        return begin

    def _done(self, what: str, begin: Callable[[str], Any]) -> Any:
        """Begin a job and wait for it; where it was begun and the answer was lost, wait for that one."""
        from google.api_core.exceptions import Conflict  # noqa: PLC0415

        name = f"clientage_{what}_{self.token}"

        def begun() -> Any:
            try:
                return begin(name)
            except Conflict:
                return self._client.get_job(name, location=self._dataset.location, retry=retry(), timeout=ATTEMPT)

        job = retry()(begun)()
        job.result(retry=retry(), timeout=LONGEST)
        return job

    @property
    def _client(self) -> "Client":
        return self._dataset.client
