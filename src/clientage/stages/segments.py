"""Segments: a model is made, applied to all customers, and described."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta

import ibis
import pyarrow as pa

from clientage.context import MODEL, Columns, Run, buyers, enough
from clientage.expressions import exact_sum
from clientage.segments import choose, document, fit
from clientage.segments.buyers import KINDS, BuyerLimits, buyer_limits
from clientage.segments.candidates import Candidate
from clientage.segments.grid import GridModel
from clientage.segments.model import CentroidModel
from clientage.segments.profile import After, Known, profiles, traits
from clientage.segments.regions import regions
from clientage.segments.space import RECIPES, Recipe
from clientage.stages.sweep import limits, winner


def train(run: Run) -> None:
    """A model of segments, with as many as asked for or as stay stable; after a sweep, what won there."""
    now = buyers(run.columns(run.read("customers")))
    fitted = _fitted(run, now)
    least = 0.0 if isinstance(fitted, GridModel) else run.settings.segments.min_share
    for sentence in fit.doubts(fitted.predict(now), least):
        run.manifest.warn("train", sentence)
    run.manifest.choice["buyers"] = fitted.buyers.told(run.manifest.currency)
    run.warehouse.write_text(MODEL, document.dumps(fitted))


def _fitted(run: Run, now: Columns) -> document.SegmentModel:
    if best := winner(run):
        return _fit_candidate(run, now, *best)
    return _fit_grid(run, now) if run.settings.segments.recipe == "quintiles" else _fit_centroids(run, now)


def _fit_grid(run: Run, now: Columns) -> GridModel:
    wanted = run.settings.segments
    model = fit.fit_grid(
        now, wanted.quintiles.model_dump(), buyers=_buyer_limits(run, now), currency=run.manifest.currency
    )
    run.manifest.choice = {"recipe": wanted.recipe, "k": len(model.segments), "reason": "the grid's usual names"}
    run.warehouse.drop("quality")
    return model


def _fit_centroids(run: Run, now: Columns) -> CentroidModel:
    wanted = run.settings.segments
    return fit.fit_centroids(
        RECIPES[wanted.recipe],
        now,
        _chosen_k(run, now),
        seed=wanted.seed,
        restarts=wanted.restarts,
        buyers=_buyer_limits(run, now),
        currency=run.manifest.currency,
    )


def _fit_candidate(run: Run, now: Columns, best: Candidate, reason: str) -> CentroidModel:
    """As the sweep fitted it; the figures of other numbers of segments are those of its space."""
    wanted, kept = run.settings.segments, asdict(limits(run.settings))
    _measured(run, best.space, {run.manifest.day: now}, best.k)
    choice = {"recipe": best.recipe, "k": best.k, "reason": reason, "limits": kept}
    run.manifest.choice = choice | {"candidate": best.told()}
    return fit.fit_centroids(
        best.space,
        now,
        best.k,
        seed=wanted.seed,
        restarts=best.n_init,
        init=best.init,
        max_iter=best.max_iter,
        buyers=_buyer_limits(run, now),
        currency=run.manifest.currency,
    )


def _buyer_limits(run: Run, now: Columns) -> BuyerLimits:
    wanted = run.settings.segments
    return buyer_limits(now, wanted.wholesale_ratio, wanted.order_ratio)


def _chosen_k(run: Run, now: Columns) -> int:
    """The number of segments, given or chosen."""
    wanted, as_of = run.settings.segments, run.manifest.day
    recipe, snapshots, kept = RECIPES[wanted.recipe], {as_of: now}, {}
    if wanted.k == "auto":
        earlier = sorted({as_of - timedelta(days=days) for days in wanted.snapshots} - {as_of})
        snapshots = {day: found for day in earlier if enough(found := run.snapshot(day), wanted.k_max)} | snapshots
        kept = {"mean": wanted.min_stability, "worst": wanted.worst_stability}
    k, reason = _measured(run, recipe, snapshots, None if wanted.k == "auto" else wanted.k)
    run.manifest.choice = {"recipe": wanted.recipe, "k": k, "reason": reason, "limits": kept}
    return k


def _measured(run: Run, recipe: Recipe, snapshots: Mapping[date, Columns], given: int | None) -> tuple[int, str]:
    """The number of segments, and why; the figures of every number go to the table `quality`."""
    wanted, kept = run.settings.segments, limits(run.settings)
    rows = choose.measure(
        recipe,
        snapshots,
        sorted({*range(wanted.k_min, wanted.k_max + 1), *([given] if given else [])}),
        limits=kept,
        seed=wanted.seed,
        bootstraps=0 if given else wanted.bootstraps,
        progress=run.progress,
    )
    k, reason = (given, "as set") if given else choose.decide(rows, kept)
    run.write("quality", [row | {"chosen": row["k"] == k} for row in rows])
    return k, reason


def segment(run: Run) -> None:
    """Every customer in a segment, by the model."""
    model = document.loads(run.warehouse.read_text(MODEL))
    customers = run.read("customers")
    segments = model.assign(customers)
    recipe = RECIPES.get(model.recipe)
    if isinstance(model, CentroidModel) and recipe and recipe.outliers:
        columns = run.columns(customers)
        marked = fit.outliers(model.space, recipe.outliers, columns, run.settings.segments.seed)
        ids = run.warehouse.collect(run.sample(customers).select("customer_id"))["customer_id"]
        flags = ibis.memtable(pa.table({"customer_id": ids, "outlier": marked}))
        segments = segments.left_join(flags, "customer_id").drop("customer_id_right")
    run.write("segments", segments.order_by("customer_id"))


def profile(run: Run) -> None:
    """Who the segments are, and what they did next."""
    model = document.loads(run.warehouse.read_text(MODEL))
    customers, segments = run.read("customers"), run.read("segments")
    both = customers.join(segments.select("customer_id", "segment_id", "wholesale", "buyer"), "customer_id")
    sums = both.group_by("segment_id").agg(
        customers=both.count(),
        revenue=exact_sum(both.spend),
        wholesale=both.customer_id.count(where=both.wholesale),
        **{kind: both.customer_id.count(where=both.buyer == kind) for kind in KINDS},
        **({"expected": exact_sum(both.expected_spend)} if "expected_spend" in both.columns else {}),
    )
    totals = {row.pop("segment_id"): row for row in run.rows(sums)}
    columns = run.columns(customers)
    known = Known(totals, columns, model.predict(columns), _after(run, model), run.settings.evaluate.horizon_days)
    run.write("profiles", profiles(model, known, run.manifest.currency))
    run.write("traits", traits(columns, known.labels))
    if "country" in customers.columns:
        horizon = run.settings.evaluate.horizon_days
        run.write("regions", regions(run.read("lines"), customers, segments, run.manifest.day, horizon))
    else:
        run.drop("regions")


def _after(run: Run, model: document.SegmentModel) -> After | None:
    """Segments a horizon ago and what happened since, where a horizon lies before that day too."""
    horizon = timedelta(days=run.settings.evaluate.horizon_days)
    day = run.manifest.day - horizon
    if day - run.first_day() < horizon:
        return None
    customers = run.snapshot(day)
    return After(model.predict(customers), customers["next_spend"] > 0, customers["next_net"])
