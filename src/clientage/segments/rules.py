"""A segment told as a rule: two or three conditions in the shop's units that pick most of it.

A surrogate of the model: for each segment one branch of a shallow tree, grown condition by condition towards the best
F1, keeping the few best beginnings (beam search, as CN2 does: Clark and Niblett 1989).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clientage.segments.kmeans import Floats, Integers

Flags = NDArray[np.bool_]

CUTS, BEAM, DEPTH = 48, 6, 3

PHRASES = {
    "recency_days": ("last seen at most {} days ago", "last seen more than {} days ago"),
    "tenure_days": ("customer for at most {} days", "customer for more than {} days"),
    "frequency": ("at most {} orders", "at least {} orders"),
    "invoices": ("at most {} orders", "at least {} orders"),
    "monetary": ("spent at most {money}{}", "spent more than {money}{}"),
    "lines_per_basket": ("at most {} lines an order", "more than {} lines an order"),
    "units_per_line": ("at most {} units a line", "more than {} units a line"),
}


@dataclass(frozen=True)
class Condition:
    """A feature above (or not above) a limit, in the feature's unit."""

    feature: str
    above: bool
    limit: float

    def holds(self, customers: Mapping[str, Floats]) -> Flags:
        """For which customers it holds, (n,)."""
        over = customers[self.feature] > self.limit
        return over if self.above else ~over

    def text(self, currency: str = "") -> str:
        """In the shop's words."""
        generic = (f"{self.feature} at most {{}}", f"{self.feature} more than {{}}")
        counted = self.feature in ("frequency", "invoices")
        limit = math.floor(self.limit) + self.above if counted else self.limit
        text = PHRASES.get(self.feature, generic)[self.above].format(f"{limit:,.10g}", money=currency)
        return re.sub(r"\b(1 \w+)s\b", r"\1", text)


@dataclass(frozen=True)
class Rule:
    """Conditions that all hold.

    Attributes:
        conditions: At most three.
        precision: Share of the customers it picks that are in the segment.
        recall: Share of the segment's customers that it picks.
    """

    conditions: tuple[Condition, ...]
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-300)

    def text(self, currency: str = "") -> str:
        """In the shop's words."""
        return " and ".join(condition.text(currency) for condition in self.conditions)


def find_rule(customers: Mapping[str, Floats], members: Flags) -> Rule:
    """The rule that tells these members best from all other customers.

    Args:
        customers: Columns of the features to speak of, (n,) each.
        members: Which customers belong to the segment, (n,).
    """
    axes = {name: _Axis.of(values) for name, values in customers.items()}
    beam = [Rule((), float(members.mean()), 1.0)]
    best = beam[0]
    for _ in range(DEPTH):
        grown = [longer for rule in beam for longer in _grown(rule, customers, members, axes)]
        beam = sorted(grown, key=lambda rule: -rule.f1)[:BEAM]
        # one more condition must earn its place
        if not beam or beam[0].f1 < best.f1 + 0.005:
            break
        best = beam[0]
    return best


@dataclass(frozen=True)
class _Axis:
    """A feature's limits worth trying and, for each customer, the first limit not below its value."""

    limits: Floats
    bins: Integers

    @classmethod
    def of(cls, values: Floats) -> "_Axis":
        """Quantiles, rounded to two digits so that people can remember them."""
        quantiles = np.unique(np.quantile(values, np.linspace(0, 1, CUTS)))
        digits = 10.0 ** np.floor(np.log10(np.maximum(np.abs(quantiles), 1e-9)) - 1)
        limits = np.unique(np.round(np.round(quantiles / digits) * digits, 9))
        return cls(limits, np.searchsorted(limits, values))


def _grown(rule: Rule, customers: Mapping[str, Floats], members: Flags, axes: Mapping[str, _Axis]) -> list[Rule]:
    """The rule with one more condition, in the best way for each feature and side."""
    held = np.ones(len(members), bool)
    for condition in rule.conditions:
        held &= condition.holds(customers)
    used = {(condition.feature, condition.above) for condition in rule.conditions}
    sides = [(name, above) for name in customers for above in (False, True) if (name, above) not in used]
    return [_with(rule, members, held, axes[name], side=(name, above)) for name, above in sides]


def _with(rule: Rule, members: Flags, held: Flags, axis: _Axis, *, side: tuple[str, bool]) -> Rule:
    """The rule with a condition on this side of the feature, at the limit that gives the best F1."""
    name, above = side
    picked = np.cumsum(np.bincount(axis.bins[held], minlength=len(axis.limits) + 1))[:-1]
    right = np.cumsum(np.bincount(axis.bins[held & members], minlength=len(axis.limits) + 1))[:-1]
    if above:
        picked, right = held.sum() - picked, (held & members).sum() - right
    precision, recall = right / np.maximum(picked, 1), right / max(int(members.sum()), 1)
    winner = int(np.argmax(2 * precision * recall / np.maximum(precision + recall, 1e-300)))
    condition = Condition(name, above, float(axis.limits[winner]))
    return Rule((*rule.conditions, condition), float(precision[winner]), float(recall[winner]))
