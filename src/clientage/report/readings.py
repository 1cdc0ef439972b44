"""One sentence under each chart: what is to be seen in it, from its numbers."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.charts import RADAR, largest, unfinished
from clientage.report.diagnostics import MANY, averages
from clientage.report.words import count, share

Row = Mapping[str, Any]


def revenue_share(profiles: pa.Table) -> str:
    """Which segment brings the most, and how that compares with its size."""
    best = max(profiles.to_pylist(), key=lambda row: row["revenue_share"])
    times = best["revenue_share"] / best["share"] if best["share"] else 0.0
    more = f", {times:.1f} times their share" if times >= 1.15 else ""
    return (
        f"“{best['segment']}” are {share(best['share'])} of customers and bring {share(best['revenue_share'])} of "
        f"revenue{more}."
    )


def radar(profiles: pa.Table, traits: pa.Table) -> str:
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


def spread(profiles: pa.Table, traits: pa.Table, feature: str, currency: str = "") -> str:
    """Between which medians the segments lie."""
    names = {row["segment_id"]: row["segment"] for row in profiles.to_pylist()}
    known = [row for row in traits.to_pylist() if row["feature"] == feature and row["median"] is not None]
    known = [row for row in known if row["segment_id"] in names]
    if not known:
        return "Not known for these customers."
    low, high = (pick(known, key=lambda row: row["median"]) for pick in (min, max))
    what = f"Median {words.feature_name(feature).lower()}"
    if low["median"] == high["median"]:
        return f"{what}: {words.amount(feature, low['median'], currency)} in every segment."
    return (
        f"{what}: {words.amount(feature, high['median'], currency)} for “{names[high['segment_id']]}”, "
        f"{words.amount(feature, low['median'], currency)} for “{names[low['segment_id']]}”."
    )


def months(monthly: pa.Table, last: date | None, currency: str = "") -> str:
    """The best month, and whether the last one goes on."""
    totals: dict[date, float] = {}
    for row in monthly.to_pylist():
        totals[row["month"]] = totals.get(row["month"], 0.0) + row["revenue"]
    if not totals:
        return "No revenue is known."
    best, part = max(totals, key=lambda month: totals[month]), unfinished(sorted(totals), last)
    text = f"The best month was {best:%B %Y} with {words.money(totals[best], currency)}."
    return text + (f" {part:%B %Y} is not over: lines reach to {words.day(last)}." if part and last else "")


def countries(found: pa.Table) -> str:
    """How much the first country brings."""
    return first_country(largest(found, top=len(found)))


def first_country(ranked: Sequence[tuple[str, float]]) -> str:
    """The same, of countries and their revenue in order."""
    total = sum(value for _, value in ranked)
    if total <= 0:
        return "No revenue is known."
    name, value = ranked[0]
    if len(ranked) == 1:
        return f"All revenue comes from {name}."
    others = f"the other {len(ranked) - 1} countries" if len(ranked) > 2 else ranked[1][0]
    return f"{name} brings {share(value / total)} of revenue, {others} {share(1 - value / total)}."


def funnel(received: int, reasons: Mapping[str, int], used: int) -> str:
    """How many lines were used, and why most of the rest were not."""
    text = f"{count(used)} of {count(received)} lines ({share(used / received if received else 0.0)}) were used."
    if not reasons:
        return text
    most = max(reasons, key=lambda name: reasons[name])
    return f"{text} Most of the others had this reason: {words.reason(most)} ({count(reasons[most])})."


def choice(chosen: Row) -> str:
    """Why there are as many segments as there are."""
    if not chosen:
        return ""
    reason = chosen.get("reason", "")
    return f"{chosen.get('k', '?')} segments by the recipe “{chosen.get('recipe', '')}”: {reason}."


def scorecard(evaluation: pa.Table, recipe: str) -> str:
    """Which way to group predicts spend best, and how the one in use does."""
    texts = []
    found = averages(evaluation)
    for groups in sorted({row["groups"] for row in found}):
        best, *rest = [row for row in found if row["groups"] == groups]
        if best["r2"] is None:
            continue
        text = f"With {groups} groups, {best['recipe']} predicts spend best (R² {_r2(best)})"
        own = [row for row in rest if row["recipe"] == recipe]
        texts.append(text + "".join(f"; {recipe}, in use, reaches {_r2(row)}{_close(best, row)}" for row in own) + ".")
    return " ".join(texts)


def _close(best: Row, other: Row) -> str:
    """Whether the difference is no larger than chance may make it: two standard errors of either."""
    known = [row["r2_se"] for row in (best, other) if row["r2_se"] is not None]
    return ", which is about as well" if known and best["r2"] - other["r2"] <= 2 * max(known) else ""


def customer_map(shown: int, total: int) -> str:
    """What near means, and how many are shown."""
    which = f"a sample of {count(shown)} of {count(total)} customers" if shown < total else f"{count(total)} customers"
    rest = ", without the most extreme" if shown >= MANY else ""
    return f"Customers who are near each other behave alike. Shown: {which}{rest}."


def correlations(names: Sequence[str], found: Sequence[Sequence[float | None]]) -> str:
    """The pair of features that move together most, and the one that move apart most."""
    pairs = [
        (value, names[i], names[j])
        for i, row in enumerate(found)
        for j, value in enumerate(row[:i])
        if value is not None
    ]
    if not pairs:
        return "Too few customers to tell."
    texts = [f"Most together: {_pair(max(pairs))}."]
    if min(pairs)[0] < 0:
        texts.append(f"Most opposite: {_pair(min(pairs))}.")
    return " ".join(texts)


def _pair(pair: Sequence[Any]) -> str:
    value, a, b = pair
    return f"{words.feature_name(b)} and {words.feature_name(a)} ({value:+.2f})".replace("-", "−")


def _r2(row: Row) -> str:
    return words.measured(row["r2"], row["r2_se"])
