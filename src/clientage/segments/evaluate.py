"""What a grouping is worth: how well it predicts, out of fold, who buys again and for how much."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from clientage.segments.choose import Columns, refit_agreement
from clientage.segments.fit import fit_grid, place
from clientage.segments.grid import NAMES
from clientage.segments.indices import adjusted_rand, area_under_curve
from clientage.segments.kmeans import Floats, Integers, kmeans
from clientage.segments.space import RECIPES

RESAMPLES = 200
CELLS = len({name for row in NAMES for name in row})


@dataclass(frozen=True)
class Score:
    """Worth of a grouping at a cutoff.

    Attributes:
        r2: Share of the variance of log1p(spend in the horizon) that out-of-fold group means explain.
        r2_se: Its standard error over customers.
        auc: Chance that a customer who buys again stands above one who does not; None where all or none do.
        auc_se: Its standard error over customers.
    """

    r2: float | None
    r2_se: float | None
    auc: float | None
    auc_se: float | None


def scorecard(
    customers: Columns,
    groups: int,
    *,
    cuts: Mapping[str, tuple[float, ...]] | None = None,
    seed: int = 7,
    folds: int = 5,
    bootstraps: int = 25,
) -> list[dict[str, Any]]:
    """Every recipe at the same numbers of groups: the given one, and that of the grid.

    Args:
        customers: Columns of the table `customers` at the cutoff, with `next_spend` in the horizon after it.
        groups: Number of groups.
        cuts: Limits of the grid; quintiles where they are not given.
        seed: Of all that is random.
        folds: Group means come from the other folds.
        bootstraps: Refits behind the stability.

    Returns:
        Rows of the table `evaluation`, but for the cutoff.
    """
    jobs = [(recipe, k) for k in sorted({groups, CELLS}) for recipe in RECIPES] + [("quintiles", CELLS)]
    rows = []
    with threadpool_limits(1):
        for recipe, k in jobs:
            labels = grouped(recipe, customers, k, cuts=cuts, seed=seed)
            worth = score(labels, customers["next_spend"], folds=folds, seed=seed)
            row = {"recipe": recipe, "groups": k, "customers": len(labels), **asdict(worth)}
            row["stability"] = stability(recipe, customers, labels, cuts=cuts, seed=seed, bootstraps=bootstraps)
            row["smallest_share"] = float(np.unique(labels, return_counts=True)[1].min() / len(labels))
            rows.append(row)
    return rows


def score(labels: Integers, spend: Floats, *, folds: int = 5, seed: int = 7) -> Score:
    """Judge a grouping by what its members did next.

    Args:
        labels: Group of each customer, (n,).
        spend: What each spent in the horizon, (n,); 0 for none.
        folds: Group means come from the other folds.
        seed: Of the folds and of the resamples behind the standard errors.
    """
    rng = np.random.default_rng(seed)
    groups = np.unique(labels, return_inverse=True)[1]
    fold = rng.permutation(len(labels)) % folds
    worth, again = np.log1p(spend), (spend > 0).astype(np.int64)
    expected, chance = _out_of_fold(groups, fold, worth), _out_of_fold(groups, fold, again.astype(float))
    draws = [rng.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES)]
    varied = worth.std() > 0
    r2 = [_r2(worth[drawn], expected[drawn]) for drawn in draws] if varied else []
    known = 0 < again.sum() < len(again)
    auc = [area_under_curve(chance[drawn], again[drawn]) for drawn in draws] if known else []
    return Score(
        _r2(worth, expected) if varied else None,
        float(np.nanstd(r2, ddof=1)) if varied else None,
        area_under_curve(chance, again) if known else None,
        float(np.nanstd(auc, ddof=1)) if known else None,
    )


def grouped(
    recipe: str, customers: Columns, groups: int, *, cuts: Mapping[str, tuple[float, ...]] | None = None, seed: int = 7
) -> Integers:
    """Group customers at a cutoff by a recipe; `quintiles` has a number of groups of its own."""
    if recipe == "quintiles":
        return fit_grid(customers, cuts).predict(customers)
    return kmeans(place(RECIPES[recipe], customers)[1], groups, seed=seed).labels


def stability(
    recipe: str,
    customers: Columns,
    labels: Integers,
    *,
    cuts: Mapping[str, tuple[float, ...]] | None = None,
    seed: int = 7,
    bootstraps: int = 25,
) -> float:
    """Mean adjusted Rand index between a grouping and those of bootstrap samples, over all customers."""
    k, n = len(np.unique(labels)), len(labels)
    if recipe != "quintiles":
        seeds = ([seed, k, b] for b in range(bootstraps))
        return float(np.mean([refit_agreement(RECIPES[recipe], customers, labels, k, each) for each in seeds]))
    drawn = [np.random.default_rng([seed, b]).integers(0, n, n) for b in range(bootstraps)]
    samples = [{name: values[rows] for name, values in customers.items()} for rows in drawn]
    return float(np.mean([adjusted_rand(labels, fit_grid(sample, cuts).predict(customers)) for sample in samples]))


def _out_of_fold(groups: Integers, fold: Integers, outcome: Floats) -> Floats:
    """For each customer the mean outcome of its group in the other folds; of everyone there if the group is not."""
    k, folds = int(groups.max()) + 1, int(fold.max()) + 1
    cells = groups * folds + fold
    sums = np.bincount(cells, outcome, k * folds).reshape(k, folds)
    sizes = np.bincount(cells, minlength=k * folds).reshape(k, folds)
    others, seen = sums.sum(axis=1, keepdims=True) - sums, sizes.sum(axis=1, keepdims=True) - sizes
    overall = (sums.sum() - sums.sum(axis=0)) / np.maximum(sizes.sum() - sizes.sum(axis=0), 1)
    means = np.where(seen > 0, others / np.maximum(seen, 1), overall)
    return np.asarray(means[groups, fold])


def _r2(outcome: Floats, expected: Floats) -> float:
    total = float(((outcome - outcome.mean()) ** 2).sum())
    return 1 - float(((outcome - expected) ** 2).sum()) / total if total else float("nan")
