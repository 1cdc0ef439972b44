"""Cloud Run: a service whose revisions share the traffic, and which costs nothing while nobody asks."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clientage.cloud import identity, refusals, traffic
from clientage.cloud.clients import ENDPOINT, LABEL, Google, library
from clientage.cloud.container import PORT, SERVED
from clientage.cloud.refusals import Service as Spoken

API = "run.googleapis.com"
TAG = "canary"  # a new revision has it until it is judged: it is asked at an address of its own


@dataclass(frozen=True)
class Revision:
    """A revision of a service.

    Attributes:
        name: Its name.
        percent: Its share of the traffic.
        address: Of its own; empty where it has none, as it is judged.
        made: When it was made, in seconds since 1970.
        failed: Whether it did not start: it stays, and can have no traffic.
    """

    name: str
    percent: int
    address: str
    made: float
    failed: bool = False


@dataclass(frozen=True)
class Service:
    """A service.

    Attributes:
        name: projects/…/services/NAME.
        address: Where it is asked.
        revisions: The newest first.
    """

    name: str
    address: str
    revisions: tuple[Revision, ...] = ()

    @property
    def split(self) -> dict[str, int]:
        """Percent of the traffic by revision."""
        return {each.name: each.percent for each in self.revisions if each.percent}

    @property
    def serving(self) -> Revision | None:
        """The newest revision with traffic."""
        return traffic.serving(self.revisions)

    def judged(self, name: str) -> bool:
        """Whether a revision that has all traffic may be trusted with it."""
        return not any(each.name == name and each.address for each in self.revisions)

    @property
    def before(self) -> Revision | None:
        """The revision that was made before that one, and started."""
        return traffic.before([each for each in self.revisions if not each.failed or each.percent])


@dataclass(frozen=True)
class Template:
    """What a revision is made of.

    Attributes:
        name: Of the revision: the same for the same, unless one of that name failed to start.
        image: By its digest.
        environment: Variables of the container.
        least: Containers at least.
        most: Containers at most.
        cpu: Processors of each.
        memory: Of each.
        account: What it runs as; empty: the project's default.
    """

    name: str
    image: str
    environment: Mapping[str, str]
    least: int
    most: int
    cpu: str
    memory: str
    account: str = ""

    def spec(self) -> dict[str, Any]:
        """As Cloud Run takes it."""
        container = {
            "image": self.image,
            "args": list(SERVED),
            "env": [{"name": name, "value": value} for name, value in sorted(self.environment.items())],
            "ports": [{"container_port": PORT}],
            "resources": self._resources,
            "startup_probe": {
                "http_get": {"path": "/ping", "port": PORT}, "period_seconds": 5, "failure_threshold": 48,
            },
        }  # fmt: skip
        scaling = {"min_instance_count": self.least, "max_instance_count": self.most}
        account = {"service_account": self.account} if self.account else {}
        return {"revision": self.name, "labels": {LABEL: "revision"}, "scaling": scaling,
                "containers": [container], **account}  # fmt: skip

    @property
    def _resources(self) -> dict[str, Any]:
        """Limits, and billing by request where no container is kept: unsaid, limits bring billing by the hour."""
        return {"limits": {"cpu": self.cpu, "memory": self.memory}, "cpu_idle": not self.least}


def find(google: Google, shown: str) -> Service | None:
    """The service of a name; None where it is not there.

    Raises:
        CloudError: It cannot be asked for.
    """
    from google.api_core.exceptions import NotFound  # noqa: PLC0415

    name = full(google, shown)
    with _explained(google, f"the service {shown}"):
        try:
            found = _services(google).get_service(request={"name": name})
        except NotFound:
            return None
        revisions = google.client(_v2().RevisionsClient, API)
        made = {each.name.rpartition("/")[2]: each for each in revisions.list_revisions(request={"parent": name})}
    percent = {each.revision: 0 for each in found.traffic_statuses}
    for each in found.traffic_statuses:
        percent[each.revision] += each.percent
    address = {each.revision: each.uri for each in found.traffic_statuses if each.tag == TAG}
    told = [
        Revision(each, percent.get(each, 0), address.get(each, ""), _seconds(one), _failed(one))
        for each, one in made.items()
    ]
    return Service(name, found.uri, tuple(sorted(told, key=lambda each: (-each.made, each.name))))


def full(google: Google, shown: str) -> str:
    """A service, as requests name it."""
    return f"{google.parent}/services/{shown}"


def make(google: Google, shown: str, template: Template) -> None:
    """Make a service whose first revision has all traffic.

    Raises:
        CloudError: It could not be done.
    """
    service = {
        "labels": {LABEL: "service"},
        "template": template.spec(),
        "traffic": _traffic({template.name: 100}, template.name),
    }
    request = {"parent": google.parent, "service_id": shown, "service": service}
    with _explained(google, f"the service {shown}"):
        google.finished(_services(google).create_service(request=request), f"deploying {template.name}")


def change(
    google: Google, service: str, split: Mapping[str, int], template: Template | None = None, tagged: str = ""
) -> None:
    """Share the traffic among revisions, and make one where a template is given.

    Args:
        google: Where.
        service: The service (see `full`).
        split: Percent by revision.
        template: Of a new revision.
        tagged: The revision that is to have an address of its own; nobody when not given.

    Raises:
        CloudError: It could not be done; the traffic is as it was before.
    """
    changed: dict[str, Any] = {"name": service, "traffic": _traffic(split, tagged)}
    changed |= {"template": template.spec()} if template else {}
    mask = {"paths": ["template", "traffic"] if template else ["traffic"]}
    what = f"deploying {template.name}" if template else "sharing the traffic"
    with _explained(google, f"the service {service.rpartition('/')[2]}"):
        request = {"service": changed, "update_mask": mask}
        google.finished(_services(google).update_service(request=request), what)


def delete(google: Google, service: Service) -> None:
    """Remove a service with all its revisions.

    Raises:
        CloudError: It could not be done.
    """
    with _explained(google, f"the service {service.name.rpartition('/')[2]}"):
        google.finished(_services(google).delete_service(request={"name": service.name}), "removing the service")


def token(google: Google, service: Service) -> str:
    """What lets a request in; empty where none is needed, as at a local address.

    Raises:
        CloudError: There is none.
    """
    if os.environ.get(ENDPOINT):
        return ""
    with _explained(google, f"a way into {service.name.rpartition('/')[2]}"):
        return identity.token(service.address)


def predict(session: Any, address: str, body: bytes, bearer: str, timeout: float) -> Any:
    """An answer of a service or of one of its revisions."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return session.post(f"{address}/predict", data=body, headers=headers, timeout=timeout)


def _traffic(split: Mapping[str, int], tagged: str) -> list[dict[str, Any]]:
    kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    found = [{"type_": kind, "revision": name, "percent": percent} for name, percent in split.items() if percent]
    return found + ([{"type_": kind, "revision": tagged, "tag": TAG}] if tagged else [])


def _seconds(revision: Any) -> float:
    return float(revision.create_time.timestamp()) if revision.create_time else 0.0


def _failed(revision: Any) -> bool:
    """Whether it did not start, and never will."""
    return any(each.type_ == "Ready" and each.state.name == "CONDITION_FAILED" for each in revision.conditions)


def _v2() -> Any:
    return library("google.cloud.run_v2")


def _services(google: Google) -> Any:
    return google.client(_v2().ServicesClient, API)


@contextlib.contextmanager
def _explained(google: Google, what: str) -> Iterator[None]:
    service = Spoken(
        "Cloud Run",
        API,
        google.project,
        permission="this account may not do it. Grant it roles/run.admin on the project, and "
        "roles/iam.serviceAccountUser on google.service_account.",
        missing="there is no such service in this project and region. Deploy it: clientage deploy run deploy.",
    )
    with refusals.explained(f"{google.place}: {what}", service):
        yield
