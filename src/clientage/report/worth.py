"""What customers are worth in the next days: how it is spread, on how few it rests, how far to trust it.

Forecasts are held against what came: what was expected of customers at an earlier day, and what they spent after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from clientage.expressions import millionths, total
from clientage.report import words
from clientage.report.panels import ALERT, NEUTRAL, Chart, Row, Section, chart, money_axis
from clientage.report.queries import collect, over_cutoffs
from clientage.report.spread import spread
from clientage.report.words import label

FEATURE = "expected_spend"
OURS, NAIVE = "expected", "last horizon"
TITLES: Mapping[str, str] = {OURS: "Do forecasts come true?", NAIVE: "Would the last {days} days say as much?"}
NAMES: Mapping[str, str] = {
    OURS: "Expected spend", NAIVE: "Spend in the last {days} days", "all so far": "All spend so far",
}  # fmt: skip


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
    text, title = reading(found, days, currency), f"Expected spend in the next {days} days"
    drawn = replace(spread(profiles, traits, FEATURE, currency), id="worth", title=title, reading=text)
    return Section(text, charts=[drawn] if known else [])


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


def forecasts(values: pa.Table, days: int, currency: str) -> Section | None:
    """How well spend was forecast; None where it was not measured.

    Args:
        values: The table `values`.
        days: The horizon.
        currency: Put before money.
    """
    everyone = [row for row in values.to_pylist() if row["tenth"] == 0]
    if not everyone:
        return None
    scores = over_cutoffs(everyone, ("forecast",), ("spearman",))
    scores = [row for row in scores if row["spearman"] is not None]
    rows = [
        {"name": name(row["forecast"], days), "spearman": row["spearman"]}
        for row in sorted(scores, key=lambda row: (-row["spearman"], row["forecast"]))
    ]
    cutoff = max(row["cutoff"] for row in everyone)
    found = {each: tenths(values, each, cutoff) for each in TITLES}
    top = max((max(row["spend"], row["forecast_spend"]) for each in found.values() for row in each), default=0.0)
    charts = [calibration(each, own, top, days, currency) for each, own in found.items() if own]
    return Section(ranked(rows), rows, charts)


def name(forecast: str, days: int) -> str:
    """A forecast in plain words."""
    return NAMES.get(forecast, forecast).replace("{days}", str(days))


def tenths(values: pa.Table, forecast: str, cutoff: date) -> list[dict[str, Any]]:
    """Tenths of the customers by a forecast at a cutoff, the highest first."""
    rows = [row for row in values.to_pylist() if row["forecast"] == forecast and row["cutoff"] == cutoff]
    known = [row for row in rows if row["tenth"] > 0 and None not in (row["spend"], row["forecast_spend"])]
    return sorted(known, key=lambda row: row["tenth"])


def calibration(forecast: str, found: Sequence[Row], top: float, days: int, currency: str = "") -> Chart:
    """Spend forecast against spend, by tenth of the customers.

    Args:
        forecast: Which.
        found: What `tenths` gives.
        top: The highest value of all forecasts, so that their charts share a scale.
        days: The horizon.
        currency: Put before money.
    """
    x = [row["tenth"] for row in found]
    came, said = [row["spend"] for row in found], [row["forecast_spend"] for row in found]
    amounts = [(words.money(a, currency), words.money(b, currency)) for a, b in zip(said, came, strict=True)]
    told = [f"tenth {at}<br>forecast {label(a)}<br>came {label(b)}" for at, (a, b) in zip(x, amounts, strict=True)]
    # a line as wide as the bar, on a phone too
    line = {"type": "constant", "value": 0.42, "thickness": 4, "width": 0, "color": ALERT}
    traces = [
        {"type": "bar", "x": x, "y": came, "marker": {"color": NEUTRAL}, "hovertext": told, "hoverinfo": "text"},
        {"type": "scatter", "mode": "markers", "x": x, "y": said, "error_x": line}
        | {"marker": {"size": 1, "color": ALERT}, "hoverinfo": "skip"},
    ]
    reach = [min([0.0, *came, *said]), 1.08 * top or 1.0]
    return chart(
        f"forecast-{forecast.replace(' ', '-')}", TITLES[forecast].format(days=days), traces, 290,
        f"Of the highest tenth {amounts[0][0]} each was forecast on {words.day(found[0]['cutoff'])}, and "
        f"{amounts[0][1]} came.",
        xaxis={"title": {"text": "Tenth of customers, highest first"}, "dtick": 1, "showgrid": False}
        | {"range": [0.4, 10.6]},
        yaxis=money_axis(f"Mean spend in {days} days", currency) | {"range": reach}, bargap=0.3,
    )  # fmt: skip


def ranked(rows: Sequence[Row]) -> str:
    """Which forecast puts customers into the best order; those that agree to two digits do alike."""
    told = [f"{row['spearman']:.2f}" for row in rows]
    best = [f"“{row['name']}”" for row, value in zip(rows, told, strict=True) if value == told[0]]
    others = [f"{row['name'].lower()} {value}" for row, value in zip(rows, told, strict=True)][len(best) :]
    if len(rows) < 2:
        return ""
    against = f", against {', '.join(others)}" if others else ""
    return (
        f"{' and '.join(best)} {'ranks' if len(best) == 1 else 'rank'} customers best: {told[0]}{against} "
        "(1 is perfect, 0 is chance)."
    )
