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


def sampled(customers: ir.Table, count: int, most: int) -> ir.Table:
    """All customers, or about as many as may be taken, picked by hashed id; in order of their id.

    Args:
        customers: A table with `customer_id`.
        count: How many rows it has.
        most: How many may be taken.
    """
    if count > most:
        # a remainder may be negative
        place = (customers.customer_id.hash() % count + count) % count
        customers = customers.filter(place < most)
    return customers.order_by("customer_id")


def on_days(statement: str, days: Mapping[date, str]) -> str:
    """A statement of ours, compiled for DuckDB, on other days than those it was compiled for.

    Compiling costs more than a small table: a statement that is asked for many days is compiled once.

    Args:
        statement: As Ibis compiled it.
        days: What stands for each day from now on, as an expression of a date.
    """
    for day, instead in days.items():
        parts = f"{day.year}, {day.month}, {day.day}"
        statement = statement.replace(f"MAKE_DATE({parts})", f"CAST({instead} AS DATE)")
        statement = statement.replace(f"MAKE_TIMESTAMP({parts}, 0, 0, 0.0)", f"CAST({instead} AS TIMESTAMP)")
    return statement
