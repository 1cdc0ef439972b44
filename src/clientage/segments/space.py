"""The space customers are compared in: which features, how transformed, scaled, weighted and rotated.

All of it after the transform is linear, so it folds into one matrix and one offset.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from clientage.errors import InputError
from clientage.segments.kmeans import Floats


@dataclass(frozen=True)
class Recipe:
    """How a space is made.

    Attributes:
        name: As in the settings.
        meaning: What it is for, in a line.
        features: Columns of `customers` with their weights.
        log: Whether values are compared as sign(x) log(1 + |x|).
        variance: Share of variance that principal components keep; 1 keeps the axes as they are.
        outliers: Share of customers that an isolation forest marks.
    """

    name: str
    meaning: str
    features: Mapping[str, float]
    log: bool = True
    variance: float = 1.0
    outliers: float = 0.0


_CLASSIC = (
    "recency_days invoices units spend spend_per_invoice products days_between_purchases favourite_weekday "
    "favourite_hour is_home_country cancelled_invoices cancellation_rate monthly_spend_mean monthly_spend_std "
    "monthly_spend_trend"
)

_ALL = (
    Recipe(
        "behaviour",
        "recency, frequency and monetary value, and how a basket is filled",
        {"recency_days": 1.5, "frequency": 1.5, "monetary": 1.5, "lines_per_basket": 1, "units_per_line": 1},
    ),
    Recipe(
        "rfm",
        "recency, frequency and monetary value alone",
        {"recency_days": 1, "frequency": 1, "monetary": 1},
    ),
    Recipe(
        "classic",
        "fifteen features, principal components and k-means",
        dict.fromkeys(_CLASSIC.split(), 1.0),
        log=False,
        variance=0.8,
        outliers=0.05,
    ),
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


@dataclass(frozen=True)
class Space:
    """A fitted space. A customer x lies at `transform(x) @ matrix + offset`.

    Attributes:
        features: Columns of `customers`, d of them.
        log: Whether values are compared as signed logarithms.
        fill: Value taken for a missing one, (d,), in the feature's unit.
        low: Smallest value seen, (d,), in the feature's unit.
        high: Largest value seen, (d,).
        mean: Mean of the transformed feature, (d,).
        scale: Standard deviation of the transformed feature, (d,); 1 where nothing varies.
        matrix: Scale, weights and rotation in one, (d, p).
        offset: (p,).
    """

    features: tuple[str, ...]
    log: bool
    fill: Floats
    low: Floats
    high: Floats
    mean: Floats
    scale: Floats
    matrix: Floats
    offset: Floats

    def transform(self, values: Floats) -> Floats:
        """Values (n, d) with gaps filled, on the scale they are compared on."""
        filled = np.where(np.isnan(values), self.fill, values)
        return signed_log(filled) if self.log else filled

    def place(self, values: Floats) -> Floats:
        """Points (n, p) of customers with these values (n, d)."""
        return np.asarray(self.transform(values) @ self.matrix + self.offset)


def signed_log(values: Floats) -> Floats:
    """sign(x) log(1 + |x|): ratios for large values, order kept for negative ones."""
    return np.copysign(np.log1p(np.abs(values)), values)


def usable(recipe: Recipe, columns: Collection[str]) -> tuple[str, ...]:
    """The recipe's features that the shop's data allow.

    Raises:
        InputError: Fewer than two are left.
    """
    features = tuple(name for name in recipe.features if name in columns)
    if len(features) < 2:
        raise InputError("too few features to compare customers by. Give more columns, or another --recipe.")
    return features


def fit_space(recipe: Recipe, features: tuple[str, ...], values: Floats, weights: Floats | None = None) -> Space:
    """Learn scale and rotation from customers.

    Args:
        recipe: How the space is made.
        features: The columns used, d of them (see `usable`).
        values: (n, d), in the features' units; NaN where missing.
        weights: How often each customer counts, (n,); once when not given.
    """
    weights = np.ones(len(values)) if weights is None else weights
    known = values[weights > 0]
    fill = np.array([np.nanmedian(column) if (~np.isnan(column)).any() else 0.0 for column in known.T])
    filled = np.where(np.isnan(values), fill, values)
    compared = signed_log(filled) if recipe.log else filled
    mean = np.average(compared, axis=0, weights=weights)
    scale = np.sqrt(np.average((compared - mean) ** 2, axis=0, weights=weights))
    # rounding leaves a constant feature with a tiny spread, which must not be blown up
    scale = np.where(scale > 1e-9 * np.maximum(1, np.abs(mean)), scale, 1.0)
    matrix = np.diag(np.array([recipe.features[name] for name in features]) / scale)
    if recipe.variance < 1:
        matrix = matrix @ _components((compared - mean) @ matrix, weights, recipe.variance)
    return Space(
        features, recipe.log, fill, filled.min(axis=0), filled.max(axis=0), mean, scale, matrix, -mean @ matrix
    )


def _components(points: Floats, weights: Floats, variance: float) -> Floats:
    """Principal components that keep this share of variance, (d, p)."""
    rotation, shares = principal(points, weights)
    keep = int(np.searchsorted(np.cumsum(shares), variance) + 1)
    return rotation[:, : min(keep, rotation.shape[1])]


def principal(points: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Principal components of centred points (n, d): directions (d, d) and shares of variance (d,).

    The largest loading of each is positive, so that the same data give the same picture.
    """
    covariance = np.cov(points.T, aweights=weights, ddof=0)
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    order = np.argsort(values)[::-1]
    vectors = vectors[:, order]
    signs = np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(vectors))])
    total = max(float(values.sum()), 1e-300)
    return vectors * np.where(signs == 0, 1, signs), np.maximum(values[order], 0) / total
