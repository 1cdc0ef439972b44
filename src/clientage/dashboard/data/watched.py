"""What `clientage monitor` found: windows, their measures, episodes of drift, and who went where."""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from clientage.dashboard.data.source import Row, Shop

FIGURES = ("min", "max", "mean", "median")  # of features, told and not judged
SHOWN = (
    "window", "days", "reference", "measure", "subject", "value", "expected", "low", "high", "score", "verdict",
    "because",
)  # fmt: skip
NEW = 0  # in place of a segment, for who was not a customer yet


def verdicts(shop: Shop) -> list[Row]:
    """The verdict on each window as a whole, the first window first."""
    drift = shop.tables["drift"]
    return shop.rows(drift.filter(drift.area == "all").order_by("window"))


def measures(shop: Shop) -> list[Row]:
    """What was measured: area, measure, how many subjects, and the worst verdict of the last window."""
    drift = shop.tables["drift"]
    judged = drift.filter(drift.area != "all", ~drift.measure.isin(FIGURES))
    each = judged.group_by("area", "measure").agg(subjects=judged.subject.nunique())
    return shop.rows(each.order_by("area", "measure"))


def found(shop: Shop, window: date) -> list[Row]:
    """What was not well in a window, the furthest from usual first."""
    drift = shop.tables["drift"]
    own = drift.filter(drift.window == window, drift.area != "all", drift.verdict.isin(["watch", "drift"]))
    return shop.rows(own.order_by(ibis.desc("score"), "area", "measure", "subject").limit(30))


def over_time(shop: Shop, area: str, measure: str) -> list[Row]:
    """A measure over all windows, for each of its subjects."""
    drift = shop.tables["drift"]
    own = drift.filter(drift.area == area, drift.measure == measure)
    return shop.rows(own.select(SHOWN).order_by("subject", "window"))


def features(shop: Shop) -> list[str]:
    """Features that were watched."""
    drift = shop.tables["drift"]
    own = drift.filter(drift.area == "customers", drift.measure.isin(FIGURES))
    return [row["subject"] for row in shop.rows(own.select("subject").distinct().order_by("subject"))]


def feature(shop: Shop, name: str) -> dict[str, list[Row]]:
    """Minimum, maximum, mean and median of a feature over all windows."""
    drift = shop.tables["drift"]
    own = drift.filter(drift.area == "customers", drift.subject == name, drift.measure.isin(FIGURES))
    rows = shop.rows(own.select(SHOWN).order_by("window"))
    return {figure: [row for row in rows if row["measure"] == figure] for figure in FIGURES}


def counts(shop: Shop) -> list[Row]:
    """Most rows behind the measures of an area in each window: area, window, rows."""
    drift = shop.tables["drift"]
    each = drift.group_by("area", "window").agg(rows=drift["rows"].max())
    return shop.rows(each.order_by("area", "window"))


def episodes(shop: Shop) -> list[Row]:
    """Times of drift, the latest first."""
    return shop.rows(shop.tables["episodes"].order_by(ibis.desc("opened")))


def days(shop: Shop) -> list[date]:
    """Days on which customers were found in their segments, the first one first."""
    journeys = shop.tables["journeys"]
    return [row["since"] for row in shop.rows(journeys.select("since").distinct().order_by("since"))]


def flows(shop: Shop, first: date, last: date) -> list[Row]:
    """Who went where between two days: from_segment_id (0 for who was not there yet), segment_id, customers."""
    journeys = shop.tables["journeys"]
    then, now = (_at(journeys, day) for day in (first, last))
    both = now.left_join(then.rename(from_segment_id="segment_id"), "customer_id")
    both = both.mutate(from_segment_id=both.from_segment_id.fill_null(NEW))
    each = both.group_by("from_segment_id", "segment_id").agg(customers=both.count())
    return shop.rows(each.order_by("from_segment_id", "segment_id"))


def _at(journeys: ir.Table, day: date) -> ir.Table:
    known = journeys.filter(journeys.since <= day)
    return known.group_by("customer_id").agg(segment_id=known.segment_id.argmax(known.since))


def names(shop: Shop) -> dict[int, str]:
    """Names of all segments that customers were ever in, the latest of each."""
    journeys = shop.tables["journeys"]
    each = journeys.group_by("segment_id").agg(segment=journeys.segment.argmax(journeys.since))
    return {row["segment_id"]: row["segment"] for row in shop.rows(each)}


def mix(shop: Shop) -> list[Row]:
    """Customers of each segment on each day that anyone moved: since, segment_id, customers."""
    journeys = shop.tables["journeys"]
    order = ibis.window(group_by="customer_id", order_by="since")
    steps = journeys.select("since", "segment_id", left=journeys.segment_id.lag().over(order))
    joined = steps.select("since", "segment_id", came=ibis.literal(True))
    gone = steps.filter(steps.left.notnull()).select("since", segment_id="left", came=ibis.literal(False))
    both = joined.union(gone)
    numbers = {"came": both.count(where=both.came), "went": both.count(where=~both.came)}
    each = both.group_by("since", "segment_id").agg(**numbers)
    return _summed(shop.rows(each.order_by("since", "segment_id")))


def _summed(steps: Sequence[Row]) -> list[Row]:
    """Numbers on each day from what came and went."""
    now: dict[int, int] = dict.fromkeys(sorted({row["segment_id"] for row in steps}), 0)
    found = []
    for day in sorted({row["since"] for row in steps}):
        for row in steps:
            if row["since"] == day:
                now[row["segment_id"]] += row["came"] - row["went"]
        found += [{"since": day, "segment_id": own, "customers": customers} for own, customers in now.items()]
    return found
