"""The shop as a whole, and what changed since the window before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import pyarrow as pa

from clientage.dashboard.data.source import NEEDED, Row, Shop
from clientage.errors import WorkspaceError
from clientage.expressions import exact_sum
from clientage.report import charts, diagnostics, kinds, moves, queries, regions, words, worth
from clientage.report import offers as reported
from clientage.report.panels import Chart, Section
from clientage.report.spread import spread


@dataclass(frozen=True)
class Whole:
    """The shop as a whole.

    Attributes:
        name: Of the shop; may be empty.
        currency: Put before money.
        day: The day that everything looks back from; None where it is not known.
        horizon: Days of a window.
        profiles: Rows of the table, the segment of most revenue first.
        warnings: What to know before acting.
    """

    name: str
    currency: str
    day: date | None
    horizon: int
    profiles: tuple[Row, ...]
    warnings: tuple[str, ...]


def whole(shop: Shop) -> Whole:
    """The shop as a whole.

    Raises:
        WorkspaceError: A table is missing.
    """
    if missing := [name for name in NEEDED if name not in shop.tables]:
        raise WorkspaceError(
            f"{shop.warehouse.workspace}: there is no table {', '.join(missing)} yet. "
            "Make it with `clientage run FILE`."
        )
    told = shop.manifest
    found = profiles(shop).to_pylist()
    warnings = tuple(text for stage in told.warnings.values() for text in stage)
    day = told.as_of or queries.as_of(shop.tables)
    return Whole(
        str(told.source.get("shop") or ""), shop.currency, day, found[0]["horizon_days"], tuple(found), warnings
    )


def profiles(shop: Shop) -> pa.Table:
    """The table `profiles`, the segment of most revenue first."""
    return queries.collect(shop.tables["profiles"].order_by(ibis.desc("revenue"), "segment_id"))


def traits(shop: Shop) -> pa.Table:
    """The table `traits`."""
    return queries.collect(shop.tables["traits"].order_by("segment_id", "feature"))


def figures(shop: Shop) -> Row:
    """Customers, completed orders and revenue less returns, of the whole shop."""
    customers = shop.tables["customers"]
    orders = customers.frequency.sum().cast("float64")
    return shop.rows(customers.agg(customers=customers.count(), orders=orders, revenue=exact_sum(customers.spend)))[0]


def buys_again(shop: Shop) -> float | None:
    """Share of the buyers from before the last window that bought in it; None where that is not known."""
    known = whole(shop)
    found: float | None = queries.headline(shop.tables, known.day, known.horizon)["buys_again"]
    return found


def revenue(shop: Shop) -> Chart:
    """Who brings the revenue."""
    return charts.revenue_share(profiles(shop))


def months(shop: Shop) -> Chart:
    """Revenue by month and segment."""
    day = whole(shop).day
    last = day - timedelta(days=1) if day else None
    return charts.months(queries.monthly(shop.tables, day), profiles(shop), last, shop.currency)


def changes(shop: Shop) -> tuple[list[Row], list[Row]]:
    """The last window against the one before: figures of the shop, and revenue and customers of each segment.

    Returns:
        Rows with `name`, `now`, `before`; and for each segment `segment`, `colour`, revenue and customers of both.
        Empty where the last day is not known.
    """
    known = whole(shop)
    if known.day is None:
        return [], []
    found = shop.rows(_windows(shop, known.day, known.horizon))
    by_window = [[row for row in found if row["before"] is before] for before in (False, True)]
    now, before = (
        {name: sum(row[name] for row in own) for name in ("revenue", "orders", "customers")} for own in by_window
    )
    newcomers = shop.rows(_newcomers(shop, known.horizon))[0]
    figures = [{"name": name, "now": now[name], "before": before[name]} for name in now]
    figures.append({"name": "new customers", **newcomers})
    return figures, [_segment(profile, *by_window) for profile in known.profiles]


def _windows(shop: Shop, day: date, days: int) -> Any:
    """Revenue, orders and customers by segment, of the last window and of the one before."""
    lines, segments = shop.tables["lines"], shop.tables["segments"].select("customer_id", "segment_id")
    start, middle, end = (ibis.timestamp(str(day - timedelta(days=days * ago))) for ago in (2, 1, 0))
    recent = lines.filter(lines.invoiced_at >= start, lines.invoiced_at < end)
    recent = recent.mutate(before=recent.invoiced_at < middle).join(segments, "customer_id")
    return recent.group_by("before", "segment_id").agg(
        revenue=exact_sum(recent.amount),
        orders=recent.invoice.nunique(where=~recent.cancelled),
        customers=recent.customer_id.nunique(where=~recent.cancelled),
    )


def _newcomers(shop: Shop, days: int) -> Any:
    """Customers whose first line lies in the last window, and in the one before."""
    customers = shop.tables["customers"]
    age = customers.tenure_days
    now, before = customers.count(where=age <= days), customers.count(where=(age > days) & (age <= 2 * days))
    return customers.agg(now=now, before=before)


def _segment(profile: Row, now: Sequence[Row], before: Sequence[Row]) -> Row:
    def of(rows: Sequence[Row], name: str) -> float:
        return float(sum(row[name] for row in rows if row["segment_id"] == profile["segment_id"]))

    return {
        "segment_id": profile["segment_id"], "segment": profile["segment"], "colour": profile["colour"],
        "revenue": of(now, "revenue"), "revenue_before": of(before, "revenue"),
        "customers": of(now, "customers"), "customers_before": of(before, "customers"),
    }  # fmt: skip


def radars(shop: Shop) -> dict[int, Chart]:
    """What sets each segment apart, by its number."""
    return {int(chart.id.removeprefix("radar-")): chart for chart in charts.radars(profiles(shop), traits(shop))}


def features(shop: Shop) -> list[str]:
    """Features that a distribution is known of, in the order of plain words."""
    order = {name: i for i, name in enumerate(words.FEATURES)}
    return sorted(set(traits(shop)["feature"].to_pylist()), key=lambda name: (order.get(name, len(order)), name))


def distribution(shop: Shop, feature: str) -> Chart:
    """How a feature is spread in each segment."""
    return spread(profiles(shop), traits(shop), feature, shop.currency)


def lift(shop: Shop, segment: int) -> list[Row]:
    """Features of a segment: mean, median and lift over all customers, the most unlike the average first."""
    found = [row for row in traits(shop).to_pylist() if row["segment_id"] == segment]
    return sorted(found, key=lambda row: (row["z"] is None, -abs(row["z"] or 0.0), row["feature"]))


def space(shop: Shop) -> Chart | None:
    """The map of customers; None where the recipe has none."""
    total = queries.rows(shop.tables["customers"])
    points = queries.points(shop.tables, total)
    return None if points is None else diagnostics.customer_map(points, profiles(shop), total)


def offers(shop: Shop) -> Section | None:
    """What each segment likes, and what to offer to it."""
    return reported.offers(shop.tables, whole(shop).profiles, shop.manifest.recommender)


def worths(shop: Shop) -> tuple[Chart, ...]:
    """What customers are worth, and which kinds of buyers there are."""
    buyers = shop.manifest.choice.get("buyers") or {}
    found = (
        worth.worth(shop.tables, profiles(shop), traits(shop), shop.currency),
        kinds.kinds(shop.tables, whole(shop).profiles, buyers),
    )
    return tuple(chart for section in found if section for chart in section.charts)


def places(shop: Shop) -> Section | None:
    """Where customers live."""
    return _section(shop, "regions", lambda found: regions.regions(found, whole(shop).profiles, shop.currency))


def moved(shop: Shop) -> Section | None:
    """Who moved at the last training."""
    return _section(shop, "migrations", lambda found: moves.moves(found, whole(shop).profiles))


def _section(shop: Shop, table: str, shown: Callable[[pa.Table], Section | None]) -> Section | None:
    return shown(queries.collect(shop.tables[table])) if table in shop.tables else None
