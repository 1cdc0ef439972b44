"""Spark as an engine: expressions of Ibis as its SQL, tables as Parquet, results as Arrow."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from clientage.spark.refusals import explained

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PART = 16 * 2**20  # bytes of Parquet, some ten times that in memory: a part of a table that a core takes at once


class Engine:
    """A session in which expressions are computed.

    Attributes:
        url: Its address.
        session: Spark's own.
    """

    def __init__(self, url: str, session: "SparkSession") -> None:
        self.url, self.session = url, session
        self._ibis = ibis.pyspark.connect(session)
        self._brought: set[str] = set()
        self._parts = int(session.conf.get("spark.sql.shuffle.partitions") or 0)

    def has(self, table: ir.Table) -> bool:
        """Whether an expression is made from tables of this engine."""
        return self._ibis in table._find_backends()[0]

    def table(self, files: Sequence[Path]) -> ir.Table:
        """Parquet files as an expression."""
        with explained(self.url):
            self._spread(sum(path.stat().st_size for path in files))
            found = self.session.read.parquet(*(str(path.absolute()) for path in files))
            found.createOrReplaceTempView(name := ibis.util.gen_name("clientage"))
            return self._ibis.table(name)

    def statement(self, table: ir.Table) -> str:
        """An expression in Spark's SQL; what it has of this process is brought there first."""
        for memory in table.op().find(ops.InMemoryTable):
            self._bring(memory)
        return str(self._ibis.compile(table))

    def frame(self, table: ir.Table) -> "DataFrame":
        """An expression as Spark's own table, not computed yet; whole numbers as wide as Ibis promises them."""
        found = self.asked(self.statement(table))
        wide = {name: found[name].cast("bigint") for name, kind in table.schema().items() if kind.is_integer()}
        return found.withColumns(wide) if wide else found

    def asked(self, statement: str) -> "DataFrame":
        """A statement of ours as Spark's own table, not computed yet."""
        with explained(self.url):
            return self.session.sql(statement)

    def to_pyarrow(self, table: ir.Table) -> pa.Table:
        """A result, out of the engine."""
        return self.to_pyarrow_batches(table).read_all()

    def to_pyarrow_batches(self, table: ir.Table) -> pa.RecordBatchReader:
        """A result, batch by batch."""
        wanted = table.as_table()
        schema = wanted.schema().to_pyarrow()
        with explained(self.url):
            found = self.frame(wanted).toArrow()
        return pa.RecordBatchReader.from_batches(schema, found.rename_columns(schema.names).cast(schema).to_batches())

    def save(self, frame: "DataFrame", folder: Path) -> list[Path]:
        """A table of Spark's as Parquet files in a folder that is not there yet, in order of its rows."""
        with explained(self.url):
            frame.write.parquet(str(folder.absolute()))
        return sorted(folder.glob("part-*.parquet"))

    def _spread(self, size: int) -> None:
        """Let what follows be spread over enough parts for this many bytes; Spark joins those that stay small."""
        if self._parts < (parts := -(-size // PART)):
            self._parts = parts
            self.session.conf.set("spark.sql.shuffle.partitions", parts)

    def _bring(self, memory: Any) -> None:
        """A table of this process, under the name that statements call it by."""
        if memory.name not in self._brought:
            with explained(self.url):
                found = memory.data.to_pyarrow(memory.schema)
                self.session.createDataFrame(found).createOrReplaceTempView(memory.name)
            self._brought.add(memory.name)
