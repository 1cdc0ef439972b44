"""Endpoints of Vertex AI: made once, with models deployed to them that share the traffic."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clientage.cloud import traffic
from clientage.cloud.clients import LABEL, Google
from clientage.cloud.vertex import explained, host, label, v1
from clientage.cloud.vertex_models import Uploaded
from clientage.errors import CloudError

UNJUDGED = f"{LABEL}-unjudged"  # the label that names a version which has all traffic before it is judged
NEW = "0"  # what the model that is just being deployed is called in a split
BY = "X-Vertex-AI-Deployed-Model-Id"


@dataclass(frozen=True)
class Deployed:
    """A model that runs at an endpoint.

    Attributes:
        id: Its number at the endpoint.
        model: projects/…/models/NAME.
        version: Of the model.
        percent: Its share of the traffic.
        machines: That run at least.
        kind: Of these machines.
        made: When it was deployed, in seconds since 1970.
    """

    id: str
    model: str
    version: str
    percent: int
    machines: int
    kind: str
    made: float

    @property
    def short(self) -> str:
        """The version, for people."""
        return f"{self.model.rpartition('/')[2]} version {self.version}"

    def of(self, uploaded: Uploaded) -> bool:
        """Whether it is that version."""
        same = self.model.rpartition("/models/")[2] == uploaded.name.rpartition("/models/")[2]
        return same and self.version == uploaded.version


@dataclass(frozen=True)
class Endpoint:
    """An endpoint.

    Attributes:
        name: projects/…/endpoints/ID; empty where it is not there yet.
        shown: What people call it.
        models: That run there, the newest first.
        labels: On it.
    """

    name: str
    shown: str
    models: tuple[Deployed, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def split(self) -> dict[str, int]:
        """Percent of the traffic by model."""
        return {each.id: each.percent for each in self.models if each.percent}

    @property
    def serving(self) -> Deployed | None:
        """The newest model with traffic."""
        return traffic.serving(self.models)

    @property
    def before(self) -> Deployed | None:
        """The model that ran before that one."""
        return traffic.before(self.models)

    def judged(self, model: Uploaded) -> bool:
        """Whether a version that has all traffic may be trusted with it."""
        return self.labels.get(UNJUDGED) != _called(model)


@dataclass(frozen=True)
class Machines:
    """What a model runs on.

    Attributes:
        kind: Of machine.
        least: How many at least.
        most: How many at most.
        account: What it runs as; empty: the project's default.
    """

    kind: str
    least: int
    most: int
    account: str = ""


def find(google: Google, shown: str) -> Endpoint | None:
    """The endpoint of a name; None where it is not there.

    Raises:
        CloudError: It cannot be asked for, or there are two.
    """
    found = [each for each in every(google) if each.shown == shown]
    if len(found) > 1:
        names = ", ".join(each.name.rpartition("/")[2] for each in found)
        raise CloudError(
            f"{google.place}: there are several endpoints called {shown} ({names}). Delete all but one: "
            f"gcloud ai endpoints delete ID --region={google.region}",
            "several",
        )
    return found[0] if found else None


def every(google: Google) -> list[Endpoint]:
    """All endpoints that were made here.

    Raises:
        CloudError: They cannot be asked for.
    """
    with explained(google, "the endpoints"):
        asked = {"parent": google.parent, "filter": f"labels.{LABEL}=endpoint"}
        return [_endpoint(each) for each in _client(google).list_endpoints(request=asked)]


def get(google: Google, endpoint: Endpoint) -> Endpoint:
    """The endpoint as it is now."""
    with explained(google, f"the endpoint {endpoint.shown}"):
        return _endpoint(_client(google).get_endpoint(request={"name": endpoint.name}))


def made(google: Google, shown: str) -> Endpoint:
    """The endpoint of a name, made where it is not there.

    Raises:
        CloudError: It could not be done.
    """
    if there := find(google, shown):
        return there
    what, labels = f"making the endpoint {shown}", {LABEL: "endpoint"}
    request = {
        "parent": google.parent,
        "endpoint_id": shown,  # two that make it at the same time cannot make two
        "endpoint": {"display_name": shown, "labels": labels},
    }
    with explained(google, f"the endpoint {shown}"):
        google.finished(_client(google).create_endpoint(request=request), what)
    rehearsed = Endpoint(f"{google.parent}/endpoints/{shown}", shown, labels=labels)
    return rehearsed if google.rehearsal else find(google, shown) or rehearsed


def deploy(google: Google, to: Endpoint, model: Uploaded, on: Machines, percent: int) -> Deployed | None:
    """Deploy a version to an endpoint with a share of the traffic; None in a rehearsal.

    Raises:
        CloudError: It could not be done; what ran before has all traffic.
    """
    resources = {
        "machine_spec": {"machine_type": on.kind},
        "min_replica_count": on.least,
        "max_replica_count": on.most,
    }
    deployed = {
        "model": model.full,
        "display_name": _called(model),
        "dedicated_resources": resources,
    } | ({"service_account": on.account} if on.account else {})
    request = {"endpoint": to.name, "deployed_model": deployed, "traffic_split": traffic.shared(to.split, NEW, percent)}
    with explained(google, f"the deployment of {model.short}"):
        operation = _client(google).deploy_model(request=request, timeout=60)
        called_off = f"{google.address(host(google))}/v1"
        done = google.finished(operation, f"deploying {model.short} to {to.shown}", called_off)
    if done is None:
        return None
    return next(each for each in get(google, to).models if each.id == done.deployed_model.id)


def send(google: Google, at: Endpoint, split: Mapping[str, int]) -> None:
    """Share the traffic among the models of an endpoint.

    Raises:
        CloudError: It could not be done.
    """
    with explained(google, f"the traffic of {at.shown}"):
        request = {
            "endpoint": {"name": at.name, "traffic_split": dict(split)},
            "update_mask": {"paths": ["traffic_split"]},
        }
        _client(google).update_endpoint(request=request)


def note(google: Google, at: Endpoint, unjudged: Uploaded | None) -> Endpoint:
    """Note on an endpoint which version has all traffic before it is judged; None: no version has.

    Raises:
        CloudError: It could not be done.
    """
    kept = {name: value for name, value in at.labels.items() if name != UNJUDGED}
    labels = kept | ({UNJUDGED: _called(unjudged)} if unjudged else {})
    with explained(google, f"the labels of {at.shown}"):
        request = {"endpoint": {"name": at.name, "labels": labels}, "update_mask": {"paths": ["labels"]}}
        _client(google).update_endpoint(request=request)
    return replace(at, labels=labels)


def undeploy(google: Google, at: Endpoint, model: Deployed, split: Mapping[str, int] | None = None) -> None:
    """Take a model away from an endpoint.

    Args:
        google: Where.
        at: The endpoint.
        model: The model.
        split: Of the traffic from then on; as it is when not given.

    Raises:
        CloudError: It could not be done.
    """
    request = {"endpoint": at.name, "deployed_model_id": model.id, "traffic_split": dict(split or {})}
    with explained(google, f"taking {model.short} away"):
        google.finished(_client(google).undeploy_model(request=request), f"taking {model.short} away from {at.shown}")


def predict(google: Google, session: Any, at: Endpoint, body: bytes, timeout: float) -> Any:
    """An answer of the endpoint, as the container gives it; `BY` among its headers says which model answered."""
    url = f"{google.address(host(google))}/v1/{at.name}:rawPredict"
    return session.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=timeout)


def _called(model: Uploaded) -> str:
    """A version in words that a label may have."""
    return label(f"{model.name.rpartition('/')[2]}-{model.version}")


def _client(google: Google) -> Any:
    return google.client(v1().EndpointServiceClient, host(google))


def _endpoint(found: Any) -> Endpoint:
    models = [
        Deployed(
            each.id,
            each.model.partition("@")[0],
            each.model_version_id,
            found.traffic_split.get(each.id, 0),
            each.dedicated_resources.min_replica_count,
            each.dedicated_resources.machine_spec.machine_type,
            each.create_time.timestamp() if each.create_time else 0.0,
        )
        for each in found.deployed_models
    ]
    newest = sorted(models, key=lambda each: (-each.made, each.id))
    return Endpoint(found.name, found.display_name, tuple(newest), dict(found.labels))
