"""Expressions that come out alike on every engine and for any order of rows: exact sums, samples by hashed id."""

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
