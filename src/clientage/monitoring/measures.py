"""Everything that is measured of a window: how it is compared, and how large a change matters to a shop."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Key(NamedTuple):
    """What was measured: in which area, what, and of which feature, column or segment."""

    area: str
    measure: str
    subject: str = ""

    def __str__(self) -> str:
        """As `area.measure.subject`."""
        return ".".join(self)

    @property
    def kind(self) -> str:
        """As `area.measure`, whatever the subject."""
        return f"{self.area}.{self.measure}"


@dataclass(frozen=True)
class Measure:
    """How a figure is compared with what was usual.

    Attributes:
        meaning: In the shop's words.
        least: The smallest distance from the usual that is worth a word: a ratio less 1, else a difference. None of
            what is only told: nothing says what is usual.
        ratio: Whether twice as much is as far away as half as much.
        above: Whether only more than usual is a finding, as of a distance.
        decides: Whether the verdict on the whole window goes by it.
    """

    meaning: str
    least: float | None
    ratio: bool = False
    above: bool = False
    decides: bool = True

    def scaled(self, distance: float) -> float:
        """A distance from the usual, such as `least`, as it is compared: of a ratio its logarithm."""
        return math.log1p(distance) if self.ratio else distance


MEASURES: Mapping[str, Mapping[str, Measure]] = {
    "volume": {
        "orders": Measure("completed orders", 0.20, ratio=True),
        "customers": Measure("customers who ordered", 0.20, ratio=True),
        "revenue": Measure("spend less returns", 0.25, ratio=True),
    },
    "items": {
        "item mix": Measure("products sold: Jensen-Shannon divergence beyond chance, in bits", 0.01, above=True),
        "country mix": Measure("countries of orders: the same", 0.01, above=True),
        "prices": Measure("what the same product costs, on average over lines", 0.03, ratio=True),
    },
    "orders": {
        "order value": Measure("amount of a completed order (geometric mean)", 0.15, ratio=True),
        "lines per order": Measure("lines of a completed order (geometric mean)", 0.15, ratio=True),
        "units per line": Measure("units of a completed line (geometric mean)", 0.15, ratio=True),
        "returned": Measure("share of lines that take goods back", 0.02),
    },
    "missing": {
        "empty": Measure("share of lines received without a value", 0.03),
        "set aside": Measure("share of lines received that cleaning set aside", 0.03),
    },
    "customers": {
        "psi": Measure("population stability index", 0.25, above=True),
        "ks": Measure("Kolmogorov-Smirnov distance; where significant after Holm", 0.15, above=True),
        "wasserstein": Measure("Wasserstein distance in standard deviations, after log1p", 0.25, above=True),
        "outside": Measure("share outside the range that the model was made from", 0.05, above=True),
    },
    "segments": {
        "mix": Measure("shares of the segments: population stability index", 0.10, above=True),
        "moved": Measure("share of the customers who changed segment", 0.05, above=True),
        "refit": Measure("1 less the adjusted Rand index with segments made anew", 0.25, above=True, decides=False),
    },
    "outcomes": {
        "buys again": Measure("share who bought again, over what was expected", 0.30, ratio=True, decides=False),
        "spend": Measure("what they spent, over what was expected", 0.40, ratio=True, decides=False),
        "auc": Measure("chance that the segments put who buys again first", 0.05, decides=False),
    },
    "predictions": {
        "psi": Measure("population stability index of what was asked", 0.25, above=True),
        "outside": Measure("share outside the range that the model was made from", 0.05, above=True),
        "mix": Measure("shares of the segments answered: population stability index", 0.25, above=True),
    },
    "service": {
        "predictions": Measure("answers given", None, decides=False),
        "refused": Measure("share that could not be answered", 0.02, above=True, decides=False),
        "p50": Measure("half the answers took less", None, decides=False),
        "p95": Measure("95 of 100 answers took less", None, decides=False),
        "p99": Measure("99 of 100 answers took less", None, decides=False),
    },
}  # fmt: skip
"""By area and name."""

TOLD = ("min", "max", "mean", "median")
"""Figures of features that are told beside the range of the reference, and decide nothing."""
