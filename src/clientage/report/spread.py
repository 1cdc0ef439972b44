"""How a feature is spread in each segment: bars from the quantiles, on a scale on which every segment can be read."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.style import Figure, Rows, in_rows
from clientage.report.words import label

QUANTILES = ("p05", "p25", "median", "p75", "p95")
_HOVER = "median {median}<br>half of them {p25} to {p75}<br>nine of ten {p05} to {p95}"


def spread(profiles: pa.Table, traits: pa.Table, feature: str, currency: str = "") -> Figure:
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
    told = [{name: label(words.amount(feature, row[name], currency)) for name in QUANTILES} for row in found]
    traces = _boxes(found, rows, scale, told)
    name, unit = words.feature_name(feature), words.feature_unit(feature, currency)
    name += f" ({label(unit)})" if unit and unit not in name.lower() else ""
    axis = {"title": {"text": name + ", logarithmic scale" * scale.log}} | scale.axis(currency)
    title = f"How do segments differ in {words.feature_name(feature).lower()}?"
    return in_rows(title, traces, rows, axis, barmode="overlay")


def _boxes(
    found: Sequence[Mapping[str, Any]], rows: Rows, scale: "_Scale", told: Sequence[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Whisker, box, median and its value, for all segments at once."""
    p05, p25, median, p75, p95 = ([scale(row[name]) for row in found] for name in QUANTILES)
    colours = [words.colour(row["colour"]) for row in found]
    common = {"y": rows.at(), "hoverinfo": "skip"}
    bar = common | {"type": "bar", "orientation": "h"}
    mark = {"symbol": "line-ns", "size": 14, "line": {"width": 3, "color": colours}}
    return [
        bar | {"base": p05, "x": _less(p95, p05), "width": rows.thick(3), "marker": {"color": colours}},
        bar | {"base": p25, "x": _less(p75, p25), "width": rows.thick(), "marker": {"color": colours, "opacity": 0.55}}
        | {"hoverinfo": "text", "hovertext": [_HOVER.format(**each) for each in told]},
        common | {"type": "scatter", "mode": "markers", "x": median, "marker": mark},
        common | {"type": "scatter", "mode": "text", "x": p95, "text": [f"  median {each['median']}" for each in told]}
        | {"textposition": "middle right", "cliponaxis": False},
    ]  # fmt: skip


def _less(high: Sequence[float], low: Sequence[float]) -> list[float]:
    return [top - bottom for top, bottom in zip(high, low, strict=True)]


class _Scale:
    """An axis on which every segment can be read: plain, or log1p to both sides where a few values dwarf the rest."""

    def __init__(self, feature: str, found: Sequence[Mapping[str, Any]]) -> None:
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
