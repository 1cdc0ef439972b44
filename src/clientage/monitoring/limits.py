"""Limits learned from the reference's own windows: how far from the usual a window was, when all was well.

A limit is four robust standard deviations (1.4826 times the median absolute deviation: Hampel 1974) from the median of
the reference's windows, yet a quarter further than the furthest of them, and no nearer than what matters to a shop.
Random resamples of customers would make it far too tight: weeks differ by more than chance.
"""

from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from clientage.monitoring.measures import Measure

Floats = NDArray[np.float64]

DEVIATIONS, BEYOND = 4.0, 1.25
WATCHED = 0.75  # of the way to the limit
FEWEST = 7  # windows to learn from: those of the shortest reference, when one of them is left out


@dataclass(frozen=True)
class Limit:
    """What is usual, and where a change begins.

    Attributes:
        expected: The median over the windows of the reference.
        reach: From there to the limit, of logarithms where the measure is a ratio.
        watch: From there to where it is watched.
        measure: How it is compared.
    """

    expected: float
    reach: float
    watch: float
    measure: Measure

    def side(self, value: float) -> int:
        """1 for more than usual, −1 for less."""
        return 1 if value >= self.expected else -1

    def score(self, value: float) -> float:
        """How far away a value is, 1 at the limit; below 0 never."""
        apart = float(_scaled(value, self.measure) - _scaled(self.expected, self.measure))
        return max(apart, 0.0) / self.reach if self.measure.above else abs(apart) / self.reach

    def wider(self, by: float) -> "Limit":
        """The same, so many times as far away; what was usual is watched no more than before."""
        return replace(self, reach=self.reach * by, watch=max(self.watch, WATCHED * self.reach * by))

    @property
    def high(self) -> float:
        """The limit above."""
        return self.expected * float(np.exp(self.reach)) if self.measure.ratio else self.expected + self.reach

    @property
    def low(self) -> float | None:
        """The limit below; None where less is no finding."""
        if self.measure.above:
            return None
        return self.expected * float(np.exp(-self.reach)) if self.measure.ratio else self.expected - self.reach


def learned(values: Floats, measure: Measure) -> Limit | None:
    """The limit of a measure.

    Args:
        values: What it was in the windows of the reference, (n,); NaN where it is not known.
        measure: How it is compared.

    Returns:
        None where too few windows are known, or the measure is only told.
    """
    known = values[~np.isnan(values)]
    if len(known) < FEWEST or measure.least is None:
        return None
    usual = median(known.tolist())  # of so few that NumPy's takes ten times as long
    scaled, middle = _scaled(known, measure), float(_scaled(usual, measure))
    apart = np.maximum(scaled - middle, 0) if measure.above else np.abs(scaled - middle)
    deviation, furthest = 1.4826 * median(np.abs(scaled - middle).tolist()), float(apart.max())
    reach = max(measure.scaled(measure.least), DEVIATIONS * deviation, BEYOND * furthest)
    return Limit(usual, reach, max(WATCHED * reach, furthest), measure)


def given(measure: Measure, expected: float, distance: float) -> Limit:
    """A limit that no windows taught, at a distance such as `Measure.least`."""
    reach = measure.scaled(distance)
    return Limit(expected, reach, WATCHED * reach, measure)


def _scaled(values: Floats | float, measure: Measure) -> Floats:
    return np.log(np.maximum(values, 1e-12)) if measure.ratio else np.asarray(values, float)
