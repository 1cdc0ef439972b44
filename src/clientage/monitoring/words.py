"""What monitoring found, in the shop's words."""

from collections.abc import Mapping, Sequence

import numpy as np

from clientage.monitoring.compared import COUNTRIES, ITEMS, PRICES, SEGMENTS, SOLD, movers
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Observed
from clientage.monitoring.verdict import Finding, Rules, worst

NAMELESS = "(none)"
SHARES = ("returned", "empty", "set aside", "outside", "moved", "refused")
SHOWN = 3  # causes in the sentence on a window


def because(finding: Finding, seen: Observed, row: int, usual: Observed, names: Mapping[Key, Mapping[str, str]]) -> str:
    """What moved, and by how much.

    Args:
        finding: A measure of a window.
        seen: Windows, this one among them.
        row: Which of them.
        usual: The windows of the reference.
        names: Of products and segments, by code or number.
    """
    key = finding.key
    called = names.get(SEGMENTS if key.measure == "mix" or key.area == "outcomes" else key, {})
    if (key in (ITEMS, COUNTRIES) or key.measure == "mix") and (
        moved := movers(seen, row, usual, SOLD if key == ITEMS and SOLD in seen.counts else key)
    ):
        told = [f"{called.get(name, name) or NAMELESS} {_share(before)} → {_share(now)}" for name, before, now in moved]
        return f"{_title(key, called)}: {' · '.join(told)}"
    if key.measure in ("psi", "ks", "wasserstein"):
        return f"{_title(key, called)}: {_median(key, seen, row, usual)}"
    if np.isnan(finding.value) or not finding.limit:
        return ""
    if key == PRICES:
        return f"prices of the same products: {finding.value - 1:+.1%}"
    form = _share if key.measure in SHARES else _number
    return f"{_title(key, called)}: {form(finding.value)}, usually {form(finding.limit.expected)}{_change(finding)}"


def sentence(findings: Sequence[Finding], rules: Rules, told: Mapping[Key, str]) -> str:
    """What made the verdict on a window, each feature or column once.

    Args:
        findings: All of the window.
        rules: Which of them decide.
        told: Each in words.
    """
    said: dict[tuple[str, str], str] = {}
    for finding in worst(findings, rules):
        group = (finding.key.area, finding.key.subject or finding.key.measure)
        said.setdefault(group, told.get(finding.key, ""))
    return "; ".join([text for text in said.values() if text][:SHOWN])


def _title(key: Key, called: Mapping[str, str]) -> str:
    if key.area == "missing":
        return f"{'no ' if key.measure == 'empty' else 'lines set aside, '}{key.subject or 'in all'}"
    if key.area in ("customers", "predictions") and key.subject:
        what = key.subject.replace("_", " ")
        asked = " asked for" if key.area == "predictions" else ""
        return f"{what}{asked} outside the range of the model" if key.measure == "outside" else f"{what}{asked}"
    if key.area == "outcomes":
        did = {"buys again": "customers who bought again", "spend": "what customers spent next"}.get(key.measure)
        told = f"{did}, over what was expected" if did else "how well segments tell who buys again (AUC)"
        return f"{told}, in {called.get(key.subject, key.subject)}" if key.subject else told
    return NAMED.get((key.area, key.measure), key.measure)


NAMED = {
    ("segments", "mix"): "segment mix",
    ("segments", "moved"): "customers who changed segment",
    ("segments", "refit"): "disagreement with segments made anew",
    ("predictions", "mix"): "segment mix of who was asked for",
    ("service", "refused"): "asked for and refused",
}


def _median(key: Key, seen: Observed, row: int, usual: Observed) -> str:
    of = key._replace(measure="median")
    if of not in seen.figures or of not in usual.figures or np.isnan(seen.figures[of][row]):
        return "no values" if of in seen.figures else "spread otherwise"
    return f"median {_number(float(seen.figures[of][row]))}, usually {_number(float(np.nanmedian(usual.figures[of])))}"


def _change(finding: Finding) -> str:
    limit = finding.limit
    if not limit or not limit.measure.ratio or not limit.expected:
        return ""
    return f" ({finding.value / limit.expected - 1:+.0%})"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
