"""Charts of customers and revenue: each takes small tables, answers the question in its title, and says what it shows.

Text from data goes through `words.label`, colours come from `profiles.colour`. Charts about how the segments were made
are in `clientage.report.diagnostics`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import ALERT, NEUTRAL, QUIET, Chart, Row, Rows, chart, in_rows, money_axis
from clientage.report.words import count, label, share

RADAR = (
    "recency_days", "frequency", "monetary", "lines_per_basket", "units_per_line", "cancellation_rate", "tenure_days",
)  # fmt: skip
SHORT = {"recency_days": "Days since order"}
_OUTSIDE: dict[str, Any] = {"textposition": "outside", "textfont": {"size": 13}}


def revenue_share(profiles: pa.Table) -> Chart:
    """Share of customers against share of revenue, for each segment.

    Args:
        profiles: The table `profiles`.
    """
    found = profiles.to_pylist()
    rows = Rows([row["segment"] for row in found], bars=2)
    colours = [words.colour(row["colour"]) for row in found]
    traces = [
        rows.bars([row[name] for row in found], bar, text=[f"{share(row[name])} of {what}" for row in found])
        | {"name": f"share of {what}", "marker": {"color": colours, "opacity": opacity}, **_OUTSIDE}
        for bar, (name, what, opacity) in enumerate((("share", "customers", 0.4), ("revenue_share", "revenue", 1.0)))
    ]
    values = [row[name] for row in found for name in ("share", "revenue_share")]
    top, reach = max([0.2, *values]), [1.55 * min([0.0, *values]), 1.55 * max([0.0, *values])]
    ticks = [tick / 10 for tick in range(0, 11, 2 if top > 0.4 else 1) if tick / 10 <= top + 0.1]
    axis = {"title": {"text": "Share of all (%)"}, "range": reach, "tickvals": ticks, "tickformat": ".0%"}
    return in_rows("revenue", "Who brings the revenue?", traces, rows, axis, _most(found))


def _most(profiles: Sequence[Row]) -> str:
    """Which segment brings the most, and how that compares with its size."""
    best = max(profiles, key=lambda row: row["revenue_share"])
    times = best["revenue_share"] / best["share"] if best["share"] else 0.0
    more = f", {times:.1f} times their share" if times >= 1.15 else ""
    return (
        f"“{best['segment']}” are {share(best['share'])} of customers and bring {share(best['revenue_share'])} of "
        f"revenue{more}."
    )


def radars(profiles: pa.Table, traits: pa.Table) -> list[Chart]:
    """How each segment differs from the average customer, in standard deviations, on rings that all share.

    Args:
        profiles: The table `profiles`.
        traits: The table `traits`.
    """
    z = {(row["segment_id"], row["feature"]): row["z"] for row in traits.to_pylist() if row["z"] is not None}
    known = {segment for segment, _ in z}
    reach = max([2.0, *(abs(value) for (_, name), value in z.items() if name in RADAR)])
    axis = {"range": [-reach - 0.2, reach + 0.2], "tickvals": [-1, 0, 1], "showticklabels": False, "showline": False}
    polar = {"radialaxis": axis | {"ticks": ""}, "angularaxis": {"direction": "clockwise", "rotation": 90}}
    return [
        chart(
            f"radar-{profile['segment_id']}", f"What sets “{profile['segment']}” apart?",
            _rings({name: z[own, name] for name in RADAR if (own, name) in z}, words.colour(profile["colour"])),
            280, profile["summary"], polar=polar, margin={"l": 72, "r": 72, "t": 44, "b": 40},
        )
        for profile in profiles.to_pylist()
        if (own := profile["segment_id"]) in known
    ]  # fmt: skip


def _rings(z: Mapping[str, float], colour: str) -> list[dict[str, Any]]:
    """The average, and the segment around it."""
    around = [label(SHORT.get(name, words.feature_name(name)), 10) for name in [*z, *list(z)[:1]]]
    values = [*z.values(), *list(z.values())[:1]]
    average = {"color": QUIET, "dash": "dot", "width": 1.5}
    ring = {"type": "scatterpolar", "r": [0.0] * len(around), "theta": around, "mode": "lines"}
    return [
        ring | {"line": average, "hoverinfo": "skip"},
        ring | {"r": values, "line": {"color": colour, "width": 2.5}, "fill": "toself", "opacity": 0.85}
        | {"hovertemplate": "%{theta}: %{r:+.1f} SD<extra></extra>"},
    ]  # fmt: skip


def outstanding(profiles: pa.Table, traits: pa.Table) -> str:
    """How to read the rings, and what stands out most."""
    names = {row["segment_id"]: row["segment"] for row in profiles.to_pylist()}
    known = [row for row in traits.to_pylist() if row["z"] is not None and row["feature"] in RADAR]
    how = "The dotted ring is the average customer: outside is more, inside less; rings are a standard deviation apart."
    if not known:
        return how
    most = max((row for row in known if row["segment_id"] in names), key=lambda row: abs(row["z"]))
    side = "above" if most["z"] > 0 else "below"
    return (
        f"{how} Furthest from it: “{names[most['segment_id']]}”, {abs(most['z']):.1f} standard deviations {side} "
        f"the average in {words.feature_name(most['feature']).lower()}."
    )


def months(monthly: pa.Table, profiles: pa.Table, last: date | None, currency: str = "") -> Chart:
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
    # a currency is data: its own percent signs must not start a placeholder
    money = f"{label(words.prefix(currency)).replace('%{', '% {')}%{{y:,.0f}}"
    pattern = {"shape": ["/" if month == part else "" for month in every]}
    traces = [
        {
            "type": "bar", "name": label(row["segment"]), "x": [month.isoformat() for month in every],
            "y": [round(sums.get((month, row["segment_id"]), 0.0), 2) for month in every],
            "marker": {"color": words.colour(row["colour"]), "pattern": pattern},
            "hovertemplate": f"%{{x|%B %Y}}<br>%{{fullData.name}}<br>{money}<extra></extra>",
        }
        for row in profiles.to_pylist()
    ]  # fmt: skip
    total = {month: sum(value for (at, _), value in sums.items() if at == month) for month in every}
    return chart(
        "months", "How does revenue develop?", traces, 380, _best_month(total, part, last, currency),
        barmode="relative", bargap=0.25, margin={"t": 30}, annotations=_month_notes(total, part, last, currency),
        xaxis={"type": "date", "tickformat": "%b\n%Y", "showgrid": False},
        yaxis=money_axis("Revenue", currency) | {"rangemode": "tozero"},
    )  # fmt: skip


def unfinished(every: Sequence[date], last: date | None) -> date | None:
    """The last month, where it goes on after the last day that is known."""
    goes_on = bool(every and last and last < (every[-1] + timedelta(days=31)).replace(day=1) - timedelta(days=1))
    return every[-1] if goes_on else None


def _best_month(total: Mapping[date, float], part: date | None, last: date | None, currency: str) -> str:
    """The best month, and whether the last one goes on."""
    if not total:
        return "No revenue is known."
    best = max(total, key=lambda month: total[month])
    text = f"The best month was {best:%B %Y} with {words.money(total[best], currency)}."
    return text + (f" {part:%B %Y} is not over: lines reach to {words.day(last)}." if part and last else "")


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


def funnel(received: int, reasons: Mapping[str, int], used: int) -> Chart:
    """From the lines received to those used, reason by reason.

    Args:
        received: Lines that came in.
        reasons: Lines set aside by cleaning rule, in order.
        used: Lines that are left.
    """
    rows = Rows(["received", *(f"set aside: {words.reason(name)}" for name in reasons), "used"])
    values = [received, *reasons.values(), used]
    starts = [0, *(received - sum(values[1:i]) for i in range(2, len(values))), 0]
    text = [count(received), *(f"− {count(value)}" for value in reasons.values()), count(used)]
    colours = [QUIET, *[ALERT] * len(reasons), NEUTRAL]
    bars = rows.bars(values, text=text, base=starts, cliponaxis=False, marker={"color": colours}) | _OUTSIDE
    axis = {"title": {"text": "Order lines"}, "range": [0, received * 1.3 or 1], "tickformat": "~s", "nticks": 5}
    told = f"{count(used)} of {count(received)} lines ({share(used / received if received else 0.0)}) were used."
    if reasons:
        most = max(reasons, key=lambda name: reasons[name])
        told += f" Most of the others had this reason: {words.reason(most)} ({count(reasons[most])})."
    return in_rows("funnel", "Which lines were used?", [bars], rows, axis, told)
