"""What customers say of windows: how they buy lately, and who is in which segment."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np

from clientage.context import Run, buyers, enough
from clientage.customers.features import customer_features, products_bought
from clientage.monitoring import features
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Floats, Observed
from clientage.segments.evaluate import grouped
from clientage.segments.indices import adjusted_rand
from clientage.segments.space import RECIPES
from clientage.stages.watch.watch import Watch, unknown

SOME_DAY, EARLIER = date(1904, 2, 3), date(1903, 4, 5)  # stand in statements where the days of windows come


def lately(run: Run, day: date = SOME_DAY, since: date | None = None) -> ir.Table:
    """Features of customers by what they bought in the last days before a day alone.

    The longer a shop keeps its lines, the larger are sums over all of them: only as many days as ever can be compared.
    """
    baskets, lines = run.read("baskets"), run.read("lines")
    since = since or day - timedelta(days=run.settings.monitor.lookback_days)
    start = ibis.timestamp(str(since))
    recent, bought = baskets.filter(baskets.hour_at >= start), lines.filter(lines.invoiced_at >= start)
    found = customer_features(recent, day, run.settings.shop.home_country or "·", products=products_bought(bought, day))
    left_out = {"as_of", "country", "is_home_country", *features.LEFT_OUT} - {"recency_days"}
    return found.drop(*sorted(left_out & set(found.columns)))


def bought_lately(watch: Watch, numbers: range) -> Observed:
    """How customers who ordered in windows bought lately, at the end of each."""
    days = watch.run.settings.monitor.lookback_days
    table = lately(watch.run, since=EARLIER)
    seen = table.filter(table.recency_days <= watch.windows.days).drop("recency_days")
    known = _asked(watch, seen, numbers, "lately", lambda end: {EARLIER: end - timedelta(days=days)})
    there = {name: each for name, each in watch.ranges.items() if name in known.columns}
    rows = watch.run.rows(features.spread(known, there))
    return features.observed(rows, list(numbers), watch.ranges, "customers")


def in_segments(watch: Watch, numbers: range, before: ir.Table | None = None) -> tuple[Observed, ir.Table | None]:
    """Who is in which segment at the end of each window.

    Args:
        watch: What to look with.
        numbers: The windows.
        before: customer_id and segment_id at the end of the window before; None where that is not known.

    Returns:
        What was seen, and the changes of segment as rows of the table `journeys`; None where the model needs what these
        customers do not have.
    """
    run = watch.run
    table = run.customers_at(SOME_DAY, watch.model.needs)
    if not set(watch.model.needs) <= set(table.columns):
        return Observed(tuple(numbers)), None
    needed = sorted({*watch.model.needs, *(name for name in FLAGGED if name in table.columns)})
    known = _asked(watch, table.select("customer_id", *needed), numbers, "known")
    located = run.warehouse.kept(watch.model.locate(known, "window"), f"located-{numbers.start}")
    shares = located.group_by("window", "segment_id").agg(customers=located.count())
    seen = _shares(watch, run.rows(shares), numbers)
    changes, moved = _changes(watch, located, numbers, before)
    return seen.joined(Observed(tuple(numbers), {Key("segments", "moved"): moved})), changes


FLAGGED = ("monetary", "frequency", "units_per_line")  # what tells kinds of buyers


def _asked(
    watch: Watch,
    table: ir.Table,
    numbers: range,
    name: str,
    other: Callable[[date], Mapping[date, date]] = lambda _: {},
) -> ir.Table:
    """What is asked for `SOME_DAY`, at the end of each window and with its number."""
    days = {number: {SOME_DAY: (end := watch.end(number))} | dict(other(end)) for number in numbers}
    return watch.run.warehouse.on_days(table, days, name, watch.run.progress)


def _shares(watch: Watch, rows: Sequence[Mapping[str, Any]], numbers: range) -> Observed:
    """Customers by window and segment."""
    ids = [segment.segment_id for segment in watch.model.segments]
    counts = np.zeros((len(numbers), len(ids)))
    for row in rows:
        counts[row["window"] - numbers.start, ids.index(row["segment_id"])] = row["customers"]
    names = tuple(map(str, ids))
    return Observed(
        tuple(numbers), behind={"segments": counts.sum(axis=1)}, counts={Key("segments", "mix"): Counts(names, counts)}
    )


def _changes(watch: Watch, located: ir.Table, numbers: range, before: ir.Table | None) -> tuple[ir.Table, Floats]:
    """Who is in another segment than a window before, or new; and the share that changed of those who were known."""
    where = located.select("customer_id", "segment_id", "segment", "window")
    if before is not None:
        start = before.mutate(segment=ibis.literal(""), window=ibis.literal(numbers.start - 1, "int64"))
        where = ibis.union(start.select("customer_id", "segment_id", "segment", "window"), where)
    old = where.segment_id.lag().over(group_by="customer_id", order_by="window")
    where = watch.run.warehouse.kept(where.mutate(old=old), f"where-{numbers.start}")
    where = where.filter(where.window >= numbers.start)
    counts = where.group_by("window").agg(
        known=where.old.count(), moved=where.customer_id.count(where=where.old != where.segment_id)
    )
    moved = unknown(numbers)
    for row in watch.run.rows(counts):
        if row["known"]:
            moved[row["window"] - numbers.start] = row["moved"] / row["known"]
    changed = where.filter(where.old.isnull() | (where.old != where.segment_id))
    days = ((changed.window - numbers.start) * watch.windows.days).as_interval("D")
    since = (ibis.timestamp(str(watch.end(numbers.start))) + days).date()
    return changed.select("customer_id", since=since, segment_id="segment_id", segment="segment"), moved


def refits(watch: Watch, numbers: range) -> Observed:
    """How much segments made anew at the ends of windows disagree with those of the model; after `in_segments`."""
    wanted, model, apart = watch.run.settings.segments, watch.model, unknown(numbers)
    every = watch.run.warehouse.recalled("known")
    for row, number in enumerate(numbers if model.recipe in RECIPES else ()):
        now = buyers(watch.run.columns(every.filter(every.window == number).drop("window")))
        if enough(now, len(model.segments)):
            anew = grouped(model.recipe, now, len(model.segments), seed=wanted.seed)
            apart[row] = 1 - adjusted_rand(model.predict(now), anew)
    return Observed(tuple(numbers), {Key("segments", "refit"): apart})
