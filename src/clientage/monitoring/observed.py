"""What was seen in windows: figures, and counts by category, from which every comparison is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clientage.monitoring.measures import Key

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """How often each category was seen in each window.

    Attributes:
        categories: Their names, m of them; the last may stand for all others.
        counts: (windows, m).
    """

    categories: tuple[str, ...]
    counts: Floats

    def taken(self, rows: Sequence[int]) -> "Counts":
        """Some of the windows."""
        return Counts(self.categories, self.counts[list(rows)])

    def over(self, categories: Sequence[str]) -> Floats:
        """The counts of other categories, (windows, their number); 0 for those that were not seen."""
        if tuple(categories) == self.categories:
            return self.counts
        place = {name: i for i, name in enumerate(self.categories)}
        empty = np.zeros(len(self.counts))
        columns = [self.counts[:, place[name]] if name in place else empty for name in categories]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self.counts), 0))


@dataclass(frozen=True)
class Observed:
    """What was seen in windows.

    Attributes:
        numbers: The windows, n of them.
        figures: By what was measured, (n,); NaN where it cannot be told.
        behind: Lines, customers or predictions that an area was measured on, (n,).
        counts: By what was counted.
    """

    numbers: tuple[int, ...]
    figures: Mapping[Key, Floats] = field(default_factory=dict)
    behind: Mapping[str, Floats] = field(default_factory=dict)
    counts: Mapping[Key, Counts] = field(default_factory=dict)

    def taken(self, rows: Sequence[int]) -> "Observed":
        """Some of the windows."""
        chosen = list(rows)
        return Observed(
            tuple(self.numbers[row] for row in chosen),
            {key: values[chosen] for key, values in self.figures.items()},
            {area: values[chosen] for area, values in self.behind.items()},
            {key: counts.taken(chosen) for key, counts in self.counts.items()},
        )

    def joined(self, other: "Observed") -> "Observed":
        """The same windows with what else was seen in them."""
        return Observed(
            self.numbers,
            {**self.figures, **other.figures},
            {**self.behind, **other.behind},
            {**self.counts, **other.counts},
        )

    def apart(self, key: Key) -> tuple["Observed", Counts]:
        """All but the counts of one kind; and those, added up over all windows."""
        rest = {other: counts for other, counts in self.counts.items() if other != key}
        alone = self.counts.get(key, Counts((), np.zeros((len(self.numbers), 0))))
        whole = Counts(alone.categories, alone.counts.sum(axis=0, keepdims=True))
        return Observed(self.numbers, self.figures, self.behind, rest), whole

    def document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "windows": list(self.numbers),
            "figures": [[*key, _plain(values)] for key, values in self.figures.items()],
            "behind": {area: _plain(values) for area, values in self.behind.items()},
            "counts": [[*key, list(each.categories), each.counts.tolist()] for key, each in self.counts.items()],
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Observed":
        """From such a document.

        Raises:
            ValueError: It is none.
        """
        return cls(
            tuple(document["windows"]),
            {Key(*key): np.array(values, float) for *key, values in document["figures"]},
            {area: np.array(values, float) for area, values in document["behind"].items()},
            {Key(*key): Counts(tuple(names), np.array(counts, float)) for *key, names, counts in document["counts"]},
        )


def _plain(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
