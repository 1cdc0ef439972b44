"""k-means for many small fits: all restarts of a fit run side by side as one matrix product.

Choosing the number of segments takes hundreds of fits on a few thousand customers, where the fixed cost of a call, not
the arithmetic, decides. Restart r draws from a random stream of its own, so that fewer restarts are a prefix of more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Clusters:
    """The best of several restarts.

    Attributes:
        centroids: Middles, (k, p).
        labels: Nearest centroid of each point, (n,).
        inertia: Weighted sum of squared distances to it.
    """

    centroids: Floats
    labels: Integers
    inertia: float


def kmeans(
    points: Floats, k: int, *, seed: int, restarts: int = 10, weights: Floats | None = None, max_iter: int = 300
) -> Clusters:
    """Lloyd's algorithm from greedy k-means++ starts (Arthur and Vassilvitskii 2007), the best of `restarts`.

    Args:
        points: (n, p), with at least k different rows.
        k: Number of clusters.
        seed: Seed of the starts.
        restarts: How many starts.
        weights: Weight of each point, (n,); equal when not given.
        max_iter: Most iterations of a start.
    """
    weights = np.ones(len(points)) if weights is None else weights
    centroids = np.stack([_start(points, k, weights, np.random.default_rng([seed, r])) for r in range(restarts)])
    weighted = points * weights[:, None]
    tolerance = 1e-4 * float(np.mean(np.var(points, axis=0)))
    running = np.arange(restarts)
    for _ in range(max_iter):
        moved = _step(points, weighted, centroids[running], weights)
        shift = ((moved - centroids[running]) ** 2).sum(axis=(1, 2))
        centroids[running] = moved
        running = running[shift > tolerance]
        if not len(running):
            break
    return _best(points, centroids, weights)


def nearest(points: Floats, centroids: Floats) -> Integers:
    """The nearest centroid of each point, (n,); ties go to the lowest number."""
    return np.asarray(_labels(points, centroids[None])[0][0], np.int64)


def squared_distances(points: Floats, centroids: Floats) -> Floats:
    """Squared distances of points (n, p) to centroids (k, p), as (n, k)."""
    squares = (points**2).sum(axis=1)[:, None] + (centroids**2).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * points @ centroids.T, 0))


def _start(points: Floats, k: int, weights: Floats, rng: np.random.Generator) -> Floats:
    """k-means++: each next start is drawn by squared distance; of a few draws the one that helps most."""
    trials = 2 + int(np.log(k))
    chosen = [int(rng.choice(len(points), p=weights / weights.sum()))]
    gaps = squared_distances(points[chosen], points)[0]
    for _ in range(1, k):
        mass = np.cumsum(gaps * weights)
        drawn = np.minimum(np.searchsorted(mass, rng.random(trials) * mass[-1]), len(points) - 1)
        options = np.minimum(gaps, squared_distances(points[drawn], points))
        best = int(np.argmin(options @ weights))
        chosen.append(int(drawn[best]))
        gaps = options[best]
    return points[chosen]


def _labels(points: Floats, centroids: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Nearest centroid in each restart, (r, n), and its score: squared distance less the point's own square."""
    r, k, p = centroids.shape
    scores = (centroids.reshape(r * k, p) @ (-2 * points.T)).reshape(r, k, -1)
    scores += (centroids**2).sum(axis=2)[:, :, None]
    labels, best = np.zeros((r, len(points)), np.int8), scores[:, 0]
    for j in range(1, k):
        better = (scores[:, j] < best).view(np.int8)
        np.maximum(labels, better * np.int8(j), out=labels)
        best = np.minimum(best, scores[:, j])
    return labels, best


def _step(points: Floats, weighted: Floats, centroids: Floats, weights: Floats) -> Floats:
    """The weighted means of the points nearest to each centroid, in each restart, (r, k, p)."""
    r, k, p = centroids.shape
    labels, best = _labels(points, centroids)
    member = (labels[:, None, :] == np.arange(k, dtype=np.int8)[:, None]).reshape(r * k, -1).astype(float)
    mass = member @ weights
    moved = (member @ weighted) / np.maximum(mass, 1e-300)[:, None]
    for empty in np.flatnonzero(mass == 0):
        # as scikit-learn does: an empty cluster restarts at the point that fits worst
        moved[empty] = points[np.argmax(best[empty // k] + (points**2).sum(axis=1))]
    return np.asarray(moved.reshape(r, k, p))


def _best(points: Floats, centroids: Floats, weights: Floats) -> Clusters:
    labels, best = _labels(points, centroids)
    inertias = (best + (points**2).sum(axis=1)) @ weights
    winner = int(np.argmin(inertias))
    return Clusters(centroids[winner], labels[winner].astype(np.int64), float(inertias[winner]))
