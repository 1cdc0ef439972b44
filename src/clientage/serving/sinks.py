"""Where predictions are shipped to: a folder of Parquet files, PostgreSQL, or BigQuery."""

from pathlib import Path
from typing import Protocol

import pyarrow as pa

from clientage.errors import SettingsError
from clientage.serving.bigquery import BigQuerySink
from clientage.serving.folder import FolderSink
from clientage.serving.postgres import PostgresSink


class Sink(Protocol):
    """What keeps predictions. One process at a time uses it (see `clientage.serving.spool.locked`)."""

    def write(self, name: str, rows: pa.Table) -> list[bytes] | None:
        """Keep rows of `predictions`; rows of the same name given again take the place of the former.

        Returns:
            Rows that will never be taken, as lines of JSON; all others are kept.

        Raises:
            SinkError: They are not kept.
        """

    def forget(self, customer_id: str) -> int:
        """Remove the predictions of a customer, and say how many there were.

        Raises:
            SinkError: Some of them may be left.
        """

    def close(self) -> None:
        """Let go of what is open."""


def open_sink(address: str) -> Sink:
    """What an address stands for: a folder, `postgresql://user@host/database`, or `bigquery://project/dataset`.

    Nothing is reached yet.

    Raises:
        SettingsError: There is no such kind, or the address has a password in it.
        SinkError: The library it needs is not installed.
    """
    if address.startswith(("postgresql://", "postgres://")):
        return PostgresSink(address)
    if address.startswith("bigquery://"):
        return BigQuerySink(address)
    if "://" in address or not address:
        raise SettingsError(
            "predictions can be shipped to a folder, to PostgreSQL or to BigQuery, and to nothing else: give "
            "--set serve.sink=postgresql://user@host/database or bigquery://project/dataset, or leave it out."
        )
    return FolderSink(Path(address))
