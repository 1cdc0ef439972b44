"""The reference: what was usual when the model was made. A JSON document beside the model, and goes where that goes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from clientage.errors import InputError
from clientage.monitoring.compared import SOLD, Compared, compare, left_out
from clientage.monitoring.features import Range
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Observed
from clientage.monitoring.verdict import Finding, Rules, judge, judge_left_out

FORMAT = 1


@dataclass(frozen=True)
class Expected:
    """What customers of a segment did in the horizon before the model was made.

    Attributes:
        buys_again: Share who bought, in [0, 1].
        spend: What they spent on average, less returns, in currency.
    """

    buys_again: float
    spend: float


@dataclass(frozen=True)
class Reference:
    """What was usual when the model was made.

    Attributes:
        model: Checksum of the model.
        day: The day that the model was made for.
        days: Length of the windows.
        made: What else it was made by: fingerprint of the settings.
        observed: What was seen in its windows.
        sold: How often every product was sold in them, (1, m).
        ranges: How features of what customers bought lately were spread.
        inputs: How what the model goes by was spread.
        expected: What was expected of segments, by number.
        rules: What decides, and how wide limits are.
        population: All customers on the day of the model, as one window, for what the service is asked.
    """

    model: str
    day: date
    days: int
    made: str
    observed: Observed
    sold: Counts
    ranges: Mapping[str, Range]
    inputs: Mapping[str, Range]
    expected: Mapping[int, Expected]
    rules: Rules
    population: Observed = field(default_factory=lambda: Observed(()))

    @cached_property
    def usual(self) -> Observed:
        """What was seen in its windows, with every product by name and what all customers were like."""
        counts = {**self.observed.counts, SOLD: self.sold, **self.population.counts}
        return replace(self.observed, figures={**self.observed.figures, **self.population.figures}, counts=counts)

    @cached_property
    def compared(self) -> Sequence[Compared]:
        """Its windows, each against the others."""
        return left_out(self.observed, self.ranges)

    def compare(self, seen: Observed) -> list[Compared]:
        """Windows against all of it."""
        return [compare(seen, row, self.usual, self.ranges) for row in range(len(seen.numbers))]

    def judge(self, windows: Sequence[Compared]) -> list[list[Finding]]:
        """Windows that follow one another."""
        return judge(windows, self.compared, self.rules)

    def judge_left_out(self) -> list[list[Finding]]:
        """Its own windows, as if each had been left out."""
        return judge_left_out(self.compared, self.rules)

    def dumps(self) -> str:
        """As text."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "model": self.model,
            "day": str(self.day),
            "days": self.days,
            "made": self.made,
            "rules": {"needs": sorted(self.rules.needs), "strictness": dict(self.rules.strictness)},
            "limits": dict(self.rules.set_limits),
            "usual": [[*key, value] for key, value in self.rules.usual.items()],
            "expected": {str(id_): asdict(each) for id_, each in self.expected.items()},
            "ranges": {name: asdict(each) for name, each in self.ranges.items()},
            "inputs": {name: asdict(each) for name, each in self.inputs.items()},
            "observed": self.observed.document(),
            "population": self.population.document(),
            "sold": dict(zip(self.sold.categories, self.sold.counts[0].tolist(), strict=True)),
        }
        return json.dumps(document, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def loads(cls, text: str) -> "Reference":
        """From text.

        Raises:
            InputError: It is not a reference that this version reads.
        """
        try:
            found = json.loads(text)
            if found["format"] != FORMAT:
                raise InputError(f"the reference has format {found['format']}, not {FORMAT}. {AGAIN}")
            reference = cls(
                found["model"],
                date.fromisoformat(found["day"]),
                int(found["days"]),
                found["made"],
                Observed.of(found["observed"]),
                Counts(tuple(found["sold"]), np.array([list(found["sold"].values())], float)),
                _ranges(found["ranges"]),
                _ranges(found["inputs"]),
                {int(id_): Expected(**each) for id_, each in found["expected"].items()},
                Rules(
                    frozenset(found["rules"]["needs"]),
                    found["limits"],
                    {Key(*key): value for *key, value in found["usual"]},
                    found["rules"]["strictness"],
                ),
                Observed.of(found["population"]),
            )
            if reference.days < 1:
                raise ValueError(f"windows of {reference.days} days")
            reference.judge([])  # its parts fit together
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise InputError(f"the reference of the model cannot be read ({error}). {AGAIN}") from error
        return reference


AGAIN = "Make it again: clientage monitor --renew."


def _ranges(document: Mapping[str, Any]) -> dict[str, Range]:
    return {name: Range(tuple(each["edges"]), each["lowest"], each["highest"]) for name, each in document.items()}
