"""Monitoring: the windows since the model was made, held against those it was made in, and judged."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from clientage import pipeline
from clientage.context import MODEL, Run, opened
from clientage.customers.features import customer_features
from clientage.errors import InputError, WorkspaceError
from clientage.manifest import fingerprint
from clientage.monitoring import features
from clientage.monitoring.compared import ITEMS, SEGMENTS, SOLD
from clientage.monitoring.measures import TOLD, Key
from clientage.monitoring.observed import Observed
from clientage.monitoring.reference import Reference
from clientage.monitoring.verdict import DRIFT, LOOKED_BACK, Finding, Rules, calibrated, furthest, overall
from clientage.monitoring.windows import Windows
from clientage.monitoring.words import because, sentence
from clientage.pipeline import Tell
from clientage.segments import document
from clientage.settings import Settings
from clientage.stages.watch import orders, outcomes, people
from clientage.stages.watch.watch import Watch

REFERENCE = "model/reference.json"
NEEDS = ("transactions", "lines", "rejected", "customers", "model")
FEWEST = 8  # windows of a reference


@dataclass(frozen=True)
class Judged:
    """The verdict on a window.

    Attributes:
        window: Its first day.
        verdict: ok, watch, drift or unknown.
        because: What moved, in words.
        score: How far the worst measure is from the usual, 1 at the limit; None where that is not known.
        reference: Whether the model was made in it.
    """

    window: date
    verdict: str
    because: str
    score: float | None
    reference: bool


@dataclass(frozen=True)
class Monitored:
    """What monitoring found.

    Attributes:
        windows: Those that were judged, in order, after those of the reference.
        days: Length of a window.
        model: The day that the model was made for.
    """

    windows: tuple[Judged, ...]
    days: int
    model: date

    @property
    def new(self) -> tuple[Judged, ...]:
        """The windows after the reference."""
        return tuple(each for each in self.windows if not each.reference)

    @property
    def drifts(self) -> bool:
        """Whether the last window drifts."""
        return bool(self.new) and self.new[-1].verdict == DRIFT


def monitor(
    settings: Settings,
    *,
    since: date | None = None,
    until: date | None = None,
    renew: bool = False,
    tell: Tell = lambda *_: None,
) -> Monitored:
    """Judge the windows since the model was made, and keep what was found.

    Windows are computed anew from the lines that are there: what came late counts, and doing it twice changes nothing.

    Args:
        settings: All of them.
        since: Leave out windows before this day; what was found of them earlier stays.
        until: Leave out windows that end after this day.
        renew: Whether to learn what is usual once more.
        tell: Told of progress.

    Raises:
        ClientageError: What the user can mend.
    """
    warehouse = opened(settings)
    with warehouse.transaction() as scratch:
        if missing := [name for name in NEEDS if not pipeline.there(warehouse, name)]:
            raise WorkspaceError(
                f"{settings.workspace}: there {'is' if len(missing) == 1 else 'are'} no {' and no '.join(missing)} to "
                "look at yet. Make all with `clientage run FILE`."
            )
        manifest = pipeline.ledger(warehouse).manifest()
        run = Run(settings, warehouse, manifest, scratch=scratch, progress=lambda share: tell("progress", share))
        return _monitor(run, since, until, renew=renew)


def _monitor(run: Run, since: date | None, until: date | None, *, renew: bool) -> Monitored:
    windows, text = Windows(run.settings.monitor.days), run.warehouse.read_text(MODEL)
    watch = Watch(run, document.loads(text), windows, {}, {})
    reference, changes = _kept(run, text, renew=renew), None
    if reference is None:
        reference, changes = _made(watch, text)
        run.warehouse.write_text(REFERENCE, reference.dumps())
    watch = replace(
        watch, ranges=reference.ranges, inputs=reference.inputs, items=_items(reference), columns=_columns(reference)
    )
    every = windows.between(reference.day, min(run.today, until or run.today))
    numbers, first = _with_earlier(every, windows.between(since or reference.day, run.today).start)
    seen, journeys = _looked(watch, numbers, reference, changes)
    rows = _rows(run, reference, reference.observed, reference.judge_left_out(), learned=True)
    found = _rows(run, reference, seen, reference.judge(reference.compare(seen)), learned=False)
    rows += [row for row in found if row["window"] >= windows.first(first)]
    _keep(run, rows)
    if journeys is not None:
        run.write("journeys", journeys.order_by("customer_id", "since"))
    told = [row for row in rows if row["area"] == "all"]
    judged = (Judged(row["window"], row["verdict"], row["because"], row["score"], row["reference"]) for row in told)
    return Monitored(tuple(judged), windows.days, reference.day)


def _with_earlier(every: range, first: int) -> tuple[range, int]:
    """Windows from one on, with those before it that its verdict depends on: what is watched again drifts."""
    asked = every[max(0, first - every.start) :]
    earlier = min(LOOKED_BACK, len(every) - len(asked)) if asked else 0
    return range(asked.start - earlier, asked.stop), asked.start


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _made_by(run: Run) -> str:
    """What a reference depends on beside model and lines."""
    wanted = run.settings
    return fingerprint(
        wanted.monitor.model_dump(mode="json", exclude={"retrain_days"})
        | {"home": wanted.shop.home_country, "horizon": wanted.evaluate.horizon_days}
    )


def _kept(run: Run, text: str, *, renew: bool) -> Reference | None:
    """The reference of this model, made by these settings; None where there is none yet."""
    if renew or not run.warehouse.path(REFERENCE).exists():
        return None
    reference = Reference.loads(run.warehouse.read_text(REFERENCE))
    return reference if (reference.model, reference.made) == (_digest(text), _made_by(run)) else None


def _made(watch: Watch, text: str) -> tuple[Reference, ir.Table | None]:
    """What is usual, from the windows before the model was made, and who changed segment in them."""
    run, wanted = watch.run, watch.run.settings.monitor
    day = date.fromisoformat(run.manifest.choice.get("as_of") or str(run.manifest.day))
    numbers = _learning(watch, day)
    every = customer_features(run.read("lines"), day, run.settings.shop.home_country)
    watch = replace(
        watch,
        ranges=features.ranges(run.columns(people.lately(run, day).drop("recency_days"))),
        inputs=features.ranges(run.columns(every.select("customer_id", *watch.model.needs))),
    )
    seen, changes = people.in_segments(watch, numbers)
    seen = seen.joined(orders.look(watch, numbers)).joined(people.bought_lately(watch, numbers))
    usual = {Key("outcomes", "buys again"): 1.0, Key("outcomes", "spend"): 1.0}
    expected, auc = outcomes.expectations(run, changes, day) if changes is not None else ({}, None)
    rules = Rules(frozenset(watch.model.needs), wanted.limits, usual | ({Key("outcomes", "auc"): auc} if auc else {}))
    open_ = [row for row, lines in enumerate(seen.behind["volume"]) if lines > 0]
    observed, sold = seen.taken(open_).apart(SOLD)
    reference = Reference(
        _digest(text), day, wanted.days, _made_by(run), observed, sold, watch.ranges, watch.inputs, expected, rules
    )
    return replace(reference, rules=calibrated(reference.compared, rules, wanted.false_alarms)), changes


def _learning(watch: Watch, day: date) -> range:
    """The windows to learn from.

    Raises:
        InputError: There are too few.
    """
    wanted = watch.run.settings.monitor
    until = wanted.reference_until or day
    first = wanted.reference_from or until - timedelta(days=wanted.days * wanted.reference_windows)
    numbers = watch.windows.between(max(watch.run.first_day(), first), until)
    if len(numbers) < FEWEST:
        raise InputError(
            f"the model was made for {day}, and there are {len(numbers)} whole windows of {wanted.days} days to learn "
            f"from before {until}: {FEWEST} are needed. Give more lines, or shorter windows: --set monitor.days=…"
        )
    return numbers


def _items(reference: Reference) -> tuple[str, ...]:
    """Products that were counted by name."""
    return reference.observed.counts[ITEMS].categories[:-1] if ITEMS in reference.observed.counts else ()


def _columns(reference: Reference) -> tuple[str, ...]:
    """Columns that order lines had."""
    return tuple(key.subject for key in reference.observed.figures if key[:2] == ("missing", "empty"))


def _looked(
    watch: Watch, numbers: range, reference: Reference, changes: ir.Table | None
) -> tuple[Observed, ir.Table | None]:
    """The windows since, and every change of segment up to the last of them."""
    run = watch.run
    known = changes if changes is not None else run.read("journeys") if run.warehouse.exists("journeys") else None
    if not len(numbers):
        return Observed(()), known
    seen, moves = people.in_segments(watch, numbers, _before(watch, numbers.start, known))
    every = _all_changes(known, moves, watch.end(numbers.start))
    parts = [orders.look(watch, numbers), people.bought_lately(watch, numbers)]
    if moves is not None:
        every = run.warehouse.kept(every, watch.path("journeys"))
        parts += [people.refits(watch, numbers), outcomes.outcomes(watch, every, numbers, reference.expected)]
    return reduce(Observed.joined, parts, seen), every


def _before(watch: Watch, number: int, known: ir.Table | None) -> ir.Table | None:
    """Who was where before a window; None where nothing is known of that."""
    if known is None:
        return None
    earlier = known.filter(known.since <= ibis.date(watch.windows.first(number)))
    return earlier.group_by("customer_id").agg(segment_id=earlier.segment_id.argmax(earlier.since))


def _all_changes(known: ir.Table | None, moves: ir.Table | None, since: date) -> ir.Table | None:
    """Changes known before a day, and those found from it on."""
    if known is None or moves is None:
        return moves if known is None else known
    return ibis.union(known.filter(known.since < ibis.date(since)), moves)


def _rows(
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
    for place, findings in enumerate(judged):
        told = {
            each.key: because(each, seen, place, reference.usual, names) for each in findings if each.verdict in SAID
        }
        about = {
            "window": windows.first(seen.numbers[place]),
            "days": reference.days,
            "reference": learned,
            "model": reference.model[:12],
        }
        behind = {area: values[place] for area, values in seen.behind.items()}
        score = furthest(findings, reference.rules)
        whole = {
            "area": "all", "measure": "verdict", "subject": "", "value": score, "score": score,
            "verdict": overall(findings, reference.rules),
            "because": sentence(findings, reference.rules, told), "rows": int(behind.get("volume", 0)),
        }  # fmt: skip
        rows += [about | whole] + [about | _row(each, reference, told, behind) for each in findings]
    return rows


SAID = ("watch", "drift")


def _row(finding: Finding, reference: Reference, told: dict[Key, str], behind: dict[str, float]) -> dict[str, Any]:
    key, limit = finding.key, finding.limit
    known = reference.ranges.get(key.subject) if key.measure in TOLD else None
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


def _keep(run: Run, rows: list[dict[str, Any]]) -> None:
    """The table `drift`: what was found now, and what was found before of other windows.

    A window that was judged when it was new keeps that verdict when a later model is made in it.
    """
    now = {row["window"]: row["reference"] for row in rows}
    old = run.rows(run.read("drift")) if run.warehouse.exists("drift") else []
    judged = {row["window"] for row in old if not row["reference"]}
    kept = [row for row in old if row["window"] not in now or (now[row["window"]] and row["window"] in judged)]
    spared = {row["window"] for row in kept}
    every = kept + [row for row in rows if row["window"] not in spared]
    run.write("drift", sorted(every, key=lambda row: (row["window"], row["area"], row["measure"], row["subject"])))
