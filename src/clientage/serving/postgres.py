"""Predictions as a table of a PostgreSQL database.

Rows go into a temporary table first, then those that are not there yet into `predictions`: given twice, kept once.
Whatever the server does, a step ends within `LONGEST` seconds.
"""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from clientage.errors import SettingsError, SinkError
from clientage.tables import PREDICTIONS

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT, STATEMENT, LONGEST = 5, 15, 25  # seconds
ADDRESS = "postgresql://user@host/database"
KINDS = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "time": "timestamp without time zone",
}
COLUMNS = {name: KINDS[column.kind] for name, column in PREDICTIONS.columns.items()}
NAMES = ", ".join(COLUMNS)  # ours, and plain words
LATER = frozenset({"error"})  # not in tables that were made before it was kept

DEFINED = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
MAKE = f"""
    CREATE TABLE predictions ({DEFINED}, PRIMARY KEY (prediction_id));
    CREATE INDEX ON predictions (customer_id);
    CREATE INDEX ON predictions (time)
"""
SHAPE = """
    SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = to_regclass('predictions') AND attnum > 0 AND NOT attisdropped
"""
TAKE = f"CREATE TEMPORARY TABLE shipped ON COMMIT DROP AS SELECT {NAMES} FROM predictions WITH NO DATA"  # noqa: S608
COPY = f"COPY shipped ({NAMES}) FROM STDIN"
KEEP = f"INSERT INTO predictions ({NAMES}) SELECT {NAMES} FROM shipped ON CONFLICT (prediction_id) DO NOTHING"  # noqa: S608


class PostgresSink:
    """The table `predictions` of a database, made when it is not there."""

    def __init__(self, address: str) -> None:
        """Nothing is reached yet.

        Raises:
            SettingsError: The address is none, or has a password in it.
            SinkError: psycopg is not installed.
        """
        parts = _parts(address)
        self._address = address
        self._told = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
        self._connection: Connection[Any] | None = None

    def write(self, name: str, rows: pa.Table) -> None:
        """Keep the rows that are not there yet.

        Raises:
            SinkError: The server is away, does not answer in time, or refuses.
        """
        with self._reached() as connection:
            found = self._found(connection)
            if not found:
                connection.execute(MAKE)
            elif lacking := sorted(LATER - found):
                self._add(connection, lacking)
            connection.execute(TAKE)
            with connection.cursor().copy(COPY) as copy:
                for row in zip(*(column.to_pylist() for column in rows.select(list(COLUMNS)).columns), strict=True):
                    copy.write_row([_clean(value) for value in row])
            connection.execute(KEEP)

    def forget(self, customer_id: str) -> int:
        """Delete the predictions of a customer.

        Raises:
            SinkError: The server is away, does not answer in time, or refuses.
        """
        with self._reached() as connection:
            if not self._found(connection):
                return 0
            return connection.execute("DELETE FROM predictions WHERE customer_id = %s", [_clean(customer_id)]).rowcount

    def close(self) -> None:
        """End the connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _found(self, connection: "Connection[Any]") -> frozenset[str]:
        """Columns of the table, which is ours; none where it is not there."""
        found = dict(connection.execute(SHAPE).fetchall())
        later = LATER - found.keys()
        wrong = [name for name, kind in COLUMNS.items() if found.get(name) != kind and name not in later]
        if found and wrong:
            raise SinkError(
                f"{self._told}: the table predictions there has another shape ({', '.join(wrong)}). "
                "Rename it, or give another database.",
                "another shape",
            )
        return frozenset(found)

    def _add(self, connection: "Connection[Any]", lacking: Sequence[str]) -> None:
        """Give a table that was made before some columns those too."""
        from psycopg.errors import InsufficientPrivilege  # noqa: PLC0415

        added = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {COLUMNS[name]}" for name in lacking)
        try:
            connection.execute(f"ALTER TABLE predictions {added}")
        except InsufficientPrivilege as error:
            raise SinkError(
                f"{self._told}: the table predictions lacks {', '.join(lacking)}, which this user may not add. "
                f"Let its owner say: ALTER TABLE predictions {added}",
                "no permission",
            ) from error

    @contextlib.contextmanager
    def _reached(self) -> Iterator["Connection[Any]"]:
        """A transaction, on the connection that is open, else on a new one."""
        import psycopg  # noqa: PLC0415 - an extra

        try:
            connection = self._connection = self._connection or self._connect()
            with _bounded(connection), connection.transaction():
                connection.execute("SELECT set_config('statement_timeout', %s, true)", [f"{STATEMENT}s"])
                yield connection
        except SinkError:
            raise
        except psycopg.Error as error:
            self.close()
            raise self._explained(error) from error

    def _connect(self) -> "Connection[Any]":
        import psycopg  # noqa: PLC0415

        logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # its notices may have values in them
        return psycopg.connect(
            self._address,
            autocommit=True,
            connect_timeout=CONNECT,
            prepare_threshold=None,
            application_name="clientage",
        )

    def _explained(self, error: Exception) -> SinkError:
        """What the server said, without anybody's data: by its kind alone."""
        from psycopg import errors  # noqa: PLC0415

        told = self._told
        if isinstance(error, errors.InsufficientPrivilege | errors.InvalidAuthorizationSpecification):
            mend = "Grant it the right to make, or to read and add to, the table predictions."
            return SinkError(f"{told}: the database does not let this user keep predictions. {mend}", "no permission")
        if isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
            return SinkError(f"{told}: the database did not answer in time. They will be sent again.", "no answer")
        if isinstance(error, errors.OperationalError) and error.sqlstate is None:
            mend = "Start it, or mend --set serve.sink=…; a password is taken from PGPASSWORD or ~/.pgpass."
            return SinkError(f"{told}: the database cannot be reached. {mend}", "away")
        kind = type(error).__name__
        return SinkError(f"{told}: the database refuses predictions ({kind}). Look at its log.", kind)


@contextlib.contextmanager
def _bounded(connection: "Connection[Any]") -> Iterator[None]:
    """Hang up on a server that is silent for too long; what it was told last will be said again."""
    line = socket.socket(fileno=os.dup(connection.fileno()))
    timer = threading.Timer(LONGEST, _hang_up, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.close()


def _hang_up(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _parts(address: str) -> dict[str, Any]:
    """The address as PostgreSQL's own library reads it."""
    try:
        from psycopg import ProgrammingError  # noqa: PLC0415
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
    except ImportError as missing:
        raise SinkError(
            "psycopg is not installed. Install it: pip install 'clientage[postgres]'.", "not installed"
        ) from missing
    try:
        parts: dict[str, Any] = conninfo_to_dict(address)
    except ProgrammingError:
        raise SettingsError(f"serve.sink: not an address of PostgreSQL. Write it as {ADDRESS}.") from None
    if {"password", "sslpassword"} & parts.keys():
        raise SettingsError(
            f"serve.sink: an address with a password in it ends up in logs. Write {ADDRESS}, and give the password "
            "in PGPASSWORD or ~/.pgpass."
        )
    return parts


def _clean(value: Any) -> Any:
    """A text without the one character that PostgreSQL does not keep."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
