"""Spark as an engine: expressions of Ibis as its SQL, tables as Parquet, results as Arrow."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend

from clientage.spark.refusals import explained

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PART = 16 * 2**20  # bytes of Parquet, some ten times that in memory: a part of a table that a core takes at once


class Engine(Backend):  # type: ignore[misc]
    """That of Ibis for a session, but what goes in and out is Arrow: pandas would make numbers of what is missing.

    Attributes:
        url: Its address.
        session: Spark's own.
    """

    def __init__(self, url: str, session: "SparkSession") -> None:
        super().__init__(session)
        self.register_options()
        self.url, self.session = url, session
        self._parts = int(session.conf.get("spark.sql.shuffle.partitions") or 0)
        self.reconnect()

    def has(self, table: ir.Table) -> bool:
        """Whether an expression is made from tables of this engine."""
        return self in table._find_backends()[0]

    def opened(self, files: Sequence[Path]) -> ir.Table:
        """Parquet files as an expression; what follows is spread over as many parts as suit their size."""
        name = ibis.util.gen_name("clientage")
        with self.explained():
            self._spread(sum(path.stat().st_size for path in files))
            reader = self.session.read.option("__globPaths__", "false")  # a folder may be called shop[1]
            reader.parquet(*map(_address, files)).createOrReplaceTempView(name)
            return self.table(name)

    def statement(self, table: ir.Table) -> str:
        """An expression in Spark's SQL; what it has of this process is brought there first."""
        self._run_pre_execute_hooks(table)
        return str(self.compile(table))

    def frame(self, table: ir.Table) -> "DataFrame":
        """An expression as Spark's own table, not computed yet; whole numbers as wide as Ibis promises them."""
        found = self.asked(self.statement(table))
        wide = {name: found[name].cast("bigint") for name, kind in table.schema().items() if kind.is_integer()}
        return found.withColumns(wide) if wide else found

    def asked(self, statement: str) -> "DataFrame":
        """A statement of ours as Spark's own table, not computed yet."""
        with self.explained():
            return self.session.sql(statement)

    def to_pyarrow(self, expr: ir.Expr, /, **_: Any) -> Any:
        """A result, out of the engine."""
        return expr.__pyarrow_result__(self.to_pyarrow_batches(expr).read_all())

    def to_pyarrow_batches(self, expr: ir.Expr, /, **_: Any) -> pa.RecordBatchReader:
        """A result, batch by batch."""
        wanted = expr.as_table()
        schema = wanted.schema().to_pyarrow()
        found = self.collected(self.frame(wanted))
        return pa.RecordBatchReader.from_batches(schema, found.rename_columns(schema.names).cast(schema).to_batches())

    def collected(self, frame: "DataFrame") -> pa.Table:
        """A table of Spark's, brought here."""
        with self.explained():
            return frame.toArrow()

    def save(self, frame: "DataFrame", folder: Path) -> list[Path]:
        """A table of Spark's as Parquet files in a folder that is not there yet, in order of its rows."""
        with self.explained():
            frame.write.parquet(_address(folder))
        return sorted(folder.glob("part-*.parquet"))

    def _spread(self, size: int) -> None:
        """Let what follows be spread over enough parts for this many bytes; Spark joins those that stay small."""
        if self._parts < (parts := -(-size // PART)):
            self._parts = parts
            self.session.conf.set("spark.sql.shuffle.partitions", parts)

    def explained(self) -> contextlib.AbstractContextManager[None]:
        """Say what Spark refused; see `refusals`."""
        return explained(self.url)

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        with self.explained():
            self.session.createDataFrame(op.data.to_pyarrow(op.schema)).createOrReplaceTempView(op.name)


def _address(path: Path) -> str:
    """A path as Spark takes it, whatever file system it would take by default."""
    return f"file://{path.absolute()}"
