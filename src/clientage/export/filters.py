"""Which customers fit: a condition as in SQL, read into a tree and rebuilt as an expression, node by known node.

Nothing of the text gets into a query: what is not on the list of nodes below is refused.
"""

import difflib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from clientage.errors import InputError

Condition = Callable[[exp.Expr, ir.Table], ir.BooleanValue]

MOST = 2000  # characters
EXAMPLE = "recency_days > 60 AND country IN ('France', 'Spain')"


def predicate(text: str, table: ir.Table) -> ir.BooleanValue:
    """A condition as an expression over the columns of a table.

    Args:
        text: Comparisons, IN, BETWEEN and IS NULL of columns, numbers, 'texts' and 'dates', joined by AND, OR, NOT.
        table: What the names in it stand for.

    Raises:
        InputError: It is not such a condition, names a column that is not there, or compares what does not compare.
    """
    if len(text) > MOST:
        raise InputError(f"--where: longer than {MOST:,} characters. Give a shorter condition.")
    try:
        text.encode()
        return _condition(sqlglot.parse_one(text, into=exp.Condition), table)
    except (SqlglotError, RecursionError, UnicodeEncodeError) as error:
        raise InputError(f"--where {text}: not a condition. Write one such as {EXAMPLE}.") from error


def column(name: str, table: ir.Table, option: str) -> ir.Column:
    """A column by its name in any case.

    Raises:
        InputError: There is none; names the nearest.
    """
    if name.lower() in table.columns:
        return table[name.lower()]
    begun = [known for known in table.columns if known.startswith(name.lower())]
    near = begun or difflib.get_close_matches(name.lower(), table.columns, 1)
    mend = f"Did you mean {near[0]}?" if near else "See the tables customers and segments in docs/tables.md."
    texts = " Texts stand in single quotes." if option == "--where" else ""
    raise InputError(f"{option}: there is no column {name}. {mend}{texts}")


def _condition(node: exp.Expr, table: ir.Table) -> ir.BooleanValue:
    """What is true or false of a customer."""
    if type(node) not in CONDITIONS:
        raise _refused(node)
    return CONDITIONS[type(node)](node, table)


def _compared(compare: Callable[[ir.Value, ir.Value], ir.BooleanValue]) -> Condition:
    return lambda node, table: compare(*_alike([node.this, node.expression], table))


def _unknown(node: exp.Expr, table: ir.Table) -> ir.BooleanValue:
    if not isinstance(node.expression, exp.Null):
        raise _refused(node)
    return _value(node.this, table).isnull()


def _among(node: exp.Expr, table: ir.Table) -> ir.BooleanValue:
    if not node.expressions:
        raise _refused(node)
    value, *others = _alike([node.this, *node.expressions], table)
    return value.isin(others)


def _between(node: exp.Expr, table: ir.Table) -> ir.BooleanValue:
    if node.args.get("symmetric"):
        raise _refused(node)
    value, low, high = _alike([node.this, node.args["low"], node.args["high"]], table)
    return (value >= low) & (value <= high)


def _flag(node: exp.Expr, table: ir.Table) -> ir.BooleanValue:
    value = _value(node, table)
    if not value.type().is_boolean():
        raise InputError(f"--where: {node.sql()} is a {_kind(value)}, not true or false. Compare it with something.")
    return value


def _value(node: exp.Expr, table: ir.Table) -> ir.Value:
    """A column, or a number, a text, true or false as it was written."""
    match node:
        case exp.Paren():
            return _value(node.this, table)
        case exp.Neg() if not isinstance(node.this, exp.Neg):
            value = _value(node.this, table)
            if value.type().is_numeric():
                return -value
            raise InputError(
                f"--where: {node.this.sql()} is a {_kind(value)}; only numbers have a minus. Leave it out."
            )
        case exp.Literal():
            return ibis.literal(node.name if node.is_string else _number(node.name))
        case exp.Boolean():
            return ibis.literal(bool(node.this))
        case exp.Column(this=exp.Identifier()) if not node.table:
            return column(node.name, table, "--where")
    raise _refused(node)


def _number(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise InputError(f"--where {text}: too large a number. Give a smaller one.")
    return int(text) if text.isdecimal() and number < 2**62 else number


def _alike(nodes: Sequence[exp.Expr], table: ir.Table) -> list[ir.Value]:
    """Values that compare; texts beside a date are read as dates.

    Raises:
        InputError: They are of different kinds.
    """
    values = [_value(node, table) for node in nodes]
    if any(value.type().is_date() for value in values):
        values = [_dated(node, value) for node, value in zip(nodes, values, strict=True)]
    for node, value in zip(nodes, values, strict=True):
        if _kind(value) != _kind(values[0]):
            raise InputError(
                f"--where: {nodes[0].sql()} is a {_kind(values[0])} and {node.sql()} a {_kind(value)}. "
                "Compare like with like; texts and dates stand in single quotes."
            )
    return values


def _dated(node: exp.Expr, value: ir.Value) -> ir.Value:
    if not (isinstance(node, exp.Literal) and node.is_string):
        return value
    try:
        return ibis.literal(date.fromisoformat(node.name))
    except ValueError as error:
        raise InputError(f"--where {node.sql()}: not a date. Write it as '2024-12-31'.") from error


def _kind(value: ir.Value) -> str:
    """What people call it: number, text, date or flag."""
    kind = value.type()
    return "number" if kind.is_numeric() else "text" if kind.is_string() else "date" if kind.is_date() else "flag"


def _refused(node: exp.Expr) -> InputError:
    return InputError(
        f"--where {node.sql()}: not allowed here. There are columns, numbers, 'texts', = <> < <= > >=, IN, BETWEEN, "
        "IS NULL, AND, OR, NOT and parentheses."
    )


CONDITIONS: Mapping[type[exp.Expr], Condition] = {
    exp.Paren: lambda node, table: _condition(node.this, table),
    exp.Not: lambda node, table: ~_condition(node.this, table),
    exp.And: lambda node, table: _condition(node.this, table) & _condition(node.expression, table),
    exp.Or: lambda node, table: _condition(node.this, table) | _condition(node.expression, table),
    exp.EQ: _compared(operator.eq),
    exp.NEQ: _compared(operator.ne),
    exp.GT: _compared(operator.gt),
    exp.GTE: _compared(operator.ge),
    exp.LT: _compared(operator.lt),
    exp.LTE: _compared(operator.le),
    exp.Is: _unknown,
    exp.In: _among,
    exp.Between: _between,
    exp.Column: _flag,
    exp.Boolean: _flag,
}
