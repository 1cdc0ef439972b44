"""Vertex AI, step by step: train, upload, endpoint, traffic, rollback, undeploy, batch."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from clientage.cloud import buckets, vertex_endpoints, vertex_jobs, vertex_models
from clientage.cloud.clients import Google
from clientage.cloud.vertex_endpoints import Deployed, Endpoint, Machines
from clientage.cloud.vertex_jobs import Job
from clientage.cloud.vertex_models import Container, Uploaded
from clientage.deployment import canary, connection
from clientage.deployment.canary import Answer, Health
from clientage.deployment.delivered import KEPT, deliver
from clientage.deployment.samples import samples
from clientage.errors import CloudError, SettingsError
from clientage.settings import Settings

DECIDING = ("shop", "source", "clean", "segments", "recommendations")  # sections that a training is told of
LONGEST = 10.0  # seconds that a sample prediction may take, at least


def train(to: Google, settings: Settings, source: str, *, again: bool = False) -> Job | None:
    """Train in our container on Vertex AI; None in a rehearsal.

    Args:
        to: Google Cloud.
        settings: All of them.
        source: gs://… with the order lines, or what else `clientage run` reads.
        again: Whether to train although the same was trained from the same.

    Raises:
        ClientageError: What the user can mend.
    """
    if not source:
        raise SettingsError("train: no order lines. Give them: clientage deploy vertex train gs://BUCKET/orders.")
    image, root, wanted = connection.pinned(to, settings), connection.bucket(settings), settings.deploy
    command = ["run", source, *_changed(settings)]
    what = [image, command, buckets.fingerprint(source) if source.startswith("gs://") else ""]
    digest = _digest(what)
    return vertex_jobs.train(
        to, f"{settings.tracking.model}-{digest[:8]}", digest, image=image, command=command,
        out=f"{root}/training/{digest[:16]}", environment={"CLIENTAGE_WORKSPACE": "/tmp/workspace"},  # noqa: S108
        on=Machines(wanted.training_machine, 1, 1, settings.google.service_account), again=again,
    )  # fmt: skip


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
        to, name(settings, savedmodel=savedmodel), digest=_digest([made.digest, container.spec()]),
        artifact=made.address, container=container, aliases=tuple(dict.fromkeys((*aliases, *made.aliases))),
        registered=made.registered, account=settings.google.service_account,
    )  # fmt: skip


def name(settings: Settings, *, savedmodel: bool = False) -> str:
    """What the model is called in Vertex AI."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in settings.tracking.model.lower())
    return f"{plain[:50]}{'-savedmodel' if savedmodel else ''}"


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


@dataclass
class Rollout:
    """A version on its way to all traffic of an endpoint.

    Attributes:
        to: Google Cloud.
        endpoint: As it was before.
        model: The version.
        on: What it runs on.
        others: Who has the traffic when it has none, together 100; nobody where it is alone.
        longest: Seconds that an answer may take.
        new: What the version is called at the endpoint; empty before it is there.
    """

    to: Google
    endpoint: Endpoint
    model: Uploaded
    on: Machines
    others: dict[str, int]
    longest: float
    new: str = ""

    @property
    def alone(self) -> bool:
        """Whether there is no other that could take traffic."""
        return not self.others

    def give(self, percent: int) -> None:
        """Give the version a share; the first time, it is deployed with it."""
        if not self.new:
            there = replace(self.endpoint, models=tuple(_with(self.endpoint, self.others)))
            made = vertex_endpoints.deploy(self.to, there, self.model, self.on, percent)
            self.new = made.id if made else vertex_endpoints.NEW
        else:
            vertex_endpoints.send(self.to, self.endpoint, vertex_endpoints.shared(self.others, self.new, percent))

    def back(self) -> None:
        """As it was before, as far as it is not; the version goes."""
        now = vertex_endpoints.get(self.to, self.endpoint)
        for each in now.models:
            if each.of(self.model):
                vertex_endpoints.undeploy(self.to, now, each, self.others)
        now = vertex_endpoints.get(self.to, self.endpoint)
        if self.others and now.split != self.others:
            vertex_endpoints.send(self.to, now, self.others)

    def ask(self, body: bytes) -> Answer:
        """Ask the endpoint, as customers of the service do."""
        return canary.timed(
            lambda: vertex_endpoints.predict(self.to, self._session, self.endpoint, body, self.longest),
            lambda response: str(response.headers.get(vertex_endpoints.BY, "")),
        )

    @cached_property
    def _session(self) -> Any:
        return self.to.session()


def serve(to: Google, settings: Settings, wanted: str = "", *, savedmodel: bool = False) -> Served | None:
    """Deploy a version to the endpoint, judge it with a share of the traffic, and give it all; None in a rehearsal.

    Args:
        to: Google Cloud.
        settings: All of them.
        wanted: The version's number or alias in Vertex AI; empty: the newest.
        savedmodel: Whether that of the SavedModel.

    Raises:
        GateError: It is not healthy; all is as it was before.
        ClientageError: What the user can mend; all is as it was before.
    """
    limits, account = settings.deploy, settings.google.service_account
    model = vertex_models.find(to, name(settings, savedmodel=savedmodel), wanted)
    endpoint = vertex_endpoints.made(to, limits.endpoint)
    there = next((each for each in endpoint.models if each.of(model)), None)
    if there and there.percent == 100:
        return Served(endpoint, model)
    on = Machines(limits.machine, limits.min_replicas, limits.max_replicas, account)
    longest = max(LONGEST, 2 * limits.max_seconds)
    rollout = Rollout(to, endpoint, model, on, _others(endpoint, model), longest, there.id if there else "")
    if to.rehearsal:
        for percent in (100,) if rollout.alone else (limits.canary, 100):
            rollout.give(percent)
        return None
    health = canary.through(rollout, samples(model.artifact), limits, direct=False, say=to.say)
    return Served(vertex_endpoints.get(to, endpoint), model, health)


def _others(endpoint: Endpoint, model: Uploaded) -> dict[str, int]:
    """Who has the traffic without a model, together 100; of those without any, the newest."""
    rest = [each for each in endpoint.models if not each.of(model)]
    split = {each.id: each.percent for each in rest if each.percent} or {each.id: 100 for each in rest[:1]}
    return vertex_endpoints.scaled(split, 100)


def _with(endpoint: Endpoint, split: Mapping[str, int]) -> Iterator[Deployed]:
    """The models of an endpoint, with other shares."""
    for each in endpoint.models:
        yield replace(each, percent=split.get(each.id, 0))


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
    endpoint = at(to, settings)
    if sum(split.values()) != 100 or any(percent < 0 for percent in split.values()):
        raise SettingsError(f"--split: {sum(split.values())} percent together. Give shares that are 100 together.")
    found = {_running(to, endpoint, wanted).id: percent for wanted, percent in split.items() if percent}
    if found != endpoint.split:
        vertex_endpoints.send(to, endpoint, found)
    return endpoint if to.rehearsal else vertex_endpoints.get(to, endpoint)


def _running(to: Google, endpoint: Endpoint, wanted: str) -> Deployed:
    for each in endpoint.models:
        if wanted in (each.id, each.version):
            return each
    known = ", ".join(each.version for each in endpoint.models) or "nothing"
    raise CloudError(
        f"{to.place}: version {wanted} does not run at {endpoint.shown}; there is {known}. "
        f"Deploy it: clientage deploy vertex endpoint --version {wanted}",
        "not found",
    )


def rollback(to: Google, settings: Settings) -> tuple[Endpoint, Deployed, Deployed]:
    """Give all traffic to the model before, and take the other away.

    Returns:
        The endpoint, the model that has the traffic, and the one that went.

    Raises:
        CloudError: There is none before, or it could not be done.
    """
    endpoint = at(to, settings)
    now, before = endpoint.serving, endpoint.before
    if not now or not before:
        raise CloudError(
            f"{to.place}: at {endpoint.shown} there is no model before that runs. Deploy one: clientage deploy vertex "
            "endpoint --version NUMBER",
            "not found",
        )
    vertex_endpoints.send(to, endpoint, {before.id: 100})
    vertex_endpoints.undeploy(to, endpoint, now)
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
        vertex_endpoints.undeploy(to, endpoint, each, vertex_endpoints.scaled(left, 100) if gone else None)
    return going


def batch(to: Google, settings: Settings, source: str, out: str, wanted: str = "", *, key: str = "",
          savedmodel: bool = False, again: bool = False) -> Job | None:  # fmt: skip
    """Predict for all customers of a file or table; None in a rehearsal.

    Args:
        to: Google Cloud.
        settings: All of them.
        source: gs://….jsonl or bigquery://project/dataset/table.
        out: gs://folder or bigquery://project/dataset.
        wanted: The version's number or alias in Vertex AI; empty: the newest.
        key: Field that says whose a prediction is; not sent to the model.
        savedmodel: Whether by the SavedModel.
        again: Whether to ask although the same was asked.

    Raises:
        ClientageError: What the user can mend.
    """
    limits = settings.deploy
    model = vertex_models.find(to, name(settings, savedmodel=savedmodel), wanted)
    seen = buckets.fingerprint(source) if source.startswith("gs://") else ""
    on = Machines(limits.machine, limits.min_replicas, limits.max_replicas, settings.google.service_account)
    features = tuple(samples(model.artifact)[0]) if key else ()
    return vertex_jobs.batch(
        to, model, _digest([model.full, source, seen, out, key]), source=source, out=out, key=key,
        features=features, on=on, again=again,
    )  # fmt: skip


def _changed(settings: Settings) -> list[str]:
    """The settings that decide tables and are not as they come, as options of `clientage run`."""
    found = [] if settings.as_of is None else ["--as-of", str(settings.as_of)]
    for section in DECIDING:
        usual = Settings.model_fields[section].default.model_dump(mode="json")
        for key, value in getattr(settings, section).model_dump(mode="json").items():
            if value != usual[key] and value is not None:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                found += ["--set", f"{section}.{key}={text}"]
    return found


def _digest(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:KEPT]
