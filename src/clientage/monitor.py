"""Monitoring: the windows since the model was made, held against those it was made in, and judged."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from clientage import pipeline
from clientage.context import MODEL, Run, opened
from clientage.customers.features import customer_features
from clientage.errors import InputError, SettingsError, WorkspaceError
from clientage.manifest import fingerprint
from clientage.monitoring import alerts, features, targets
from clientage.monitoring.alerts import Delivered, Post, Quiet
from clientage.monitoring.alerts import notify as tell_of
from clientage.monitoring.compared import ITEMS, SEGMENTS, SOLD
from clientage.monitoring.episodes import Episode, episodes
from clientage.monitoring.measures import MEASURES, TOLD, Key
from clientage.monitoring.notices import Sender
from clientage.monitoring.observed import Observed
from clientage.monitoring.reference import Reference
from clientage.monitoring.verdict import DRIFT, LOOKED_BACK, Finding, Rules, calibrated, furthest, overall
from clientage.monitoring.windows import Windows
from clientage.monitoring.words import because, sentence
from clientage.pipeline import Tell
from clientage.segments import document
from clientage.settings import Settings
from clientage.stages.watch import answers, orders, outcomes, people
from clientage.stages.watch.watch import Watch

REFERENCE, ALERTS = "model/reference.json", "monitor/alerts.json"
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
        until: Leave out windows that end after this day; the same.
        renew: Whether to learn what is usual once more.
        tell: Told of progress.

    Raises:
        ClientageError: What the user can mend.
    """
    known = [f"{area}.{name}" for area, measures in MEASURES.items() for name in measures]
    if unknown := sorted(set(settings.monitor.limits) - set(known)):
        raise SettingsError(
            f"monitor.limits: nothing is measured as {', '.join(unknown)}. The names are area.measure, as in "
            "docs/monitoring.md, such as volume.orders."
        )
    warehouse = opened(settings)
    if not settings.workspace.is_dir():
        raise WorkspaceError(f"{settings.workspace}: there are no tables yet. Make them with `clientage run FILE`.")
    with warehouse.transaction() as scratch:
        if missing := [name for name in NEEDS if not pipeline.there(warehouse, name)]:
            raise WorkspaceError(
                f"{settings.workspace}: there is no {' and no '.join(missing)} to look at. Make it with "
                "`clientage run FILE`."
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
    numbers = windows.between(max(reference.day, since or reference.day), min(run.today, until or run.today))
    around = _around(windows, numbers, reference.day)
    seen, journeys = _looked(watch, around, reference, changes)
    asked = range(len(around) - len(numbers), len(around))
    judged = reference.judge(reference.compare(seen))[asked.start :]
    rows = _rows(run, reference, reference.observed, reference.judge_left_out(), learned=True)
    rows += _rows(run, reference, seen.taken(asked), judged, learned=False)
    _keep(run, rows)
    if journeys is not None:
        run.write("journeys", journeys.order_by("customer_id", "since"))
    _keep_episodes(run)
    told = [row for row in rows if row["area"] == "all"]
    found = (Judged(row["window"], row["verdict"], row["because"], row["score"], row["reference"]) for row in told)
    return Monitored(tuple(found), windows.days, reference.day)


def _around(windows: Windows, numbers: range, day: date) -> range:
    """The windows, and those after the reference that tell whether one of them is in watch for the second time."""
    first = windows.between(day, day).start
    return range(max(numbers.start - LOOKED_BACK, first), numbers.stop) if len(numbers) else numbers


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
    every = run.warehouse.kept(every, watch.path("population"))
    watch = replace(
        watch,
        ranges=features.ranges(run.columns(people.lately(run, day).drop("recency_days"))),
        inputs=features.ranges(run.columns(every.select("customer_id", *watch.model.needs))),
    )
    old = run.read("journeys") if run.warehouse.exists("journeys") else None
    seen, moves = people.in_segments(watch, numbers, _before(watch, numbers.start, old))
    changes = _all_changes(watch, numbers, old, moves)
    seen = seen.joined(orders.look(watch, numbers)).joined(people.bought_lately(watch, numbers))
    usual = {Key("outcomes", "buys again"): 1.0, Key("outcomes", "spend"): 1.0}
    expected, auc = outcomes.expectations(run, changes, day) if changes is not None else ({}, None)
    rules = Rules(frozenset(watch.model.needs), wanted.limits, usual | ({Key("outcomes", "auc"): auc} if auc else {}))
    open_ = [row for row, lines in enumerate(seen.behind["volume"]) if lines > 0]
    observed, sold = seen.taken(open_).apart(SOLD)
    reference = Reference(
        _digest(text), day, wanted.days, _made_by(run), observed, sold, watch.ranges, watch.inputs, expected, rules,
        answers.population(watch, every),
    )  # fmt: skip
    return replace(reference, rules=calibrated(reference.compared, rules, wanted.false_alarms)), changes


def _learning(watch: Watch, day: date) -> range:
    """The windows to learn from.

    Raises:
        InputError: There are too few.
    """
    wanted = watch.run.settings.monitor
    until = wanted.reference_until or day
    numbers = watch.windows.between(max(watch.run.first_day(), wanted.reference_from or date.min), until)
    if wanted.reference_from is None:
        numbers = numbers[-wanted.reference_windows :]
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
    """What was seen in windows, and every change of segment."""
    run = watch.run
    known = changes if changes is not None else run.read("journeys") if run.warehouse.exists("journeys") else None
    if not len(numbers):
        return Observed(()), known
    wider = range(numbers.start - 1, numbers.stop)  # who moved is known even where the window before was left out
    seen, moves = people.in_segments(watch, wider, _before(watch, wider.start, known))
    every = _all_changes(watch, wider, known, moves)
    parts = [look(watch, numbers) for look in (orders.look, people.bought_lately, answers.look)]
    if moves is not None:
        parts += [people.refits(watch, numbers), outcomes.outcomes(watch, every, numbers, reference.expected)]
    return reduce(Observed.joined, parts, seen.taken(range(1, len(wider)))), every


def _before(watch: Watch, number: int, known: ir.Table | None) -> ir.Table | None:
    """Who was where before a window; None where nothing is known of that."""
    if known is None:
        return None
    earlier = known.filter(known.since <= ibis.date(watch.windows.first(number)))
    return earlier.group_by("customer_id").agg(segment_id=earlier.segment_id.argmax(earlier.since))


def _all_changes(watch: Watch, numbers: range, known: ir.Table | None, moves: ir.Table | None) -> ir.Table | None:
    """Changes found in windows, and those known from before and after them."""
    if known is None or moves is None:
        return moves if known is None else known
    first, last = (ibis.date(watch.end(number)) for number in (numbers.start, numbers.stop - 1))
    every = ibis.union(known.filter((known.since < first) | (known.since > last)), moves)
    return watch.run.warehouse.kept(every, watch.path(f"journeys-{numbers.start}"))


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


SAID = ("watch", "drift")


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


def _keep_episodes(run: Run) -> None:
    """The table `episodes`, from the verdicts on all windows after those that models were made in."""
    drift = run.read("drift")
    judged = run.rows(drift.filter(drift.area == "all", ~drift.reference))
    run.write("episodes", [asdict(each) for each in episodes(judged, run.settings.alerts.settle)])


def notify(settings: Settings, now: datetime) -> Delivered:
    """Tell the targets of the environment what they do not know yet of episodes; with no target, nothing is done.

    Args:
        settings: All of them.
        now: The time, with a zone: quiet hours go by its clock.

    Raises:
        ClientageError: A target is none, or the record of what was told cannot be read or written.
    """
    whom, wanted = targets.of_environment(), settings.alerts
    if not whom:
        return Delivered()
    warehouse = opened(settings)
    sender = Sender(settings.shop.name, wanted.dashboard_url)
    post = Post(sender, Quiet.of(wanted.quiet_from, wanted.quiet_until), wanted.retries, wanted.pause_seconds)
    with warehouse.transaction():
        drift, known = warehouse.read("drift"), warehouse.collect(warehouse.read("episodes")).to_pylist()
        through = warehouse.collect(drift.agg(last=drift.window.max()))["last"][0].as_py()
        path = settings.workspace / ALERTS
        return tell_of([Episode(**row) for row in known], path, whom, now, through=through, post=post)


def probe(settings: Settings) -> list[tuple[str, bool]]:
    """Send a test notice to each target of the environment: its name, and whether it took the notice.

    Raises:
        ClientageError: There is none, or one is no address.
    """
    return alerts.probe(targets.of_environment(), Sender(settings.shop.name, settings.alerts.dashboard_url))
