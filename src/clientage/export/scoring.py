"""What an exported model computes with: arrays and names, and nothing of how they were made."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEAREST = ("segment_id", "segment", "distance", "runner_up", "runner_up_distance")


@dataclass(frozen=True)
class Centroids:
    """Segments as centroids: a customer x lies at t(x) @ matrix + offset and belongs to the nearest.

    Attributes:
        features: Names of the inputs, d of them, in order.
        ids: Numbers of the segments, (k,).
        names: Their names.
        log: Whether t is the signed logarithm sign(x) log(1 + |x|); else t(x) = x.
        fill: Value taken for a missing one, (d,).
        matrix: (d, p).
        offset: (p,).
        centroids: (k, p).
    """

    features: tuple[str, ...]
    ids: Integers
    names: tuple[str, ...]
    log: bool
    fill: Floats
    matrix: Floats
    offset: Floats
    centroids: Floats

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return NEAREST


@dataclass(frozen=True)
class Cells:
    """Segments as cells of a grid: how many limits each of three features exceeds decides.

    Attributes:
        features: Recency, frequency and spend.
        ids: Numbers of the segments, (k,).
        names: Their names.
        cuts: Four ascending limits for each feature, (3, 4).
        cells: Which segment, counted from 0, by row (4 less the limits of recency) and column (those of frequency and
            spend, their mean rounded up), (5, 5).
    """

    features: tuple[str, ...]
    ids: Integers
    names: tuple[str, ...]
    cuts: Floats
    cells: Integers

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return NEAREST[:2]


Scoring = Centroids | Cells


def told(scoring: Scoring, about: Mapping[str, str]) -> dict[str, str]:
    """What stands in a file beside the arithmetic: where it comes from, inputs in order, segments by number."""
    segments = (f"{number} {name}" for number, name in zip(scoring.ids, scoring.names, strict=True))
    return {**about, "features": " ".join(scoring.features), "segments": "\n".join(segments)}
