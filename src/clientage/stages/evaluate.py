"""The temporal hold-out: what is known before a day is judged by what happened after it."""

from datetime import date, timedelta
from typing import Any

from clientage.context import Run, enough
from clientage.errors import InputError
from clientage.segments import evaluate as groupings

LEAST_HORIZON = 14  # days, below which hardly anybody buys again


def evaluate(run: Run) -> None:
    """Every recipe at every cutoff, judged by what customers did next."""
    wanted, fixed = run.settings.evaluate, run.settings.segments
    cutoffs = _given_cutoffs(run) or _cutoffs(run)
    rows: list[dict[str, Any]] = []
    for done, cutoff in enumerate(cutoffs, 1):
        customers = run.snapshot(cutoff)
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
        run.progress(done / len(cutoffs))
    run.write("evaluation", rows)


def _given_cutoffs(run: Run) -> tuple[date, ...]:
    """The days to split at from the settings; each must have a whole horizon after it."""
    wanted = run.settings.evaluate
    latest = run.today - timedelta(days=wanted.horizon_days)
    if late := [str(cutoff) for cutoff in wanted.cutoffs if cutoff > latest]:
        raise InputError(
            f"there are not {wanted.horizon_days} days of order lines after {', '.join(late)}. "
            f"Give a --cutoff no later than {latest}."
        )
    return wanted.cutoffs


def _cutoffs(run: Run) -> list[date]:
    """Three days, two months apart, the last with a full horizon after it; as many as the data reach back to."""
    first, horizon = run.first_day(), run.settings.evaluate.horizon_days
    days = [run.today - timedelta(days=horizon + 60 * i) for i in (2, 1, 0)]
    found = [day for day in days if day - first >= timedelta(days=horizon)]
    if not found:
        fits = (run.today - first).days // 2
        shorter = f", or --set evaluate.horizon_days={fits}" if fits >= LEAST_HORIZON else ""
        raise InputError(
            f"the order lines span too few days ({first} to {run.today}) for {horizon} days of features and "
            f"{horizon} of outcomes. Give more lines{shorter}."
        )
    return found
