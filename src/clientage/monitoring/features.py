"""What features of customers say of a window: how they are spread, beside the spread when the model was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from clientage.expressions import exact_sum
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Observed

Floats = NDArray[np.float64]

BINS = 20
# times of day and of the week, of which recency is one for whoever just ordered; and forecasts
LEFT_OUT = ("favourite_weekday", "favourite_hour", "recency_days", "expected_orders", "expected_spend")


@dataclass(frozen=True)
class Range:
    """The spread of a feature when the model was made.

    Attributes:
        edges: Between its bins, ascending: quantiles, (m − 1,).
        lowest: Its least value.
        highest: Its greatest.
    """

    edges: tuple[float, ...]
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Floats) -> "Range | None":
        """That of a feature's values, NaN where missing, infinite ones left out; None where none is left."""
        known = values[np.isfinite(values)]
        if not len(known):
            return None
        inner = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))
        return cls(tuple(map(float, inner)), float(known.min()), float(known.max()))

    @property
    def widths(self) -> Floats:
        """From the middle of each bin to that of the next, in standard deviations of log1p, (m − 1,)."""
        ends = _signed_log(np.array([min(self.lowest, *self.edges), *self.edges, max(self.highest, *self.edges)]))
        middles = (ends[1:] + ends[:-1]) / 2
        deviation = float(np.std(_signed_log(np.array([self.lowest, *self.edges, self.highest]))))
        return np.asarray(np.diff(middles) / (deviation or 1.0))


def ranges(customers: Mapping[str, Floats]) -> dict[str, Range]:
    """The spread of every feature that is watched.

    Args:
        customers: Columns of the table `customers`, (n,) each.
    """
    found = {name: Range.of(values) for name, values in customers.items()}
    return {name: each for name, each in found.items() if each}


def spread(customers: ir.Table, known: Mapping[str, Range]) -> ir.Table:
    """Counts by bin, and figures, of every feature in every window.

    Args:
        customers: Features of customers, with the number of a window as `window`.
        known: By feature, those that the table has.
    """
    parts: dict[str, ir.Scalar] = {"_n": customers.count()}
    for name, each in known.items():
        value = customers[name].cast("float64")
        value = ibis.ifelse(value.isnan(), ibis.null("float64"), value)
        parts |= {f"{name}|{i}": (value <= edge).cast("int64").sum() for i, edge in enumerate(each.edges)}
        parts |= {f"{name}|n": value.count(), f"{name}|min": value.min(), f"{name}|max": value.max()}
        finite = ibis.ifelse(value.abs() < float("inf"), value, ibis.null("float64"))
        parts[f"{name}|mean"] = exact_sum(finite) / finite.count()
        parts[f"{name}|out"] = ((value < each.lowest) | (value > each.highest)).cast("int64").sum()
    return customers.group_by("window").agg(**parts)


def observed(
    rows: Sequence[Mapping[str, Any]], numbers: Sequence[int], known: Mapping[str, Range], area: str
) -> Observed:
    """What `spread` found, for windows in order; those without a customer have no figures.

    A feature that vanished has no counts: there it is nobody's, which its share of missing values tells.
    """
    by_window = {row["window"]: row for row in rows}
    figures: dict[Key, Floats] = {}
    counts: dict[Key, Counts] = {}
    for name, each in known.items():
        bins = (*(f"≤ {edge:g}" for edge in each.edges), "more")
        found = [_binned(by_window.get(number), name, len(each.edges)) for number in numbers]
        counts[Key(area, "psi", name)] = Counts(bins, np.array(found).reshape(len(numbers), len(bins)))
        for measure in ("min", "max", "mean", "out"):
            values = [_figure(by_window.get(number), f"{name}|{measure}") for number in numbers]
            figures[Key(area, "outside" if measure == "out" else measure, name)] = np.array(values)
        of = np.array([_figure(by_window.get(number), f"{name}|n") for number in numbers])
        figures[Key(area, "outside", name)] /= np.where(of > 0, of, np.nan)
        figures[Key(area, "median", name)] = np.array(
            [_median(row, each) for row in counts[Key(area, "psi", name)].counts]
        )
    behind = np.array([_figure(by_window.get(number), "_n") for number in numbers])
    return Observed(tuple(numbers), figures, {area: np.nan_to_num(behind)}, counts)


def _binned(row: Mapping[str, Any] | None, name: str, edges: int) -> Floats:
    if row is None or row.get(f"{name}|n") is None:
        return np.zeros(edges + 1)
    below = [row[f"{name}|{i}"] or 0 for i in range(edges)]
    return np.diff(np.array([0, *below, row[f"{name}|n"]], float))


def _figure(row: Mapping[str, Any] | None, name: str) -> float:
    return float("nan") if row is None or row.get(name) is None else float(row[name])


def _median(counts: Floats, known: Range) -> float:
    """From counts by bin, evenly spread within each."""
    if not counts.sum():
        return float("nan")
    ends = np.array([min(known.lowest, *known.edges), *known.edges, max(known.highest, *known.edges)])
    return float(np.interp(0.5, np.concatenate([[0.0], np.cumsum(counts) / counts.sum()]), ends))


def _signed_log(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
