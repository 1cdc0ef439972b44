"""Which settings make the best segments: every candidate of a grid, at the cost of the work they share.

Candidates compared by the same things share their points and the distances between them; those that start alike share
their starts, of which fewer are the first of more; those that find the same groups share the figures. The groups and
their figures are exactly those of a fit of its own. Stability and hold-out belong to the space and the number of
segments: they are measured once for each.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from clientage.errors import InputError
from clientage.segments.candidates import Candidate
from clientage.segments.choose import RESTARTS, Columns, Limits, mean_agreement, missed, refit_agreement
from clientage.segments.evaluate import score
from clientage.segments.fit import different, place, too_alike
from clientage.segments.indices import quality
from clientage.segments.kmeans import Clusters, Floats, Integers, Restarts, every_restart, kmeans

MOST = 5_000  # customers that silhouettes are taken on

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Judging:
    """How candidates are judged beside their shape.

    Attributes:
        held_out: Columns of customers at an earlier day, with `next_spend` in the horizon after it; None where there
            is no such day.
        bootstraps: Refits behind the stability; 0 leaves it unmeasured.
        folds: Group means come from the other folds.
        seed: Of all that is random.
    """

    held_out: Columns | None = None
    bootstraps: int = 25
    folds: int = 5
    seed: int = 7


def sweep(
    customers: Columns,
    candidates: Sequence[Candidate],
    judging: Judging = Judging(),
    progress: Callable[[float], None] = lambda share: None,
) -> list[dict[str, Any]]:
    """What every candidate makes of the customers.

    Args:
        customers: Columns of the table `customers`.
        candidates: What to try; those with more segments than there are different customers are left out.
        judging: How they are judged.
        progress: Told the share that is done.

    Returns:
        Rows of the table `candidates`, but for `chosen`.

    Raises:
        InputError: A weight is for what is no feature, or the customers differ too little for any candidate.
    """
    _require_features(candidates, customers)
    found: dict[Candidate, dict[str, Any]] = {}
    with threadpool_limits(1):  # the same bytes for any number of cores
        for own in _alike(candidates, "recipe", "log", "weights"):
            points = place(own[0].space, customers)[1]
            most = different(points)
            possible = [candidate for candidate in own if candidate.k <= most]
            fits = {each: fit for group in _alike(possible, "init", "k") for each, fit in _fits(points, group, judging)}
            shapes = _shapes(points, fits, judging.seed)
            for same in _alike(possible, "k"):
                worth = _worth(customers, points, same[0], judging)
                found |= {each: {"inertia": fits[each].inertia, **shapes[each], **worth} for each in same}
                progress(len(found) / len(candidates))
    if not found:
        raise InputError(too_alike(len(points), most, min(candidate.k for candidate in candidates)))
    numbered = enumerate(candidates, 1)
    return [{"candidate": number, **each.told(), **found[each]} for number, each in numbered if each in found]


def decide(rows: Sequence[Mapping[str, Any]], limits: Limits) -> tuple[int, str]:
    """The candidate to use, and why.

    Of those that keep the limits, all where none does: what predicts best (where that is not known, what is most
    stable), then the lowest inertia, then the least work.

    Args:
        rows: What `sweep` found.
        limits: What must hold.
    """
    best = min([row for row in rows if not _missed(row, limits)] or rows, key=_rank)
    figures = {"R²": best["r2"], "ARI": best["stability"]}
    told = ", ".join(f"{name} {value:.2f}" for name, value in figures.items() if value is not None)
    tried = f"{len(rows):,} candidate{'s' * (len(rows) != 1)}"
    lead = f"the {'most stable' if best['r2'] is None else 'best'} of {tried} ({told})"
    failed = _missed(best, limits)
    return best["candidate"], lead + (f", but {failed}" if failed else f", stable with none under {limits.share:.0%}")


def _missed(row: Mapping[str, Any], limits: Limits) -> str:
    return missed([row["stability"]] if row["stability"] is not None else [], row["smallest_share"], limits)


def _rank(row: Mapping[str, Any]) -> tuple[float, ...]:
    """The smaller, the better."""
    known = row["r2"] is not None
    worth = row["r2"] if known else row["stability"] or 0.0
    # the same groups, found from other starts, differ in the last digits
    return -known, -worth, float(f"{row['inertia']:.9g}"), row["n_init"], row["max_iter"], row["candidate"]


def _require_features(candidates: Iterable[Candidate], customers: Columns) -> None:
    weighted = {name for candidate in candidates for name, _ in candidate.weights}
    if unknown := sorted(weighted - set(customers)):
        raise InputError(
            f"sweep.weights: there is no feature {', '.join(unknown)} of these customers. "
            f"Weigh some of {', '.join(sorted(customers))}."
        )


def _alike(candidates: Iterable[Candidate], *names: str) -> list[list[Candidate]]:
    """Candidates in groups that are the same in these fields, in order."""
    groups: dict[tuple[Any, ...], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(tuple(getattr(candidate, name) for name in names), []).append(candidate)
    return list(groups.values())


def _fits(points: Floats, alike: Sequence[Candidate], judging: Judging) -> list[tuple[Candidate, Clusters]]:
    """The fit of each candidate; they differ in their starts and iterations alone, so that the largest has them all."""
    most, longest = (max(getattr(candidate, name) for candidate in alike) for name in ("n_init", "max_iter"))
    every = _restarts(points, alike[0], range(most), longest, judging.seed)
    cut = {each: _cut(points, alike[0], every, each, judging.seed) for each in {each.max_iter for each in alike}}
    return [(candidate, cut[candidate.max_iter].best(candidate.n_init)) for candidate in alike]


def _cut(points: Floats, like: Candidate, every: Restarts, max_iter: int, seed: int) -> Restarts:
    """The same restarts with fewer iterations; only those that took more are run again."""
    late = np.flatnonzero(every.iterations > max_iter)
    if not len(late):
        return every
    again = _restarts(points, like, late.tolist(), max_iter, seed)
    fields = {name: values.copy() for name, values in vars(every).items()}
    for name, values in fields.items():
        values[late] = getattr(again, name)
    return Restarts(**fields)


def _restarts(points: Floats, like: Candidate, runs: Sequence[int], max_iter: int, seed: int) -> Restarts:
    return every_restart(points, like.k, runs, seed=seed, max_iter=max_iter, init=like.init)


def _shapes(points: Floats, fits: Mapping[Candidate, Clusters], seed: int) -> dict[Candidate, Figures]:
    """Figures of the groups each candidate finds; the same groups are looked at once, however they are numbered."""
    groups = {candidate: in_order(found.labels) for candidate, found in fits.items()}
    once = {labels.tobytes(): labels for labels in groups.values()}
    found = dict(zip(once, quality(points, list(once.values()), seed, MOST), strict=True))
    share = {
        candidate: float(np.bincount(labels, minlength=candidate.k).min() / len(labels))
        for candidate, labels in groups.items()
    }
    return {
        candidate: {name: value for name, value in found[labels.tobytes()].items() if name != "inertia"}
        | {"smallest_share": share[candidate]}
        for candidate, labels in groups.items()
    }


def in_order(labels: Integers) -> Integers:
    """The same groups, numbered from 0 in order of their first customer, (n,)."""
    _, first, groups = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[groups])


def _worth(customers: Columns, points: Floats, like: Candidate, judging: Judging) -> Figures:
    """Stability and prediction of a number of segments in a space, whatever the starts."""
    stable: dict[str, float | None] = {"stability": None, "stability_se": None}
    if judging.bootstraps:
        base = kmeans(points, like.k, seed=judging.seed, restarts=2 * RESTARTS).labels
        seeds = ([judging.seed, like.k, b] for b in range(judging.bootstraps))
        stable |= mean_agreement([refit_agreement(like.space, customers, base, like.k, seed) for seed in seeds])
    return {**stable, **_predicted(like, judging)}


def _predicted(like: Candidate, judging: Judging) -> Figures:
    """What the groups of an earlier day say of what came after it; None where they cannot be made."""
    earlier = judging.held_out
    if earlier is not None:
        points = place(like.space, earlier)[1]
        if different(points) >= like.k:
            labels = kmeans(points, like.k, seed=judging.seed).labels
            found = score(labels, earlier["next_spend"], folds=judging.folds, seed=judging.seed)
            return {"r2": found.r2, "auc": found.auc}
    return {"r2": None, "auc": None}
