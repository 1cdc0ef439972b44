"""Windows held against those of the reference: every figure, and how far every distribution is from the usual one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clientage.monitoring import divergence
from clientage.monitoring.features import Range
from clientage.monitoring.measures import MEASURES, Key
from clientage.monitoring.observed import Counts, Observed

Floats = NDArray[np.float64]

SIGNIFICANT = 0.01
ITEMS, PRICES, COUNTRIES = Key("items", "item mix"), Key("items", "prices"), Key("items", "country mix")
PRICED = Key("items", "priced")  # lines of every product that have a price
SEGMENTS = Key("segments", "mix")
SOLD = Key("items", "sold")  # every product by name, to say which of them moved


@dataclass(frozen=True)
class Compared:
    """A window, compared.

    Attributes:
        values: By what was measured; NaN where it cannot be told.
        chances: Of a distance as large by chance alone, corrected after Holm, by what was measured.
    """

    values: Mapping[Key, float] = field(default_factory=dict)
    chances: Mapping[Key, float] = field(default_factory=dict)


def compare(seen: Observed, row: int, usual: Observed, known: Mapping[str, Range]) -> Compared:
    """One window against others.

    Args:
        seen: Windows, this one among them.
        row: Which of them.
        usual: Windows of the reference, without this one.
        known: Ranges of features.
    """
    values = {key: float(figures[row]) for key, figures in seen.figures.items()}
    chances: dict[Key, float] = {}
    for key, counts in seen.counts.items():
        beside = usual.counts.get(key)
        if beside is None or key.measure not in MEASURES[key.area]:
            continue
        _, found, pooled = _side_by_side(counts, row, beside)
        if key == PRICES:
            values[key] = _prices(seen, row, usual)
        elif key in (ITEMS, COUNTRIES):
            values[key] = divergence.jensen_shannon(found, pooled)
        else:
            values[key] = divergence.stability_index(found, pooled)
        if key.measure == "psi" and "ks" in MEASURES[key.area]:
            ks, wasserstein = key._replace(measure="ks"), key._replace(measure="wasserstein")
            values[ks], chances[ks] = divergence.kolmogorov_smirnov(found, pooled)
            values[wasserstein] = divergence.wasserstein(found, pooled, known[key.subject].widths)
    corrected = divergence.holm(np.array(list(chances.values())))
    return Compared(values, dict(zip(chances, map(float, corrected), strict=True)))


def _side_by_side(counts: Counts, row: int, usual: Counts) -> tuple[tuple[str, ...], Floats, Floats]:
    """Categories, how often each was seen in one window, and how often in all of others.

    What was only seen in further windows is left out: a window compares alike whatever is looked at with it.
    """
    new = {name for name, count in zip(counts.categories, counts.counts[row], strict=True) if count}
    categories = (*usual.categories, *sorted(new - set(usual.categories)))
    return categories, counts.over(categories)[row], usual.over(categories).sum(axis=0)


def left_out(reference: Observed, known: Mapping[str, Range]) -> list[Compared]:
    """Every window of the reference against the others."""
    rows = range(len(reference.numbers))
    return [compare(reference, row, reference.taken([other for other in rows if other != row]), known) for row in rows]


def values_of(windows: Sequence[Compared], key: Key) -> Floats:
    """What was measured in windows, (n,); NaN where it was not."""
    return np.array([window.values.get(key, np.nan) for window in windows])


def _prices(seen: Observed, row: int, usual: Observed) -> float:
    """What products cost beside their usual price: the geometric mean of ratios over the lines of the window.

    An index of Jevons, by lines: whoever sells dearer products instead of the same has other items, not other prices.
    """
    lines, sums = (seen.counts[key].counts[row][:-1] for key in (PRICED, PRICES))
    usual_lines, usual_sums = (usual.counts[key].counts[:, :-1].sum(axis=0) for key in (PRICED, PRICES))
    both = (lines > 0) & (usual_lines > 0)
    if not both.any():
        return float("nan")
    dearer = sums[both] - lines[both] * usual_sums[both] / usual_lines[both]
    return float(np.exp(dearer.sum() / lines[both].sum()))


def movers(seen: Observed, row: int, usual: Observed, key: Key, most: int = 3) -> list[tuple[str, float, float]]:
    """The categories that moved most: their names, their usual shares and their shares in a window."""
    beside = usual.counts.get(key)
    if key not in seen.counts or beside is None:
        return []
    categories, found, pooled = _side_by_side(seen.counts[key], row, beside)
    if not found.sum() or not pooled.sum():
        return []
    order = np.argsort(-np.abs(divergence.moved(found, pooled)), kind="stable")[:most]
    return [(categories[i], float(pooled[i] / pooled.sum()), float(found[i] / found.sum())) for i in order]
