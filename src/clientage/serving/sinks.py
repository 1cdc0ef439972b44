"""Where predictions are shipped to: a folder of Parquet files, or PostgreSQL."""

from pathlib import Path
from typing import Protocol

import pyarrow as pa

from clientage.errors import SettingsError
from clientage.serving.folder import FolderSink
from clientage.serving.postgres import PostgresSink


class Sink(Protocol):
    """What keeps predictions. One process at a time uses it (see `clientage.serving.spool.locked`)."""

    def write(self, name: str, rows: pa.Table) -> None:
        """Keep rows of `predictions`; rows of the same name given again take the place of the former.

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
    """What an address stands for: a folder, or `postgresql://user@host/database`. Nothing is reached yet.

    Raises:
        SettingsError: There is no such kind, or the address has a password in it.
        SinkError: The library it needs is not installed.
    """
    if address.startswith(("postgresql://", "postgres://")):
        return PostgresSink(address)
    if "://" in address or not address:
        raise SettingsError(
            "predictions can be shipped to a folder or to PostgreSQL, and to nothing else yet: "
            "give --set serve.sink=postgresql://user@host/database, or leave it out."
        )
    return FolderSink(Path(address))
