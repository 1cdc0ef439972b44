"""A dataset of BigQuery: tables that are made, checked and streamed to, and statements that change them."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clientage.cloud import refusals
from clientage.cloud.refusals import Raised, Service
from clientage.errors import SettingsError, SinkError
from clientage.tables import TableSpec

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, SchemaField, Table

ADDRESS = "bigquery://project/dataset"
KINDS = {
    "text": "STRING",
    "integer": "INTEGER",
    "number": "FLOAT",
    "flag": "BOOLEAN",
    "date": "DATE",
    "time": "TIMESTAMP",
}
SAME = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}  # newer names of what answers call by the older
MOST_ROWS = 500  # of a request, as BigQuery advises
MOST_BYTES = 9_000_000  # of a request; BigQuery takes 10 MB
MARK = "clientage"  # the label of views: which statement made them
MOST_BILLED = 2**40  # bytes that a statement may read
ATTEMPT, LONGEST = 10.0, 20.0  # seconds: of one request, and of all its attempts
EMULATOR = "BIGQUERY_EMULATOR_HOST"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """A row that BigQuery will not take.

    Attributes:
        row: As it was sent.
        why: What BigQuery says of it.
    """

    row: Row
    why: str


class Dataset:
    """A dataset, which must be there; nothing is reached before it is used.

    Attributes:
        name: project.dataset.
    """

    def __init__(
        self,
        address: str,
        *,
        setting: str = "serve.sink",
        again: str = "they will be sent again",
        raised: Raised = SinkError,
    ) -> None:
        """Take an address.

        Args:
            address: As `bigquery://project/dataset`.
            setting: What gave the address, for messages.
            again: What becomes of what could not be sent, for messages.
            raised: The error to raise where BigQuery refuses.

        Raises:
            SettingsError: It is no address of a dataset.
            SinkError: The library is not installed.
        """
        self._project, self._dataset = taken_apart(address, setting)
        self.name, self._again, self._raised = f"{self._project}.{self._dataset}", again, raised
        try:
            import google.cloud.bigquery  # noqa: F401, PLC0415 - an extra
        except ImportError as missing:
            raise raised(
                "google-cloud-bigquery is not installed. Install it: pip install 'clientage[bigquery]'.",
                "not installed",
            ) from missing

    def prepare(self, table: str, spec: TableSpec, *, day: str, cluster: Sequence[str], later: frozenset[str]) -> bool:
        """Make a table where there is none, or see that it is ours; columns that older ones lack are added.

        Args:
            table: Its name.
            spec: What is promised of it.
            day: The column whose day partitions it.
            cluster: Columns that rows of a day are sorted by.
            later: Columns that tables from before may lack.

        Returns:
            Whether it was made.

        Raises:
            SinkError: It has another shape, or cannot be made.
        """
        from google.api_core.exceptions import NotFound  # noqa: PLC0415
        from google.cloud import bigquery  # noqa: PLC0415

        wanted = described(spec)
        with self.explained():
            try:
                there = self.client.get_table(f"{self.name}.{table}", retry=retry(), timeout=ATTEMPT)
            except NotFound:
                self.client.get_dataset(self.name, retry=retry(), timeout=ATTEMPT)
                made = bigquery.Table(f"{self.name}.{table}", wanted)
                made.time_partitioning = bigquery.TimePartitioning(field=day)
                made.clustering_fields = list(cluster)
                made.description = f"One row per {spec.row}."
                self.client.create_table(made, exists_ok=True, retry=retry(), timeout=ATTEMPT)
                return True
            known = {field.name: SAME.get(field.field_type, field.field_type) for field in there.schema}
            wrong = [field.name for field in wanted if known.get(field.name) != field.field_type]
            if unfit := [name for name in wrong if name in known or name not in later]:
                raise SinkError(
                    f"{self.name}: the table {table} there has another shape ({', '.join(unfit)}). "
                    "Rename it, or give another dataset.",
                    "another shape",
                )
            if wrong:
                there.schema = [*there.schema, *(field for field in wanted if field.name in wrong)]
                self.client.update_table(there, ["schema"], retry=retry(), timeout=ATTEMPT)
        return False

    def view(self, name: str, statement: str, meaning: str = "") -> bool:
        """Make a view, or bring it up to date; `{dataset}` in the statement becomes the dataset.

        Args:
            name: Of the view.
            statement: Its SQL.
            meaning: What it is for.

        Returns:
            Whether anything was to be done.

        Raises:
            SinkError: It cannot be made, or a table has its name.
        """
        from google.api_core.exceptions import NotFound  # noqa: PLC0415
        from google.cloud import bigquery  # noqa: PLC0415

        text = statement.replace("{dataset}", self.name)
        mark = {MARK: hashlib.sha256((meaning + text).encode()).hexdigest()[:32]}
        view = bigquery.Table(f"{self.name}.{name}")
        with self.explained():
            try:
                there = self.client.get_table(view, retry=retry(), timeout=ATTEMPT)
            except NotFound:
                view.view_query, view.description, view.labels = text, meaning, mark
                self.client.create_table(view, exists_ok=True, retry=retry(), timeout=ATTEMPT)
                return True
            if there.table_type != "VIEW":
                raise SinkError(
                    f"{self.name}: {name} there is no view. Rename it, or give another dataset.", "another shape"
                )
            if all(there.labels.get(key) == value for key, value in mark.items()):
                return False
            there.view_query, there.description, there.labels = text, meaning, there.labels | mark
            self.client.update_table(there, ["view_query", "description", "labels"], retry=retry(), timeout=ATTEMPT)
            return True

    def stream(self, table: str, rows: Sequence[Row], key: str) -> list[Refused]:
        """Send rows, each under the id of its key: what is sent again within a minute or so is there once.

        Returns:
            Rows that BigQuery will not take; all others are there.

        Raises:
            SinkError: Some may not be there.
        """
        refused: list[Refused] = []
        for some in _requests(rows):
            with self.explained():
                errors = self.client.insert_rows_json(
                    f"{self.name}.{table}", some, row_ids=[str(row[key]) for row in some], skip_invalid_rows=True,
                    retry=retry(), timeout=ATTEMPT,
                )  # fmt: skip
            refused += [Refused(some[each["index"]], _why(each)) for each in errors]
        return refused

    def change(self, statement: str, **parameters: str) -> int:
        """Run a statement that changes rows, and say how many; `{dataset}` in it becomes the dataset.

        Raises:
            SinkError: It could not be done.
        """
        from google.cloud import bigquery  # noqa: PLC0415

        given = [bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in parameters.items()]
        limits = bigquery.QueryJobConfig(query_parameters=given, maximum_bytes_billed=MOST_BILLED)
        with self.explained():
            job = self.client.query(
                statement.format(dataset=self.name), job_config=limits, retry=retry(), timeout=ATTEMPT
            )
            job.result(timeout=LONGEST)
            return int(job.num_dml_affected_rows or 0)

    def has(self, table: str) -> bool:
        """Whether there is a table.

        Raises:
            SinkError: BigQuery does not say.
        """
        return self.table(table) is not None

    def table(self, name: str) -> "Table | None":
        """What is known of a table or view; None where there is none.

        Raises:
            SinkError: BigQuery does not say.
        """
        from google.api_core.exceptions import NotFound  # noqa: PLC0415

        with self.explained(), contextlib.suppress(NotFound):
            return self.client.get_table(f"{self.name}.{name}", retry=retry(), timeout=ATTEMPT)
        return None

    def reader(self) -> Any:
        """A client that fetches large results faster; None where there is none, and they come page by page."""
        if os.environ.get(EMULATOR):
            return None
        return self.client._ensure_bqstorage_client()

    def close(self) -> None:
        """Let go of connections."""
        if "client" in self.__dict__:
            self.client.close()  # type: ignore[no-untyped-call]
            del self.client

    @cached_property
    def location(self) -> str | None:
        """The region it lies in, where its jobs must run; None where it has none."""
        return self.client.get_dataset(self.name, retry=retry(), timeout=ATTEMPT).location or None

    @cached_property
    def client(self) -> "Client":
        """What asks BigQuery; made when it is first used."""
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
        from google.cloud import bigquery  # noqa: PLC0415

        local = AnonymousCredentials() if os.environ.get(EMULATOR) else None  # type: ignore[no-untyped-call]
        return bigquery.Client(self._project, credentials=local)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """What BigQuery said, without anybody's data: by its kind, and with the role or command that is missing."""
        from google.api_core import exceptions as api  # noqa: PLC0415

        with refusals.explained(self.name, self._service, self._raised):
            try:
                yield
            except api.BadRequest as error:
                if "streaming buffer" not in str(error):
                    raise
                late = "came less than 90 minutes ago and cannot be removed yet. Do it again later."
                raise self._raised(f"{self.name}: some of the rows {late}", "too new") from error

    @property
    def _service(self) -> Service:
        return Service(
            "BigQuery",
            "bigquery.googleapis.com",
            self._project,
            permission="this account may not use the dataset. Grant it roles/bigquery.dataEditor on the dataset, and "
            "roles/bigquery.jobUser on the project.",
            missing="there is no such dataset, or no such table in it. "
            f"Make it: bq mk --dataset {self._project}:{self._dataset}. A new table takes some minutes.",
            again=self._again,
            quiet=True,
        )


def taken_apart(address: str, setting: str = "dataset") -> tuple[str, str]:
    """The project and the dataset of an address.

    Args:
        address: As `bigquery://project/dataset`.
        setting: What gave it, for the message.

    Raises:
        SettingsError: It is no such address.
    """
    found = re.fullmatch(
        r"bigquery://((?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{2,61}[a-z0-9])/(\w{1,1024})/?", address, re.ASCII
    )
    if not found:
        raise SettingsError(f"{setting}: not an address of a dataset of BigQuery. Write it as {ADDRESS}.")
    return found[1], found[2]


def _requests(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows, as many at a time as a request may have."""
    start, length = 0, 0
    for i, row in enumerate(rows):
        own = len(json.dumps(row)) + 100  # and its id
        if i - start == MOST_ROWS or (i > start and length + own > MOST_BYTES):
            yield rows[start:i]
            start, length = i, 0
        length += own
    if start < len(rows):
        yield rows[start:]


def described(spec: TableSpec) -> "list[SchemaField]":
    """The columns of a table as BigQuery has them."""
    from google.cloud import bigquery  # noqa: PLC0415

    return [
        bigquery.SchemaField(name, KINDS[column.kind], description=column.meaning[:1024])
        for name, column in spec.columns.items()
    ]


def retry() -> Any:
    """Again on what passes: a server that fails, a limit on requests, a connection that ends."""
    from google.cloud.bigquery import DEFAULT_RETRY  # noqa: PLC0415

    return DEFAULT_RETRY.with_timeout(LONGEST).with_delay(initial=0.2, maximum=5)


def _why(error: Mapping[str, Any]) -> str:
    """Kinds of errors and the columns they are of, without values."""
    return ", ".join(
        sorted({f"{each.get('reason', 'invalid')} {each.get('location', '')}".strip() for each in error["errors"]})
    )
