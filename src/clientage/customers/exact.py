"""Sums that do not depend on the order of rows: whole numbers of millionths, added exactly by every engine."""

import ibis.expr.types as ir

MILLIONTHS = 1e6


def millionths(value: ir.NumericColumn) -> ir.IntegerColumn:
    """A quantity or an amount as a whole number of millionths."""
    return (value * MILLIONTHS).round().cast("int64")


def total(parts: ir.IntegerColumn, where: ir.BooleanValue | None = None) -> ir.FloatingScalar:
    """The sum of millionths, in the original unit; 0 where nothing is summed."""
    return parts.sum(where=where).fill_null(0).cast("float64") / MILLIONTHS
