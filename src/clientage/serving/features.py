"""Instances that give the features by name, or the principal components: as rows of numbers, or why not."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from clientage.segments.kmeans import Floats
from clientage.serving.contract import MISSING, MOST_TOLD, NO_NUMBER, UNKNOWN, Problem, shown, valued
from clientage.tables import TABLES

COLUMNS = TABLES["customers"].columns
KNOWN = frozenset(name for name, column in COLUMNS.items() if column.kind in ("integer", "number", "flag"))
MAY_LACK = frozenset({"days_between_purchases"})  # null in the table where a customer has one day only
LARGEST = 1e100  # the square of what is larger is no number any more

Problems = list[Problem]
Values: TypeAlias = Floats | Sequence[Sequence[float]]


class Named:
    """Reads numbers by name.

    Args:
        names: Those that are needed, d of them.
        known: Names that may stand beside them.
        what: What they are called.
    """

    def __init__(self, names: Sequence[str], known: frozenset[str] = frozenset(), what: str = "feature") -> None:
        self.names = tuple(names)
        self._known = known | set(names)
        self._what = what
        self._pick = itemgetter(*names)
        self._as_many = {len(self.names)}
        self._kinds = tuple(_kinds(name) for name in names)

    def quick(self, instances: Sequence[Any]) -> Values | None:
        """All instances at once as (n, d), where nothing is wrong with any of them; else None."""
        try:
            rows = list(map(self._pick, instances))
            # as many names as are needed, and all of those: then there are no others
            if set(map(len, instances)) != self._as_many and not all(map(self._known.issuperset, instances)):
                return None
            if not set(map(type, chain.from_iterable(rows))) <= _PLAIN:
                return None
            if len(rows) == 1:
                return rows if max(rows[0]) < LARGEST and min(rows[0]) > -LARGEST else None
            values = np.array(rows, float)
        except (KeyError, TypeError, IndexError, OverflowError):
            return None
        return values if np.abs(values).max() < LARGEST else None

    def slow(self, instance: Mapping[str, Any], at: str) -> list[float] | Problems:
        """The numbers of one instance, or everything that is wrong with it.

        Args:
            instance: As it came.
            at: Where it stands.
        """
        problems = [Problem(MISSING, f"{at}.{name}: missing.") for name in self.names if name not in instance]
        problems += [
            Problem(UNKNOWN, f"{at}.{shown(name)}: there is no such {self._what}.")
            for name in sorted(set(instance) - self._known)[:MOST_TOLD]
        ]
        values: list[float] = []
        for name, kinds in zip(self.names, self._kinds, strict=True):
            if name in instance:
                value = _number(instance[name], kinds)
                if value is None:
                    sentence = f"{at}.{name}: not a number that can be used: {valued(instance[name])}."
                    problems.append(Problem(NO_NUMBER, sentence))
                else:
                    values.append(value)
        return problems or values


_PLAIN = {int, float}


def _kinds(name: str) -> frozenset[type]:
    """Types that a value of a feature may have."""
    flag = {bool} if name in COLUMNS and COLUMNS[name].kind == "flag" else set()
    return frozenset(_PLAIN | flag | ({type(None)} if name in MAY_LACK else set()))


def _number(value: Any, kinds: frozenset[type]) -> float | None:
    if type(value) not in kinds:
        return None
    if value is None:
        return math.nan
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < LARGEST else None
