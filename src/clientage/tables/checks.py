"""Tables held against their promise."""

import ibis.expr.types as ir
import pyarrow as pa

from clientage.errors import TableError
from clientage.tables.run import TABLES
from clientage.tables.spec import TableSpec
from clientage.tables.watched import WATCHED

SPECS = {**TABLES, **WATCHED}

_ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "time": pa.timestamp("us"),
    "date": pa.date32(),
    "flag": pa.bool_(),
}

_MATCHES = {
    "text": lambda kind: kind.is_string(),
    "integer": lambda kind: kind.is_integer(),
    "number": lambda kind: kind.is_floating() or kind.is_integer(),
    "time": lambda kind: kind.is_timestamp(),
    "date": lambda kind: kind.is_date(),
    "flag": lambda kind: kind.is_boolean(),
}


def check(name: str, table: ir.Table) -> ir.Table:
    """Hold a table against its promise and hand it on with its columns in the promised order.

    Looks at the schema alone: nothing is executed.

    Raises:
        TableError: Names every missing, unknown or wrongly typed column at once.
    """
    spec, schema = SPECS[name], table.schema()
    problems = [
        f"column {column} is missing" for column, c in spec.columns.items() if column not in schema and not c.optional
    ]
    problems += [f"column {column} is not expected" for column in schema if column not in spec.columns]
    problems += [
        f"column {column} is {schema[column]}, not {c.kind}"
        for column, c in spec.columns.items()
        if column in schema and not _MATCHES[c.kind](schema[column])
    ]
    if problems:
        raise TableError(f"table {name}: {'; '.join(problems)}. Write it again with `clientage run`.")
    return table.select(*(column for column in spec.columns if column in schema))


def arrow_schema(table: str | TableSpec) -> pa.Schema:
    """The Arrow schema of a table, by its name or its promise, with all its columns."""
    spec = SPECS[table] if isinstance(table, str) else table
    return pa.schema([(name, _ARROW[column.kind]) for name, column in spec.columns.items()])
