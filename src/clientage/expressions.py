"""Expressions that come out alike on every engine and for any order of rows: exact sums, samples by hashed id."""

from collections.abc import Mapping
from datetime import date

import ibis.expr.types as ir

MILLIONTHS = 1e6


def millionths(value: ir.NumericColumn) -> ir.IntegerColumn:
    """A quantity or an amount as a whole number of millionths."""
    return (value * MILLIONTHS).round().cast("int64")


def exact_sum(value: ir.NumericColumn) -> ir.FloatingScalar:
    """The sum of a quantity or an amount, the same to the bit for any order of rows and number of threads."""
    return total(millionths(value))


def total(parts: ir.IntegerColumn, where: ir.BooleanValue | None = None) -> ir.FloatingScalar:
    """The sum of millionths, in the original unit; 0 where nothing is summed."""
    return parts.sum(where=where).fill_null(0).cast("float64") / MILLIONTHS


def exact_sum_of_large(value: ir.NumericColumn) -> ir.FloatingScalar:
    """The same for numbers not below zero that are too large for millionths, such as squares, up to 10²².

    Whole numbers of 64 bits are all that engines have in common: millions and what is beside them are added apart.
    """
    millions = (value / MILLIONTHS).floor().cast("int64")
    beside = total(millionths(value - millions.cast("float64") * MILLIONTHS))
    return millions.sum().fill_null(0).cast("float64") * MILLIONTHS + beside


def sampled(customers: ir.Table, count: int, most: int) -> ir.Table:
    """All customers, or about as many as may be taken, picked by hashed id; in order of their id.

    Args:
        customers: A table with `customer_id`.
        count: How many rows it has.
        most: How many may be taken.
    """
    if count > most:
        least = f"{most * 16**8 // count:08x}"  # of the digests, as text: engines have no number in common for it
        customers = customers.filter(customers.customer_id.hexdigest("md5").substr(0, 8) < least)
    return customers.order_by("customer_id")


# how a day stands in statements, as Ibis compiles dates and times
_DAYS = {
    "duckdb": {
        "DATE": "MAKE_DATE({0.year}, {0.month}, {0.day})",
        "TIMESTAMP": "MAKE_TIMESTAMP({0.year}, {0.month}, {0.day}, 0, 0, 0.0)",
    },
    "spark": {"DATE": "MAKE_DATE({0.year}, {0.month}, {0.day})", "TIMESTAMP": "CAST('{0}T00:00:00' AS TIMESTAMP)"},
    "bigquery": {"DATE": "DATE({0.year}, {0.month}, {0.day})", "DATETIME": "DATETIME('{0}T00:00:00')"},
}  # fmt: skip


def on_days(statement: str, days: Mapping[date, str], dialect: str = "duckdb") -> str:
    """A statement of ours on other days than those it was compiled for.

    Compiling costs more than a small table: a statement that is asked for many days is compiled once.

    Args:
        statement: As Ibis compiled it.
        days: What stands for each day from now on, as an expression of a date.
        dialect: That it was compiled for.
    """
    for day, instead in days.items():
        for kind, written in _DAYS[dialect].items():
            statement = statement.replace(written.format(day), f"CAST({instead} AS {kind})")
    return statement
