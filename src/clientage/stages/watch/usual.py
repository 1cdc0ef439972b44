"""What is usual: the reference of a model, made from the windows before it, and kept beside it."""

import hashlib
from dataclasses import replace
from datetime import date

import ibis.expr.types as ir

from clientage.context import Run
from clientage.errors import InputError
from clientage.manifest import fingerprint
from clientage.monitoring import features, limits
from clientage.monitoring.compared import ITEMS, SOLD
from clientage.monitoring.measures import Key
from clientage.monitoring.reference import Reference
from clientage.monitoring.verdict import Rules, calibrated
from clientage.stages.watch import answers, orders, outcomes, people
from clientage.stages.watch.journeys import all_changes, before
from clientage.stages.watch.watch import Watch

REFERENCE = "model/reference.json"
FEWEST = limits.FEWEST + 1  # windows of a reference


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _made_by(run: Run) -> str:
    """What a reference depends on beside model and lines."""
    wanted = run.settings
    return fingerprint(
        wanted.monitor.model_dump(mode="json", exclude={"retrain_days"})
        | {"home": wanted.shop.home_country, "horizon": wanted.evaluate.horizon_days}
    )


def kept(run: Run, text: str, *, renew: bool) -> Reference | None:
    """The reference of this model, made by these settings; None where there is none yet."""
    if renew or not run.warehouse.path(REFERENCE).exists():
        return None
    reference = Reference.loads(run.warehouse.read_text(REFERENCE))
    return reference if (reference.model, reference.made) == (_digest(text), _made_by(run)) else None


def made(watch: Watch, text: str) -> tuple[Reference, ir.Table | None]:
    """What is usual, from the windows before the model was made, and who changed segment in them."""
    run, wanted = watch.run, watch.run.settings.monitor
    day = date.fromisoformat(run.manifest.choice.get("as_of") or str(run.manifest.day))
    numbers = _learning(watch, day)
    every = run.warehouse.kept(run.customers_at(day, watch.model.needs), "population")
    watch = replace(
        watch,
        ranges=features.ranges(run.columns(people.lately(run, day).drop("recency_days"))),
        inputs=features.ranges(run.columns(every.select("customer_id", *watch.model.needs))),
    )
    old = run.read("journeys") if run.warehouse.exists("journeys") else None
    seen, moves = people.in_segments(watch, numbers, before(watch, numbers.start, old))
    changes = all_changes(watch, numbers, old, moves)
    seen = seen.joined(orders.look(watch, numbers)).joined(people.bought_lately(watch, numbers))
    usual = {Key("outcomes", "buys again"): 1.0, Key("outcomes", "spend"): 1.0}
    expected, auc = outcomes.expectations(run, changes, day) if changes is not None else ({}, None)
    rules = Rules(frozenset(watch.model.needs), wanted.limits, usual | ({Key("outcomes", "auc"): auc} if auc else {}))
    open_ = [row for row, lines in enumerate(seen.behind["volume"]) if lines > 0]
    if len(open_) < FEWEST:
        raise _too_few(watch, day, len(open_), "in which anything was sold ")
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
    until = _until(watch, day)
    numbers = watch.windows.between(max(watch.run.first_day(), wanted.reference_from or date.min), until)
    if wanted.reference_from is None:
        numbers = numbers[-wanted.reference_windows :]
    if len(numbers) < FEWEST:
        raise _too_few(watch, day, len(numbers))
    return numbers


def _until(watch: Watch, day: date) -> date:
    """The end of the reference: what came after the model is judged, and teaches nothing."""
    return min(watch.run.settings.monitor.reference_until or day, day)


def _too_few(watch: Watch, day: date, count: int, which: str = "") -> InputError:
    wanted = watch.run.settings.monitor
    since = f" from {wanted.reference_from} on" if wanted.reference_from else ""
    return InputError(
        f"the model was made for {day}, and there are {count} whole windows of {wanted.days} days {which}to learn from"
        f"{since} before {_until(watch, day)}: {FEWEST} are needed. Give more lines, or shorter windows: "
        "--set monitor.days=…"
    )


def items(reference: Reference) -> tuple[str, ...]:
    """Products that were counted by name."""
    return reference.observed.counts[ITEMS].categories[:-1] if ITEMS in reference.observed.counts else ()


def columns(reference: Reference) -> tuple[str, ...]:
    """Columns that order lines had."""
    return tuple(key.subject for key in reference.observed.figures if key[:2] == ("missing", "empty"))
