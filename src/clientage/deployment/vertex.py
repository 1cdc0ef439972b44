"""Vertex AI, step by step: upload, endpoint, traffic, rollback, undeploy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clientage.cloud import traffic, vertex_endpoints, vertex_models
from clientage.cloud.clients import Google
from clientage.cloud.vertex import label
from clientage.cloud.vertex_endpoints import Deployed, Endpoint, Machines
from clientage.cloud.vertex_models import Container, Uploaded
from clientage.deployment import canary, connection
from clientage.deployment.canary import Health
from clientage.deployment.delivered import deliver
from clientage.deployment.digests import digest
from clientage.deployment.samples import samples
from clientage.deployment.version_rollout import VersionRollout
from clientage.errors import CloudError, SettingsError
from clientage.settings import Settings

LONGEST = 10.0  # seconds that a sample prediction may take, at least


def upload(
    to: Google, settings: Settings, wanted: str = "", *, aliases: Sequence[str] = (), savedmodel: bool = False
) -> tuple[Uploaded | None, bool]:
    """Upload a model; what is there already only gets the aliases.

    Args:
        to: Google Cloud.
        settings: All of them.
        wanted: A folder, gs://…, an alias or version of the registry; empty: the model of the workspace.
        aliases: What it is to be called there, beside what it is called in the registry.
        savedmodel: Whether as a SavedModel in Vertex AI's own container.

    Raises:
        ClientageError: What the user can mend.
    """
    if savedmodel and wanted:
        raise SettingsError("--savedmodel takes the model of the workspace. Leave out --model, or promote it first.")
    image = settings.deploy.tensorflow if savedmodel else connection.pinned(to, settings)
    made = deliver(to, settings, wanted, savedmodel=savedmodel)
    container = Container(image, not savedmodel, connection.environment(settings))
    return vertex_models.upload(
        to, name(settings, savedmodel=savedmodel), digest=digest([made.digest, container.spec()]),
        artifact=made.address, container=container, aliases=tuple(dict.fromkeys((*aliases, *made.aliases))),
        registered=made.registered, account=settings.google.service_account,
    )  # fmt: skip


def name(settings: Settings, *, savedmodel: bool = False) -> str:
    """What the model is called in Vertex AI."""
    return f"{label(settings.tracking.model)[:50]}{'-savedmodel' if savedmodel else ''}"


@dataclass(frozen=True)
class Served:
    """A model that has all traffic of an endpoint.

    Attributes:
        endpoint: The endpoint, as it is now.
        model: The version.
        health: What was measured; None where it had all traffic already.
    """

    endpoint: Endpoint
    model: Uploaded
    health: Health | None = None


def serve(to: Google, settings: Settings, wanted: str = "", *, savedmodel: bool = False) -> Served | None:
    """Deploy a version to the endpoint, judge it with a share of the traffic, and give it all; None in a rehearsal.

    Args:
        to: Google Cloud.
        settings: All of them.
        wanted: The version's number or alias in Vertex AI; empty: the newest.
        savedmodel: Whether that of the SavedModel.

    Raises:
        GateError: It is not healthy; the others have all traffic.
        ClientageError: What the user can mend; the others have all traffic.
    """
    limits, account = settings.deploy, settings.google.service_account
    model = vertex_models.find(to, name(settings, savedmodel=savedmodel), wanted)
    endpoint = vertex_endpoints.made(to, limits.endpoint)
    there = next((each for each in endpoint.models if each.of(model)), None)
    if there and there.percent == 100 and endpoint.judged(model):
        return Served(endpoint, model)
    on = Machines(limits.machine, limits.min_replicas, limits.max_replicas, account)
    longest = max(LONGEST, 2 * limits.max_seconds)
    rollout = VersionRollout(to, endpoint, model, on, _others(endpoint, model), longest, there.id if there else "")
    if to.rehearsal:
        canary.rehearse(rollout, limits)
        return None
    health = canary.through(rollout, samples(model.artifact), limits, direct=False, say=to.say)
    return Served(vertex_endpoints.get(to, endpoint), model, health)


def _others(endpoint: Endpoint, model: Uploaded) -> dict[str, int]:
    """Who has the traffic without a model, together 100; of those without any, the newest."""
    return traffic.others({each.id: each.percent for each in endpoint.models if not each.of(model)})


def at(to: Google, settings: Settings) -> Endpoint:
    """The endpoint.

    Raises:
        CloudError: There is none.
    """
    shown = settings.deploy.endpoint
    if found := vertex_endpoints.find(to, shown):
        return found
    raise CloudError(
        f"{to.place}: there is no endpoint {shown}. Make one: clientage deploy vertex endpoint.", "not found"
    )


def share(to: Google, settings: Settings, split: Mapping[str, int]) -> Endpoint:
    """Share the traffic among versions that run at the endpoint.

    Args:
        to: Google Cloud.
        settings: All of them.
        split: Percent by number of the version, or by what the model is called at the endpoint.

    Raises:
        SettingsError: It is not 100 together.
        CloudError: A version does not run there, or it could not be done.
    """
    traffic.whole(split)
    endpoint = at(to, settings)
    found = {_running(to, endpoint, wanted).id: percent for wanted, percent in split.items() if percent}
    if found != endpoint.split:
        vertex_endpoints.send(to, endpoint, found)
    return endpoint if to.rehearsal else vertex_endpoints.get(to, endpoint)


def _running(to: Google, endpoint: Endpoint, wanted: str) -> Deployed:
    for each in endpoint.models:
        if wanted in (each.id, each.version):
            return each
    known = ", ".join(each.version for each in endpoint.models) or "none"
    raise CloudError(
        f"{to.place}: version {wanted} does not run at {endpoint.shown}; there is {known}. "
        f"Deploy it: clientage deploy vertex endpoint --version {wanted}",
        "not found",
    )


def rollback(to: Google, settings: Settings) -> tuple[Endpoint, Deployed, Deployed]:
    """Give all traffic to the model before, and take the other away, in one request.

    Returns:
        The endpoint, the model that has the traffic, and the one that went.

    Raises:
        CloudError: There is none before, or a newer one than that with the traffic: this may have been done already.
    """
    endpoint = at(to, settings)
    now, before = endpoint.serving, endpoint.before
    if newer := next((each for each in endpoint.models if now and each.made > now.made), None):
        raise CloudError(
            f"{to.place}: {newer.short} is newer than what has the traffic of {endpoint.shown}: it went back already. "
            f"End it: clientage deploy vertex undeploy --version {newer.version}, or give it the traffic: clientage "
            f"deploy vertex traffic --split {newer.version}=100",
            "went back",
        )
    if not now or not before:
        raise CloudError(
            f"{to.place}: at {endpoint.shown} there is no model before that runs. Deploy one: clientage deploy vertex "
            "endpoint --version NUMBER",
            "not found",
        )
    vertex_endpoints.undeploy(to, endpoint, now, {before.id: 100})
    return endpoint if to.rehearsal else vertex_endpoints.get(to, endpoint), before, now


def undeploy(to: Google, settings: Settings, wanted: str = "", *, everything: bool = False) -> list[Deployed]:
    """Take models away from the endpoint: those without traffic, or one of them, or all.

    Args:
        to: Google Cloud.
        settings: All of them.
        wanted: The version's number; empty: all without traffic.
        everything: Whether also those with traffic; then nobody answers any more.

    Returns:
        Those that went.

    Raises:
        CloudError: It has traffic, or it could not be done.
    """
    endpoint = at(to, settings)
    going = [_running(to, endpoint, wanted)] if wanted else list(endpoint.models)
    if wanted and going[0].percent and not everything:
        raise CloudError(
            f"{to.place}: {going[0].short} has {going[0].percent}% of the traffic of {endpoint.shown}. Give it to "
            "another first: clientage deploy vertex rollback, or traffic --split",
            "has traffic",
        )
    if not everything:
        going = [each for each in going if not each.percent]
    left = dict(endpoint.split)
    for each in sorted(going, key=lambda each: each.percent):
        gone = left.pop(each.id, 0)
        vertex_endpoints.undeploy(to, endpoint, each, traffic.scaled(left, 100) if gone else None)
    return going
