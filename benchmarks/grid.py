"""Choosing among the 144 candidates of the usual grid: fit, silhouette, Davies-Bouldin and Calinski-Harabasz of each.

Stability and the hold-out, which the plain way lacks, are left out. One thread each, as in `benchmarks.sweep`.
"""

# ruff: noqa: PLC0415 - each way imports only what it measures
from itertools import product
from typing import TYPE_CHECKING

from benchmarks.data import Data
from benchmarks.goals import Goal
from benchmarks.runner import Benchmark, Work, way

if TYPE_CHECKING:
    from clientage.segments.candidates import Candidate
    from clientage.segments.kmeans import Init

INITS: "tuple[Init, ...]" = ("k-means++", "random")
KS, STARTS, MAX_ITERS = (3, 4, 8), (1, 2, 5, 10, 20, 50), (100, 250, 500, 1000)
SEED = 7


def benchmarks(data: Data) -> list[Benchmark]:
    """One grid."""
    given = {"customers": data.features}
    ways = (
        way("clientage", clientage, given),
        way("clientage, each by itself", one_by_one, given),
        way("scikit-learn", scikit_learn, given),
    )
    tried = len(INITS) * len(KS) * len(STARTS) * len(MAX_ITERS)
    goals = (Goal("scikit-learn", "ratio", least=15),)
    return [Benchmark("sweep-grid", f"fit and figures of {tried} candidates", ways, rounds=3, goals=goals)]


def clientage(customers: str) -> Work:
    """The whole grid at once."""
    from benchmarks.sweep import buyers
    from clientage.segments.sweep import Judging, sweep

    columns, tried = buyers(customers), _candidates()
    return lambda: sweep(columns, tried, Judging(bootstraps=0, seed=SEED))


def one_by_one(customers: str) -> Work:
    """Our own fit of each candidate; an `AssertionError` where an inertia is not the very one of the whole grid."""
    from threadpoolctl import threadpool_limits

    from benchmarks.sweep import buyers
    from clientage.segments.fit import place
    from clientage.segments.indices import quality
    from clientage.segments.kmeans import kmeans
    from clientage.segments.sweep import MOST, Judging, sweep

    columns, tried = buyers(customers), _candidates()
    at_once = [row["inertia"] for row in sweep(columns, tried, Judging(bootstraps=0, seed=SEED))]

    def fitted(each: "Candidate") -> float:
        points = place(each.space, columns)[1]
        found = kmeans(points, each.k, seed=SEED, restarts=each.n_init, max_iter=each.max_iter, init=each.init)
        quality(points, [found.labels], SEED, MOST)
        return found.inertia

    def work() -> None:
        with threadpool_limits(1):
            differing = sum(fitted(each) != inertia for each, inertia in zip(tried, at_once, strict=True))
        assert not differing, f"{differing} of {len(tried)} inertias are not those of the whole grid"

    return work


def scikit_learn(customers: str) -> Work:
    """The plain loop."""
    import pandas as pd
    from sklearn.cluster import KMeans
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    from benchmarks import plain

    table = pd.read_parquet(customers)
    values = plain.compared(table[table["frequency"] > 0])
    scores = (silhouette_score, davies_bouldin_score, calinski_harabasz_score)

    def work() -> object:
        found = []
        with threadpool_limits(1):
            points = StandardScaler().fit_transform(values) * plain.WEIGHTS
            for init, k, starts, max_iter in product(INITS, KS, STARTS, MAX_ITERS):
                model = KMeans(k, init=init, n_init=starts, max_iter=max_iter, random_state=SEED).fit(points)
                found.append((model.inertia_, *(float(score(points, model.labels_)) for score in scores)))
        return found

    return work


def _candidates() -> "tuple[Candidate, ...]":
    from clientage.segments.candidates import Grid

    return Grid(["behaviour"], STARTS, MAX_ITERS, KS, INITS).candidates()
