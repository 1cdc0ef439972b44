"""What customers are worth in the next days: how expected spend is spread, and on how few it rests."""

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from clientage.expressions import millionths, total
from clientage.report import words
from clientage.report.panels import Section, chart
from clientage.report.queries import collect
from clientage.report.spread import spread

FEATURE = "expected_spend"


def worth(tables: Mapping[str, ir.Table], profiles: pa.Table, traits: pa.Table, currency: str) -> Section | None:
    """Expected spend by segment; None where nothing is expected of anybody.

    Args:
        tables: The named tables.
        profiles: The table `profiles`.
        traits: The table `traits`.
        currency: Put before money.
    """
    if FEATURE not in tables["customers"].columns:
        return None
    days = profiles["horizon_days"][0].as_py()
    found = concentration(tables["customers"])
    if not found["all"] > 0:
        return None
    known = [row for row in traits.to_pylist() if row["feature"] == FEATURE and row["median"] is not None]
    text = reading(found, days, currency)
    figure = spread(profiles, traits, FEATURE, currency)
    return Section(
        text, charts=[chart("worth", figure, text, f"Expected spend in the next {days} days")] if known else []
    )


def concentration(customers: ir.Table) -> dict[str, Any]:
    """What is expected in all, and of the highest tenth of customers: `all`, `top`."""
    spend = millionths(customers[FEATURE].fill_null(0.0))
    order = ibis.window(order_by=[spend.desc(), customers.customer_id])
    placed = customers.select(spend=spend, tenth=ibis.ntile(10).over(order))
    return dict(collect(placed.agg(all=total(placed.spend), top=total(placed.spend, placed.tenth == 0))).to_pylist()[0])


def reading(found: Mapping[str, float], days: int, currency: str) -> str:
    """How much is expected, on whom it rests, and what it is good for."""
    return (
        f"{words.short_money(found['all'], currency)} is expected of all customers in the next {days} days. "
        f"The highest tenth is expected to bring {words.share(found['top'] / found['all'])} of it. "
        "Use it to rank customers: the amounts are rough, and know no season."
    )
