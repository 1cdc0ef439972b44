"""Where the segments live, and how each country does lately."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from clientage.expressions import millionths, total


def regions(lines: ir.Table, customers: ir.Table, segments: ir.Table, as_of: date, horizon_days: int) -> ir.Table:
    """The table `regions`: one row per country and segment, in that order.

    Args:
        lines: The table `lines`.
        customers: The table `customers`; a customer belongs to the country of most of their lines.
        segments: The table `segments`.
        as_of: The day to look back from.
        horizon_days: Length of the two horizons before it that are compared.
    """
    day, recent, earlier = (ibis.timestamp(str(as_of - timedelta(days=back * horizon_days))) for back in (0, 1, 2))
    before = lines.filter(lines.customer_id.notnull(), lines.invoiced_at < day)
    amount = millionths(before.amount)
    lately = before.invoiced_at >= recent
    spent = before.group_by("customer_id").agg(
        revenue=amount.sum(),
        recent=amount.sum(where=lately).fill_null(0),
        earlier=amount.sum(where=~lately & (before.invoiced_at >= earlier)).fill_null(0),
        active=(lately & ~before.cancelled).any(),
    )
    where = customers.select("customer_id", "country").filter(customers.country.notnull())
    both = where.join(segments.select("customer_id", "segment_id"), "customer_id").join(spent, "customer_id")
    found = both.group_by("country", "segment_id").agg(
        customers=both.count(),
        active=both.customer_id.count(where=both.active),
        **{name: total(both[name]) for name in ("revenue", "recent", "earlier")},
    )
    return found.order_by("country", "segment_id")
