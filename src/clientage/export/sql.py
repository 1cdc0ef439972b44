"""A model as SQL: an expression over the table of customers as one SELECT in the dialect of an engine elsewhere.

DuckDB's text is the original. The other dialects are its syntax tree, written by sqlglot: no driver, no session.
"""

import re
from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import sqlglot
from sqlglot import exp

from clientage.errors import InputError, SettingsError
from clientage.tables import TABLES

RUN = {
    "bigquery": "bq query --use_legacy_sql=false < {file}",
    "spark": "spark-sql -f {file}",
    "duckdb": "duckdb shop.duckdb < {file}",
    "postgres": "psql --file {file}",
    "snowflake": "snow sql --filename {file}",
}
"""How each dialect's usual command runs a file."""

DIALECTS = tuple(RUN)

_PART = re.compile(r"[^\W\d][\w$-]*")
_NAN = exp.cast(exp.Literal.string("NaN"), "double")
_EXACT = 15  # digits that every engine reads alike, however it holds decimal numbers


def source(table: str, columns: Iterable[str], dialect: str) -> ir.Table:
    """The table of customers somewhere else, with its features as doubles and null for what is not a number.

    Args:
        table: Its name, at most with dataset and project: `project.dataset.table`.
        columns: The features that are needed.
        dialect: One of `DIALECTS`.

    Raises:
        SettingsError: The name is not one, or the dialect is not known.
        InputError: A feature is none of this version's.
    """
    if dialect not in DIALECTS:
        raise SettingsError(f"--dialect {dialect}: not known. Give {', '.join(DIALECTS[:-1])} or {DIALECTS[-1]}.")
    specs = TABLES["customers"].columns
    if unknown := [name for name in columns if name not in specs]:
        raise InputError(
            f"the model compares customers by {', '.join(unknown)}, which this version does not know. "
            "Train again with `clientage step train`."
        )
    # numbers are declared as what they are not, so that each is cast, whatever type the other engine keeps it in
    kinds = {name: "boolean" if specs[name].kind == "flag" else "decimal" for name in columns}
    found = ibis.table({"customer_id": "string"} | kinds, **_located(table))
    return found.select("customer_id", **{name: _number(found[name]) for name in kinds})


def query(expression: ir.Table, dialect: str) -> str:
    """An expression over `source` as one statement."""
    tree = sqlglot.parse_one(ibis.to_sql(expression, dialect="duckdb"), read="duckdb")
    for literal in list(tree.find_all(exp.Literal)):
        if not literal.is_string and len(literal.name) > _EXACT:
            literal.replace(exp.Literal.number(np.format_float_scientific(float(literal.name), trim="0")))
    if dialect == "postgres":
        # else its planner puts each step's text into the next one's, until it is larger than memory
        for step in list(tree.find_all(exp.Subquery)):
            step.this.offset(0, copy=False)
    if dialect in ("postgres", "snowflake"):  # where a function for it is missing
        for test in list(tree.find_all(exp.IsNan)):
            test.replace(exp.EQ(this=test.this, expression=_NAN.copy()))
    if dialect == "snowflake":  # as names without quotes are kept there
        for name in tree.find_all(exp.Identifier):
            name.set("this", name.name.upper())
    return f"{tree.sql(dialect=dialect, pretty=True)};\n"


def headed(text: str, lines: Sequence[str]) -> str:
    """The statement below a comment."""
    return "".join(f"-- {line}\n" for line in lines) + text


def _located(table: str) -> dict[str, str]:
    """A name in its parts."""
    parts = table.split(".")
    if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):
        raise SettingsError(
            f"--table {table}: not the name of a table. Write it without quotes, such as customers or "
            "project.dataset.customers."
        )
    return dict(zip(("name", "database", "catalog"), reversed(parts), strict=False))


def _number(column: ir.Column) -> ir.FloatingColumn:
    if column.type().is_boolean():
        return ibis.cases((column, 1.0), (~column, 0.0))
    number = column.cast("float64")
    return ibis.ifelse(number.isnan(), ibis.null("float64"), number)
