"""The plain way: what an analyst would otherwise write with pandas and scikit-learn, to the same figures.

As a script: `python -m benchmarks.plain LINES.parquet OUT.csv`
"""

import sys
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from benchmarks.by_pandas import clean, features

FEATURES = ["recency_days", "frequency", "monetary", "lines_per_basket", "units_per_line"]
WEIGHTS = np.array([1.5, 1.5, 1.5, 1.0, 1.0])


def compared(customers: pd.DataFrame) -> NDArray[np.float64]:
    """The features that segments are made of, as signed logarithms, (n, 5)."""
    values = customers[FEATURES].to_numpy(float)
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def fit_best(points: NDArray[np.float64], ks: Iterable[int]) -> KMeans:
    """The k-means fit with the best silhouette."""
    fits = [KMeans(k, n_init=10, random_state=7).fit(points) for k in ks]
    sample = min(len(points), 5_000)
    scores = [silhouette_score(points, fit.labels_, sample_size=sample, random_state=7) for fit in fits]
    return fits[int(np.argmax(scores))]


def main(arguments: Sequence[str]) -> None:
    """Order lines in, customers with their segment out."""
    source, target = arguments
    lines = clean(pd.read_parquet(source))
    customers = features(lines, lines["invoiced_at"].max().normalize() + pd.Timedelta(days=1))
    buyers = customers["frequency"] > 0
    scaler = StandardScaler().fit(compared(customers[buyers]))
    points = scaler.transform(compared(customers)) * WEIGHTS
    model = fit_best(points[buyers.to_numpy()], range(3, 9))
    customers.assign(segment=model.predict(points)).to_csv(target)


if __name__ == "__main__":
    main(sys.argv[1:])
