"""Choosing the number of segments: every number from 3 to 8, refitted on bootstrap samples of the customers.

scikit-learn gets one thread, as our own fits do: with more, fits this short mostly wait for one another, and its
processor time says more about who else is using the machine.
"""

# ruff: noqa: PLC0415 - each way imports only what it measures
from datetime import date
from typing import TYPE_CHECKING

from benchmarks.data import Data
from benchmarks.runner import Benchmark, Work, way

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KS = range(3, 9)
SEED, RESTARTS = 7, 5


def benchmarks(data: Data, bootstraps: int) -> list[Benchmark]:
    """One snapshot."""
    given: dict[str, object] = {"customers": data.features, "bootstraps": bootstraps}
    ways = (way("clientage", clientage, given), way("scikit-learn", scikit_learn, given))
    title = f"choosing of {len(KS)} numbers, {bootstraps} bootstraps"
    return [Benchmark("sweep", title, ways, rounds=3)]


def clientage(customers: str, bootstraps: int) -> Work:
    """As `clientage run` does it, but for stopping as soon as the number is found: all of the work."""
    from clientage.segments import choose
    from clientage.segments.space import RECIPES

    snapshots = {date(2000, 1, 1): buyers(customers)}
    never = choose.Limits(mean=2.0, worst=-1.0, share=0.0)
    recipe = RECIPES["behaviour"]
    return lambda: choose.measure(recipe, snapshots, list(KS), limits=never, seed=SEED, bootstraps=bootstraps)


def buyers(customers: str) -> "dict[str, NDArray[np.float64]]":
    """Columns of the table `customers`, without those who only returned goods."""
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(customers)
    table = table.filter(np.asarray(table["frequency"]) > 0)
    return {name: np.asarray(table[name].to_numpy(), float) for name in table.column_names[3:]}


def scikit_learn(customers: str, bootstraps: int) -> Work:
    """The same fits, scores and agreements with scikit-learn."""
    import numpy as np
    import pandas as pd
    from sklearn.cluster import KMeans
    from sklearn.metrics import (
        adjusted_rand_score,
        calinski_harabasz_score,
        davies_bouldin_score,
        silhouette_score,
    )
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    from benchmarks import plain

    table = pd.read_parquet(customers)
    values = plain.compared(table[table["frequency"] > 0])

    def placed(weights: np.ndarray | None = None) -> np.ndarray:
        return np.asarray(StandardScaler().fit(values, sample_weight=weights).transform(values) * plain.WEIGHTS)

    def agreement(base: np.ndarray, k: int, seed: int) -> float:
        counts = np.random.default_rng([SEED, k, seed]).multinomial(len(values), np.full(len(values), 1 / len(values)))
        points, drawn = placed(counts), counts > 0
        model = KMeans(k, n_init=RESTARTS, random_state=seed).fit(points[drawn], sample_weight=counts[drawn])
        return float(adjusted_rand_score(base, model.predict(points)))

    def measured(k: int) -> tuple[float, ...]:
        points = placed()
        model = KMeans(k, n_init=2 * RESTARTS, random_state=SEED).fit(points)
        scores = [score(points, model.labels_) for score in (davies_bouldin_score, calinski_harabasz_score)]
        sample = min(len(points), 5_000)
        silhouette = silhouette_score(points, model.labels_, sample_size=sample, random_state=SEED)
        stability = np.mean([agreement(model.labels_, k, seed) for seed in range(bootstraps)])
        return (model.inertia_, silhouette, *scores, float(stability))

    def work() -> object:
        with threadpool_limits(1):
            return [measured(k) for k in KS]

    return work
