"""What customers did after a day: the truth that groupings are judged by."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from clientage.expressions import exact_sum


def outcomes(lines: ir.Table, cutoff: date, horizon_days: int) -> ir.Table:
    """Customers who bought in the days from `cutoff` on.

    Args:
        lines: The table `lines`.
        cutoff: First day of the horizon.
        horizon_days: Its length.

    Returns:
        customer_id and next_spend (completed lines, in currency, added exactly). Customers
        who bought nothing are absent.
    """
    start, end = (ibis.timestamp(str(day)) for day in (cutoff, cutoff + timedelta(days=horizon_days)))
    after = lines.filter(
        lines.customer_id.notnull(), ~lines.cancelled, lines.invoiced_at >= start, lines.invoiced_at < end
    )
    return after.group_by("customer_id").agg(next_spend=exact_sum(after.amount))
