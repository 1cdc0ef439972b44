"""Retraining: where the shop has drifted away from the model in use, a challenger is trained and sent to the gate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from clientage import pipeline
from clientage.context import CHALLENGER, opened, store
from clientage.errors import GateError, TrackingError
from clientage.monitor import Monitored
from clientage.pipeline import Tell
from clientage.promotion import promote
from clientage.segments.gate import Check
from clientage.settings import Settings
from clientage.tracking import experiments, registry
from clientage.tracking.store import Store
from clientage.training import train


@dataclass(frozen=True)
class HeldOut:
    """How well segments tell what customers do next, on average over the days of the hold-out.

    Attributes:
        r2: R² of spend; None where it cannot be told.
        auc: AUC of buying again; None where it cannot be told.
    """

    r2: float | None = None
    auc: float | None = None

    @classmethod
    def of(cls, figures: Mapping[str, float | None]) -> "HeldOut":
        """From the figures of a training."""
        return cls(figures.get("r2"), figures.get("auc"))


@dataclass(frozen=True)
class Retrained:
    """What came of it.

    Attributes:
        trained: Whether a challenger was trained.
        promoted: Whether it is the champion now.
        why: Why there is no other champion, or why the workspace's tables do not follow it; empty where all went well.
        version: Number of the challenger; None without one, and where it waits to be sent or waited and was refused.
        checks: What the gate said.
        before: The hold-out of the model that was in use.
        after: That of the challenger, on the same customers and days.
    """

    trained: bool = False
    promoted: bool = False
    why: str = ""
    version: int | None = None
    checks: tuple[Check, ...] = ()
    before: HeldOut = HeldOut()
    after: HeldOut = HeldOut()


def retrain(settings: Settings, monitored: Monitored, tell: Tell = lambda *_: None) -> Retrained:
    """Train a challenger where the last window drifts, and promote it through the gate.

    A model that was made lately is left alone, and so is the shop after one that the gate refused: asked every day, a
    gate lets something through at last by chance. A challenger that could not be sent goes to the gate before another
    one is trained.

    Args:
        settings: All of them.
        monitored: What monitoring found.
        tell: Told of the gate (`gate`, the checks), of each finished stage and of progress.

    Raises:
        ClientageError: What the user can mend; that the gate says no is no error.
    """
    if why := _steady(monitored):
        return Retrained(why=why)
    reason = f"drift in the window from {monitored.new[-1].window}"
    return _lately(settings, monitored, reason, tell) or challenge(settings, reason=reason, tell=tell)


def challenge(
    settings: Settings, *, force: str | None = None, reason: str = "", tell: Tell = lambda *_: None
) -> Retrained:
    """Train a challenger and promote it through the gate, whatever monitoring found.

    Args:
        settings: All of them.
        force: Why it shall be champion although the gate says no; recorded.
        reason: Why it shall be champion if the gate says yes; recorded.
        tell: As for `retrain`.

    Raises:
        ClientageError: What the user can mend; that the gate says no is no error.
    """
    trained = train(settings, tell=tell)
    found = Retrained(trained=True, before=HeldOut.of(trained.before), after=HeldOut.of(trained.metrics))
    if trained.waiting:
        return replace(found, why=trained.waiting)
    found = replace(found, version=trained.sent[-1].version)
    return _judged(settings, found, force=force, reason=reason, tell=tell)


def not_due(settings: Settings) -> str:
    """Why no challenger is to be trained yet: the model in use, or one that the gate judged, was made lately.

    Raises:
        ClientageError: There are no tables yet, or the registry cannot be reached.
    """
    run = pipeline.looking(settings)
    if why := _young(settings, str(run.manifest.choice.get("as_of", "")), "the model in use"):
        return why
    why = _young(settings, _challenger_day(settings), "the last challenger")
    return why if why and _is_judged(store(settings)) else ""


def _is_judged(there: Store) -> bool:
    """Whether the gate said something of the newest challenger that the registry knows, and none waits."""
    last = registry.find(there, experiments.CHALLENGER)
    return bool(last and "status" in last.tags and not experiments.waiting(there))


def _lately(settings: Settings, monitored: Monitored, reason: str, tell: Tell) -> Retrained | None:
    """What becomes of a model that was made lately; None where another one is to be trained."""
    why, there = _young(settings, _challenger_day(settings), "the last challenger"), store(settings)
    if young := _young(settings, str(monitored.model), "the model in use"):
        return Retrained(why=why or young)
    if not why:
        return None
    try:
        if experiments.waiting(there):
            return _judged(settings, Retrained(), reason=reason, tell=tell)
        last = registry.find(there, experiments.CHALLENGER)
    except TrackingError as away:
        return Retrained(why=str(away))
    return Retrained(why=why) if last and "status" in last.tags else None


def _judged(settings: Settings, found: Retrained, *, force: str | None = None, reason: str, tell: Tell) -> Retrained:
    """What the gate says of a challenger: that of this training, or the newest."""
    checks: list[Check] = []

    def told(what: str, of: Any) -> None:
        checks.extend(of if what == "gate" else ())
        tell(what, of)

    try:
        wanted = str(found.version or experiments.CHALLENGER)
        promoted = promote(settings, wanted, force=force, reason="" if force else reason, tell=told)
    except GateError as refused:
        return replace(found, checks=tuple(checks), why=str(refused))
    return replace(found, promoted=True, version=promoted.version, checks=tuple(checks), why=promoted.stays)


def _steady(monitored: Monitored) -> str:
    """Why the shop is taken for the one that the model was made from; empty where it drifts."""
    if not monitored.new:
        return "no window was judged, so nothing is known to have moved"
    return "" if monitored.drifts else f"the last window, from {monitored.new[-1].window}, does not drift"


def _young(settings: Settings, day: str, what: str) -> str:
    """Why a model that was made for a day is left alone; empty where it was made long ago, or never."""
    today, wanted = pipeline.looking(settings).today, settings.monitor.retrain_days
    if not day or (today - date.fromisoformat(day)).days >= wanted:
        return ""
    return f"{what} was made for {day}, and a model is left alone for {wanted} days (monitor.retrain_days)"


def _challenger_day(settings: Settings) -> str:
    """The day that the last challenger was made for; empty where there is none."""
    place = settings.within(settings.workspace / CHALLENGER)
    return str(pipeline.ledger(opened(place)).manifest().choice.get("as_of", ""))
