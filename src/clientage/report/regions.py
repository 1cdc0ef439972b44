"""Where customers live: countries with their revenue, how it changes, and which segment is largest there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import Section
from clientage.report.places import place
from clientage.report.world import Bubble, across, world

TOP = 10
MOST_NAMED = 8


@dataclass(frozen=True)
class Region:
    """A country.

    Attributes:
        country: As it came.
        customers: Who live there.
        active: Share of them with an order in the last horizon.
        revenue: Spend less returns of them, in currency.
        recent: Of it, in the last horizon.
        earlier: Of it, in the horizon before.
        segment: Name of the segment of most of them.
        colour: Its colour.
    """

    country: str
    customers: int
    active: float
    revenue: float
    recent: float
    earlier: float
    segment: str
    colour: str

    @property
    def change(self) -> str:
        """How revenue changed from one horizon to the next."""
        return words.change(self.recent, self.earlier)


def regions(found: pa.Table, profiles: Sequence[Mapping[str, Any]], currency: str) -> Section | None:
    """Countries, those of most revenue first, and a map where there are two that can be placed; None without any.

    Args:
        found: The table `regions`.
        profiles: Rows of the table `profiles`.
        currency: Put before money.
    """
    ranked = ranking(found, profiles)
    if not ranked:
        return None
    largest = max([0.0, *(each.revenue for each in ranked if place(each.country))])
    bubbles = [_bubble(each, at, largest, currency) for each in ranked if (at := place(each.country))]
    text = reading(ranked, profiles[0]["horizon_days"])
    if len(bubbles) < 2:
        return Section(text, ranked[:TOP])
    lost = unplaced([each.country for each in ranked if not place(each.country)])
    return Section(text, ranked[:TOP], [world("Where do customers live?", bubbles, text)], lost)


def ranking(found: pa.Table, profiles: Sequence[Mapping[str, Any]]) -> list[Region]:
    """Countries over all segments, those of most revenue first."""
    known = {row["segment_id"]: row for row in profiles}
    own: dict[str, list[dict[str, Any]]] = {}
    order = {id_: place for place, id_ in enumerate(known)}
    for row in sorted(found.to_pylist(), key=lambda row: order.get(row["segment_id"], len(order))):
        own.setdefault(row["country"] or "country not known", []).append(row)
    return sorted((_region(*each, known) for each in own.items()), key=lambda each: (-each.revenue, each.country))


def reading(ranked: Sequence[Region], days: int) -> str:
    """Who brings the revenue, and where among the largest it changed most."""
    text = _first(ranked)
    changes = [(words.growth(each.recent, each.earlier), each) for each in ranked[:TOP]]
    known = [(value, each) for value, each in changes if value is not None]
    up, down = (pick(known, key=lambda pair: pair[0], default=(0.0, None))[1] for pick in (max, min))
    if up is None or down is None or up.change == down.change:
        return text
    return (
        f"{text} Among the {len(changes)} largest, growth is strongest in {up.country} ({up.change}) and weakest in "
        f"{down.country} ({down.change}): the last {days} days against the {days} before."
    )


def _first(ranked: Sequence[Region]) -> str:
    """How much the first country brings."""
    total = sum(each.revenue for each in ranked)
    if total <= 0:
        return "No revenue is known."
    name, part = ranked[0].country, ranked[0].revenue / total
    if len(ranked) == 1:
        return f"All revenue comes from {name}."
    others = f"the other {len(ranked) - 1} countries" if len(ranked) > 2 else ranked[1].country
    return f"{name} brings {words.share(part)} of revenue, {others} {words.share(1 - part)}."


def unplaced(names: Sequence[str]) -> str:
    """Countries that the map does not show."""
    if not names:
        return ""
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"Not on the map: {', '.join(names[:MOST_NAMED])}{rest}."


def _region(country: str, rows: Sequence[Mapping[str, Any]], known: Mapping[int, Mapping[str, Any]]) -> Region:
    """A country over its segments."""
    customers, active, revenue, recent, earlier = (
        sum(row[name] for row in rows) for name in ("customers", "active", "revenue", "recent", "earlier")
    )
    largest = known.get(max(rows, key=lambda row: row["customers"])["segment_id"], {})
    segment, colour = largest.get("segment", words.UNKNOWN), largest.get("colour", "")
    share = active / customers if customers else 0.0
    return Region(country, customers, share, revenue, recent, earlier, segment, colour)


def _bubble(region: Region, at: tuple[float, float], largest: float, currency: str) -> Bubble:
    told = f"{words.customers(region.customers)}, revenue {words.money(region.revenue, currency)}, {region.change}"
    size = across(max(region.revenue, 0.0), largest)
    return Bubble(region.country, *at, size, words.growth(region.recent, region.earlier), told)
