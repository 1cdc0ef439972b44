"""Verdicts: ok, watch or drift, for every measure of a window and for the window as a whole.

A measure drifts when it is beyond its limit, or in watch for the second time within three windows, on the same side
(two of three beyond the warning lines: Western Electric 1956). A window drifts when a measure that decides does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from clientage.monitoring.compared import SIGNIFICANT, Compared, values_of
from clientage.monitoring.limits import Limit, given, learned
from clientage.monitoring.measures import MEASURES, Key, Measure

Verdict = Literal["ok", "watch", "drift", "unknown"]

OK: Verdict = "ok"
WATCH: Verdict = "watch"
DRIFT: Verdict = "drift"
UNKNOWN: Verdict = "unknown"

LOOKED_BACK = 2  # windows
WIDER, STEPS = 1.1, 500  # by how much, and how often at most


@dataclass(frozen=True)
class Finding:
    """A measure of a window, judged.

    Attributes:
        key: What was measured.
        value: What it was; NaN where it cannot be told.
        limit: What is usual; None where nothing could be learned, or the figure is only told.
        verdict: Of the measure.
        again: Whether it drifts only because it was watched before.
    """

    key: Key
    value: float
    limit: Limit | None
    verdict: Verdict
    again: bool = False

    @property
    def side(self) -> int:
        """1 for more than usual, −1 for less; 0 where nothing is known."""
        return self.limit.side(self.value) if self.limit and not np.isnan(self.value) else 0

    @property
    def score(self) -> float:
        """How far from the usual, 1 at the limit."""
        return self.limit.score(self.value) if self.limit and not np.isnan(self.value) else float("nan")


@dataclass(frozen=True)
class Rules:
    """What limits depend on beside the reference.

    Attributes:
        needs: Features that the model goes by: of all others none decides.
        set_limits: Distances from the usual that count as drift, by `area.measure`, in place of those learned.
        usual: What is expected of measures that its windows do not tell.
        strictness: What limits learned are multiplied by, where that is not 1.
    """

    needs: frozenset[str] = frozenset()
    set_limits: Mapping[str, float] = field(default_factory=dict)
    usual: Mapping[Key, float] = field(default_factory=dict)
    strictness: Mapping[str, float] = field(default_factory=dict)

    def measure(self, key: Key) -> Measure | None:
        """How a figure is compared; None where it is only told."""
        measure = MEASURES[key.area].get(key.measure)
        return measure if measure and measure.least is not None else None

    def is_set(self, key: Key) -> bool:
        """Whether its limit is set, not learned."""
        return key.kind in self.set_limits

    def decides(self, key: Key) -> bool:
        """Whether the verdict on a window goes by it."""
        measure = self.measure(key)
        by_feature = key.area in ("customers", "predictions") and key.subject
        return bool(measure and measure.decides and (not by_feature or key.subject in self.needs))

    def limit(self, key: Key, reference: Sequence[Compared]) -> Limit | None:
        """The limit of a measure, set or learned from windows; None where it is only told, or nothing is known."""
        measure = self.measure(key)
        if measure is None or measure.least is None:
            return None
        usual = self.usual.get(key, self.usual.get(key._replace(subject=""), 0.0 if measure.above else None))
        found = learned(values_of(reference, key), measure)
        if found is None and usual is not None:
            found = given(measure, usual, measure.least)
        if found and self.is_set(key):
            return given(measure, found.expected, self.set_limits[key.kind])
        return found and found.wider(self.strictness.get(str(key), 1.0))


def judge(windows: Sequence[Compared], reference: Sequence[Compared], rules: Rules) -> list[list[Finding]]:
    """Every measure of windows that follow one another.

    Args:
        windows: Compared, in order.
        reference: The windows that limits are learned from.
        rules: What else they depend on.
    """
    keys = list(dict.fromkeys(key for window in (*reference, *windows) for key in window.values))
    limits = {key: rules.limit(key, reference) for key in keys}
    return _followed([[_found(window, key, limits[key], rules) for key in keys] for window in windows])


def judge_left_out(reference: Sequence[Compared], rules: Rules) -> list[list[Finding]]:
    """Every window of the reference, by limits that the others alone taught."""
    windows = []
    for place, window in enumerate(reference):
        others = [other for i, other in enumerate(reference) if i != place]
        windows.append([_found(window, key, rules.limit(key, others), rules) for key in window.values])
    return _followed(windows)


def overall(findings: Sequence[Finding], rules: Rules) -> Verdict:
    """The verdict on a window: the worst of those that decide; unknown where none is known."""
    verdicts = {finding.verdict for finding in findings if rules.decides(finding.key)}
    return next((verdict for verdict in (DRIFT, WATCH, OK) if verdict in verdicts), UNKNOWN)


def worst(findings: Sequence[Finding], rules: Rules) -> list[Finding]:
    """What makes the verdict on a window, the furthest first."""
    verdict = overall(findings, rules)
    found = [each for each in findings if each.verdict == verdict and rules.decides(each.key)]
    return sorted(found, key=lambda each: -each.score) if verdict in (WATCH, DRIFT) else []


def furthest(findings: Sequence[Finding], rules: Rules) -> float | None:
    """How far from the usual the worst measure of a window is, 1 at the limit; None where none is known.

    What makes the verdict counts. Of a window that is well, that is whatever lies within its limit: what lies beyond it
    by chance alone decides nothing.
    """
    if causes := worst(findings, rules):
        return causes[0].score
    within = [each.score for each in findings if rules.decides(each.key) and each.score <= 1]
    return max(within, default=None)


def calibrated(reference: Sequence[Compared], rules: Rules, most: float) -> Rules:
    """Limits wide enough that few windows of the reference drift when they are left out.

    With many measures one or the other is always far from its usual. What makes the mildest of these windows drift is
    widened, step by step, until few are left; all other limits stay as close as they are, and so do those that are set.

    Args:
        reference: Its windows, each compared with the others.
        rules: Those to widen.
        most: The share of windows that may drift.
    """
    for _ in range(STEPS):
        found = [worst(findings, rules) for findings in judge_left_out(reference, rules)]
        drifting = [causes for causes in found if causes and causes[0].verdict == DRIFT]
        if len(drifting) <= most * len(reference):
            break
        widened = [causes for causes in drifting if not any(rules.is_set(cause.key) for cause in causes)]
        if not widened:
            break
        mildest = min(widened, key=lambda causes: causes[0].score)
        wider = {str(cause.key): rules.strictness.get(str(cause.key), 1.0) * WIDER for cause in mildest}
        rules = replace(rules, strictness={**rules.strictness, **wider})
    return rules


def _found(window: Compared, key: Key, limit: Limit | None, rules: Rules) -> Finding:
    value = window.values.get(key, float("nan"))
    if limit is None:
        return Finding(key, value, None, UNKNOWN if np.isnan(value) or rules.measure(key) else OK)
    if np.isnan(value):
        return Finding(key, value, limit, UNKNOWN)
    score = limit.score(value)
    if window.chances.get(key, 0.0) >= SIGNIFICANT:
        return Finding(key, value, limit, OK)
    return Finding(key, value, limit, DRIFT if score > 1 else WATCH if score * limit.reach > limit.watch else OK)


def _followed(windows: list[list[Finding]]) -> list[list[Finding]]:
    """What is in watch a second time, on the same side, drifts."""
    watched = [{(each.key, each.side) for each in findings if each.verdict in (WATCH, DRIFT)} for findings in windows]
    return [
        [
            replace(each, verdict=DRIFT, again=True)
            if each.verdict == WATCH and any((each.key, each.side) in of for of in watched[max(0, i - LOOKED_BACK) : i])
            else each
            for each in findings
        ]
        for i, findings in enumerate(windows)
    ]
