"""Tables as Parquet in a workspace folder, with Spark as the engine.

The files are those of any workspace, one a table, so that whoever only looks at it waits for no Spark: what Spark gives
in parts is put together. Between stages there are parts alone.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clientage.errors import SparkError
from clientage.expressions import on_days
from clientage.spark import kmeans
from clientage.spark.engine import Engine
from clientage.warehouse.base import Days
from clientage.warehouse.parquet import ParquetWarehouse
from clientage.warehouse.workspace import SCRATCH

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkWarehouse(ParquetWarehouse):
    """Tables as files of `tables`, computed by Spark within a transaction."""

    near, grows = False, False

    def __init__(
        self, workspace: Path, local: ibis.BaseBackend, start: Callable[[], Engine], *, wait: float = 0
    ) -> None:
        super().__init__(workspace, local, wait)
        self._start = start
        self._parts: dict[str, list[Path]] = {}

    @cached_property
    def engine(self) -> Engine:
        """Spark, started when it is first needed."""
        return self._start()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Path]:
        """All writes inside appear together at the end, or not at all; a cluster that is not there is told at once."""
        _ = self.engine
        try:
            with super().transaction() as scratch:
                yield scratch
        finally:
            self._parts = {}

    def collect(self, table: ir.Table) -> pa.Table:
        """A small result, out of the engine."""
        return self.engine.to_pyarrow(table) if self._is_far(table) else super().collect(table)

    def batches(self, table: ir.Table) -> pa.RecordBatchReader:
        """A large result, batch by batch."""
        return self.engine.to_pyarrow_batches(table) if self._is_far(table) else super().batches(table)

    def kept(self, table: ir.Table, name: str) -> ir.Table:
        """An expression computed once, into files on the way, to be read more often than that."""
        if not self._is_far(table):
            return super().kept(table, name)
        self._parts[name] = self._saved(self.engine.frame(table))
        return self.recalled(name)

    def recalled(self, name: str) -> ir.Table:
        """What was kept under a name."""
        return self.taken(self._parts[name]) if name in self._parts else super().recalled(name)

    def on_days(
        self, table: ir.Table, days: Mapping[int, Days], name: str, progress: Callable[[float], None]
    ) -> ir.Table:
        """An expression as of other days, files for each."""
        statement, made = self.engine.statement(table), list[Path]()
        for done, (number, instead) in enumerate(days.items(), 1):
            asked = on_days(statement, {day: f"'{other}'" for day, other in instead.items()}, "spark")
            part = f"SELECT *, CAST({number} AS BIGINT) AS `window` FROM ({asked})"  # noqa: S608 - all of it ours
            made += self._saved(self.engine.asked(part))
            progress(done / len(days))
        self._parts[name] = made
        return self.recalled(name)

    def centroids(self, points: ir.Table, k: int, *, seed: int, restarts: int) -> NDArray[np.float64]:
        """The middles of k groups of all rows, (k, p), by Spark ML."""
        with self.engine.explained():
            return kmeans.centroids(self.engine.frame(points), k, seed=seed, restarts=restarts)

    def _open(self, files: Sequence[Path]) -> ir.Table:
        return self.engine.opened(files) if self._staging else super()._open(files)

    def _save(self, table: ir.Table, path: Path) -> None:
        if not self._is_far(table):
            super()._save(table, path)
        elif len(parts := self._saved(self.engine.frame(table))) == 1:
            parts[0].replace(path)
        else:
            super()._save(super()._open(parts), path)
            for part in parts:
                part.unlink()

    def _saved(self, frame: "DataFrame") -> list[Path]:
        """Files of what Spark computes, on the way, in order of the rows."""
        folder = self.workspace / SCRATCH / f"spark-{secrets.token_hex(4)}"
        if not (parts := self.engine.save(frame, folder)):
            raise SparkError(
                f"{self.engine.url}: workers wrote nothing that is seen in {folder}. The workspace must be at the same "
                "path on every machine of the cluster. The tables are as they were."
            )
        return parts

    def _is_far(self, table: ir.Table) -> bool:
        return self._staging is not None and self.engine.has(table)
