"""When a customer buys: rhythm, favourite weekday and hour, months.

`baskets` has one row per customer, invoice and hour; `weekdays` and `hours` one per customer and value with the number
of lines; `months` one per customer and month with an order, numbered in time from 0.
"""

import ibis
import ibis.expr.types as ir

from clientage.expressions import MILLIONTHS, exact_sum_of_large, total

SLOTS = 100


def days_between_purchases(baskets: ir.Table) -> ir.FloatingScalar:
    """Mean days between distinct days with an order; null for one day.

    The gaps add up to the whole span, so no row needs its neighbour.
    """
    gaps = baskets.day.nunique() - 1
    span = baskets.day.max().delta(baskets.day.min(), unit="day").cast("float64")
    return ibis.ifelse(gaps > 0, span / gaps, ibis.null("float64"))


def favourite(values: ir.Table, name: str) -> ir.IntegerScalar:
    """The value of most lines; ties go to the lowest.

    Count and value are packed into one integer: its maximum is the largest count with the smallest value.
    """
    # sums are 128 bits wide in DuckDB, which Ibis takes for 64: only a narrower cast is not dropped as needless
    packed = (values.lines * SLOTS + (SLOTS - 1 - values[name])).max()
    return (SLOTS - 1 - packed % SLOTS).cast("int8").cast("int64")


def monthly_spend_mean(months: ir.Table) -> ir.FloatingScalar:
    """Mean spend of the months with an order, in currency."""
    return total(months.amount) / months.count()


def monthly_spend_std(months: ir.Table) -> ir.FloatingScalar:
    """Sample standard deviation of the spend of those months, in currency; 0 for one month.

    `square` is that of the deviation from their mean.
    """
    squares = exact_sum_of_large(months["square"])
    return ibis.ifelse(months.count() > 1, (squares / (months.count() - 1)).sqrt(), 0.0)


def monthly_spend_trend(months: ir.Table) -> ir.FloatingScalar:
    """Least-squares slope of the spend of those months, in order, in currency a month; 0 for one month.

    With months numbered 0 to n − 1 the slope is 6 Σ (2i − n + 1) x / (n (n² − 1)), and the sum is over whole numbers.
    """
    n = months.count().cast("float64")
    weighted = ((months.number * 2 - months.of + 1) * months.amount).sum().cast("float64")
    return ibis.ifelse(months.count() > 1, 6 * weighted / MILLIONTHS / (n * (n * n - 1)), 0.0)
