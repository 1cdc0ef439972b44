"""What was found, as rows of the tables `drift` and `episodes`."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from clientage.context import MODEL, Run
from clientage.monitoring.compared import ITEMS, SEGMENTS
from clientage.monitoring.episodes import episodes
from clientage.monitoring.measures import TOLD, Key
from clientage.monitoring.observed import Observed
from clientage.monitoring.reference import Reference
from clientage.monitoring.verdict import Finding, furthest, overall
from clientage.monitoring.windows import Windows
from clientage.monitoring.words import because, sentence
from clientage.segments import document
from clientage.stages.watch import answers

SAID = ("watch", "drift")


def drift_rows(
    run: Run,
    reference: Reference,
    seen: Observed,
    judged: Sequence[Sequence[Finding]],
    *,
    learned: bool,
) -> list[dict[str, Any]]:
    """Rows of the table `drift`."""
    names, windows = _names(run), Windows(reference.days)
    rows: list[dict[str, Any]] = []
    for place, every in enumerate(judged):
        behind = {area: values[place] for area, values in seen.behind.items()}
        findings = [each for each in every if each.key.area not in answers.AREAS or behind.get(each.key.area)]
        told = {
            each.key: because(each, seen, place, reference.usual, names) for each in findings if each.verdict in SAID
        }
        about = {
            "window": windows.first(seen.numbers[place]),
            "days": reference.days,
            "reference": learned,
            "model": reference.model[:12],
        }
        score = furthest(findings, reference.rules)
        whole = {
            "area": "all", "measure": "verdict", "subject": "", "value": score, "score": score,
            "verdict": overall(findings, reference.rules),
            "because": sentence(findings, reference.rules, told), "rows": int(behind.get("volume", 0)),
        }  # fmt: skip
        rows += [about | whole] + [about | _row(each, reference, told, behind) for each in findings]
    return rows


def _row(finding: Finding, reference: Reference, told: dict[Key, str], behind: dict[str, float]) -> dict[str, Any]:
    key, limit = finding.key, finding.limit
    ranges = reference.inputs if key.area == "predictions" else reference.ranges
    known = ranges.get(key.subject) if key.measure in TOLD else None
    return {
        **key._asdict(),
        "value": _known(finding.value),
        "expected": _known(limit.expected) if limit else None,
        "low": limit.low if limit else known.lowest if known else None,
        "high": limit.high if limit else known.highest if known else None,
        "score": _known(finding.score),
        "verdict": finding.verdict,
        "because": told.get(key, ""),
        "rows": int(behind.get(key.area, 0)),
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _names(run: Run) -> dict[Key, dict[str, str]]:
    """What products and segments are called."""
    segments = document.loads(run.warehouse.read_text(MODEL)).segments
    names = {SEGMENTS: {str(segment.segment_id): f"“{segment.name}”" for segment in segments}}
    if run.warehouse.exists("products") and "description" in run.read("products").columns:
        found = run.rows(run.read("products").select("product", "description"))
        products = {row["product"]: " ".join((row["description"] or "").split()) for row in found}
        names[ITEMS] = {code: f"{name} ({code})" for code, name in products.items() if name}
    return names


def keep_drift(run: Run, rows: list[dict[str, Any]], days: int, end: date) -> None:
    """The table `drift`: what was found now, and what was found before of other windows.

    A window that was judged when it was new keeps that verdict when a later model is made in it. Windows of another
    length, and those that are not over by the end of the lines, are gone.

    Args:
        run: What is at hand.
        rows: Found now.
        days: Length of the windows.
        end: The day up to which windows are judged.
    """
    now = {row["window"]: row["reference"] for row in rows}
    old = run.rows(run.read("drift")) if run.warehouse.exists("drift") else []
    old = [row for row in old if row["days"] == days and row["window"] + timedelta(days=days) <= end]
    judged = {row["window"] for row in old if not row["reference"]}
    kept = [row for row in old if row["window"] not in now or (now[row["window"]] and row["window"] in judged)]
    spared = {row["window"] for row in kept}
    every = kept + [row for row in rows if row["window"] not in spared]
    run.write("drift", sorted(every, key=lambda row: (row["window"], row["area"], row["measure"], row["subject"])))


def keep_episodes(run: Run) -> None:
    """The table `episodes`, from the verdicts on all windows after those that models were made in."""
    drift = run.read("drift")
    judged = run.rows(drift.filter(drift.area == "all", ~drift.reference))
    run.write("episodes", [asdict(each) for each in episodes(judged, run.settings.alerts.settle)])
