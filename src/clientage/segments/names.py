"""Plain words for segments: names from what stands out, and what to do with each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clientage.segments.kmeans import Floats, Integers
from clientage.segments.space import signed_log

NEW_DAYS = 60.0
HARDLY = 0.5  # least spread of logarithms: who is within an eighth of the usual is called neither high nor low

ACTIONS = {
    ("valuable", "active"): "keep: early access, account care",
    ("valuable", "new"): "keep: personal welcome, account care",
    ("valuable", "cooling"): "win back now: personal offer before they are gone",
    ("valuable", "lapsed"): "win back: call the largest, ask what went wrong",
    ("mid", "active"): "grow: bundles, reward for the next order",
    ("mid", "new"): "grow: show what goes with the first order",
    ("mid", "cooling"): "remind: what is new since their last order",
    ("mid", "lapsed"): "win back: one strong offer, then let rest",
    ("small", "active"): "grow: help with the second order",
    ("small", "new"): "welcome: help with the second order",
    ("small", "cooling"): "remind: popular products, small voucher",
    ("small", "lapsed"): "let rest: seasonal mailing only",
}


@dataclass
class Character:
    """A segment in words.

    Attributes:
        spend: From minimal to top.
        recency: new, active, cooling or lapsed.
        frequency: From one-off to very frequent; empty where orders are not known.
        traits: What else stands out, the strongest first.
    """

    spend: str
    recency: str
    frequency: str
    traits: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Such as `Top spenders · active · very frequent`."""
        return " · ".join([f"{self.spend} spenders", self.recency, self.frequency])

    @property
    def action(self) -> str:
        """What to do with its customers."""
        value = {"Top": "valuable", "High": "valuable", "Mid": "mid"}.get(self.spend, "small")
        if self.frequency in ("frequent", "very frequent") and value == "small":
            # who comes often needs no help to come again
            value = "mid"
        return ACTIONS[value, self.recency]


def characters(customers: Mapping[str, Floats], labels: Integers, k: int) -> list[Character]:
    """Describe each of k groups by its means of standardized log features.

    Args:
        customers: Columns of the table `customers`.
        labels: Group of each customer, 0 to k − 1.
        k: Number of groups.
    """
    z = {name: _standing(customers[name], labels, k) for name in _SEEN if name in customers}
    tenure, orders = (
        [float(np.median(customers[name][labels == group])) for group in range(k)]
        for name in ("tenure_days", "frequency")
    )
    returns = customers["cancellation_rate"]
    often = [float(returns[labels == g].mean()) > 1.5 * float(returns.mean()) > 0 for g in range(k)]
    return [
        Character(
            _word(z["monetary"][g], (-0.75, -0.25, 0.25, 0.9), ("Minimal", "Low", "Mid", "High", "Top")),
            "new" if tenure[g] <= NEW_DAYS else _word(z["recency_days"][g], (-0.4, 0.4), _RECENCY),
            "one-off"
            if orders[g] <= 1
            else _word(z["frequency"][g], (-0.6, 0.4, 1.1), ("one-off", "occasional", "frequent", "very frequent")),
            _traits({name: float(values[g]) for name, values in z.items()}, often[g]),
        )
        for g in range(k)
    ]


def unique_names(found: Sequence[Character]) -> list[str]:
    """A name for each; where two are the same, their next trait is added, at last a number."""
    names = [character.name for character in found]
    for depth in range(max((len(character.traits) for character in found), default=0)):
        same = Counter(names)
        names = [
            f"{name} · {character.traits[depth]}" if same[name] > 1 and depth < len(character.traits) else name
            for name, character in zip(names, found, strict=True)
        ]
    same, seen = Counter(names), Counter[str]()
    for i, name in enumerate(names):
        seen[name] += 1
        names[i] = f"{name} ({seen[name]})" if same[name] > 1 else name
    return names


_SEEN = ("monetary", "recency_days", "frequency", "lines_per_basket", "units_per_line")
_RECENCY = ("active", "cooling", "lapsed")


def _standing(values: Floats, labels: Integers, k: int) -> Floats:
    """Mean of each group in standard deviations of all, after log1p."""
    compared = signed_log(np.nan_to_num(values))
    spread = max(float(compared.std()), HARDLY)
    sizes = np.maximum(np.bincount(labels, minlength=k), 1)
    return np.asarray((np.bincount(labels, compared, minlength=k) / sizes - compared.mean()) / spread)


def _word(value: float, cuts: Sequence[float], words: Sequence[str]) -> str:
    return words[int(np.searchsorted(cuts, value))]


def _traits(z: Mapping[str, float], returns_often: bool) -> list[str]:
    words = {
        "units_per_line": ("small quantities", "bulk buyers"),
        "lines_per_basket": ("narrow baskets", "wide baskets"),
    }
    known = sorted((name for name in words if name in z), key=lambda name: -abs(z[name]))
    return ["high returns"] * returns_often + [words[name][z[name] > 0] for name in known]
