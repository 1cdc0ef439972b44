"""Cloud Run, step by step: deploy, traffic, rollback, delete."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from clientage.cloud import run, traffic
from clientage.cloud.clients import Google
from clientage.cloud.run import Revision, Service, Template
from clientage.deployment import canary, connection
from clientage.deployment.canary import Health
from clientage.deployment.delivered import Delivered, deliver
from clientage.deployment.digests import digest
from clientage.deployment.revision_rollout import RevisionRollout
from clientage.deployment.samples import samples
from clientage.errors import CloudError
from clientage.settings import Settings

LONGEST = 30.0  # seconds that a sample prediction may take, at least: the first one may wait for a container


@dataclass(frozen=True)
class Served:
    """A revision that has all traffic of a service.

    Attributes:
        service: As it is now.
        revision: Its name.
        health: What was measured; None where it had all traffic already.
    """

    service: Service
    revision: str
    health: Health | None = None


def deploy(to: Google, settings: Settings, wanted: str = "") -> Served | None:
    """Deploy a model as a revision, judge it with a share of the traffic, and give it all; None in a rehearsal.

    Args:
        to: Google Cloud.
        settings: All of them.
        wanted: A folder, gs://…, an alias or version of the registry; empty: the model of the workspace.

    Raises:
        GateError: It is not healthy; the others have all traffic.
        ClientageError: What the user can mend; the others have all traffic.
    """
    limits, shown = settings.deploy, settings.deploy.endpoint
    image = connection.pinned(to, settings)
    made = deliver(to, settings, wanted)
    service = run.find(to, shown)
    template = _template(settings, image, made, service.revisions if service else ())
    if service and service.split == {template.name: 100} and service.judged(template.name):
        return Served(service, template.name)
    known = {each.name: each.percent for each in service.revisions if not each.failed} if service else {}
    there = known.pop(template.name, None) is not None
    longest = max(LONGEST, 2 * limits.max_seconds)
    rollout = RevisionRollout(to, shown, service, template, traffic.others(known), longest, there)
    if to.rehearsal:
        canary.rehearse(rollout, limits)
        return None
    asked = samples(made.address)
    health = canary.through(rollout, asked, limits, direct=True, say=to.say)
    return Served(at(to, settings), template.name, health)


def at(to: Google, settings: Settings) -> Service:
    """The service.

    Raises:
        CloudError: There is none.
    """
    shown = settings.deploy.endpoint
    if found := run.find(to, shown):
        return found
    raise CloudError(f"{to.place}: there is no service {shown}. Make one: clientage deploy run deploy.", "not found")


def share(to: Google, settings: Settings, split: Mapping[str, int]) -> Service:
    """Share the traffic among revisions.

    Raises:
        SettingsError: It is not 100 together.
        CloudError: A revision is not there, or it could not be done.
    """
    traffic.whole(split)
    service = at(to, settings)
    if unknown := sorted(split.keys() - {each.name for each in service.revisions}):
        have = ", ".join(each.name for each in service.revisions)
        raise CloudError(f"{to.place}: there is no revision {', '.join(unknown)}. There is {have}.", "not found")
    if split != service.split:
        run.change(to, service.name, split)
    return service if to.rehearsal else at(to, settings)


def rollback(to: Google, settings: Settings) -> tuple[Service, Revision, Revision]:
    """Give all traffic to the revision before.

    Returns:
        The service, the revision that has the traffic, and the one that had it.

    Raises:
        CloudError: There is none before, or it could not be done.
    """
    service = at(to, settings)
    now, before = service.serving, service.before
    if not now or not before:
        raise CloudError(
            f"{to.place}: {settings.deploy.endpoint} has no revision before. Deploy another model: "
            "clientage deploy run deploy --model VERSION",
            "not found",
        )
    run.change(to, service.name, {before.name: 100})
    return service if to.rehearsal else at(to, settings), before, now


def delete(to: Google, settings: Settings) -> Service | None:
    """Remove the service; None where there is none any more.

    Raises:
        CloudError: It could not be done.
    """
    found = run.find(to, settings.deploy.endpoint)
    if found:
        run.delete(to, found)
    return found


def _template(settings: Settings, image: str, model: Delivered, revisions: Sequence[Revision]) -> Template:
    """What the revision is made of, with the first name that none has which failed to start.

    What lies at the model's address may have changed since, so its digest decides on the name too.
    """
    limits, account = settings.deploy, settings.google.service_account
    environment = connection.environment(settings) | {"CLIENTAGE_SERVE__MODEL": model.address}
    made_of = Template(
        "", image, environment, limits.min_containers, limits.max_replicas, limits.cpu, limits.memory, account
    )
    name = f"{limits.endpoint}-{digest([model.digest, made_of.spec()])[:10]}"
    failed = {each.name for each in revisions if each.failed}
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return replace(made_of, name=next(each for each in names if each not in failed))
