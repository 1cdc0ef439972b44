"""A model that is there, as scikit-learn has it."""

from pathlib import Path

from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks import plain
from clientage.segments import document
from clientage.segments.model import CentroidModel, Segment


def pipeline(model: str) -> Pipeline:
    """The same space by a StandardScaler, the same middles in a KMeans; it takes customers with their features.

    Args:
        model: Its file. The first segment becomes label 0, and so on.

    Raises:
        TypeError: It has no middles.
    """
    loaded = document.loads(Path(model).read_text(encoding="utf-8"))
    if not isinstance(loaded, CentroidModel):
        raise TypeError("the benchmark needs a model of middles")
    middles = loaded.centroids
    scaler = StandardScaler().fit(loaded.space.mean[None])
    scaler.scale_ = loaded.space.scale / plain.WEIGHTS
    k_means = KMeans(len(middles), init=middles, n_init=1, max_iter=1).fit(middles)
    return make_pipeline(FunctionTransformer(plain.compared), scaler, k_means)


def segments(model: str) -> tuple[Segment, ...]:
    """Its segments, in the order of the labels."""
    return document.loads(Path(model).read_text(encoding="utf-8")).segments
