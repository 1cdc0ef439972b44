"""A version on its way to all traffic of an endpoint of Vertex AI."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from clientage.cloud import traffic, vertex_endpoints
from clientage.cloud.clients import Google
from clientage.cloud.vertex import explained
from clientage.cloud.vertex_endpoints import Deployed, Endpoint, Machines
from clientage.cloud.vertex_models import Uploaded
from clientage.deployment import canary
from clientage.deployment.canary import Answer


@dataclass
class VersionRollout:
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

    @property
    def after(self) -> str:
        """How the traffic is after `back`, in a sentence."""
        return "It was alone, and was taken away." if self.alone else "The model before has all traffic again."

    def give(self, percent: int) -> None:
        """Give the version a share; the first time, it is deployed with it.

        One that has all traffic before it is judged would look like one that was: the endpoint is told that it was not.
        """
        if self.alone and self.endpoint.judged(self.model):
            self.endpoint = vertex_endpoints.note(self.to, self.endpoint, self.model)
        if not self.new:
            there = replace(self.endpoint, models=tuple(_with(self.endpoint, self.others)))
            made = vertex_endpoints.deploy(self.to, there, self.model, self.on, percent)
            self.new = made.id if made else vertex_endpoints.NEW
        else:
            vertex_endpoints.send(self.to, self.endpoint, traffic.shared(self.others, self.new, percent))

    def trust(self) -> None:
        """Give the version all traffic; it is judged."""
        if not self.alone:
            self.give(100)
        if vertex_endpoints.UNJUDGED in self.endpoint.labels:
            self.endpoint = vertex_endpoints.note(self.to, self.endpoint, None)

    def back(self) -> None:
        """Give all traffic to the others, as far as they have it not; the version goes, also where it had a share."""
        now = vertex_endpoints.get(self.to, self.endpoint)
        for each in now.models:
            if each.of(self.model):
                vertex_endpoints.undeploy(self.to, now, each, self.others)
        now = vertex_endpoints.get(self.to, self.endpoint)
        if self.others and now.split != self.others:
            vertex_endpoints.send(self.to, now, self.others)

    def ask(self, body: bytes) -> Answer:
        """Ask the endpoint, as customers of the service do; a login that fails is none of its answers."""
        with explained(self.to, f"asking {self.endpoint.shown}"):
            return canary.timed(
                lambda: vertex_endpoints.predict(self.to, self._session, self.endpoint, body, self.longest),
                lambda response: str(response.headers.get(vertex_endpoints.BY, "")),
            )

    @cached_property
    def _session(self) -> Any:
        return self.to.session()


def _with(endpoint: Endpoint, split: Mapping[str, int]) -> Iterator[Deployed]:
    """The models of an endpoint, with other shares."""
    for each in endpoint.models:
        yield replace(each, percent=split.get(each.id, 0))
