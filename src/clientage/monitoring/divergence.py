"""How far two distributions are apart, from their counts."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

Floats = NDArray[np.float64]

EMPTY = 0.5  # counted in every bin, so that an empty one is no infinity


def jensen_shannon(found: Floats, usual: Floats) -> float:
    """Jensen-Shannon divergence (Lin 1991) in bits, less what chance alone gives to samples of these sizes.

    Two samples of the same distribution over m categories diverge by (m − 1) / (8 ln 2) · (1 / n + 1 / N) on average
    (the first term of the expansion that also makes 2 n ln 2 times a divergence a χ²). Without it a quiet week looks
    like a change of the assortment. May be slightly below 0.

    Args:
        found: Counts, (m,).
        usual: Counts of the same categories, (m,).
    """
    n, usual_n = found.sum(), usual.sum()
    if not n or not usual_n:
        return float("nan")
    p, q = found / n, usual / usual_n
    middle = (p + q) / 2
    categories = np.count_nonzero(middle)
    chance = (categories - 1) / (8 * np.log(2)) * (1 / n + 1 / usual_n)
    return float((_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2 - chance)


def _relative_entropy(p: Floats, q: Floats) -> float:
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())


def moved(found: Floats, usual: Floats) -> Floats:
    """What each category adds to the divergence of Jensen and Shannon, (m,); negative where it became rarer."""
    p, q = found / max(found.sum(), 1), usual / max(usual.sum(), 1)
    middle = np.maximum((p + q) / 2, 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p > 0, p * np.log2(p / middle), 0) + np.where(q > 0, q * np.log2(q / middle), 0)
    return np.asarray(np.sign(p - q) * parts / 2)


def stability_index(found: Floats, usual: Floats) -> float:
    """Population stability index (Siddiqi 2006): below 0.10 little changed, above 0.25 much."""
    if not found.sum() or not usual.sum():
        return float("nan")
    p, q = ((counts + EMPTY) / (counts + EMPTY).sum() for counts in (found, usual))
    return float(((p - q) * np.log(p / q)).sum())


def kolmogorov_smirnov(found: Floats, usual: Floats) -> tuple[float, float]:
    """Largest distance of the cumulative shares, and the chance of one as large (Smirnov 1939).

    Counts of ordered bins give the distance at their edges, which is at most that of the values themselves.
    """
    n, usual_n = found.sum(), usual.sum()
    if not n or not usual_n:
        return float("nan"), float("nan")
    distance = float(np.abs(np.cumsum(found) / n - np.cumsum(usual) / usual_n).max())
    return distance, float(kolmogorov(distance * np.sqrt(n * usual_n / (n + usual_n))))


def wasserstein(found: Floats, usual: Floats, width: Floats) -> float:
    """Wasserstein distance of order 1: how far values would have to be carried, on average.

    Args:
        found: Counts of ordered bins, (m,).
        usual: Counts of the same bins, (m,).
        width: From the middle of each bin to that of the next, (m − 1,), in the unit of the result.
    """
    if not found.sum() or not usual.sum():
        return float("nan")
    apart = np.abs(np.cumsum(found) / found.sum() - np.cumsum(usual) / usual.sum())
    return float((apart[:-1] * width).sum())


def holm(chances: Floats) -> Floats:
    """Chances corrected for having looked so many times (Holm 1979); what is not known stays unknown."""
    corrected = np.full(len(chances), np.nan)
    known = np.flatnonzero(~np.isnan(chances))
    order = known[np.argsort(chances[known], kind="stable")]
    times = chances[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(times), 1.0)
    return corrected
