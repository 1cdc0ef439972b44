"""How many segments: the most that stay stable.

At a few recent snapshots, each number of segments is refitted on bootstrap samples of the customers, space and all, and
compared with the fit on all of them (Dolnicar and Leisch 2010; agreement by Hubert and Arabie 1985).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from clientage.errors import InputError
from clientage.segments.fit import different, place, too_alike
from clientage.segments.indices import adjusted_rand, quality
from clientage.segments.kmeans import Floats, Integers, kmeans, nearest
from clientage.segments.space import Recipe

RESTARTS = 5

Columns = Mapping[str, Floats]


@dataclass(frozen=True)
class Limits:
    """What a number of segments must keep.

    Attributes:
        mean: Stability over all snapshots.
        worst: Stability at every snapshot.
        share: Share of customers in the smallest segment, at the latest snapshot.
    """

    mean: float = 0.80
    worst: float = 0.75
    share: float = 0.05


def measure(
    recipe: Recipe,
    snapshots: Mapping[date, Columns],
    ks: Sequence[int],
    *,
    limits: Limits = Limits(),
    seed: int = 7,
    bootstraps: int = 25,
    progress: Callable[[float], None] = lambda share: None,
) -> list[dict[str, Any]]:
    """How each number of segments does at each snapshot.

    Stability is measured only as far as it decides: from the largest number down, at the latest snapshot first, until a
    number keeps the limits. A number with too small a segment, or unstable at one snapshot, is out at once.

    Args:
        recipe: What customers are compared by.
        snapshots: Columns of the table `customers` by the day they look back from; the last is now.
        ks: Numbers to try; those that too few different customers can be parted into are left out.
        limits: What must hold.
        seed: Seed of starts and samples.
        bootstraps: Refits for each snapshot and number; 0 leaves stability unmeasured.
        progress: Told the share of the numbers that are judged.

    Returns:
        Rows of the table `quality`, but for `chosen`.

    Raises:
        InputError: The customers differ too little for any of the numbers.
    """
    # a fit is far too small for threads to help inside it
    with threadpool_limits(1):
        bases = {day: _bases(recipe, customers, ks, seed) for day, customers in snapshots.items()}
        rows = {
            (day, k): {"as_of": day, "k": k, **found, "stability": None, "stability_se": None}
            for day, (_, figures) in bases.items()
            for k, found in figures.items()
        }
        candidates = _wide(list(rows.values()), limits) if bootstraps else []
        for done, k in enumerate(sorted(candidates, reverse=True), 1):
            days = sorted((day for day, other in rows if other == k), reverse=True)
            for day in days:
                base = bases[day][0][k]
                agreement = [refit_agreement(recipe, snapshots[day], base, k, [seed, k, b]) for b in range(bootstraps)]
                rows[day, k] |= mean_agreement(agreement)
                if np.mean(agreement) < limits.worst:
                    break
            progress(done / len(candidates))
            if _kept(list(rows.values()), k, limits):
                break
    return list(rows.values())


def decide(rows: Sequence[Mapping[str, Any]], limits: Limits) -> tuple[int, str]:
    """The largest number of segments that keeps the limits, and why; the most stable one where none does.

    Args:
        rows: What `measure` found.
        limits: What must hold.
    """
    candidates = _wide(rows, limits)
    mean = {k: float(np.mean(_measured(rows, k))) for k in candidates if _measured(rows, k)}
    kept = [k for k in candidates if _kept(rows, k, limits)]
    if kept:
        k = max(kept)
        return k, f"the most that stay stable (ARI {mean[k]:.2f}) with none under {limits.share:.0%}"
    k = max(mean, key=lambda k: mean[k])
    return k, f"the most stable (ARI {mean[k]:.2f}), but {_missed(rows, k, limits)}"


def _wide(rows: Sequence[Mapping[str, Any]], limits: Limits) -> list[int]:
    """The numbers whose smallest segment is large enough now; all where none is."""
    now = max(row["as_of"] for row in rows)
    share = {row["k"]: row["smallest_share"] for row in rows if row["as_of"] == now}
    return [k for k in share if share[k] >= limits.share] or list(share)


def _measured(rows: Sequence[Mapping[str, Any]], k: int) -> list[float]:
    return [row["stability"] for row in rows if row["k"] == k and row["stability"] is not None]


def _kept(rows: Sequence[Mapping[str, Any]], k: int, limits: Limits) -> bool:
    """Whether a number keeps all limits, at every snapshot that has it."""
    measured = [row["stability"] is not None for row in rows if row["k"] == k]
    return all(measured) and not _missed(rows, k, limits)


def _missed(rows: Sequence[Mapping[str, Any]], k: int, limits: Limits) -> str:
    """Which limits a number does not keep."""
    own = [row for row in rows if row["k"] == k]
    return missed(_measured(rows, k), max(own, key=lambda row: row["as_of"])["smallest_share"], limits)


def missed(stability: Sequence[float], share: float, limits: Limits) -> str:
    """Which limits are not kept, in words; empty where all are.

    Args:
        stability: At each snapshot; what was not measured is not missed.
        share: Share of customers in the smallest segment.
        limits: What must hold.
    """
    mean, worst = (float(np.mean(stability)), min(stability)) if stability else (np.inf, np.inf)
    failed = {
        f"on average below {limits.mean:.2f}": mean < limits.mean,
        f"as low as {worst:.2f} at one time (limit {limits.worst:.2f})": worst < limits.worst,
        f"its smallest has {share:.0%} (limit {limits.share:.0%})": share < limits.share,
    }
    return " and ".join(what for what, true in failed.items() if true)


def refit_agreement(recipe: Recipe, customers: Columns, base: Integers, k: int, seed: Sequence[int]) -> float:
    """Agreement (adjusted Rand index) of a grouping with a fit on a bootstrap sample, over all customers."""
    n = len(base)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n)).astype(float)
    _, points = place(recipe, customers, counts)
    drawn = counts > 0
    refit = kmeans(points[drawn], k, seed=seed[-1], restarts=RESTARTS, weights=counts[drawn])
    return adjusted_rand(base, nearest(points, refit.centroids))


def _bases(
    recipe: Recipe, customers: Columns, ks: Sequence[int], seed: int
) -> tuple[dict[int, Integers], dict[int, dict[str, float]]]:
    """For each number the grouping of all customers, and its figures."""
    _, points = place(recipe, customers)
    most = different(points)
    possible = [k for k in ks if k <= most]
    if not possible:
        raise InputError(too_alike(len(points), most, min(ks)))
    labels = {k: kmeans(points, k, seed=seed, restarts=2 * RESTARTS).labels for k in possible}
    figures = quality(points, list(labels.values()), seed)
    share = [{"smallest_share": float(np.bincount(labels[k], minlength=k).min() / len(points))} for k in possible]
    return labels, {k: figures[i] | share[i] for i, k in enumerate(possible)}


def mean_agreement(agreement: Sequence[float]) -> dict[str, float]:
    """Mean agreement of the refits, and its standard error."""
    error = np.std(agreement, ddof=1) / np.sqrt(len(agreement))
    return {"stability": float(np.mean(agreement)), "stability_se": float(error)}
