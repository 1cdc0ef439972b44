"""Fit a segment model to customers."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from clientage.errors import InputError
from clientage.segments.buyers import UNLIMITED, BuyerLimits
from clientage.segments.grid import ACTIONS, AXES, NAMES, GridModel, fit_cuts
from clientage.segments.kmeans import Floats, Init, Integers, kmeans, nearest
from clientage.segments.model import PALETTE, CentroidModel, Segment
from clientage.segments.names import characters, unique_names
from clientage.segments.rules import Flags, find_rule
from clientage.segments.space import Recipe, Space, fit_space, principal, usable

FEW = 100  # customers, below which a grouping is as likely chance as not


def fit_centroids(
    recipe: Recipe,
    customers: Mapping[str, Floats],
    k: int,
    *,
    seed: int = 7,
    restarts: int = 10,
    init: Init = "k-means++",
    max_iter: int = 300,
    buyers: BuyerLimits = UNLIMITED,
    currency: str = "",
    elsewhere: Callable[[Space], Floats] | None = None,
) -> CentroidModel:
    """Fit a recipe by k-means.

    Args:
        recipe: One of `RECIPES`, or a variant of one.
        customers: Columns of the table `customers`, (n,) each, NaN where missing.
        k: Number of segments.
        seed: Seed of the starts.
        restarts: Starts of k-means.
        init: How it starts.
        max_iter: Most iterations of a start.
        buyers: From where on a customer buys like a trader.
        currency: Put before money in rules.
        elsewhere: Finds the centroids in the space, (k, p), where more customers are than these; these describe them.

    Raises:
        InputError: The customers do not differ enough for k segments.
    """
    space, points = place(recipe, customers)
    if different(points) < k:
        raise InputError(too_alike(len(points), different(points), k))
    with threadpool_limits(1):  # the same bytes for any number of cores
        if elsewhere:
            centroids = elsewhere(space)
            found = nearest(points, centroids)
            if (met := len(np.unique(found))) < k:
                raise InputError(
                    f"of {k} segments of all customers only {met} have customers in the sample that describes them. "
                    "Raise segments.sample, or ask for fewer segments: --k."
                )
        else:
            fitted = kmeans(points, k, seed=seed, restarts=restarts, init=init, max_iter=max_iter)
            centroids, found = fitted.centroids, fitted.labels
    order = _by_revenue(customers["spend"], found, k)
    labels = np.argsort(order)[found]
    spoken = {name: _filled(customers[name]) for name in space.features}
    return CentroidModel(
        recipe.name,
        space,
        centroids[order],
        principal(points)[0][:, :3],
        _described(spoken, customers, labels, k, currency),
        buyers,
    )


def fit_grid(
    customers: Mapping[str, Floats],
    given: Mapping[str, tuple[float, ...]] | None = None,
    *,
    buyers: BuyerLimits = UNLIMITED,
    currency: str = "",
) -> GridModel:
    """Fit the classic grid: limits from the settings, else quintiles; segments in order of revenue."""
    cuts = fit_cuts(customers, given or {})
    names = list(dict.fromkeys(name for row in NAMES for name in row))
    blank = tuple(Segment(i, name, ACTIONS[name]) for i, name in enumerate(names))
    labels = GridModel("quintiles", cuts, blank).predict(customers)
    order = _by_revenue(customers["spend"], labels, len(names))
    spoken = {axis: customers[axis] for axis in AXES}
    segments = []
    for place_, old in enumerate(order):
        rule = find_rule(spoken, labels == old)
        text = rule.text(currency) if (labels == old).any() else ""
        segments.append(
            Segment(place_ + 1, names[old], ACTIONS[names[old]], _colour(place_), text, rule.precision, rule.recall)
        )
    return GridModel("quintiles", cuts, tuple(segments), buyers)


def place(recipe: Recipe, customers: Mapping[str, Floats], weights: Floats | None = None) -> tuple[Space, Floats]:
    """The recipe's space, fitted, and the customers in it, (n, p)."""
    features = usable(recipe, customers)
    values = np.column_stack([customers[name] for name in features])
    space = fit_space(recipe, features, values, weights)
    return space, space.place(values)


def outliers(space: Space, share: float, customers: Mapping[str, Floats], seed: int = 7) -> Flags:
    """Which customers an isolation forest marks (Liu, Ting and Zhou 2008), (n,); they stay in their segments.

    Args:
        space: That of the model.
        share: How many to mark, in (0, 0.5].
        customers: Columns of the table `customers`, (n,) each.
        seed: Of the forest.
    """
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - seconds to import, for one recipe

    points = space.place(np.column_stack([customers[name] for name in space.features]))
    forest = IsolationForest(contamination=share, random_state=seed)
    return np.asarray(forest.fit_predict(points) < 0)


def doubts(labels: Integers, min_share: float) -> list[str]:
    """What to know before acting on these segments: too few customers, or segments that are too small.

    Args:
        labels: Segment number of each customer who bought, (n,).
        min_share: Share of the customers that a segment should have at least.
    """
    found = []
    if len(labels) < FEW:
        found.append(f"only {len(labels):,} customers bought: with fewer than {FEW} the segments may be chance.")
    sizes = np.unique(labels, return_counts=True)[1]
    small = int((sizes < min_share * len(labels)).sum())
    if small:
        which = "1 segment has" if small == 1 else f"{small} segments have"
        found.append(f"{which} less than {min_share:.0%} of the customers: hardly worth a campaign of its own.")
    return found


def different(points: Floats) -> int:
    """How many points there are that differ."""
    return len(np.unique(np.round(points, 9), axis=0))


def too_alike(customers: int, differing: int, k: int) -> str:
    """The sentence for too few customers, or too few that differ."""
    few = f"{customers:,} customer{'s' * (customers != 1)} with {differing:,} different habit{'s' * (differing != 1)}"
    smaller = "a smaller --k or " if differing > 1 else ""
    return f"{k} segments need at least {k} customers that differ; here they are {few}. Give {smaller}more lines."


def _colour(place_: int) -> str:
    return PALETTE[place_ % len(PALETTE)]


def _by_revenue(spend: Floats, labels: Integers, k: int) -> Integers:
    """Groups by the sum of spend, the largest first."""
    return np.argsort(-np.bincount(labels, spend, minlength=k), kind="stable")


def _filled(values: Floats) -> Floats:
    return np.where(np.isnan(values), np.nanmedian(values) if (~np.isnan(values)).any() else 0.0, values)


def _described(
    spoken: Mapping[str, Floats], customers: Mapping[str, Floats], labels: Integers, k: int, currency: str
) -> tuple[Segment, ...]:
    found = characters(customers, labels, k)
    rules = [find_rule(spoken, labels == group) for group in range(k)]
    names: Sequence[str] = unique_names(found)
    return tuple(
        Segment(i + 1, name, character.action, _colour(i), rule.text(currency), rule.precision, rule.recall)
        for i, (name, character, rule) in enumerate(zip(names, found, rules, strict=True))
    )
