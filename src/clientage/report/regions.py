"""Where customers live: countries with their revenue, how it changes, and which segment is largest there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import Section, chart
from clientage.report.places import place
from clientage.report.readings import first_country
from clientage.report.world import Spot, world

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
    spots = [_spot(each, at, currency) for each in ranked if (at := place(each.country))]
    drawn = len(spots) > 1
    days = profiles[0]["horizon_days"]
    text = reading(ranked, days)
    title = "Where do customers live?"
    charts = [chart("world", world(title, spots), text)] if drawn else []
    lost = [each.country for each in ranked if not place(each.country)]
    return Section(text, ranked[:TOP], charts, unplaced(lost) if drawn else "")


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
    text = first_country([(each.country, each.revenue) for each in ranked])
    changes = [(words.growth(each.recent, each.earlier), each) for each in ranked[:TOP]]
    known = [(value, each) for value, each in changes if value is not None]
    up, down = (pick(known, key=lambda pair: pair[0], default=(0.0, None))[1] for pick in (max, min))
    if up is None or down is None or up.change == down.change:
        return text
    return (
        f"{text} Among the {len(changes)} largest, growth is strongest in {up.country} ({up.change}) and weakest in "
        f"{down.country} ({down.change}): the last {days} days against the {days} before."
    )


def unplaced(names: Sequence[str]) -> str:
    """Countries that the map does not show."""
    if not names:
        return ""
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"Not on the map: {', '.join(names[:MOST_NAMED])}{rest}."


def _region(country: str, rows: Sequence[Mapping[str, Any]], known: Mapping[int, Mapping[str, Any]]) -> Region:
    customers, active = (sum(row[name] for row in rows) for name in ("customers", "active"))
    revenue, recent, earlier = (sum(row[name] for row in rows) for name in ("revenue", "recent", "earlier"))
    largest = known.get(max(rows, key=lambda row: row["customers"])["segment_id"], {})
    return Region(
        country,
        customers,
        active / customers if customers else 0.0,
        revenue,
        recent,
        earlier,
        largest.get("segment", words.UNKNOWN),
        largest.get("colour", ""),
    )


def _spot(region: Region, at: tuple[float, float], currency: str) -> Spot:
    told = f"{words.customers(region.customers)}, revenue {words.money(region.revenue, currency)}, {region.change}"
    return Spot(region.country, *at, max(region.revenue, 0.0), words.growth(region.recent, region.earlier), told)
