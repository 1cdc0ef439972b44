"""Who is champion: a challenger takes its place through the gate, a former one comes back, and all of it is told."""

from contextlib import suppress
from dataclasses import dataclass

from clientage import pipeline
from clientage.context import CHALLENGER, Lineage, store
from clientage.errors import ClientageError, GateError, SettingsError, TrackingError, WorkspaceError
from clientage.pipeline import Adopted, Tell
from clientage.segments import document, gate
from clientage.segments.document import SegmentModel
from clientage.segments.gate import Check
from clientage.settings import Settings
from clientage.stages.sweep import limits
from clientage.tracking import experiments, registry
from clientage.tracking.experiments import Sent
from clientage.tracking.registry import Change, Version
from clientage.tracking.store import Store
from clientage.training import alone, remember, worth

STAGES = ("segment", "profile", "recommend", "report")


@dataclass(frozen=True)
class Promoted:
    """A model that is the champion now.

    Attributes:
        version: Its number.
        change: The entry in the history; None where it was the champion already.
        checks: What the gate said; empty for a rollback.
        stays: Why the workspace's own tables were left as they are; empty where they follow the champion now.
    """

    version: int
    change: Change | None
    checks: tuple[Check, ...] = ()
    stays: str = ""


def promote(
    settings: Settings,
    wanted: str = experiments.CHALLENGER,
    *,
    force: str | None = None,
    reason: str = "",
    check: bool = False,
    tell: Tell = lambda *_: None,
) -> Promoted:
    """Make a model the champion, in the registry and in the workspace, if it passes the gate.

    Args:
        settings: All of them.
        wanted: Its version or alias.
        force: Why it shall be champion although the gate says no; recorded.
        reason: Why it shall be champion if the gate says yes; recorded.
        check: Only ask the gate, and change nothing.
        tell: Told of the gate (`gate`, the checks), of each finished stage and of progress.

    Raises:
        GateError: It does not pass, which is noted, or another one was promoted meanwhile; nothing else was changed.
        ClientageError: What the user can mend.
    """
    if force is not None and not force.strip():
        raise SettingsError('--force needs a reason, which is kept. Write --force "why".')
    if force and reason:
        raise SettingsError("--force has the reason that is kept, and --reason is another. Give one of them.")
    there = store(settings)
    with alone(settings):
        list(experiments.send(there))
        seen, champion, version = registry.history(there), _champion(there), registry.get(there, wanted)
        text = registry.document(there, version)
        old = document.loads(registry.document(there, champion)) if champion else None
        if champion and champion.version == version.version:
            if check:
                return Promoted(version.version, None)
            return Promoted(version.version, None, stays=_follow(settings, version, text, None, tell))
        checks = _checks(settings, document.loads(text), old, version, champion)
        tell("gate", checks)
        if not (passed := all(check.passed for check in checks)) and not force:
            registry.refuse(there, version)
            failed = " and ".join(check.name for check in checks if not check.passed)
            raise GateError(
                f"version {version.version} of {there.model} does not pass the gate: {failed}. "
                'Train another one, or overrule it with --force "why".'
            )
        if check:
            return Promoted(version.version, None, tuple(checks))
        said = [str(check) for check in checks]
        why = force or reason
        change = registry.set_champion(there, version, seen, champion, reason=why, forced=not passed, gate=said)
        remember(settings, there)
        return Promoted(version.version, change, tuple(checks), _follow(settings, version, text, old, tell))


def rollback(settings: Settings, reason: str = "", *, tell: Tell = lambda *_: None) -> Promoted:
    """Make the champion before this one the champion again, in the registry and in the workspace.

    Raises:
        TrackingError: There was none before.
        GateError: Another one changed the champion meanwhile; nothing was changed.
    """
    there = store(settings)
    with alone(settings):
        seen, champion = registry.history(there), _champion(there)
        number = registry.before(seen, champion.version) if champion else None
        if champion is None or number is None:
            raise TrackingError(f"{there.model} had no champion before this one. Look with `clientage models`.")
        version = registry.get(there, str(number))
        text, old = registry.document(there, version), document.loads(registry.document(there, champion))
        change = registry.set_champion(there, version, seen, champion, kind=registry.ROLLBACK, reason=reason)
        remember(settings, there)
        return Promoted(version.version, change, stays=_follow(settings, version, text, old, tell))


def overview(settings: Settings) -> tuple[list[Version], list[Change], list[Sent]]:
    """All models and every change of champion, the newest first; and the trainings that waited, and were sent now.

    Raises:
        TrackingError: The registry cannot be reached.
    """
    there = store(settings)
    sent: list[Sent] = []
    if settings.workspace.is_dir():
        with suppress(WorkspaceError), alone(settings):  # during a training it only looks
            sent = list(experiments.send(there))
    elif not there.uri:
        raise TrackingError(f"{settings.workspace}: no model was ever trained here. Train one: clientage train.")
    done = (registry.PROMOTION, registry.ROLLBACK)
    return registry.versions(there), [change for change in registry.history(there) if change.kind in done], sent


def _champion(there: Store) -> Version | None:
    return registry.find(there, registry.CHAMPION)


def _checks(
    settings: Settings, new: SegmentModel, old: SegmentModel | None, version: Version, champion: Version | None
) -> list[Check]:
    """The gate, on the customers of the workspace."""
    run = pipeline.looking(settings)
    customers = run.read("customers")
    if missing := sorted(set(new.needs) - set(customers.columns)):
        return [Check("contract", False, f"these customers have no {', '.join(missing)}")]
    columns = run.columns(customers)
    predicted = new.predict(columns)
    sample = run.sample(customers.select("customer_id"))
    assigned = new.assign(customers).semi_join(sample, "customer_id").order_by("customer_id").select("segment_id")
    held = limits(settings)
    figures = [float(version.tags.get(name, "nan")) for name in ("stability", "stability_worst")]
    checks = [
        gate.contract(new, predicted, run.warehouse.collect(assigned)["segment_id"].to_numpy()),
        gate.steady(figures[0], figures[1], held),
        gate.large(new, predicted, held),
    ]
    if old is None or champion is None:
        return checks
    if missing := sorted(set(old.needs) - set(customers.columns)):
        checks.append(Check("champion", False, f"cannot be compared: these customers have no {', '.join(missing)}"))
    else:
        checks += gate.predicts(list(worth(run, new).values()), list(worth(run, old).values()))
    checks.append(gate.matched_to(int(version.tags.get("matched_to", 0)) or None, champion.version))
    return [*checks, gate.retained(new, old, predicted, settings.gate.min_matched)]


def _follow(settings: Settings, version: Version, text: str, old: SegmentModel | None, tell: Tell) -> str:
    """The workspace's segments and all behind them by the champion; why not, where they cannot be made."""
    origin = f"as version {version.version} of {settings.tracking.model}"
    adopted = Adopted(text, origin, settings.workspace / CHALLENGER, version.tags.get("as_of", ""))
    try:
        pipeline.step(settings, list(STAGES), adopted=adopted, lineage=Lineage(old), tell=tell)
    except ClientageError as reason:
        return str(reason)
    return ""
