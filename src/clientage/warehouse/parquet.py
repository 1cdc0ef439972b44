"""Tables as Parquet in a workspace folder, with DuckDB as the engine.

A table is a file, `tables/NAME.parquet`, until rows are added to it: from then on it is a folder of that name with the
file of before and one for each time, until it is written anew. Adding rows costs those rows.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from clientage.errors import WorkspaceError
from clientage.expressions import on_days
from clientage.tables import check
from clientage.warehouse.base import Days, Warehouse
from clientage.warehouse.workspace import SCRATCH, explained

FOLDER = "tables"

# a column whose values hardly recur gains nothing from a dictionary, and making one takes longer than all the rest
PARQUET = {"compression": "zstd", "compression_level": 1, "dictionary_size_limit": 4096}


class ParquetWarehouse(Warehouse):
    """Tables as files of `tables`; what is kept on the way lies in the scratch folder of the transaction."""

    grows = True

    def __init__(self, workspace: Path, local: ibis.BaseBackend, wait: float = 0) -> None:
        super().__init__(workspace, local, wait)
        self._held: dict[tuple[Path, ...], ir.Table] = {}

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Path]:
        """All writes inside appear together at the end, or not at all; see `Workspace.transaction`."""
        try:
            with super().transaction() as scratch:
                yield scratch
        finally:
            self._held = {}

    def _staged(self, name: str, *, made: bool = True) -> Path:
        path = super()._staged(name, made=made)
        self._held = {files: table for files, table in self._held.items() if path not in files}
        return path

    def exists(self, name: str) -> bool:
        """Whether a table was written, now or by an earlier run."""
        return bool(self.files(name))

    def files(self, name: str) -> list[Path]:
        """The files of a table, in order of its rows; none where it was not written."""
        published = [] if place(name) in self._dropped else _files(self.workspace / place(name))
        staged = _files(self._staging / place(name)) if self._staging else []
        return staged if len(staged) == 1 and staged[0].name == Path(place(name)).name else [*published, *staged]

    def rows(self, name: str) -> int | None:
        """How many rows a table has; None where it is not there, or that cannot be told."""
        try:
            return _rows(self.files(name)) if self.exists(name) else None
        except (OSError, pa.ArrowException):
            return None

    def drop(self, name: str) -> None:
        """Remove a table at the end of the transaction, unless it is written again."""
        self.remove(place(name))

    def read(self, name: str) -> ir.Table:
        """A named table as an expression, held against its promise; once in a transaction for each time it is written.

        Raises:
            WorkspaceError: The table has not been written yet.
            TableError: It is not what `clientage.tables` promises.
        """
        if not (files := tuple(self.files(name))):
            raise WorkspaceError(f"{self.workspace}: there is no table {name} yet. Make it with `clientage run FILE`.")
        if files not in self._held:
            with explained(self.workspace):
                self._held[files] = check(name, self._open(files))
        return self._held[files] if self._staging else self._held.pop(files)

    def write(self, name: str, table: ir.Table) -> int:
        """Write a named table within a transaction.

        Returns:
            The number of rows.
        """
        path, made = self._staged(place(name)), self._kept(f"written-{uuid4().hex}")
        with explained(self.workspace):
            self._save(check(name, table), made)  # aside: it may be made from what it takes the place of
            made.replace(self._instead(place(name)))
            return _rows([path])

    def grow(self, name: str, table: ir.Table) -> tuple[int, int]:
        """Add rows to a table that an earlier transaction wrote.

        Returns:
            The number of rows that it has now, and of those that were added.
        """
        files = self.files(name)
        if len(files) == 1:
            self.adopt(_part(name, 0), files[0])
            self._dropped.add(place(name))
        number = 1 if len(files) == 1 else int(files[-1].stem) + 1
        path = self._staged(_part(name, number))
        with explained(self.workspace):
            self._save(check(name, table), path)
            return _rows(self.files(name)), _rows([path])

    def grown(self, name: str) -> tuple[ir.Table, ir.Table] | None:
        """A table as it was before rows were added to it last, and those rows; None where none were added."""
        *before, added = self.files(name)
        if not before:
            return None
        with explained(self.workspace):
            return self._open(before), self._open([added])

    def adopt_table(self, name: str, source: Self) -> None:
        """Take a table from another workspace, by links where that can be."""
        files = source.files(name)
        if len(files) == 1:
            self.adopt(place(name), files[0])
            return
        self.drop(name)
        for number, path in enumerate(files):
            self.adopt(_part(name, number), path)

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
    return f"{FOLDER}/{name}.parquet"


def _part(name: str, number: int) -> str:
    """Where part of a table lies that rows were added to."""
    return f"{place(name)}/{number:06}.parquet"


def _files(path: Path) -> list[Path]:
    """A file, or those of a folder in order of their names; none where nothing is there."""
    return sorted(path.glob("*.parquet")) if path.is_dir() else [path] if path.exists() else []


def _rows(files: Sequence[Path]) -> int:
    return sum(pq.read_metadata(path).num_rows for path in files)
