"""How a feature is spread in each segment: bars from the quantiles, on a scale on which every segment can be read."""

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import Chart, Row, Rows, in_rows
from clientage.report.words import amount, label

QUANTILES = ("p05", "p25", "median", "p75", "p95")
_HOVER = "median {median}<br>half of them {p25} to {p75}<br>nine of ten {p05} to {p95}"


def spread(profiles: pa.Table, traits: pa.Table, feature: str, currency: str = "") -> Chart:
    """How a feature is spread in each segment: thin bar 5% to 95%, thick bar the middle half, mark the median.

    Args:
        profiles: The table `profiles`.
        traits: The table `traits`.
        feature: A feature of `traits`.
        currency: Put before money.
    """
    known = {row["segment_id"]: row for row in traits.to_pylist() if row["feature"] == feature}
    found = [row | known[row["segment_id"]] for row in profiles.to_pylist() if row["segment_id"] in known]
    found = [row for row in found if row["median"] is not None]
    rows = Rows([row["segment"] for row in found])
    scale = _Scale(feature, found)
    name, unit = words.feature_name(feature), words.feature_unit(feature, currency)
    told = name + (f" ({label(unit)})" if unit and unit not in name.lower() else "") + ", logarithmic scale" * scale.log
    axis = {"title": {"text": told}} | scale.axis(currency)
    traces = _boxes(found, rows, scale, feature, currency)
    return in_rows(feature, name, traces, rows, axis, _medians(found, feature, currency), barmode="overlay")


def _medians(found: Sequence[Row], feature: str, currency: str) -> str:
    """Between which medians the segments lie."""
    found = sorted(found, key=lambda row: row["segment_id"])
    if not found:
        return "Not known for these customers."
    low, high = (pick(found, key=lambda row: row["median"]) for pick in (min, max))
    what = f"Median {words.feature_name(feature).lower()}: {amount(feature, high['median'], currency)}"
    if low["median"] == high["median"]:
        return f"{what} in every segment."
    return f"{what} for “{high['segment']}”, {amount(feature, low['median'], currency)} for “{low['segment']}”."


def _boxes(found: Sequence[Row], rows: Rows, scale: "_Scale", feature: str, currency: str) -> list[dict[str, Any]]:
    """Whisker, box, median and its value, for all segments at once."""
    p05, p25, median, p75, p95 = ([scale(row[name]) for row in found] for name in QUANTILES)
    told = [{name: label(amount(feature, row[name], currency)) for name in QUANTILES} for row in found]
    colours = [words.colour(row["colour"]) for row in found]
    mark = {"symbol": "line-ns", "size": 14, "line": {"width": 3, "color": colours}}
    return [
        rows.bars(_less(p95, p05), base=p05, width=rows.thick(3), marker={"color": colours}),
        rows.bars(_less(p75, p25), base=p25, marker={"color": colours, "opacity": 0.55})
        | {"hoverinfo": "text", "hovertext": [_HOVER.format(**each) for each in told]},
        {"y": rows.at(), "hoverinfo": "skip", "type": "scatter", "mode": "markers", "x": median, "marker": mark},
        rows.beside(p95, [f"median {each['median']}" for each in told]),
    ]  # fmt: skip


def _less(high: Sequence[float], low: Sequence[float]) -> list[float]:
    return [top - bottom for top, bottom in zip(high, low, strict=True)]


class _Scale:
    """An axis on which every segment can be read: plain, or log1p to both sides where a few values dwarf the rest."""

    def __init__(self, feature: str, found: Sequence[Row]) -> None:
        self.feature = feature
        self._ends = [float(row[name]) for row in found for name in ("p05", "p95")] or [0.0, 1.0]
        typical = sorted(abs(row["median"]) for row in found)
        middle = typical[len(typical) // 2] if typical else 0.0
        fixed = feature in ("cancellation_rate", "favourite_weekday", "favourite_hour")
        self.log = not fixed and max(map(abs, self._ends)) > 12 * max(middle, 1.0)

    def __call__(self, value: float) -> float:
        """Where a value lies."""
        return math.copysign(math.log10(1 + abs(value)), value) if self.log else float(value)

    def axis(self, currency: str) -> dict[str, Any]:
        """Range, ticks and their text."""
        low, high = min([0.0, *map(self, self._ends)]), max([0.0, *map(self, self._ends)])
        reach = [low - 0.02 * (high - low), high + 0.5 * (high - low) or 1.0]
        if self.feature == "favourite_weekday":
            return {"range": [-0.2, 9.5], "tickvals": list(range(7)), "ticktext": list(words.WEEKDAYS)}
        if self.log:
            ticks = self._ticks()
            return {"range": reach, "tickvals": [self(tick) for tick in ticks]} | {
                "ticktext": [_tick(tick, currency if words.is_money(self.feature) else "") for tick in ticks]
            }
        rate = self.feature == "cancellation_rate"
        sign = label(words.prefix(currency)) if words.is_money(self.feature) else ""
        return {"range": reach, "tickformat": ".0%" if rate else "~s", "tickprefix": sign, "nticks": 6}

    def _ticks(self) -> list[float]:
        top = max(map(abs, self._ends))
        powers = [10.0**power for power in range(math.ceil(math.log10(top)) + 1)]
        far = [tick for tick in (powers if len(powers) < 4 else powers[1:]) if tick <= top * 1.05]
        low, high = min(self._ends), max(self._ends)
        return [-tick for tick in reversed(far) if -tick >= low] + [0.0] + [tick for tick in far if tick <= high]


def _tick(value: float, currency: str) -> str:
    text = words.money(value, currency) if abs(value) < 1e6 else words.short_money(value, currency)
    return label(text)
