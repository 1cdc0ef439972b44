"""Segments: a model is made, applied to all customers, and described."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, timedelta

import ibis
import pyarrow as pa

from clientage.context import MODEL, Columns, Run, buyers, enough
from clientage.expressions import exact_sum
from clientage.segments import choose, document, evaluate, fit
from clientage.segments.align import aligned
from clientage.segments.buyers import KINDS, BuyerLimits, buyer_limits
from clientage.segments.candidates import Candidate
from clientage.segments.grid import GridModel
from clientage.segments.kmeans import Floats
from clientage.segments.migrations import migrations
from clientage.segments.model import CentroidModel, placed
from clientage.segments.profile import After, Known, profiles, traits
from clientage.segments.regions import regions
from clientage.segments.space import RECIPES, Recipe, Space
from clientage.stages.sweep import limits, winner


def train(run: Run) -> None:
    """A model of segments, with as many as asked for or as stay stable; after a sweep, what won there."""
    now = buyers(run.columns(run.read("customers")))
    fitted = _fitted(run, now)
    if run.lineage.previous:
        fitted = aligned(fitted, run.lineage.previous, now, last=run.lineage.last_number)
    least = 0.0 if isinstance(fitted, GridModel) else run.settings.segments.min_share
    for sentence in fit.doubts(fitted.predict(now), least):
        run.manifest.warn("train", sentence)
    run.manifest.choice["as_of"] = str(run.manifest.day)
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
        elsewhere=_all_customers(run) if wanted.full_fit else None,
    )


def _all_customers(run: Run) -> Callable[[Space], Floats]:
    """Finds centroids among all who bought, where tables are."""
    wanted = run.settings.segments

    def found(space: Space) -> Floats:
        customers = run.read("customers")
        places = placed(customers.filter(customers.frequency > 0), space)
        points = places.select(f"y{i}" for i in range(space.matrix.shape[1]))
        k = int(run.manifest.choice["k"])
        return run.warehouse.centroids(points, k, seed=wanted.seed, restarts=wanted.restarts)

    return found


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
        snapshots = _snapshots(run, now, recipe)
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


def _snapshots(run: Run, now: Columns, recipe: Recipe) -> dict[date, Columns]:
    """Customers now and on some days before, where there were enough of them."""
    wanted, as_of = run.settings.segments, run.manifest.day
    earlier = sorted({as_of - timedelta(days=days) for days in wanted.snapshots} - {as_of})
    return {day: found for day in earlier if enough(found := run.snapshot(day, recipe.features), wanted.k_max)} | {
        as_of: now
    }


def stability(run: Run, model: document.SegmentModel) -> tuple[float, float]:
    """Agreement of refits with the segments, on average over the snapshots and at the worst of them.

    As choosing the number found it; measured where the number was given, or found by a sweep.
    """
    known = run.rows(run.read("quality")) if run.warehouse.exists("quality") else []
    found = [row["stability"] for row in known if row["chosen"] and row["stability"] is not None]
    now, wanted = buyers(run.columns(run.read("customers"))), run.settings.segments
    if isinstance(model, GridModel):
        cuts = wanted.quintiles.model_dump()
        found = [evaluate.stability(model.recipe, now, model.predict(now), cuts=cuts, seed=wanted.seed)]
    elif not found:
        best = winner(run)
        recipe = best[0].space if best else RECIPES[model.recipe]
        rows = choose.measure(
            recipe,
            _snapshots(run, now, recipe),
            [len(model.segments)],
            limits=choose.Limits(mean=2.0, worst=-1.0, share=0.0),  # so that every snapshot is measured
            seed=wanted.seed,
            bootstraps=wanted.bootstraps,
        )
        found = [row["stability"] for row in rows]
    return sum(found) / len(found), min(found)


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
    if (before := run.lineage.previous) and set(before.needs) <= set(customers.columns):
        run.write("migrations", migrations(before.assign(customers), run.read("segments")))
    else:
        run.drop("migrations")


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
    customers = run.snapshot(day, model.needs)
    return After(model.predict(customers), customers["next_spend"] > 0, customers["next_net"])
