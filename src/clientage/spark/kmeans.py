"""K-means on all customers, where one machine can only take a sample (Spark ML; Bahmani et al. 2012, k-means‖)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = 50_000  # of a part, at most about
DIGITS = 9  # workers add in the order that they come to an end, which only the last digits tell


def centroids(points: "DataFrame", k: int, *, seed: int, restarts: int) -> NDArray[np.float64]:
    """The middles of k groups, (k, p); of all starts those with the smallest sum of squares.

    Args:
        points: A column for each of p coordinates.
        k: Number of groups.
        seed: Of the first start; each other one has the next.
        restarts: Number of starts.
    """
    from pyspark.ml.clustering import KMeans  # noqa: PLC0415
    from pyspark.ml.feature import VectorAssembler  # noqa: PLC0415

    # the same parts, in the same order, however many cores there are and files the table came in
    parts = -(-points.count() // ROWS)
    spread = points.repartition(parts, *points.columns).sortWithinPartitions(*points.columns)
    data = (
        VectorAssembler(inputCols=points.columns, outputCol="features").transform(spread).select("features").persist()
    )
    try:
        models = [KMeans(k=k, seed=seed + start, maxIter=100, tol=1e-4).fit(data) for start in range(restarts)]
    finally:
        data.unpersist()
    best = min(models, key=_cost)
    return np.round(np.array(list(_middles(best))), DIGITS)


def _cost(model: Any) -> float:
    return float(model._java_obj.summary().trainingCost())


def _middles(model: Any) -> Iterator[list[float]]:
    """As numbers of Java: PySpark's own way would unpickle them."""
    for middle in model._java_obj.clusterCenters():
        yield [float(middle.apply(i)) for i in range(middle.size())]
