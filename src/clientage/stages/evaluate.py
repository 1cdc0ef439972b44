"""The temporal hold-out: what is known before a day is judged by what happened after it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np

from clientage.context import Run, enough
from clientage.customers.forecasts import judged
from clientage.customers.lifetime import fit_lifetime, purchases
from clientage.errors import InputError
from clientage.expressions import sampled
from clientage.recommendations.evaluate import Trial, first_bought, recommenders
from clientage.recommendations.purchases import binary, gathered, kept
from clientage.segments import evaluate as groupings
from clientage.segments.outcomes import outcomes
from clientage.segments.space import RECIPES
from clientage.stages.customers import history
from clientage.stages.recommend import products_at

CLUSTERS = 3  # of the recipe `classic`, whose best sellers are the rule of thumb to beat
EVERY = {name for recipe in RECIPES.values() for name in recipe.features}
LEAST_HORIZON = 14  # days, below which hardly anybody buys again


def evaluate(run: Run) -> None:
    """Every recipe at every cutoff, judged by what customers did next."""
    wanted, fixed = run.settings.evaluate, run.settings.segments
    days = cutoffs(run)
    if not days:
        raise _too_short(run)
    rows: list[dict[str, Any]] = []
    for done, cutoff in enumerate(days, 1):
        customers = run.snapshot(cutoff, EVERY)
        if not enough(customers, wanted.groups):
            mend = "Give a later --cutoff" if wanted.cutoffs else "Give more lines"
            raise InputError(f"too few customers bought before {cutoff} to judge a grouping. {mend}.")
        scores = groupings.scorecard(
            customers,
            wanted.groups,
            cuts=fixed.quintiles.model_dump(),
            seed=fixed.seed,
            folds=wanted.folds,
            bootstraps=fixed.bootstraps,
        )
        rows += [{"cutoff": cutoff} | row for row in scores]
        run.progress(done / len(days))
    run.write("evaluation", rows)
    _evaluate_values(run, days)
    _evaluate_recommenders(run, max(days))


def _evaluate_values(run: Run, days: Sequence[date]) -> None:
    """Expected spend beside what a shop would otherwise go by."""
    baskets, horizon = run.read("baskets"), run.settings.evaluate.horizon_days
    rows: list[dict[str, Any]] = []
    for cutoff in days:
        table = _buyers(run, cutoff)
        for name, day in (("before", cutoff - timedelta(days=horizon)), ("after", cutoff)):
            spent = outcomes(baskets, day, horizon).select("customer_id", **{name: ibis._.next_net})
            table = table.left_join(spent, "customer_id").drop("customer_id_right")
        found = run.warehouse.collect(table.order_by("customer_id"))
        past = history(found)
        before, after = (np.nan_to_num(found[name].cast("float64").to_numpy()) for name in ("before", "after"))
        naive = {"last horizon": before, "all so far": (past.repeats + 1) * past.worth}
        model, _ = fit_lifetime(past)
        forecasts = ({"expected": model.expected_spend(past, horizon)} if model else {}) | naive
        rows += [{"cutoff": cutoff} | row for row in judged(forecasts, after)]
    run.write("values", rows)


def _evaluate_recommenders(run: Run, cutoff: date) -> None:
    """Every way to recommend, on the same customers."""
    lines, wanted = run.read("lines"), run.settings.recommendations
    if "product" not in lines.columns:
        run.drop("recommenders")
        return
    pairs = run.warehouse.kept(kept(lines, cutoff), "kept")
    sample = _buyers(run, cutoff).select("customer_id")
    products = run.warehouse.collect(products_at(run, pairs, cutoff))
    ids = run.warehouse.collect(sample.order_by("customer_id"))["customer_id"]
    units, after = (
        gathered(
            run.warehouse.batches(found.semi_join(sample, "customer_id")),
            ids.combine_chunks(),
            products["product"].combine_chunks(),
        )
        for found in (pairs, first_bought(lines, cutoff, run.settings.evaluate.horizon_days))
    )
    if units.nnz == 0 or after.nnz == 0 or len(products) < 2:
        run.drop("recommenders")  # nothing to learn from, or nothing to be right about
        return
    counts = (products[name].to_numpy() for name in ("customers", "recent_customers", "offered"))
    groups = groupings.grouped("classic", run.snapshot(cutoff, EVERY), CLUSTERS)
    rows = recommenders(
        Trial(units, binary(units), after, groups, *counts), penalty=wanted.penalty, neighbours=wanted.neighbours
    )
    run.write("recommenders", [{"cutoff": cutoff} | row for row in rows])


def _buyers(run: Run, cutoff: date) -> ir.Table:
    """The customers of `Run.snapshot`, with their purchases before a day."""
    count = run.manifest.tables.get("customers", 0)
    return sampled(purchases(run.read("baskets"), cutoff), count, run.settings.segments.sample)


def cutoffs(run: Run) -> Sequence[date]:
    """The days to split at, from the settings, each with a whole horizon after it; without them, three days.

    Those are two months apart, the last with a full horizon after it; as many as the data reach back to, perhaps none.

    Raises:
        InputError: A day of the settings is too late.
    """
    wanted = run.settings.evaluate
    latest = run.today - timedelta(days=wanted.horizon_days)
    if late := [str(cutoff) for cutoff in wanted.cutoffs if cutoff > latest]:
        raise InputError(
            f"there are not {wanted.horizon_days} days of order lines after {', '.join(late)}. "
            f"Give a --cutoff no later than {latest}."
        )
    first, horizon = run.first_day(), timedelta(days=wanted.horizon_days)
    days = [run.today - horizon - timedelta(days=60 * i) for i in (2, 1, 0)]
    return wanted.cutoffs or [day for day in days if day - first >= horizon]


def _too_short(run: Run) -> InputError:
    first, horizon = run.first_day(), run.settings.evaluate.horizon_days
    fits = (run.today - first).days // 2
    shorter = f", or --set evaluate.horizon_days={fits}" if fits >= LEAST_HORIZON else ""
    return InputError(
        f"the order lines span too few days ({first} to {run.today}) for {horizon} days of features and "
        f"{horizon} of outcomes. Give more lines{shorter}."
    )
