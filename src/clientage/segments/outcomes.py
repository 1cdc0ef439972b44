"""What customers did after a day: the truth that groupings are judged by."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from clientage.expressions import total


def outcomes(baskets: ir.Table, cutoff: date, horizon_days: int) -> ir.Table:
    """Customers who bought in the days from `cutoff` on.

    Args:
        baskets: The table `baskets`.
        cutoff: First day of the horizon.
        horizon_days: Its length.

    Returns:
        customer_id, next_spend (completed lines) and next_net (the same less what was taken back), both in currency
        and added exactly. Customers without a line in the horizon are absent.
    """
    start, end = (ibis.timestamp(str(day)) for day in (cutoff, cutoff + timedelta(days=horizon_days)))
    after = baskets.filter(baskets.hour_at >= start, baskets.hour_at < end)
    sums = {"next_spend": total(after.amount, ~after.cancelled), "next_net": total(after.amount)}
    return after.group_by("customer_id").agg(**sums)
