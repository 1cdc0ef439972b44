"""Google Cloud on this machine: Vertex AI, Cloud Run, Artifact Registry and Monitoring, as far as deploying needs them.

    with google_cloud() as cloud:      # CLIENTAGE_GOOGLE_ENDPOINT leads to it meanwhile
        cloud.images["…/clientage:1"] = "sha256:…"
        cloud.serves = lambda model: "http://127.0.0.1:8080"     # who answers for a model: a running service
        cloud.trains = lambda arguments, environment: subprocess.run(…).returncode == 0

It keeps state, lets operations take some looks, and answers what it is told to. It validates little: look at
`cloud.changes` for what was asked.
"""

import contextlib
import json
import os
import re
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from listeners import Listener

from clientage.cloud.clients import ENDPOINT

PROJECT, REGION = "our-shop", "europe-west1"
PARENT = f"projects/{PROJECT}/locations/{REGION}"
DIGEST = f"sha256:{'a' * 64}"
QUICK = ["segments.bootstraps=2", "segments.k=4"]
TYPES = "type.googleapis.com/google.cloud."


def options(bucket):
    """Settings for it, and for a bucket gs://…."""
    return [
        f"google.project={PROJECT}", f"google.region={REGION}", f"google.bucket={bucket}/clientage",
        "deploy.poll_seconds=0.01", "deploy.checks=20",
    ]  # fmt: skip


def refused(status, message="no", reason=""):
    """An answer of Google that refuses."""
    words = {403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 400: "INVALID_ARGUMENT"}
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    details = [info] if reason else []
    return status, {"error": {"code": status, "message": message, "status": words.get(status, "UNAVAILABLE"),
                              "details": details}}  # fmt: skip


class Refusal(Exception):
    """What an operation ends with in place of an answer."""


class Cloud:
    """What Google Cloud knows, and how it behaves.

    Attributes:
        address: Where it listens.
        images: Digests by address of the image with its tag.
        serves: Told the model (its resource with version, or a revision), gives the address of a service that answers
            for it; None: a made-up answer. Or a function of the body that gives status and body.
        trains: Told arguments and environment of a training, whether it went well. Runs beside the answers.
        predicts: Told the batch job, whether it went well; or what there is to say of it, with its state.
        polls: How many looks an operation takes.
        plan: Told method, path and body of every request, what to answer in its place (status, body); None for nothing.
        fails: Words in what an operation is about, with what it fails with.
        asked: Methods and paths, in order.
        changes: Methods, paths and bodies of what changes something, in order.
        predictions: How many each endpoint answered, by its number.
    """

    def __init__(self):
        self.images, self.fails, self.asked, self.changes, self.predictions = {}, {}, [], [], {}
        self.models, self.endpoints, self.jobs, self.services, self.operations = {}, {}, {}, {}, {}
        self.polls, self.address = 1, ""
        self.serves = lambda model: None
        self.trains = lambda arguments, environment: True
        self.predicts = lambda job: True
        self.plan = lambda method, path, body: None
        self._lock, self._count, self._turns = threading.RLock(), 100, {}
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)

    def answer(self, method, path, query, body):
        """Status, value and headers."""
        with self._lock:
            self.asked.append((method, path))
            if (planned := self.plan(method, path, body)) is not None:
                return (*planned, {})
            if method != "GET" and not path.endswith(":rawPredict") and not path.startswith("/run/"):
                self.changes.append((method, path, body))
        for pattern, route in ROUTES:
            verb, _, wanted = pattern.partition(" ")
            if verb == method and (found := re.fullmatch(wanted, path)):
                return route(self, *found.groups(), query=query, body=body)
        return (*refused(404, f"no route {method} {path}"), {})

    def number(self):
        """The next number, and time goes on."""
        with self._lock:
            self._count += 1
            self._clock += timedelta(minutes=1)
            return str(self._count)

    @property
    def now(self):
        return self._clock.isoformat().replace("+00:00", "Z")

    def begin(self, about, kind, act, failed=lambda: None):
        """An operation that does something when it is done: `act`, or `failed` where it is to fail."""
        name = f"{PARENT}/operations/{self.number()}"
        self.operations[name] = {"left": self.polls, "about": about, "kind": kind, "act": act, "failed": failed}
        return self.look(name)

    def look(self, name):
        """An operation, which takes some looks."""
        with self._lock:
            one = self.operations[name]
            if "done" not in one and one["left"] > 0:
                one["left"] -= 1
                return {"name": name}
            if "done" not in one:
                why = next((why for word, why in self.fails.items() if word in one["about"]), None)
                if why:
                    one["failed"]()
                    one["done"] = {"error": {"code": why[0], "message": why[1]}}
                else:
                    one["done"] = self._ended(one)
            return {"name": name, "done": True, **one["done"]}

    @staticmethod
    def _ended(one):
        try:
            return {"response": {"@type": TYPES + one["kind"]} | (one["act"]() or {})}
        except Refusal as refusal:
            return {"error": {"code": 9, "message": str(refusal)}}

    def turn(self, key, split):
        """Whose turn it is by share: smooth, so that ten percent is every tenth."""
        with self._lock:
            turns = self._turns.setdefault(key, {})
            for each, share in split.items():
                turns[each] = turns.get(each, 0) + share
            chosen = max(split, key=lambda each: turns[each])
            turns[chosen] -= sum(split.values())
            return chosen

    def forward(self, model, body):
        """What a model answers."""
        served = self.serves(model)
        if callable(served):
            return served(body)
        if served is None:
            return 200, {"predictions": [{"segment_id": 1}] * len(body["instances"])}
        url = served if served.endswith("/predict") else f"{served}/predict"
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")


# ---- models


def upload_model(cloud, *, query, body):
    model = body["model"]
    shown = body.get("modelId") or body["parentModel"].rpartition("/")[2]
    name = f"{PARENT}/models/{shown}"

    def act():
        known = cloud.models.setdefault(name, [])
        aliases = [*model.get("versionAliases", []), *([] if known else ["default"])]
        cloud.number()
        made = {"name": name, "versionId": str(len(known) + 1), "versionCreateTime": cloud.now}
        known.append(model | made | {"versionAliases": aliases})
        return {"model": name, "modelVersionId": made["versionId"]}

    return 200, cloud.begin(f"upload {shown}", "aiplatform.v1.UploadModelResponse", act), {}


def list_versions(cloud, name, *, query, body):
    if name not in cloud.models:
        return (*refused(404, "no model"), {})
    return 200, {"models": cloud.models[name]}, {}


def merge_aliases(cloud, name, version, *, query, body):
    for each in cloud.models[name]:
        kept = [alias for alias in each["versionAliases"] if alias not in body["versionAliases"]]
        each["versionAliases"] = kept + (body["versionAliases"] if each["versionId"] == version else [])
    return 200, cloud.models[name][int(version) - 1], {}


# ---- endpoints


def create_endpoint(cloud, *, query, body):
    name = f"{PARENT}/endpoints/{query.get('endpointId', [cloud.number()])[0]}"

    def act():
        cloud.endpoints[name] = body | {"name": name, "deployedModels": [], "trafficSplit": {}}
        return cloud.endpoints[name]

    return 200, cloud.begin("create endpoint", "aiplatform.v1.Endpoint", act), {}


def list_endpoints(cloud, *, query, body):
    key, _, value = query.get("filter", ["labels.="])[0].removeprefix("labels.").partition("=")
    found = [each for each in cloud.endpoints.values() if not key or each.get("labels", {}).get(key) == value]
    return 200, {"endpoints": found}, {}


def get_endpoint(cloud, name, *, query, body):
    return (200, cloud.endpoints[name], {}) if name in cloud.endpoints else (*refused(404, "no endpoint"), {})


def deploy_model(cloud, name, *, query, body):
    model, version = body["deployedModel"]["model"].split("@")
    number = cloud.number()

    def act():
        split = {number if key == "0" else key: share for key, share in body["trafficSplit"].items()}
        known = {number, *(each["id"] for each in cloud.endpoints[name]["deployedModels"])}
        assert sum(split.values()) == 100 and set(split) <= known
        deployed = body["deployedModel"] | {"id": number, "model": model, "modelVersionId": version,
                                            "createTime": cloud.now}  # fmt: skip
        cloud.endpoints[name]["deployedModels"].append(deployed)
        cloud.endpoints[name]["trafficSplit"] = split
        return {"deployedModel": deployed}

    return 200, cloud.begin(f"deploy {model}@{version}", "aiplatform.v1.DeployModelResponse", act), {}


def undeploy_model(cloud, name, *, query, body):
    endpoint, gone = cloud.endpoints[name], body["deployedModelId"]
    left = [each for each in endpoint["deployedModels"] if each["id"] != gone]
    split = body.get("trafficSplit") or endpoint["trafficSplit"]
    if split.get(gone) and left:
        return (*refused(400, "the deployed model has traffic"), {})

    def act():
        endpoint["deployedModels"] = left
        endpoint["trafficSplit"] = split if left else {}

    return 200, cloud.begin(f"undeploy {gone}", "aiplatform.v1.UndeployModelResponse", act), {}


def update_endpoint(cloud, name, *, query, body):
    (mask,) = query["updateMask"]
    if mask not in ("trafficSplit", "labels") or (mask == "trafficSplit" and sum(body[mask].values()) != 100):
        return (*refused(400, "not 100 together"), {})
    cloud.endpoints[name][mask] = body[mask]
    return 200, cloud.endpoints[name], {}


def raw_predict(cloud, name, *, query, body):
    endpoint = cloud.endpoints[name]
    if not endpoint["trafficSplit"]:
        return (*refused(400, "nothing is deployed"), {})
    number = name.rpartition("/")[2]
    cloud.predictions[number] = cloud.predictions.get(number, 0) + len(body["instances"])
    chosen = cloud.turn(name, endpoint["trafficSplit"])
    deployed = next(each for each in endpoint["deployedModels"] if each["id"] == chosen)
    status, value = cloud.forward(f"{deployed['model']}@{deployed['modelVersionId']}", body)
    return status, value, {"X-Vertex-AI-Deployed-Model-Id": chosen}


# ---- jobs


def _filtered(jobs, kind, query):
    key, _, value = query.get("filter", ["labels.="])[0].removeprefix("labels.").partition("=")
    return [job for name, job in jobs.items() if kind in name and (not key or job["labels"].get(key) == value)]


def create_job(cloud, kind, *, query, body):
    name = f"{PARENT}/{kind}/{cloud.number()}"
    job = cloud.jobs[name] = body | {"name": name, "state": "JOB_STATE_PENDING"}

    def work():
        job["state"] = "JOB_STATE_RUNNING"
        if kind == "customJobs":
            spec = job["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]
            told = {each["name"]: each["value"] for each in spec.get("env", [])}
            out = job["jobSpec"]["baseOutputDirectory"]["outputUriPrefix"].rstrip("/")
            well = cloud.trains(spec["args"], told | {"AIP_MODEL_DIR": f"{out}/model"})
        else:
            well = cloud.predicts(job)
            out = job["outputConfig"].get("gcsDestination", {}).get("outputUriPrefix", "")
            job["outputInfo"] = {"gcsOutputDirectory": f"{out}/prediction-1"}
        if isinstance(well, dict):
            job.update(well)
            return
        if not well:
            job["error"] = {"code": 3, "message": "The replica workerpool0-0 exited with a non-zero status of 1."}
        job["state"] = "JOB_STATE_SUCCEEDED" if well else "JOB_STATE_FAILED"

    shown = dict(job)
    threading.Thread(target=work, daemon=True).start()
    return 200, shown, {}


def list_jobs(cloud, kind, *, query, body):
    return 200, {kind: _filtered(cloud.jobs, kind, query)}, {}


def get_job(cloud, name, *, query, body):
    return 200, dict(cloud.jobs[name]), {}


# ---- Cloud Run


def get_service(cloud, name, *, query, body):
    return (200, cloud.services[name], {}) if name in cloud.services else (*refused(404, "no service"), {})


def list_revisions(cloud, name, *, query, body):
    return 200, {"revisions": list(cloud.services[name]["made"].values())}, {}


def _run(cloud, name, body, about):
    service = cloud.services.setdefault(name, {"name": name, "made": {}, "template": {}, "trafficStatuses": []})
    template, made = body.get("template"), service["made"]

    def make(state):
        """A revision; one that fails to start stays, and its name is taken for good."""
        if not template or template == service["template"]:
            return
        if template["revision"] in made:
            raise Refusal(f"Revision named '{template['revision']}' with different configuration already exists.")
        cloud.number()
        ready = {"type": "Ready", "state": state}
        made[template["revision"]] = {"name": f"{name}/revisions/{template['revision']}", "createTime": cloud.now,
                                      "conditions": [ready]}  # fmt: skip
        service["template"] = template

    def act():
        make("CONDITION_SUCCEEDED")
        assert sum(each.get("percent", 0) for each in body["traffic"]) == 100
        assert {each["revision"] for each in body["traffic"]} <= set(made)
        for each in body["traffic"]:
            if made[each["revision"]]["conditions"][0]["state"] != "CONDITION_SUCCEEDED":
                raise Refusal(f"Revision '{each['revision']}' is not ready and cannot serve traffic.")
        uri = f"{cloud.address}/run/{name.rpartition('/')[2]}"
        service["uri"], service["traffic"] = uri, body["traffic"]
        service["trafficStatuses"] = [
            each | ({"uri": f"{uri}/{each['revision']}"} if each.get("tag") else {}) for each in body["traffic"]
        ]
        return _shown(service)

    return 200, cloud.begin(about, "run.v2.Service", act, lambda: make("CONDITION_FAILED")), {}


def _shown(service):
    return {name: value for name, value in service.items() if name != "made"}


def create_service(cloud, *, query, body):
    name = f"{PARENT}/services/{query['serviceId'][0]}"
    return _run(cloud, name, body, f"create service {body['template']['revision']}")


def update_service(cloud, name, *, query, body):
    mask = query["updateMask"][0].split(",")
    given = {key: value for key, value in body.items() if key in mask}
    return _run(cloud, name, given, f"update service {given.get('template', {}).get('revision', 'traffic')}")


def delete_service(cloud, name, *, query, body):
    def act():
        cloud.services.pop(name)

    return 200, cloud.begin("delete service", "run.v2.Service", act), {}


def run_predict(cloud, name, revision, *, query, body):
    service = cloud.services[f"{PARENT}/services/{name}"]
    split = {each["revision"]: each["percent"] for each in service["traffic"] if each.get("percent")}
    return (*cloud.forward((revision or "").strip("/") or cloud.turn(name, split), body), {})


# ---- the others


def get_tag(cloud, project, region, repository, package, tag, *, query, body):
    image = f"{region}-docker.pkg.dev/{project}/{repository}/{unquote(unquote(package))}:{tag}"
    if image not in cloud.images:
        return (*refused(404, "Requested entity was not found."), {})
    package = f"projects/{project}/locations/{region}/repositories/{repository}/packages/{package}"
    return 200, {"name": f"{package}/tags/{tag}", "version": f"{package}/versions/{cloud.images[image]}"}, {}


def time_series(cloud, project, *, query, body):
    found = [
        {"resource": {"labels": {"endpoint_id": number}}, "points": [{"value": {"int64Value": str(count)}}]}
        for number, count in cloud.predictions.items()
    ]
    return 200, {"timeSeries": found}, {}


def get_operation(cloud, name, *, query, body):
    return 200, cloud.look(name), {}


def cancel_operation(cloud, name, *, query, body):
    cloud.operations[name]["done"] = {"error": {"code": 1, "message": "cancelled"}}
    return 200, {}, {}


_IN = "projects/[^/]+/locations/[^/]+"
ROUTES = [
    (f"POST /v1/{_IN}/models:upload", upload_model),
    (f"GET /v1/({_IN}/models/[^/:]+):listVersions", list_versions),
    (f"POST /v1/({_IN}/models/[^/:@]+)@(\\d+):mergeVersionAliases", merge_aliases),
    (f"POST /v1/{_IN}/endpoints", create_endpoint),
    (f"GET /v1/{_IN}/endpoints", list_endpoints),
    (f"GET /v1/({_IN}/endpoints/[^/:]+)", get_endpoint),
    (f"PATCH /v1/({_IN}/endpoints/[^/:]+)", update_endpoint),
    (f"POST /v1/({_IN}/endpoints/[^/:]+):deployModel", deploy_model),
    (f"POST /v1/({_IN}/endpoints/[^/:]+):undeployModel", undeploy_model),
    (f"POST /v1/({_IN}/endpoints/[^/:]+):(?:rawPredict|predict)", raw_predict),
    (f"POST /v1/{_IN}/(customJobs|batchPredictionJobs)", create_job),
    (f"GET /v1/{_IN}/(customJobs|batchPredictionJobs)", list_jobs),
    (f"GET /v1/({_IN}/(?:customJobs|batchPredictionJobs)/\\d+)", get_job),
    (f"GET /(?:ui|v1|v2)/({_IN}/operations/\\d+)", get_operation),
    (f"POST /(?:ui|v1|v2)/({_IN}/operations/\\d+):cancel", cancel_operation),
    (f"POST /v2/{_IN}/services", create_service),
    (f"GET /v2/({_IN}/services/[^/]+)", get_service),
    (f"PATCH /v2/({_IN}/services/[^/]+)", update_service),
    (f"DELETE /v2/({_IN}/services/[^/]+)", delete_service),
    (f"GET /v2/({_IN}/services/[^/]+)/revisions", list_revisions),
    ("POST /run/([^/]+)(/[^/]+)?/predict", run_predict),
    ("GET /v1/projects/([^/]+)/locations/([^/]+)/repositories/([^/]+)/packages/([^/]+)/tags/([^/]+)", get_tag),
    ("GET /v3/projects/([^/]+)/timeSeries", time_series),
]


@contextlib.contextmanager
def google_cloud():
    """A Google Cloud that all requests go to, as long as this lasts."""
    cloud = Cloud()

    def answer(method, path, body, headers):
        address = urlsplit(path)
        plain = address.path.replace("%40", "@").replace("%3A", ":")
        status, value, more = cloud.answer(method, plain, parse_qs(address.query), json.loads(body) if body else None)
        return status, {"Content-Type": "application/json", **more}, json.dumps(value).encode()

    listener = Listener(answer)
    cloud.address = listener.address
    before = os.environ.get(ENDPOINT)
    os.environ[ENDPOINT] = cloud.address
    try:
        yield cloud
    finally:
        os.environ.pop(ENDPOINT) if before is None else os.environ.update({ENDPOINT: before})
        listener.close()
