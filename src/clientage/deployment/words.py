"""What was done on Google Cloud, for people as lines and for machines as facts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from clientage.cloud.clients import Call
from clientage.cloud.run import Revision, Service
from clientage.cloud.vertex_endpoints import Deployed, Endpoint
from clientage.cloud.vertex_jobs import Job
from clientage.cloud.vertex_models import Uploaded
from clientage.deployment import run, vertex
from clientage.deployment.canary import Health


@dataclass(frozen=True)
class Told:
    """What is told of an action.

    Attributes:
        facts: For machines.
        lines: For people.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def rehearsed(calls: Sequence[Call]) -> Told:
    """The requests that would be made."""
    lines = [f"{call.method} {call.url}\n{json.dumps(call.body, indent=1, ensure_ascii=False)}" for call in calls]
    many = f"{len(calls):,} request{'s' * (len(calls) != 1)} would change something; none was made"
    return Told({"requests": [asdict(call) for call in calls]}, (*lines, many))


def trained(job: Job | None) -> Told:
    """A training."""
    if job is None:
        return Told()
    lines = (
        f"trained     {job.name}",
        f"model       {job.out}        next: clientage deploy vertex upload --model {job.out}",
    )
    return Told(asdict(job), lines)


def predicted(job: Job | None) -> Told:
    """A batch."""
    return Told() if job is None else Told(asdict(job), (f"predicted   {job.out}", f"job         {job.name}"))


def uploaded(version: Uploaded | None, new: bool) -> Told:
    """A model."""
    if version is None:
        return Told()
    called = f" = {', '.join(version.aliases)}" if version.aliases else ""
    said = "uploaded" if new else "is there"
    following = f"next: clientage deploy vertex endpoint --version {version.version}"
    return Told(
        asdict(version) | {"uploaded": new},
        (f"{said:<12}{version.short}{called}", f"files       {version.artifact}        {following}"),
    )


def served(done: vertex.Served | None) -> Told:
    """A version that has all traffic."""
    if done is None:
        return Told()
    idle = [each for each in done.endpoint.models if not each.percent]
    lines = [*_judged(done.health), f"serving     {done.model.short} has all traffic of {done.endpoint.shown}"]
    if idle:
        costs = ", ".join(each.short for each in idle)
        lines.append(
            f"before      {costs} runs on without traffic, and costs        back: clientage deploy vertex rollback"
        )
        lines.append("            end its cost: clientage deploy vertex undeploy")
    facts = {"version": asdict(done.model), **_health(done.health), **endpoint(done.endpoint).facts}
    return Told(facts, tuple(lines))


def endpoint(found: Endpoint) -> Told:
    """Who has which share of the traffic of an endpoint."""
    lines = [f"{each.percent:>4}%       {each.short} (deployed as {each.id})" for each in found.models]
    facts = {"endpoint": found.name, "models": [asdict(each) for each in found.models]}
    return Told(facts, tuple(lines) or (f"nothing runs at {found.shown}: it costs nothing",))


def went_back(found: Endpoint, now: Deployed, gone: Deployed) -> Told:
    """A rollback on Vertex AI."""
    facts = {"serving": asdict(now), "undeployed": asdict(gone), **endpoint(found).facts}
    return Told(facts, (f"back        {now.short} has all traffic of {found.shown}; {gone.short} was taken away",))


def gone(models: Sequence[Deployed]) -> Told:
    """Models that were taken away."""
    lines = [f"taken away  {each.short}" for each in models]
    return Told({"undeployed": [asdict(each) for each in models]}, tuple(lines) or ("nothing was there to take away",))


def run_served(done: run.Served | None) -> Told:
    """A revision that has all traffic."""
    if done is None:
        return Told()
    lines = (*_judged(done.health), f"serving     {done.revision} has all traffic of {done.service.address}")
    return Told({"revision": done.revision, **_health(done.health), **service(done.service).facts}, lines)


def service(found: Service) -> Told:
    """Who has which share of the traffic of a service."""
    lines = [
        f"{each.percent:>4}%       {each.name}{' did not start' if each.failed else ''}" for each in found.revisions
    ]
    facts = {"service": found.name, "address": found.address, "revisions": [asdict(each) for each in found.revisions]}
    return Told(facts, (f"service     {found.address}", *lines))


def run_went_back(found: Service, now: Revision, before: Revision) -> Told:
    """A rollback on Cloud Run."""
    facts = {"serving": asdict(now), "before": asdict(before), **service(found).facts}
    return Told(facts, (f"back        {now.name} has all traffic; {before.name} has none, and costs nothing",))


def deleted(found: Service | None) -> Told:
    """A service that was removed."""
    name = found.name.rpartition("/")[2] if found else ""
    return Told(
        {"deleted": found.name if found else None}, (f"removed     {name}" if found else "there is no service",)
    )


def _health(health: Health | None) -> dict[str, Any]:
    return {"health": asdict(health)} if health else {}


def _judged(health: Health | None) -> tuple[str, ...]:
    return (f"healthy     {health}",) if health else ("nothing to do: it has all traffic already",)
