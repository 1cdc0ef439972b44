"""Charts of customers and revenue: each takes small tables and answers the question in its title.

The page shows them as they are and a dashboard may do the same. Text from data goes through `words.label`, colours come
from `profiles.colour`. Charts about how the segments were made are in `clientage.report.diagnostics`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.style import ALERT, NEUTRAL, QUIET, Figure, Rows, figure, in_rows, room
from clientage.report.words import label

RADAR = (
    "recency_days", "frequency", "monetary", "lines_per_basket", "units_per_line", "cancellation_rate", "tenure_days",
)  # fmt: skip
SHORT = {"recency_days": "Days since order"}


def revenue_share(profiles: pa.Table) -> Figure:
    """Share of customers against share of revenue, for each segment.

    Args:
        profiles: The table `profiles`.
    """
    found = profiles.to_pylist()
    rows = Rows([row["segment"] for row in found], bars=2)
    colours = [words.colour(row["colour"]) for row in found]
    traces = [
        _bars(rows, bar, [row[name] for row in found], [f"{words.share(row[name])} of {what}" for row in found])
        | {"name": f"share of {what}", "marker": {"color": colours, "opacity": opacity}}
        for bar, (name, what, opacity) in enumerate((("share", "customers", 0.4), ("revenue_share", "revenue", 1.0)))
    ]
    values = [row[name] for row in found for name in ("share", "revenue_share")]
    top = max([0.2, *values])
    ticks = [tick / 10 for tick in range(0, 11, 2 if top > 0.4 else 1) if tick / 10 <= top + 0.1]
    axis = {"title": {"text": "Share of all (%)"}, "range": room(values), "tickvals": ticks, "tickformat": ".0%"}
    return in_rows("Who brings the revenue?", traces, rows, axis)


def radar(profiles: pa.Table, traits: pa.Table, segment_id: int) -> Figure:
    """How a segment differs from the average customer, in standard deviations.

    Args:
        profiles: The table `profiles`.
        traits: The table `traits`.
        segment_id: Which segment.
    """
    profile = next(row for row in profiles.to_pylist() if row["segment_id"] == segment_id)
    z = {(row["segment_id"], row["feature"]): row["z"] for row in traits.to_pylist()}
    shown = [name for name in RADAR if z.get((segment_id, name)) is not None]
    reach = max([2.0, *(abs(value) for (_, name), value in z.items() if name in RADAR and value is not None)])
    around = [label(SHORT.get(name, words.feature_name(name)), 10) for name in [*shown, *shown[:1]]]
    colour = words.colour(profile["colour"])
    traces = [
        _ring([0.0] * len(around), around, {"color": QUIET, "dash": "dot", "width": 1.5}) | {"hoverinfo": "skip"},
        _ring([z[segment_id, name] for name in [*shown, *shown[:1]]], around, {"color": colour, "width": 2.5})
        | {"fill": "toself", "opacity": 0.85, "hovertemplate": "%{theta}: %{r:+.1f} SD<extra></extra>"},
    ]
    axis = {"range": [-reach - 0.2, reach + 0.2], "tickvals": [-1, 0, 1], "showticklabels": False, "showline": False}
    polar = {"radialaxis": axis | {"ticks": ""}, "angularaxis": {"direction": "clockwise", "rotation": 90}}
    title = f"What sets “{label(profile['segment'])}” apart?"
    return figure(title, traces, 280, polar=polar, margin={"l": 72, "r": 72, "t": 44, "b": 40})


def months(monthly: pa.Table, profiles: pa.Table, last: date | None, currency: str = "") -> Figure:
    """Revenue by month, stacked by segment.

    Args:
        monthly: month (date, its first day), segment_id, revenue.
        profiles: The table `profiles`.
        last: Last day that the lines cover; a month that goes on after it is marked.
        currency: Put before money.
    """
    sums = {(row["month"], row["segment_id"]): row["revenue"] for row in monthly.to_pylist()}
    every = sorted({month for month, _ in sums})
    part = unfinished(every, last)
    traces = [
        {
            "type": "bar", "name": label(row["segment"]), "x": [month.isoformat() for month in every],
            "y": [round(sums.get((month, row["segment_id"]), 0.0), 2) for month in every],
            "marker": {
                "color": words.colour(row["colour"]),
                "pattern": {"shape": ["/" if month == part else "" for month in every]},
            },
            "hovertemplate": f"%{{x|%B %Y}}<br>%{{fullData.name}}<br>{_money_template(currency, 'y')}<extra></extra>",
        }
        for row in profiles.to_pylist()
    ]  # fmt: skip
    total = {month: sum(value for (at, _), value in sums.items() if at == month) for month in every}
    layout = {
        "barmode": "relative", "bargap": 0.25, "showlegend": True,
        "xaxis": {"type": "date", "tickformat": "%b\n%Y", "showgrid": False},
        "yaxis": {"title": {"text": _axis("Revenue", currency)}, "rangemode": "tozero", "tickformat": "~s"}
        | {"tickprefix": label(words.prefix(currency))},
        "annotations": _month_notes(total, part, last, currency),
    }  # fmt: skip
    return figure("How does revenue develop?", traces, 380, **layout, margin={"t": 30})


def unfinished(every: Sequence[date], last: date | None) -> date | None:
    """The last month, where it goes on after the last day that is known."""
    goes_on = bool(every and last and last < (every[-1] + timedelta(days=31)).replace(day=1) - timedelta(days=1))
    return every[-1] if goes_on else None


def countries(found: pa.Table, currency: str = "", top: int = 8) -> Figure:
    """Revenue by country: the largest, and all others as one.

    Args:
        found: country, revenue.
        currency: Put before money.
        top: How many to name.
    """
    ranked = largest(found, top)
    total = sum(value for _, value in ranked) or 1.0
    rows, values = Rows([name for name, _ in ranked]), [value for _, value in ranked]
    text = [f"{words.short_money(value, currency)} · {words.share(value / total)}" for value in values]
    bars = _bars(rows, 0, values, [label(each) for each in text]) | {"marker": {"color": NEUTRAL}}
    axis = {"title": {"text": _axis("Revenue", currency)}, "range": room(values), "tickformat": "~s", "nticks": 5}
    axis["tickprefix"] = label(words.prefix(currency))
    return in_rows("Where does the revenue come from?", [bars], rows, axis)


def largest(found: pa.Table, top: int = 8) -> list[tuple[str, float]]:
    """Countries with the most revenue, and the rest as one."""
    ranked = sorted(
        ((row["country"] or "country not known", row["revenue"]) for row in found.to_pylist()),
        key=lambda pair: (-pair[1], pair[0]),
    )
    rest = ranked[top:] if len(ranked) > top + 1 else []
    other = [(f"{len(rest)} other countries", sum(value for _, value in rest))] if rest else []
    return ranked[: len(ranked) - len(rest)] + other


def funnel(received: int, reasons: Mapping[str, int], used: int) -> Figure:
    """From the lines received to those used, reason by reason.

    Args:
        received: Lines that came in.
        reasons: Lines set aside by cleaning rule, in order.
        used: Lines that are left.
    """
    names = ["received", *(f"set aside: {words.reason(name)}" for name in reasons), "used"]
    values = [received, *reasons.values(), used]
    left, starts = received, [0]
    for value in reasons.values():
        left -= value
        starts.append(left)
    rows = Rows(names)
    text = [f"{'' if i in (0, len(names) - 1) else '− '}{words.count(value)}" for i, value in enumerate(values)]
    bars = _bars(rows, 0, values, text) | {"base": [*starts, 0], "cliponaxis": False}
    bars["marker"] = {"color": [QUIET, *[ALERT] * len(reasons), NEUTRAL]}
    axis = {"title": {"text": "Order lines"}, "range": [0, received * 1.3 or 1], "tickformat": "~s", "nticks": 5}
    return in_rows("Which lines were used?", [bars], rows, axis)


def _bars(rows: Rows, bar: int, values: Sequence[float], text: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "bar", "orientation": "h", "y": rows.at(bar), "x": list(values), "width": rows.thick(),
        "text": list(text), "textposition": "outside", "textfont": {"size": 13}, "hoverinfo": "skip",
    }  # fmt: skip


def _ring(r: Sequence[float], theta: Sequence[str], line: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatterpolar", "r": list(r), "theta": list(theta), "mode": "lines", "line": line}


def _axis(what: str, currency: str) -> str:
    return f"{what} ({label(currency)})" if currency else what


def _money_template(currency: str, axis: str) -> str:
    # a currency is data: its own percent signs must not start a placeholder
    return f"{label(words.prefix(currency)).replace('%{', '% {')}%{{{axis}:,.0f}}"


def _month_notes(
    total: Mapping[date, float], part: date | None, last: date | None, currency: str
) -> list[dict[str, Any]]:
    """The best month with its revenue, and how far an unfinished one goes."""
    best = max(total, key=lambda month: total[month], default=None)
    notes: list[tuple[date, dict[str, Any]]] = []
    if best and best != part:
        notes.append((best, {"text": label(words.short_money(total[best], currency))}))
    if part and last:
        # upright, so that it stays over its own narrow bar on a phone
        notes.append((part, {"text": f" until {last.day} {last:%b}", "textangle": -90}))
    place = {"yanchor": "bottom", "showarrow": False}
    return [note | place | {"x": month.isoformat(), "y": max(total[month], 0)} for month, note in notes]
