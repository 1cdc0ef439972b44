"""BigQuery as an engine: expressions as its SQL, each asked what it costs before it runs, and never let cost more.

Ibis compiles, Google's own client asks: so every statement has a limit on the bytes that it may be billed for, nothing
is fetched but results, and what a run has read can be told.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.bigquery import BigQueryCompiler

from clientage.cloud.bigquery import ATTEMPT, Dataset, retry
from clientage.cloud.jobs import Jobs
from clientage.errors import CloudError

LONGEST = 3600  # seconds of one statement
PASSING = 120.0  # seconds in which a statement that failed by what passes is asked again
ANSWER = 300.0  # seconds that a statement may take to be taken; an emulator answers when it is done
LASTING = timedelta(days=1)  # of tables on the way, and of those that a newer run took the place of

_TYPES: Mapping[str, dt.DataType] = {
    "STRING": dt.string,
    "INTEGER": dt.int64,
    "INT64": dt.int64,
    "FLOAT": dt.float64,
    "FLOAT64": dt.float64,
    "BOOLEAN": dt.boolean,
    "BOOL": dt.boolean,
    "DATE": dt.date,
    "DATETIME": dt.timestamp,
    "TIMESTAMP": dt.Timestamp("UTC"),
    "NUMERIC": dt.Decimal(38, 9),
    "BIGNUMERIC": dt.Decimal(76, 38),
}


class _Compiler(BigQueryCompiler):  # type: ignore[misc]
    """That of Ibis, with what it lacks."""

    def visit_HexDigest(self, op: ops.HexDigest, *, arg: sge.Expression, how: str) -> Any:  # noqa: N802
        return self.f.to_hex(self.f[how](arg))


@dataclass
class Spent:
    """What statements read, by what BigQuery says beforehand.

    Attributes:
        statements: How many there were.
        read: Bytes; billed are 10 MB at least for each table.
    """

    statements: int = 0
    read: int = 0


class Engine:
    """A dataset in which expressions are computed; to Ibis, the source of its tables.

    Attributes:
        name: As Ibis calls it.
        spent: What was read so far.
        brought: Tables that statements had brought from this machine.
    """

    name = "bigquery"

    def __init__(self, dataset: Dataset, most_bytes: int) -> None:
        """Nothing is reached yet.

        Args:
            dataset: Where tables are.
            most_bytes: That one statement may be billed for.
        """
        self.dataset, self.most_bytes, self.spent = dataset, most_bytes, Spent()
        self.brought: list[str] = []

    def table(self, name: str) -> ir.Table:
        """A table of the dataset, as BigQuery has it now.

        Raises:
            CloudError: It is not there, or has a column of a kind that is not known.
        """
        with self.dataset.explained():
            found = self.dataset.client.get_table(f"{self.dataset.name}.{name}", retry=retry(), timeout=ATTEMPT)
        unknown = [field.name for field in found.schema if field.field_type not in _TYPES or field.mode == "REPEATED"]
        if unknown:
            raise CloudError(
                f"{self.dataset.name}.{name}: columns of a kind that cannot be read: {', '.join(unknown)}. "
                "Leave them out in a view.",
                "another shape",
            )
        return self._bound(name, {field.name: _TYPES[field.field_type] for field in found.schema})

    def statement(self, table: ir.Table) -> str:
        """An expression in BigQuery's SQL; tables of this machine that it has are brought there first."""
        for memory in table.op().find(ops.InMemoryTable):
            self._bring(memory)
        return str(_Compiler().to_sqlglot(table).sql("bigquery"))

    def to_pyarrow(self, table: ir.Table) -> pa.Table:
        """A result, out of the engine."""
        return self.to_pyarrow_batches(table).read_all()

    def to_pyarrow_batches(self, table: ir.Table) -> pa.RecordBatchReader:
        """A result, batch by batch."""
        schema = table.as_table().schema().to_pyarrow()
        rows = self._asked(self.statement(table.as_table()))

        def batches() -> Iterator[pa.RecordBatch]:
            with self.dataset.explained():
                for batch in rows.to_arrow_iterable(bqstorage_client=self.dataset.reader):
                    yield batch.rename_columns(schema.names).cast(schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def make(self, name: str, table: ir.Table, *, day: str = "", cluster: Sequence[str] = ()) -> ir.Table:
        """A table from an expression; it goes away by itself in a day, unless it is told to stay.

        Args:
            name: Of the table.
            table: What is in it.
            day: The time whose day partitions it; empty for none.
            cluster: Columns that rows are sorted by within.

        Returns:
            The table.
        """
        self.ask(self._made(name, table.schema(), self.statement(table), day, cluster))
        return self._bound(name, table.schema())

    def append(self, name: str, statement: str, schema: ibis.Schema) -> ir.Table:
        """Add what a statement gives to a table on the way, which is made where there is none."""
        with self.dataset.explained():
            there = self.dataset.has(name)
        self.ask(
            f"INSERT INTO `{self.dataset.name}.{name}` {statement}" if there
            else self._made(name, schema, statement, "", ())
        )  # fmt: skip
        return self._bound(name, schema)

    def load(self, name: str, files: Sequence[Path], *, day: str = "", cluster: Sequence[str] = ()) -> ir.Table:
        """A table from Parquet files of this machine; it goes away by itself in a day, unless it is told to stay."""
        self._loaded(name, pq.read_schema(files[0]), files, day, cluster)
        return self.table(name)

    def ask(self, statement: str) -> None:
        """Run a statement to its end."""
        self._asked(statement)

    def _asked(self, statement: str) -> Any:
        """The result of a statement, after BigQuery said what it will cost.

        Raises:
            CloudError: It would cost more than is allowed, or BigQuery refuses it.
        """
        from google.cloud import bigquery  # noqa: PLC0415
        from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY  # noqa: PLC0415

        client, where = self.dataset.client, bigquery.DatasetReference.from_string(self.dataset.name)
        with self.dataset.explained():
            dry = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False, default_dataset=where)
            cost = int(
                client.query(
                    statement, job_config=dry, timeout=ANSWER, retry=retry(), job_retry=None
                ).total_bytes_processed
                or 0
            )
            if cost > self.most_bytes:
                raise CloudError(
                    f"{self.dataset.name}: one statement would read {cost / 1e9:,.1f} GB, above the "
                    f"{self.most_bytes / 1e9:,.1f} GB allowed. Nothing was billed; allow more: "
                    f"--set warehouse.max_gigabytes={cost / 1e9 * 1.2:.0f}",
                    "too costly",
                )
            limits = bigquery.QueryJobConfig(
                maximum_bytes_billed=self.most_bytes,
                default_dataset=where,
                job_timeout_ms=LONGEST * 1000,
                labels={"made-by": "clientage"},
            )
            again = DEFAULT_JOB_RETRY.with_timeout(PASSING)  # a job that failed has done nothing
            found = client.query(statement, job_config=limits, timeout=ANSWER, retry=retry(), job_retry=again).result(
                retry=retry(), job_retry=again
            )
        self.spent = Spent(self.spent.statements + 1, self.spent.read + cost)
        return found

    def _bound(self, name: str, schema: Mapping[str, dt.DataType] | ibis.Schema) -> ir.Table:
        project, dataset = self.dataset.name.rsplit(".", 1)
        wide = {column: _wide(kind) for column, kind in schema.items()}
        return ops.DatabaseTable(
            name=name, schema=ibis.schema(wide), source=self, namespace=ops.Namespace(catalog=project, database=dataset)
        ).to_expr()

    def _made(self, name: str, schema: ibis.Schema, statement: str, day: str, cluster: Sequence[str]) -> str:
        """A statement that makes a table at once, with the time at which it goes away."""
        until = (datetime.now(UTC) + LASTING).strftime("%Y-%m-%d %H:%M:%S+00:00")
        order = f" PARTITION BY DATE(`{day}`)" if day in schema else ""
        kept = [column for column in cluster if column in schema]
        order += f" CLUSTER BY {', '.join(f'`{column}`' for column in kept)}" if kept else ""
        return (
            f"CREATE OR REPLACE TABLE `{self.dataset.name}.{name}`{order} "
            f"OPTIONS (expiration_timestamp = TIMESTAMP '{until}') AS {statement}"
        )

    def _bring(self, memory: ops.InMemoryTable) -> None:
        """A table of this machine, under the name that statements call it by."""
        if self.dataset.has(memory.name):
            return
        found = memory.data.to_pyarrow(memory.schema)
        with tempfile.TemporaryDirectory(prefix="clientage-") as scratch:
            path = Path(scratch) / "rows.parquet"
            pq.write_table(found, path)
            self.brought.append(memory.name)
            self._loaded(memory.name, found.schema, [path], "", ())

    def _loaded(self, name: str, schema: pa.Schema, files: Sequence[Path], day: str, cluster: Sequence[str]) -> None:
        from google.cloud import bigquery  # noqa: PLC0415

        table = bigquery.Table(f"{self.dataset.name}.{name}", [_field(field) for field in schema])
        table.expires = datetime.now(UTC) + LASTING
        if day in schema.names:
            table.time_partitioning = bigquery.TimePartitioning(field=day)
        table.clustering_fields = [column for column in cluster if column in schema.names] or None
        with self.dataset.explained():
            Jobs(self.dataset).load(name, table, files)


def _wide(kind: dt.DataType) -> dt.DataType:
    """As BigQuery keeps it: whole numbers and fractions have one width each."""
    if kind.is_integer():
        return dt.int64
    return dt.float64 if kind.is_floating() else kind


_FIELDS = {
    "integer": "INTEGER", "floating": "FLOAT", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "DATETIME",
    "string": "STRING",
}  # fmt: skip


def _field(field: pa.Field) -> Any:
    from google.cloud import bigquery  # noqa: PLC0415

    kind = dt.DataType.from_pyarrow(field.type)
    named = next(name for test, name in _FIELDS.items() if getattr(kind, f"is_{test}")())
    return bigquery.SchemaField(field.name, named)
