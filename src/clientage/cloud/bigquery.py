"""A dataset of BigQuery, as all who use one reach it: what is there, and what BigQuery said in a sentence."""

import contextlib
import os
import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clientage import forms
from clientage.cloud import refusals
from clientage.cloud.refusals import Raised, Service
from clientage.errors import SettingsError, SinkError
from clientage.tables import TableSpec

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, SchemaField, Table

SCHEME = "bigquery://"
ADDRESS = f"{SCHEME}project/dataset"
KINDS = {
    "text": "STRING",
    "integer": "INTEGER",
    "number": "FLOAT",
    "flag": "BOOLEAN",
    "date": "DATE",
    "time": "TIMESTAMP",
}
SAME = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}  # newer names of what answers call by the older
ATTEMPT, LONGEST = 10.0, 20.0  # seconds: of one request, and of all its attempts
EMULATOR = "BIGQUERY_EMULATOR_HOST"


class Dataset:
    """A dataset, which must be there; nothing is reached before it is used.

    Attributes:
        name: project.dataset.
        address: bigquery://project/dataset.
        raised: The error to raise where BigQuery refuses.
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
        self.name, self.address = f"{self._project}.{self._dataset}", f"{SCHEME}{self._project}/{self._dataset}"
        self._again, self.raised = again, raised
        try:
            import google.cloud.bigquery  # noqa: F401, PLC0415 - an extra
        except ImportError as missing:
            raise raised(
                "google-cloud-bigquery is not installed. Install it: pip install 'clientage[bigquery]'.",
                "not installed",
            ) from missing

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

    def close(self) -> None:
        """Let go of connections."""
        if reader := self.__dict__.pop("reader", None):
            reader.transport.close()
        if "client" in self.__dict__:
            self.client.close()  # type: ignore[no-untyped-call]
            del self.client

    @cached_property
    def reader(self) -> Any:
        """A client that fetches large results faster; None where there is none, and they come page by page."""
        if os.environ.get(EMULATOR):
            return None
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient  # noqa: PLC0415

        return BigQueryReadClient()  # type: ignore[no-untyped-call]

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

        with refusals.explained(self.name, self._service, self.raised):
            try:
                yield
            except api.GoogleAPICallError as error:
                if "streaming buffer" in str(error):
                    late = "came less than 90 minutes ago and cannot be removed yet. Do it again later."
                    raise self.raised(f"{self.name}: some of the rows {late}", "too new") from error
                if isinstance(error, api.Forbidden) and "readsessions" in str(error):
                    raise self.raised(
                        f"{self.name}: this account may not fetch large results. Grant it "
                        "roles/bigquery.readSessionUser on the project.",
                        "no permission",
                    ) from error
                if any(_reason(each) == "bytesBilledLimitExceeded" for each in error.errors):
                    more = (
                        "one statement reads more than it was thought to, and more than is allowed. Nothing was billed;"
                    )
                    raise self.raised(
                        f"{self.name}: {more} allow more: --set warehouse.max_gigabytes=…", "too costly"
                    ) from error
                raise

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


def _reason(error: Any) -> str:
    """BigQuery's word for what was wrong; empty where it came another way (gRPC), which has none."""
    return str(error.get("reason", "")) if isinstance(error, dict) else ""


def taken_apart(address: str, setting: str = "dataset") -> tuple[str, str]:
    """The project and the dataset of an address.

    Args:
        address: As `bigquery://project/dataset`.
        setting: What gave it, for the message.

    Raises:
        SettingsError: It is no such address.
    """
    found = re.fullmatch(rf"{SCHEME}({forms.PROJECT})/(\w{{1,1024}})/?", address, re.ASCII)
    if not found:
        raise SettingsError(
            f"{setting}: not an address of a dataset of BigQuery. Write it as {ADDRESS}; a dataset's name has letters, "
            "digits and _."
        )
    return found[1], found[2]


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
