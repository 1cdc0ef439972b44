"""The sweep: many ways to make segments, tried before one of them makes the model."""

from collections.abc import Sequence
from typing import Any

from clientage.context import Columns, Run, buyers, enough
from clientage.errors import SettingsError
from clientage.segments import sweep as candidates
from clientage.segments.candidates import Candidate, Grid
from clientage.segments.choose import Limits
from clientage.settings import Settings
from clientage.stages.customers import EXPECTED
from clientage.stages.evaluate import cutoffs


def sweep(run: Run) -> None:
    """Every candidate of the grid, judged alike; the best of them is what `train` fits."""
    tried, wanted = grid(run.settings).candidates(), run.settings.segments
    now = buyers(run.columns(run.read("customers")))
    known = {name: values for name, values in now.items() if name not in EXPECTED}  # forecasts have no earlier day
    rows = candidates.sweep(
        known,
        tried,
        candidates.Judging(
            _held_out(run, tried),
            bootstraps=wanted.bootstraps,
            folds=run.settings.evaluate.folds,
            seed=wanted.seed,
        ),
        run.progress,
    )
    if left := len(tried) - len(rows):
        run.manifest.warn(
            "sweep",
            f"{left:,} of {len(tried):,} candidates are left out: they have more segments than customers differ.",
        )
    best, _ = candidates.decide(rows, limits(run.settings))
    run.write("candidates", [row | {"chosen": row["candidate"] == best} for row in rows])


def winner(run: Run) -> tuple[Candidate, str] | None:
    """The best candidate and why it is; None where there was no sweep by these settings."""
    if not run.warehouse.exists("candidates"):
        return None
    rows = run.rows(run.read("candidates"))
    number, reason = candidates.decide(rows, limits(run.settings))
    best = next(row for row in rows if row["candidate"] == number)
    found = (each for each in grid(run.settings).candidates() if each.told().items() <= best.items())
    return next(((each, reason) for each in found), None)


def grid(settings: Settings) -> Grid:
    """What the settings say to try.

    Raises:
        SettingsError: The recipe has no k-means.
    """
    wanted, fixed = settings.sweep, settings.segments
    if not wanted.recipes and fixed.recipe == "quintiles":
        raise SettingsError(
            "the recipe quintiles has nothing to sweep. Give recipes that have: --set 'sweep.recipes=[\"behaviour\"]'."
        )
    values: dict[str, Any] = wanted.model_dump()
    return Grid(
        **values | {"recipes": wanted.recipes or (fixed.recipe,), "k": wanted.k if fixed.k == "auto" else (fixed.k,)},
    )


def limits(settings: Settings) -> Limits:
    """What a number of segments must keep."""
    wanted = settings.segments
    return Limits(wanted.min_stability, wanted.worst_stability, wanted.min_share)


def _held_out(run: Run, tried: Sequence[Candidate]) -> Columns | None:
    """Customers at the last day that has a horizon before it and one after it; None where there are too few."""
    days = cutoffs(run)
    needs = {name for candidate in tried for name in candidate.space.features}
    found = run.snapshot(max(days), needs) if days else None
    return found if found and enough(found, max(candidate.k for candidate in tried)) else None
