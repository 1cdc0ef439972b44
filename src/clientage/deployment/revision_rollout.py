"""A revision on its way to all traffic of a service of Cloud Run."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clientage.cloud import run, traffic
from clientage.cloud.clients import Google
from clientage.cloud.run import Service, Template
from clientage.deployment import canary
from clientage.deployment.canary import Answer
from clientage.errors import CloudError

LETS_IN = 1800.0  # seconds that an identity token is used; it lasts an hour


@dataclass
class RevisionRollout:
    """A revision on its way to all traffic of a service.

    Attributes:
        to: Google Cloud.
        shown: Name of the service.
        service: As it was before; None where there was none.
        template: Of the revision.
        others: Who has the traffic when it has none, together 100; nobody where it is alone.
        longest: Seconds that an answer may take.
        made: Whether the revision is there.
    """

    to: Google
    shown: str
    service: Service | None
    template: Template
    others: dict[str, int]
    longest: float
    made: bool = False
    _let_in: tuple[str, float] | None = None

    @property
    def new(self) -> str:
        """The revision."""
        return self.template.name

    @property
    def alone(self) -> bool:
        """Whether there is no other that could take traffic."""
        return not self.others

    @property
    def after(self) -> str:
        """How the traffic is after `back`, in a sentence."""
        if self.service is None:
            return "It was alone, and was taken away."
        if self.others:
            return "The model before has all traffic again."
        return "It has all traffic still, as no other is there: deploy another, or clientage deploy run delete."

    def give(self, percent: int) -> None:
        """Give the revision a share, and an address of its own until it is judged; the first time, it is made."""
        if self.service is None:
            run.make(self.to, self.shown, self.template)
        else:
            template = None if self.made else self.template
            run.change(self.to, self.service.name, traffic.shared(self.others, self.new, percent), template, self.new)
        self.made = True

    def trust(self) -> None:
        """Give the revision all traffic; it is judged."""
        run.change(self.to, run.full(self.to, self.shown), {self.new: 100})

    def back(self) -> None:
        """Give all traffic to the others; a service that was made for the revision goes."""
        now = run.find(self.to, self.shown)
        if now is None:
            return
        if self.service is None:
            run.delete(self.to, now)
        elif self.others:
            run.change(self.to, now.name, self.others)

    def ask(self, body: bytes) -> Answer:
        """Ask the revision at its own address."""
        address, bearer = self._address[0], self._bearer()
        return canary.timed(
            lambda: run.predict(self._session, address, body, bearer, self.longest), lambda response: self.new
        )

    @cached_property
    def _session(self) -> Any:
        import requests  # noqa: PLC0415

        return requests.Session()

    @cached_property
    def _address(self) -> tuple[str, Service]:
        """The revision's own address, and the service that it is of."""
        now = run.find(self.to, self.shown)
        mine = next((each for each in now.revisions if each.name == self.new), None) if now else None
        if now is None or mine is None:
            raise CloudError(f"{self.to.place}: the revision {self.new} is not there. Deploy it again.", "not found")
        return mine.address or now.address, now

    def _bearer(self) -> str:
        """What lets a request in; another one before it ends, as a judgement may take longer."""
        now = time.monotonic()
        if not self._let_in or now > self._let_in[1]:
            self._let_in = run.token(self.to, self._address[1]), now + LETS_IN
        return self._let_in[0]
