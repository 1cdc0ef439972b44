"""The registry: which model is the champion, which the challenger, and who was champion when and why.

MLflow moves an alias without asking whom it pointed to before. So that of two promotions at once one wins and the
other is told, every change of champion first takes the next number in a second registered model, whose numbers the
server gives out one by one; whoever does not get the number after the last that they saw came too late. The same
entries are the history: `pending` until the alias is set, so that one whose process died in between counts for nothing.
"""

import getpass
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clientage.errors import GateError, TrackingError
from clientage.tracking.experiments import STARTED
from clientage.tracking.store import Store, register, told

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
REFUSED = "refused"
PROMOTION, ROLLBACK, PENDING, TOO_LATE = "promotion", "rollback", "pending", "too late"
DEAD = 300.0  # seconds after which a change that is still pending has died: MLflow gives up a call long before
LONGEST = 4_000  # letters that a tag may have, with room to spare


@dataclass(frozen=True)
class Version:
    """A model in the registry.

    Attributes:
        version: Its number.
        aliases: Such as champion.
        created: When it was trained, in seconds since 1970.
        tags: Fingerprints and figures of its training, and its `status`.
        run: Id of the run that made it.
    """

    version: int
    aliases: tuple[str, ...]
    created: float
    tags: dict[str, str]
    run: str


@dataclass(frozen=True)
class Change:
    """A change of champion.

    Attributes:
        number: Its place in the history.
        kind: promotion or rollback; `pending` before it is done, `too late` where another one came first.
        version: The champion since then.
        previous: The champion before; None for the first.
        time: Seconds since 1970.
        user: Who asked for it.
        reason: Why; for a forced promotion the reason given.
        forced: Whether the gate was overruled.
        gate: What the gate said, a sentence a check.
    """

    number: int
    kind: str
    version: int
    previous: int | None
    time: float
    user: str
    reason: str
    forced: bool
    gate: tuple[str, ...]


def find(store: Store, wanted: str) -> Version | None:
    """A version by number or alias; None where there is none.

    Raises:
        TrackingError: The store cannot be used.
    """
    with store.reached() as client:
        return _found(client, store, wanted)


def get(store: Store, wanted: str) -> Version:
    """A version by number or alias.

    Raises:
        TrackingError: There is none, or the store cannot be used.
    """
    if found := find(store, wanted):
        return found
    known = versions(store)
    what = f"version {wanted}" if wanted.isdigit() else f"version with the alias {wanted}"
    have = f"It has {', '.join(str(each.version) for each in known)}." if known else "Make one with `clientage train`."
    raise TrackingError(f"{told(store.address)}: {store.model} has no {what}. {have}")


def versions(store: Store) -> list[Version]:
    """All models, the newest first."""
    with store.reached() as client:
        found = [_version(each) for each in client.search_model_versions(f"name = '{store.model}'")]
        aliases = _aliases(client, store)
        known = [replace(each, aliases=aliases.get(each.version, ())) for each in found]
        return sorted(known, key=lambda each: -each.version)


def document(store: Store, version: Version) -> str:
    """The model of a version as a document.

    Raises:
        TrackingError: Its files are not there, or the store cannot be used.
    """
    with store.reached() as client:
        import mlflow  # noqa: PLC0415

        source = client.get_model_version(store.model, str(version.version)).source
        with tempfile.TemporaryDirectory() as folder:
            mlflow.artifacts.download_artifacts(artifact_uri=source, tracking_uri=store.address, dst_path=folder)
            if found := sorted(Path(folder).rglob("model.json")):
                return found[0].read_text(encoding="utf-8")
    raise TrackingError(f"version {version.version} of {store.model} holds no model of Clientage. Train again.")


def history(store: Store) -> list[Change]:
    """Every change of champion, the latest first."""
    with store.reached() as client:
        return _history(client, store)


def before(changes: Sequence[Change], champion: int) -> int | None:
    """The version that a rollback leads to: promotions pile up, and each rollback takes one off; None for an end.

    Args:
        changes: The history.
        champion: The champion now. Where the history ends with another one, somebody moved the alias by hand, or the
            last change died before it was noted: then that other one is what was before.
    """
    pile: list[int] = []
    for change in sorted(changes, key=lambda change: change.number):
        if change.kind == ROLLBACK and pile:
            pile.pop()
        elif change.kind == PROMOTION:
            pile.append(change.version)
    if pile and pile[-1] == champion:
        pile.pop()
    return pile[-1] if pile else None


def set_champion(
    store: Store,
    version: Version,
    seen: Sequence[Change],
    champion: Version | None,
    *,
    kind: str = PROMOTION,
    reason: str = "",
    forced: bool = False,
    gate: Sequence[str] = (),
) -> Change:
    """Make a version the champion.

    Args:
        store: Where.
        version: Which.
        seen: The history that the decision was made on.
        champion: The champion that it was made on.
        kind: promotion or rollback.
        reason: Why.
        forced: Whether the gate was overruled.
        gate: What the gate said.

    Raises:
        GateError: Another one changed the champion since; nothing was changed.
        TrackingError: The store cannot be used.
    """
    with store.reached() as client:
        tags = {
            "kind": PENDING,
            "version": str(version.version),
            "previous": str(champion.version) if champion else "",
            "time": repr(time.time()),
            "user": _user(),
            "reason": reason[:LONGEST],
            "forced": str(forced),
            "gate": "\n".join(gate)[:LONGEST],
        }
        if under_way := [change for change in seen if change.kind == PENDING and time.time() - change.time < DEAD]:
            raise GateError(
                f"{under_way[0].user} is changing the champion of {store.model} right now; nothing was changed. "
                "Look with `clientage models`, then promote again."
            )
        number = _claim(client, store, version, tags)
        now = _found(client, store, CHAMPION)
        if number != max((change.number for change in seen), default=0) + 1 or _number(now) != _number(champion):
            client.set_model_version_tag(_ledger(store), str(number), "kind", TOO_LATE)
            raise GateError(
                f"another promotion of {store.model} came first; nothing was changed. "
                "Look with `clientage models`, then promote again."
            )
        client.set_registered_model_alias(store.model, CHAMPION, str(version.version))
        client.set_model_version_tag(_ledger(store), str(number), "kind", kind)
        client.set_model_version_tag(store.model, str(version.version), "status", CHAMPION)
        if champion and champion.version != version.version:
            status = "archived" if kind == PROMOTION else "rolled back"
            client.set_model_version_tag(store.model, str(champion.version), "status", status)
        return _change(number, tags | {"kind": kind})


def refuse(store: Store, version: Version) -> None:
    """Note that the gate said no to a version; one that was champion once keeps what is said of it.

    Raises:
        TrackingError: The store cannot be used.
    """
    if "status" not in version.tags:
        with store.reached() as client:
            client.set_model_version_tag(store.model, str(version.version), "status", REFUSED)


def _number(version: Version | None) -> int:
    return version.version if version else 0


def _ledger(store: Store) -> str:
    return f"{store.model}-champions"


def _claim(client: "MlflowClient", store: Store, version: Version, tags: dict[str, str]) -> int:
    """The next number of the history, given out by the server to one asker alone."""
    register(client, _ledger(store), f"Every change of champion of {store.model}: who, when and why.")
    source = f"models:/{store.model}/{version.version}"
    return int(client.create_model_version(_ledger(store), source, tags=tags).version)


def _history(client: "MlflowClient", store: Store) -> list[Change]:
    found = client.search_model_versions(f"name = '{_ledger(store)}'")
    changes = [_change(int(each.version), each.tags) for each in found]
    return sorted(changes, key=lambda change: -change.number)


def _change(number: int, tags: dict[str, str]) -> Change:
    return Change(
        number,
        tags["kind"],
        int(tags["version"]),
        int(tags["previous"]) if tags["previous"] else None,
        float(tags["time"]),
        tags["user"],
        tags["reason"],
        tags["forced"] == "True",
        tuple(tags["gate"].splitlines()),
    )


def _found(client: "MlflowClient", store: Store, wanted: str) -> Version | None:
    from mlflow import MlflowException  # noqa: PLC0415

    try:
        if wanted.isdigit():
            found = client.get_model_version(store.model, wanted)
        else:
            found = client.get_model_version_by_alias(store.model, wanted)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return _version(found)


def _aliases(client: "MlflowClient", store: Store) -> dict[int, tuple[str, ...]]:
    """Aliases by version; a search does not tell them."""
    known: dict[int, tuple[str, ...]] = {}
    for model in client.search_registered_models(f"name = '{store.model}'"):
        for alias, version in sorted(model.aliases.items()):
            known[int(version)] = (*known.get(int(version), ()), alias)
    return known


def _version(found: "ModelVersion") -> Version:
    return Version(
        int(found.version),
        tuple(sorted(found.aliases or ())),
        float(found.tags.get(STARTED, found.creation_timestamp / 1000)),
        dict(found.tags),
        str(found.run_id),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
