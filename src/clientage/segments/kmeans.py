"""k-means for many small fits: the restarts of a fit run side by side as stacks of matrix products.

Choosing the number of segments takes hundreds of fits on a few thousand customers, where the fixed cost of a call, not
the arithmetic, decides. Restart r draws from a random stream of its own and gives the same bits whichever others run
beside it, so that fewer restarts are a prefix of more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Init = Literal["k-means++", "random"]

CELLS = 2**18  # distances held at a time (2 MB), which a core keeps near


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


@dataclass(frozen=True)
class Restarts:
    """Restarts of a fit, r of them.

    Attributes:
        centroids: Middles, (r, k, p).
        labels: Nearest centroid of each point, (r, n).
        inertia: Weighted sum of squared distances to it, (r,).
        iterations: Steps taken, (r,).
    """

    centroids: Floats
    labels: NDArray[np.int8]
    inertia: Floats
    iterations: Integers

    def best(self, count: int | None = None) -> Clusters:
        """The best of the first so many, of all when not given; the first of equals."""
        winner = int(np.argmin(self.inertia[:count]))
        return Clusters(self.centroids[winner], self.labels[winner].astype(np.int64), float(self.inertia[winner]))


def kmeans(
    points: Floats,
    k: int,
    *,
    seed: int,
    restarts: int = 10,
    weights: Floats | None = None,
    max_iter: int = 300,
    init: Init = "k-means++",
) -> Clusters:
    """Lloyd's algorithm, the best of `restarts`.

    Args:
        points: (n, p), with at least k different rows.
        k: Number of clusters.
        seed: Seed of the starts.
        restarts: How many starts.
        weights: Weight of each point, (n,), above zero; equal when not given.
        max_iter: Most iterations of a start.
        init: Starts by greedy k-means++ (Arthur and Vassilvitskii 2007), or distinct points drawn at random.
    """
    runs = range(restarts)
    return every_restart(points, k, runs, seed=seed, weights=weights, max_iter=max_iter, init=init).best()


def every_restart(
    points: Floats,
    k: int,
    runs: Sequence[int],
    *,
    seed: int,
    weights: Floats | None = None,
    max_iter: int = 300,
    init: Init = "k-means++",
) -> Restarts:
    """The same, with the result of each restart.

    Args:
        points: As in `kmeans`, and so are the others.
        k: Number of clusters.
        runs: Numbers of the restarts, from 0.
        seed: Seed of the starts.
        weights: Weight of each point.
        max_iter: Most iterations of a start.
        init: How to start.
    """
    weights = np.ones(len(points)) if weights is None else weights
    sets = _Points.of(points, weights)
    most = max(1, CELLS // (k * len(points)))
    parts = []
    for first in range(0, len(runs), most):
        streams = [np.random.default_rng([seed, run]) for run in runs[first : first + most]]
        starts = np.stack([STARTS[init](points, k, weights, rng) for rng in streams])
        parts.append(_lloyd(sets, starts, max_iter))
    return Restarts(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def nearest(points: Floats, centroids: Floats) -> Integers:
    """The nearest centroid of each point, (n,); ties go to the lowest number."""
    room = np.empty((1, len(centroids), len(points)))
    return np.asarray(_labels(-2 * points.T, centroids[None], room)[0][0], np.int64)


def squared_distances(points: Floats, centroids: Floats) -> Floats:
    """Squared distances of points (n, p) to centroids (k, p), as (n, k)."""
    found = (points**2).sum(axis=1)[:, None] + (centroids**2).sum(axis=1)
    found -= 2 * points @ centroids.T
    return np.asarray(np.maximum(found, 0, out=found))


def _greedy(points: Floats, k: int, weights: Floats, rng: np.random.Generator) -> Floats:
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


def _random(points: Floats, k: int, weights: Floats, rng: np.random.Generator) -> Floats:
    """Distinct points, drawn by weight."""
    return points[rng.choice(len(points), k, replace=False, p=weights / weights.sum())]


STARTS = {"k-means++": _greedy, "random": _random}


@dataclass(frozen=True)
class _Points:
    """Points as the steps need them: n of them, in p dimensions.

    Attributes:
        plain: (n, p).
        doubled: -2 times the same, (p, n).
        squares: Squared length of each, (n,).
        weights: Weight of each, (n,).
        weighted: Points times weights and, last, the weights, (n, p + 1).
    """

    plain: Floats
    doubled: Floats
    squares: Floats
    weights: Floats
    weighted: Floats

    @classmethod
    def of(cls, points: Floats, weights: Floats) -> "_Points":
        weighted = np.column_stack([points * weights[:, None], weights])
        return cls(points, np.ascontiguousarray(-2 * points.T), (points**2).sum(axis=1), weights, weighted)


def _lloyd(points: _Points, centroids: Floats, max_iter: int) -> tuple[Floats, NDArray[np.int8], Floats, Integers]:
    """Steps until the centroids rest; the fields of `Restarts`."""
    tolerance = 1e-4 * float(np.mean(np.var(points.plain, axis=0)))
    iterations = np.zeros(len(centroids), np.int64)
    running = np.arange(len(centroids))
    room = np.empty((*centroids.shape[:2], len(points.plain)))  # asking for it at every step would cost as much again
    for _ in range(max_iter):
        moved = _step(points, centroids[running], room[: len(running)])
        shift = ((moved - centroids[running]) ** 2).sum(axis=(1, 2))
        centroids[running] = moved
        iterations[running] += 1
        running = running[shift > tolerance]
        if not len(running):
            break
    labels, best = _labels(points.doubled, centroids, room)
    return centroids, labels, ((best + points.squares) * points.weights).sum(axis=1), iterations


def _labels(doubled: Floats, centroids: Floats, room: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Nearest centroid in each restart, (r, n), and its score: squared distance less the point's own square.

    `room`, (r, k, n), is written over.
    """
    # a product for each restart: one for all of them would round by how many there are
    scores = np.matmul(centroids, doubled, out=room)
    scores += (centroids**2).sum(axis=2)[:, :, None]
    labels, best = np.zeros((len(centroids), doubled.shape[1]), np.int8), scores[:, 0].copy()
    for j in range(1, centroids.shape[1]):
        better = (scores[:, j] < best).view(np.int8)
        np.maximum(labels, better * np.int8(j), out=labels)
        np.minimum(best, scores[:, j], out=best)
    return labels, best


def _step(points: _Points, centroids: Floats, room: Floats) -> Floats:
    """The weighted means of the points nearest to each centroid, in each restart, (r, k, p)."""
    labels, best = _labels(points.doubled, centroids, room)
    numbers = np.arange(centroids.shape[1], dtype=np.int8)
    member = np.equal(labels[:, None, :], numbers[:, None], out=room)
    sums = np.matmul(member, points.weighted)
    mass = sums[:, :, -1]
    moved = sums[:, :, :-1] / np.maximum(mass, 1e-300)[:, :, None]
    for r, empty in np.argwhere(mass == 0):
        # as scikit-learn does: an empty cluster restarts at the point that fits worst
        moved[r, empty] = points.plain[np.argmax(best[r] + points.squares)]
    return np.asarray(moved)
