"""A revision on its way to all traffic of a service of Cloud Run."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clientage.cloud import run, traffic
from clientage.cloud.clients import Google
from clientage.cloud.run import Service, Template
from clientage.deployment import canary
from clientage.deployment.canary import Answer
from clientage.errors import CloudError


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

    @property
    def new(self) -> str:
        """The revision."""
        return self.template.name

    @property
    def alone(self) -> bool:
        """Whether there is no other that could take traffic."""
        return not self.others

    def give(self, percent: int) -> None:
        """Give the revision a share; the first time, it is made."""
        if self.service is None:
            run.make(self.to, self.shown, self.template)
        else:
            template, tagged = None if self.made else self.template, self.new if percent < 100 else ""
            run.change(self.to, self.service, traffic.shared(self.others, self.new, percent), template, tagged)
        self.made = True

    def back(self) -> None:
        """All traffic to those who had it before; a service that was made for the revision goes."""
        now = run.find(self.to, self.shown)
        if now is None:
            return
        if self.service is None:
            run.delete(self.to, now)
        elif self.others:
            run.change(self.to, now, self.others)

    def ask(self, body: bytes) -> Answer:
        """Ask the revision at its own address."""
        address, bearer = self._asked
        return canary.timed(
            lambda: run.predict(self._session, address, body, bearer, self.longest), lambda response: self.new
        )

    @cached_property
    def _session(self) -> Any:
        import requests  # noqa: PLC0415

        return requests.Session()

    @cached_property
    def _asked(self) -> tuple[str, str]:
        """The revision's own address, and what lets a request in."""
        now = run.find(self.to, self.shown)
        mine = next((each for each in now.revisions if each.name == self.new), None) if now else None
        if now is None or mine is None:
            raise CloudError(f"{self.to.place}: the revision {self.new} is not there. Deploy it again.", "not found")
        return mine.address or now.address, run.token(self.to, now)
