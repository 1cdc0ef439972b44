"""Where customers live: countries with their revenue, how it changes, and which segment is largest there."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import Row, Section
from clientage.report.places import place
from clientage.report.world import Bubble, across, world

TOP = 10
MOST_NAMED = 8


def regions(found: pa.Table, profiles: Sequence[Row], currency: str) -> Section | None:
    """Countries, those of most revenue first, and a map where there are two that can be placed; None without any.

    Args:
        found: The table `regions`.
        profiles: Rows of the table `profiles`.
        currency: Put before money.
    """
    ranked = ranking(found, profiles)
    if not ranked:
        return None
    largest = max([0.0, *(each["revenue"] for each in ranked if place(each["country"]))])
    bubbles = [_bubble(each, at, largest, currency) for each in ranked if (at := place(each["country"]))]
    text = reading(ranked, profiles[0]["horizon_days"])
    if len(bubbles) < 2:
        return Section(text, ranked[:TOP])
    lost = unplaced([each["country"] for each in ranked if not place(each["country"])])
    return Section(text, ranked[:TOP], [world("Where do customers live?", bubbles, text)], lost)


def ranking(found: pa.Table, profiles: Sequence[Row]) -> list[Row]:
    """Countries over all segments, those of most revenue first.

    Returns:
        `country`, `customers` who live there, share of them `active` in the last horizon, `revenue` less returns, of it
        what is `recent` (of the last horizon) and `earlier` (of the one before), with `growth` from one to the other,
        also in words (`change`), and name and `colour` of the `segment` of most of them.
    """
    known = {row["segment_id"]: row for row in profiles}
    own: dict[str, list[dict[str, Any]]] = {}
    order = {id_: place for place, id_ in enumerate(known)}
    for row in sorted(found.to_pylist(), key=lambda row: order.get(row["segment_id"], len(order))):
        own.setdefault(row["country"] or "country not known", []).append(row)
    return sorted((_region(*each, known) for each in own.items()), key=lambda each: (-each["revenue"], each["country"]))


def reading(ranked: Sequence[Row], days: int) -> str:
    """Who brings the revenue, and where among the largest it changed most."""
    text = _first(ranked)
    largest = ranked[:TOP]
    known = [each for each in largest if each["growth"] is not None]
    up, down = (pick(known, key=lambda each: each["growth"], default=largest[0]) for pick in (max, min))
    if up["change"] == down["change"]:
        return text
    return (
        f"{text} Among the {len(largest)} largest, growth is strongest in {up['country']} ({up['change']}) "
        f"and weakest in {down['country']} ({down['change']}): the last {days} days against the {days} before."
    )


def _first(ranked: Sequence[Row]) -> str:
    """How much the first country brings."""
    total = sum(each["revenue"] for each in ranked)
    if total <= 0:
        return "No revenue is known."
    name, part = ranked[0]["country"], ranked[0]["revenue"] / total
    if len(ranked) == 1:
        return f"All revenue comes from {name}."
    others = f"the other {len(ranked) - 1} countries" if len(ranked) > 2 else ranked[1]["country"]
    return f"{name} brings {words.share(part)} of revenue, {others} {words.share(1 - part)}."


def unplaced(names: Sequence[str]) -> str:
    """Countries that the map does not show."""
    if not names:
        return ""
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"Not on the map: {', '.join(names[:MOST_NAMED])}{rest}."


def _region(country: str, rows: Sequence[Row], known: Mapping[int, Row]) -> Row:
    names = ("customers", "active", "revenue", "recent", "earlier")
    found = {name: sum(row[name] for row in rows) for name in names}
    found["active"] = found["active"] / found["customers"] if found["customers"] else 0.0
    largest = known.get(max(rows, key=lambda row: row["customers"])["segment_id"], {})
    return found | {
        "country": country,
        "growth": words.growth(found["recent"], found["earlier"]),
        "change": words.change(found["recent"], found["earlier"]),
        "segment": largest.get("segment", words.UNKNOWN),
        "colour": largest.get("colour", ""),
    }


def _bubble(row: Row, at: tuple[float, float], largest: float, currency: str) -> Bubble:
    told = f"{words.customers(row['customers'])}, revenue {words.money(row['revenue'], currency)}, {row['change']}"
    return Bubble(row["country"], *at, across(max(row["revenue"], 0.0), largest), row["growth"], told)
