"""Tables as Parquet in a workspace folder, with DuckDB as the engine."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from clientage.errors import WorkspaceError
from clientage.expressions import on_days
from clientage.tables import check
from clientage.warehouse.base import Days, Warehouse
from clientage.warehouse.workspace import SCRATCH, explained

# a column whose values hardly recur gains nothing from a dictionary, and making one takes longer than all the rest
PARQUET = {"compression": "zstd", "compression_level": 1, "dictionary_size_limit": 4096}


class ParquetWarehouse(Warehouse):
    """Tables as `tables/NAME.parquet`; what is kept on the way lies in the scratch folder of the transaction."""

    def __init__(self, workspace: Path, local: ibis.BaseBackend, wait: float = 0) -> None:
        super().__init__(workspace, local, wait)
        self._held: dict[Path, ir.Table] = {}

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Path]:
        """All writes inside appear together at the end, or not at all; see `Workspace.transaction`."""
        try:
            with super().transaction() as scratch:
                yield scratch
        finally:
            self._held = {}

    def _staged(self, name: str) -> Path:
        path = super()._staged(name)
        self._held.pop(path, None)
        return path

    def exists(self, name: str) -> bool:
        """Whether a table was written, now or by an earlier run."""
        path = place(name)
        return path not in self._dropped and self.path(path).exists()

    def drop(self, name: str) -> None:
        """Remove a table at the end of the transaction, unless it is written again."""
        self.remove(place(name))

    def read(self, name: str) -> ir.Table:
        """A named table as an expression, held against its promise; once in a transaction for each time it is written.

        Raises:
            WorkspaceError: The table has not been written yet.
            TableError: It is not what `clientage.tables` promises.
        """
        path = self.path(place(name))
        if not self.exists(name):
            raise WorkspaceError(f"{self.workspace}: there is no table {name} yet. Make it with `clientage run FILE`.")
        if path not in self._held:
            with explained(self.workspace):
                self._held[path] = check(name, self._open([path]))
        return self._held[path] if self._staging else self._held.pop(path)

    def write(self, name: str, table: ir.Table) -> int:
        """Write a named table within a transaction.

        Returns:
            The number of rows.
        """
        path = self._staged(place(name))
        self._dropped.discard(place(name))
        with explained(self.workspace):
            self._save(check(name, table), path)
            (rows,) = self.local.con.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchone()
            return int(rows)

    def adopt_table(self, name: str, source: Self) -> None:
        """Take a table from another workspace, by a link where that can be."""
        self.adopt(place(name), source.path(place(name)))

    def collect(self, table: ir.Table) -> pa.Table:
        """A small result, out of the engine."""
        with explained(self.workspace):
            return self.local.to_pyarrow(table)

    def batches(self, table: ir.Table) -> pa.RecordBatchReader:
        """A large result, batch by batch."""
        with explained(self.workspace):
            return self.local.to_pyarrow_batches(table)

    def kept(self, table: ir.Table, name: str) -> ir.Table:
        """An expression computed once, into a file on the way, to be read more often than that."""
        with explained(self.workspace):
            self._save(table, self._kept(name))
            return self.recalled(name)

    def recalled(self, name: str) -> ir.Table:
        """What was kept under a name."""
        parts = sorted((self.workspace / SCRATCH).glob(f"{name}.*.parquet"))
        return self.taken(parts or self._kept(name))

    def taken(self, files: Path | Sequence[Path]) -> ir.Table:
        """Parquet files as an expression."""
        with explained(self.workspace):
            return self._open([files] if isinstance(files, Path) else files)

    def on_days(
        self, table: ir.Table, days: Mapping[int, Days], name: str, progress: Callable[[float], None]
    ) -> ir.Table:
        """An expression as of other days, a file for each."""
        statement, parts = str(ibis.to_sql(table, dialect="duckdb")), []
        for done, (number, instead) in enumerate(days.items(), 1):
            asked = on_days(statement, {day: f"'{other}'" for day, other in instead.items()})
            parts.append(self._kept(f"{name}.{number:012}"))
            to = str(parts[-1]).replace("'", "''")
            with explained(self.workspace):
                self.local.raw_sql(
                    f"COPY (SELECT *, CAST({number} AS BIGINT) AS window FROM ({asked})) TO '{to}' (FORMAT PARQUET)"  # noqa: S608 - all of it ours
                )
            progress(done / len(days))
        return self.taken(parts)

    def _open(self, files: Sequence[Path]) -> ir.Table:
        """Parquet files, in the engine."""
        return self.local.read_parquet(files[0] if len(files) == 1 else list(files))

    def _save(self, table: ir.Table, path: Path) -> None:
        """An expression, as a Parquet file."""
        self.local.to_parquet(table, path, **PARQUET)

    def _kept(self, name: str) -> Path:
        return self.workspace / SCRATCH / f"{name}.parquet"


def place(name: str) -> str:
    """Where a table lies in a workspace."""
    return f"tables/{name}.parquet"
