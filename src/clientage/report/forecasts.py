"""Do forecasts come true? What was expected of customers at an earlier day, against what they spent after it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.averages import over_cutoffs
from clientage.report.panels import Section, chart
from clientage.report.style import ALERT, NEUTRAL, Figure, figure
from clientage.report.words import label

OURS, NAIVE = "expected", "last horizon"
TITLES: Mapping[str, str] = {OURS: "Do forecasts come true?", NAIVE: "Would the last {days} days say as much?"}
NAMES: Mapping[str, str] = {
    OURS: "Expected spend", NAIVE: "Spend in the last {days} days", "all so far": "All spend so far",
}  # fmt: skip


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
    charts = [
        chart(
            f"forecast-{each.replace(' ', '-')}",
            calibration(each, own, top, days, currency),
            told(own, cutoff, currency),
        )
        for each, own in found.items()
        if own
    ]
    return Section(reading(rows), rows, charts)


def name(forecast: str, days: int) -> str:
    """A forecast in plain words."""
    return NAMES.get(forecast, forecast).replace("{days}", str(days))


def tenths(values: pa.Table, forecast: str, cutoff: date) -> list[dict[str, Any]]:
    """Tenths of the customers by a forecast at a cutoff, the highest first."""
    rows = [row for row in values.to_pylist() if row["forecast"] == forecast and row["cutoff"] == cutoff]
    known = [row for row in rows if row["tenth"] > 0 and None not in (row["spend"], row["forecast_spend"])]
    return sorted(known, key=lambda row: row["tenth"])


def calibration(forecast: str, found: Sequence[Mapping[str, Any]], top: float, days: int, currency: str = "") -> Figure:
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
    told = [
        f"tenth {row['tenth']}<br>forecast {label(words.money(row['forecast_spend'], currency))}"
        f"<br>came {label(words.money(row['spend'], currency))}"
        for row in found
    ]
    # a line as wide as the bar, on a phone too
    line = {"type": "constant", "value": 0.42, "thickness": 4, "width": 0, "color": ALERT}
    traces = [
        {"type": "bar", "x": x, "y": came, "marker": {"color": NEUTRAL}, "hovertext": told, "hoverinfo": "text"},
        {
            "type": "scatter",
            "mode": "markers",
            "x": x,
            "y": said,
            "error_x": line,
            "marker": {"size": 1, "color": ALERT},
            "hoverinfo": "skip",
        },
    ]
    axis = {"title": {"text": "Tenth of customers, highest first"}, "dtick": 1, "showgrid": False, "range": [0.4, 10.6]}
    money = f"Mean spend in {days} days" + (f" ({label(currency)})" if currency else "")
    scale = {"title": {"text": money}, "range": [min([0.0, *came, *said]), 1.08 * top or 1.0], "tickformat": "~s"}
    scale["tickprefix"] = label(words.prefix(currency))
    return figure(TITLES[forecast].replace("{days}", str(days)), traces, 290, xaxis=axis, yaxis=scale, bargap=0.3)


def told(found: Sequence[Mapping[str, Any]], cutoff: date, currency: str) -> str:
    """What was forecast of the highest tenth, and what came."""
    first = found[0]
    return (
        f"Of the highest tenth {words.money(first['forecast_spend'], currency)} each was forecast on "
        f"{words.day(cutoff)}, and {words.money(first['spend'], currency)} came."
    )


def reading(rows: Sequence[Mapping[str, Any]]) -> str:
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
