"""Whether everybody goes by the champion: the workspace, and a service that runs."""

import time
from dataclasses import dataclass

from clientage import pipeline
from clientage.context import MODEL, opened, store
from clientage.errors import ServiceError, TrackingError, WorkspaceError
from clientage.serving.connection import Connection
from clientage.settings import Settings
from clientage.tracking import registry

PAUSE = 1.0  # seconds from one question to the next
OPEN = "/openapi.json"  # the route that asks for no key, whatever else is set


@dataclass(frozen=True)
class Verified:
    """Who goes by which model.

    Attributes:
        champion: Number of the champion.
        service: Version that the service answers with; empty where none was asked.
    """

    champion: int
    service: str = ""


def verify(settings: Settings, service: Connection | None = None, wait: float = 0) -> Verified:
    """Hold the champion against the model of the workspace, and against the one that a service answers with.

    Args:
        settings: All of them.
        service: Where to ask; None for nowhere.
        wait: Seconds to wait for a service that still answers with another model.

    Raises:
        ClientageError: There is no champion, or somebody goes by another model.
    """
    there = store(settings)
    champion = registry.find(there, registry.CHAMPION)
    if champion is None:
        raise TrackingError(f"{there.model} has no champion yet. Make one: clientage train, then clientage promote.")
    warehouse = opened(settings)
    if not pipeline.there(warehouse, "model") or warehouse.read_text(MODEL) != registry.document(there, champion):
        raise WorkspaceError(
            f"{settings.workspace}: goes by another model than the champion, version {champion.version}. "
            f"Make it follow: clientage promote {champion.version}."
        )
    found = _answered(service, str(champion.version), time.monotonic() + wait) if service else ""
    return Verified(champion.version, found)


def _answered(service: Connection, wanted: str, until: float) -> str:
    """The version that a service answers with, once it is the wanted one.

    Raises:
        ServiceError: It is not until then.
    """
    while (answer := service.get(OPEN)).version != wanted:
        if time.monotonic() >= until:
            told = f"version {answer.version}" if answer.version else "no model"
            raise ServiceError(
                f"{service.url}: answers with {told}, not with the champion, version {wanted}. Start it with "
                "`clientage serve --model champion`, or wait longer: --wait 300."
            )
        time.sleep(PAUSE)
    return wanted
