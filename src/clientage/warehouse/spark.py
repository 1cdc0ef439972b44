"""Tables as Parquet in a workspace folder, with Spark as the engine.

The files are those of any workspace: a table that Spark writes in more than one part is a folder of them, in order.
What only looks at a workspace, such as the dashboard and the service, reads them with DuckDB and waits for no Spark.
"""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clientage.expressions import on_days
from clientage.spark import kmeans, refusals
from clientage.spark.engine import Engine
from clientage.warehouse.base import Days
from clientage.warehouse.parquet import ParquetWarehouse
from clientage.warehouse.workspace import SCRATCH, explained


class SparkWarehouse(ParquetWarehouse):
    """Tables as `tables/NAME.parquet`, computed by Spark within a transaction."""

    near = False

    def __init__(
        self, workspace: Path, local: ibis.BaseBackend, start: Callable[[], Engine], *, wait: float = 0
    ) -> None:
        super().__init__(workspace, local, wait)
        self._start = start

    @cached_property
    def engine(self) -> Engine:
        """Spark, started when it is first needed."""
        return self._start()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Path]:
        """All writes inside appear together at the end, or not at all; a cluster that is not there is told at once."""
        _ = self.engine
        with super().transaction() as scratch:
            yield scratch

    def collect(self, table: ir.Table) -> pa.Table:
        """A small result, out of the engine."""
        return self.engine.to_pyarrow(table) if self._is_far(table) else super().collect(table)

    def batches(self, table: ir.Table) -> pa.RecordBatchReader:
        """A large result, batch by batch."""
        return self.engine.to_pyarrow_batches(table) if self._is_far(table) else super().batches(table)

    def centroids(self, points: ir.Table, k: int, *, seed: int, restarts: int) -> NDArray[np.float64]:
        """The middles of k groups of all rows, (k, p), by Spark ML."""
        with refusals.explained(self.engine.url):
            return kmeans.centroids(self.engine.frame(points), k, seed=seed, restarts=restarts)

    def on_days(
        self, table: ir.Table, days: Mapping[int, Days], name: str, progress: Callable[[float], None]
    ) -> ir.Table:
        """An expression as of other days, files for each."""
        if not self._is_far(table):
            return super().on_days(table, days, name, progress)
        statement = self.engine.statement(table)
        for done, (number, instead) in enumerate(days.items(), 1):
            asked = on_days(statement, {day: f"'{other}'" for day, other in instead.items()}, "spark")
            part = f"SELECT *, CAST({number} AS BIGINT) AS `window` FROM ({asked})"  # noqa: S608 - all of it ours
            self._placed(self.engine.save(self.engine.asked(part), self._folder()), self._kept(f"{name}.{number:012}"))
            progress(done / len(days))
        return self.recalled(name)

    def _open(self, files: Sequence[Path]) -> ir.Table:
        return self.engine.opened(files) if self._staging else super()._open(files)

    def _save(self, table: ir.Table, path: Path) -> None:
        if self._is_far(table):
            self._placed(self.engine.save(self.engine.frame(table), self._folder()), path)
        else:
            super()._save(table, path)

    def _is_far(self, table: ir.Table) -> bool:
        return self._staging is not None and self.engine.has(table)

    def _folder(self) -> Path:
        return self.workspace / SCRATCH / f"spark-{secrets.token_hex(4)}"

    def _placed(self, parts: Sequence[Path], path: Path) -> None:
        """Put what Spark wrote into place: one file where there is one, else a folder of them under names of ours."""
        with explained(self.workspace):
            if len(parts) == 1:
                parts[0].replace(path)
            else:
                path.mkdir()
                for number, part in enumerate(parts):
                    part.replace(path / f"part-{number:05}.parquet")
            shutil.rmtree(parts[0].parent)
