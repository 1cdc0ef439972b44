"""What the project has set itself for the public data, and whether the figures reach it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

UNITS = {"cpu_s": ("CPU", " s"), "peak_mb": ("memory", " MB"), "ratio": ("ratio", ""), "per_s": ("", " a second")}


@dataclass(frozen=True)
class Goal:
    """A limit for one figure of one way.

    Attributes:
        way: Its name.
        figure: One of `UNITS`; the ratio is that of the table, to ours.
        most: The figure is not to be above it; None for any.
        least: The figure is not to be below it; None for any.
        of: Key of another benchmark: the limit is so many times the same figure of its first way.
    """

    way: str
    figure: str
    most: float | None = None
    least: float | None = None
    of: str = ""

    def told(self) -> str:
        """As a table shows it."""
        name, unit = UNITS[self.figure]
        signs = [("≤", self.most), ("≥", self.least)]
        limits = [f"{sign} {limit:.3g}" if limit < 100 else f"{sign} {limit:,.0f}" for sign, limit in signs if limit]
        return f"{name} {' and '.join(limits)}{f' × {self.of}' if self.of else unit}".strip()

    def met(self, way: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> bool | None:
        """Whether it is.

        Args:
            way: Figures of the way.
            others: All benchmarks of the run, by key.

        Returns:
            None where the other benchmark was not measured.
        """
        if self.of and self.of not in others:
            return None
        unit = others[self.of]["ways"][0][self.figure] if self.of else 1
        value = way[self.figure]
        return not (self.most and value > self.most * unit) and not (self.least and value < self.least * unit)


def judged(measured: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each goal of a benchmark: name of the way, and the goal in words with what came of it.

    Args:
        measured: A benchmark of the document.
        found: The document.
    """
    others = {each["key"]: each for each in found["benchmarks"]}
    ways = {each["way"]: each for each in measured["ways"]}
    for goal in (Goal(**each) for each in measured["goals"]):
        met = goal.met(ways[goal.way], others) if goal.way in ways else None
        yield goal.way, f"{goal.told()}: {'not measured' if met is None else 'met' if met else 'not met'}"
