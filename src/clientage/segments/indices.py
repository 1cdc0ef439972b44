"""How well a grouping separates and how well two groupings agree."""

from collections.abc import Sequence

import numpy as np

from clientage.segments.kmeans import Floats, Integers, squared_distances

MOST = 2_000
BLOCK = 64  # points whose distances to all others a core keeps near


def quality(points: Floats, groupings: Sequence[Integers], seed: int = 0, most: int = MOST) -> list[dict[str, float]]:
    """Inertia, silhouette (Rousseeuw 1987), Davies-Bouldin (1979) and Calinski-Harabasz (1974) of some groupings.

    Args:
        points: (n, p).
        groupings: For each grouping the group of each point, (n,), numbered from 0.
        seed: Of the sample that silhouettes are taken on where there are more points than `most`.
        most: Points that silhouettes are taken on.
    """
    silhouettes = _silhouettes(points, groupings, seed, most)
    return [
        _spread(points, labels) | {"silhouette": value} for labels, value in zip(groupings, silhouettes, strict=True)
    ]


def _spread(points: Floats, labels: Integers) -> dict[str, float]:
    groups, labels = np.unique(labels, return_inverse=True)
    k, n = len(groups), len(points)
    sizes = np.bincount(labels)
    centroids = np.stack([points[labels == group].mean(axis=0) for group in range(k)])
    squares = ((points - centroids[labels]) ** 2).sum(axis=1)
    inertia = float(squares.sum())
    between = float((sizes * ((centroids - points.mean(axis=0)) ** 2).sum(axis=1)).sum())
    return {
        "inertia": inertia,
        "davies_bouldin": _davies_bouldin(centroids, np.bincount(labels, np.sqrt(squares)) / sizes),
        "calinski_harabasz": between / (k - 1) / max(inertia / max(n - k, 1), 1e-300) if k > 1 else float("nan"),
    }


def _davies_bouldin(centroids: Floats, spread: Floats) -> float:
    if len(centroids) < 2:
        return float("nan")
    apart = np.sqrt(squared_distances(centroids, centroids))
    np.fill_diagonal(apart, np.inf)
    return float(((spread[:, None] + spread) / np.maximum(apart, 1e-300)).max(axis=1).mean())


def _silhouettes(points: Floats, groupings: Sequence[Integers], seed: int, most: int) -> list[float]:
    """Mean silhouette of each grouping; distances are computed once for all of them, in blocks."""
    if len(points) > most:
        chosen = np.random.default_rng(seed).choice(len(points), most, replace=False)
        points, groupings = points[chosen], [labels[chosen] for labels in groupings]
    members = [np.eye(int(labels.max()) + 1)[labels] for labels in groupings]
    totals = np.zeros(len(groupings))
    for start in range(0, len(points), BLOCK):
        block = slice(start, start + BLOCK)
        distances = squared_distances(points[block], points)
        np.fill_diagonal(distances[:, start:], 0)  # of a point to itself, which rounding would leave above zero
        np.sqrt(distances, out=distances)
        for i, (labels, member) in enumerate(zip(groupings, members, strict=True)):
            totals[i] += _silhouette(distances @ member, labels[block], member.sum(axis=0)).sum()
    return [float(total) for total in totals / len(points)]


def _silhouette(sums: Floats, own: Integers, sizes: Floats) -> Floats:
    """Silhouettes of some points from their summed distances to each group, (m, k); 0 for one alone in its group."""
    rows = np.arange(len(own))
    inside = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
    means[rows, own] = np.inf
    outside = means.min(axis=1)
    wide = np.maximum(inside, outside)
    alone = (sizes[own] == 1) | (wide == 0) | ~np.isfinite(wide)
    return np.asarray(np.where(alone, 0.0, (outside - inside) / np.where(alone, 1.0, wide)))


def adjusted_rand(left: Integers, right: Integers) -> float:
    """Agreement of two groupings of the same customers, 1 when the same, about 0 by chance (Hubert and Arabie 1985)."""
    left, right = np.unique(left, return_inverse=True)[1], np.unique(right, return_inverse=True)[1]
    table = np.bincount(left * (right.max() + 1) + right).astype(float)
    rows, columns = np.bincount(left).astype(float), np.bincount(right).astype(float)
    pairs, in_rows, in_columns = (float((x * (x - 1)).sum()) for x in (table, rows, columns))
    expected = in_rows * in_columns / max(len(left) * (len(left) - 1), 1)
    most = (in_rows + in_columns) / 2
    return 1.0 if most == expected else (pairs - expected) / (most - expected)


def area_under_curve(scores: Floats, outcome: Integers) -> float:
    """Chance that a customer with the outcome scores above one without, ties half (Hanley and McNeil 1982)."""
    _, where, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[where]
    positive = float(outcome.sum())
    negative = len(outcome) - positive
    if not positive or not negative:
        return float("nan")
    return (float(ranks[outcome > 0].sum()) - positive * (positive + 1) / 2) / (positive * negative)
