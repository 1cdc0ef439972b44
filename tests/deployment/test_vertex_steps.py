"""Vertex AI by its own library, against one on this machine: what is asked, what comes of it, and what is refused."""

import json
import shutil

import pytest
from google.auth import exceptions as auth
from google.auth.transport.requests import AuthorizedSession
from vertexes import PARENT, refused

from clientage.cloud.storage import Folder
from clientage.context import MODEL, store
from clientage.deployment import connection, jobs, vertex
from clientage.errors import CloudError, GateError, SettingsError
from clientage.segments import document
from clientage.tracking import experiments, registry
from clientage.tracking.experiments import Record

ENDPOINT = f"{PARENT}/endpoints/clientage"
MODEL_NAME = f"{PARENT}/models/clientage-segments"


def another(workspace):
    """The model of a workspace with another name for a segment."""
    path = workspace / "run.json"
    assert path.exists()
    (workspace / "tables" / "affinities.parquet").unlink()


def bodies(cloud, ending):
    """Bodies of what was asked, by how the path ends."""
    return [body for method, path, body in cloud.changes if path.endswith(ending)]


def split(cloud):
    """Percent by version."""
    endpoint = cloud.endpoints[ENDPOINT]
    return {each["modelVersionId"]: endpoint["trafficSplit"].get(each["id"], 0) for each in endpoint["deployedModels"]}


@pytest.fixture
def two(cloud, settings, to):
    """Two versions, the first of them with all traffic; the settings."""
    given = settings()
    vertex.upload(to(), given)
    vertex.serve(to(), given)
    another(given.workspace)
    vertex.upload(to(), given)
    cloud.changes.clear()
    return given


def test_a_model_is_uploaded_once(cloud, settings, to, pinned, bucket):
    given = settings("serve.sink=bigquery://our-shop/shop")
    cloud.polls = 3
    found, new = vertex.upload(to(), given, aliases=["champion"])
    assert (new, found.version, found.aliases) == (True, "1", ("champion",))
    (body,) = bodies(cloud, "models:upload")
    assert body["modelId"] == "clientage-segments"
    model = body["model"]
    assert model["artifactUri"] == found.artifact
    assert found.artifact.startswith(f"{bucket.name}/clientage/models/")
    assert model["labels"] == {"clientage": "model", "clientage-digest": found.digest}
    assert model["containerSpec"] == {
        "imageUri": pinned,
        "args": ["serve", "--host", "0.0.0.0", "--insecure", "--set", "serve.requests_per_minute=0"],
        "env": [
            {"name": "CLIENTAGE_SERVE__SINK", "value": "bigquery://our-shop/shop"},
            {"name": "CLIENTAGE_WORKSPACE", "value": "/tmp/workspace"},
        ],
        "ports": [{"containerPort": 8080}],
        "healthRoute": "/ping",
        "predictRoute": "/predict",
    }
    text = Folder(found.artifact).read("segments.json")[0].decode()
    assert text == (given.workspace / MODEL).read_text()
    assert Folder(found.artifact).generation("tables/customers.parquet")

    again, new = vertex.upload(to(), given, aliases=["champion"])
    assert (again, new) == (found, False)
    assert len(cloud.changes) == 1
    third, new = vertex.upload(to(), given, aliases=["challenger"])
    assert (third.aliases, new) == (("challenger", "champion"), False)


def test_another_model_is_another_version_and_takes_the_alias(cloud, settings, to):
    given = settings()
    vertex.upload(to(), given, aliases=["champion"])
    another(given.workspace)
    found, new = vertex.upload(to(), given, aliases=["champion"])
    assert (found.version, new, found.aliases) == ("2", True, ("champion",))
    assert bodies(cloud, "models:upload")[1]["parentModel"] == MODEL_NAME
    assert cloud.models[MODEL_NAME][0]["versionAliases"] == ["default"]


def test_a_version_of_the_registry_keeps_its_number_and_alias(cloud, settings, to):
    pytest.importorskip("mlflow")
    given = settings()
    text = (given.workspace / MODEL).read_text()
    features = dict.fromkeys(document.loads(text).needs, ("double", 1.0))
    experiments.keep(store(given), Record("a model", {}, {}, {}, features, False, ()), text, {})
    (sent,) = experiments.send(store(given))
    there = store(given)
    registry.set_champion(there, registry.get(there, str(sent.version)), [], None)
    found, _ = vertex.upload(to(), given, "champion")
    assert "champion" in found.aliases
    assert cloud.models[MODEL_NAME][0]["labels"]["clientage-version"] == str(sent.version)
    kept = json.loads(Folder(found.artifact).read("model.json")[0])
    assert (kept["version"], kept["document"]) == (str(sent.version), text)


def test_a_model_that_is_healthy_gets_all_traffic_by_way_of_a_share(cloud, two, to):
    done = vertex.serve(to(), two)
    (body,) = bodies(cloud, ":deployModel")
    first, second = cloud.endpoints[ENDPOINT]["deployedModels"]
    assert body["trafficSplit"] == {"0": 10, first["id"]: 90}
    assert body["deployedModel"]["model"] == f"{MODEL_NAME}@2"
    assert body["deployedModel"]["dedicatedResources"] == {
        "machineSpec": {"machineType": "n1-standard-2"}, "minReplicaCount": 1, "maxReplicaCount": 2,
    }  # fmt: skip
    assert [body["trafficSplit"] for method, _, body in cloud.changes if method == "PATCH"] == [{second["id"]: 100}]
    assert split(cloud) == {"1": 0, "2": 100}
    assert (done.health.answered, done.health.errors, done.health.healthy) == (20, 0, True)
    assert done.health.asked > 150  # every tenth came to it

    cloud.changes.clear()
    assert vertex.serve(to(), two).health is None
    assert not cloud.changes


def test_the_first_model_has_all_traffic_at_once_and_the_endpoint_is_made_once(cloud, settings, to):
    given = settings("deploy.endpoint=other")
    vertex.upload(to(), given)
    done = vertex.serve(to(), given)
    (made,) = [body for method, path, body in cloud.changes if path.endswith("/endpoints")]
    assert made == {"displayName": "other", "labels": {"clientage": "endpoint"}}
    assert done.endpoint.name == f"{PARENT}/endpoints/other"
    assert [each.percent for each in done.endpoint.models] == [100]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {}), r"1 of 1 failed, above 1.0% of the checks .* The first that failed: HTTP 500"),
        ((200, {"predictions": [{"error": "instances[0].x: missing."}]}), r"first that failed: instances\[0\].x: miss"),
        ((200, {"predictions": []}), "0 predictions for one instance"),
        ((200, {}), "an answer that is no prediction"),
    ],
)
def test_a_model_that_fails_goes_and_the_one_before_has_all_traffic(cloud, two, to, answer, said):
    cloud.serves = lambda model: (lambda body: answer) if model.endswith("@2") else None
    with pytest.raises(GateError, match=said) as caught:
        vertex.serve(to(), two)
    assert "The model before has all traffic again" in str(caught.value)
    assert split(cloud) == {"1": 100}


def test_a_model_that_is_slow_goes(cloud, two, to, settings):
    with pytest.raises(GateError, match=r"95 in 100 took up to 0\.\d+ s, above 1e-06 s"):
        vertex.serve(to(), settings("deploy.max_seconds=0.000001"))
    assert split(cloud) == {"1": 100}


def test_the_first_model_that_was_not_judged_to_the_end_is_judged_again(cloud, settings, to):
    given, before = settings(), []
    vertex.upload(to(), given)
    cloud.serves = lambda model: before.append(cloud.endpoints[ENDPOINT]["labels"])
    vertex.serve(to(), given)
    assert before == [{"clientage": "endpoint", "clientage-unjudged": "clientage-segments-1"}] * 20
    assert cloud.endpoints[ENDPOINT]["labels"] == {"clientage": "endpoint"}
    cloud.endpoints[ENDPOINT]["labels"] = before[0]  # as it is left where the command is killed
    assert (vertex.serve(to(), given).health.asked, vertex.serve(to(), given).health) == (20, None)
    assert len(bodies(cloud, ":deployModel")) == 1


def test_the_first_model_that_fails_leaves_nothing_that_costs(cloud, settings, to):
    given = settings()
    vertex.upload(to(), given)
    cloud.serves = lambda model: lambda body: (503, {})
    with pytest.raises(GateError, match=r"It was alone, and was taken away"):
        vertex.serve(to(), given)
    assert cloud.endpoints[ENDPOINT]["deployedModels"] == []


def test_a_deployment_that_fails_leaves_all_as_it_was(cloud, two, to):
    cloud.fails["@2"] = (9, "Model server exited unexpectedly.")
    with pytest.raises(CloudError, match=r"refuses .FailedPrecondition.. It says: Model server exited unexpectedly"):
        vertex.serve(to(), two)
    assert split(cloud) == {"1": 100}


def test_a_look_that_fails_for_a_moment_undoes_nothing(cloud, two, to):
    away = [refused(503, "for a moment")] * 2
    cloud.plan = lambda method, path, body: away.pop() if "/operations/" in path and away else None
    vertex.serve(to(), two)
    assert (away, split(cloud)) == ([], {"1": 0, "2": 100})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            auth.RefreshError("Reauthentication is needed."),
            r"asking clientage: there are no credentials .* Log in with",
        ),
        (auth.TransportError("away"), r"asking clientage: Google's login cannot be reached"),
    ],
)
def test_a_login_that_fails_meanwhile_leaves_all_as_it_was(cloud, two, to, monkeypatch, error, said):
    post = AuthorizedSession.post

    def away(self, url, **named):
        if url.endswith(":rawPredict"):
            raise error
        return post(self, url, **named)

    monkeypatch.setattr(AuthorizedSession, "post", away)
    with pytest.raises(CloudError, match=said):
        vertex.serve(to(), two)
    assert split(cloud) == {"1": 100}


def test_traffic_that_cannot_be_given_leaves_all_as_it_was(cloud, two, to):
    cloud.plan = lambda method, path, body: refused(403, "Permission 'aiplatform.endpoints.update' denied") if (
        method == "PATCH" and list(body["trafficSplit"].values()) == [100] and len(split(cloud)) == 2
    ) else None  # fmt: skip
    with pytest.raises(CloudError, match=r"aiplatform.endpoints.update.*roles/aiplatform.user"):
        vertex.serve(to(), two)
    assert split(cloud) == {"1": 100}


def test_one_that_was_interrupted_goes_on_where_it_was(cloud, two, to):
    vertex.serve(to(), two)
    (first, second) = cloud.endpoints[ENDPOINT]["deployedModels"]
    cloud.endpoints[ENDPOINT]["trafficSplit"] = {first["id"]: 90, second["id"]: 10}
    cloud.changes.clear()
    vertex.serve(to(), two)
    assert not bodies(cloud, ":deployModel")
    assert split(cloud) == {"1": 0, "2": 100}


def test_a_deployment_that_takes_too_long_is_called_off(cloud, two, to, settings):
    cloud.polls = 10**6
    given = settings("deploy.wait_minutes=0.001")
    with pytest.raises(CloudError, match=r"takes longer than 0 minutes"):
        vertex.serve(connection.google(given), given)
    assert any(path.endswith(":cancel") for _, path, _ in cloud.changes)
    assert split(cloud) == {"1": 100}


def test_traffic_is_shared_and_shown(cloud, two, to):
    vertex.serve(to(), two)
    assert {each.version: each.percent for each in vertex.at(to(), two).models} == {"1": 0, "2": 100}
    vertex.share(to(), two, {"1": 30, "2": 70})
    assert split(cloud) == {"1": 30, "2": 70}
    with pytest.raises(SettingsError, match=r"90 percent together"):
        vertex.share(to(), two, {"1": 30, "2": 60})
    with pytest.raises(CloudError, match=r"version 7 does not run at clientage; there is 2, 1"):
        vertex.share(to(), two, {"7": 100})


def test_rollback_gives_all_traffic_to_the_model_before(cloud, two, to):
    vertex.serve(to(), two)
    _, now, gone = vertex.rollback(to(), two)
    assert (now.version, gone.version) == ("1", "2")
    assert split(cloud) == {"1": 100}
    (body,) = bodies(cloud, ":undeployModel")  # at once: there is no moment in which the other one seems to be before
    assert body["trafficSplit"] == {now.id: 100}
    with pytest.raises(CloudError, match=r"there is no model before that runs"):
        vertex.rollback(to(), two)


def test_rollback_takes_nothing_where_it_went_back_already(cloud, two, to):
    vertex.serve(to(), two)
    vertex.share(to(), two, {"1": 100})
    with pytest.raises(CloudError, match=r"version 2 is newer .* undeploy --version 2, or .* traffic --split 2=100"):
        vertex.rollback(to(), two)
    assert split(cloud) == {"1": 100, "2": 0}


def test_undeploy_takes_what_has_no_traffic_and_refuses_what_has(cloud, two, to):
    vertex.serve(to(), two)
    with pytest.raises(CloudError, match=r"version 2 has 100% of the traffic of clientage. Give it to another first"):
        vertex.undeploy(to(), two, "2")
    assert [each.version for each in vertex.undeploy(to(), two)] == ["1"]
    assert vertex.undeploy(to(), two) == []
    assert split(cloud) == {"2": 100}


def test_undeploy_all_ends_the_cost(cloud, two, to):
    vertex.serve(to(), two)
    vertex.share(to(), two, {"1": 40, "2": 60})
    assert len(vertex.undeploy(to(), two, everything=True)) == 2
    assert cloud.endpoints[ENDPOINT]["deployedModels"] == []


def test_a_rehearsal_tells_what_would_be_asked_and_asks_nothing(cloud, two, to):
    rehearsal = to(True)
    assert vertex.serve(rehearsal, two) is None
    assert not cloud.changes
    assert [call.method for call in rehearsal.calls] == ["POST", "PATCH"]
    planned = rehearsal.calls[0]
    vertex.serve(to(), two)
    (method, path, body), *_ = cloud.changes
    assert (planned.method, planned.url, planned.body) == (method, cloud.address + path, body)


def test_a_rehearsal_of_the_first_delivery(cloud, settings, to, bucket):
    rehearsal = to(True)
    assert vertex.upload(rehearsal, settings(f"google.bucket={bucket.name}/rehearsed")) == (None, True)
    assert not cloud.changes
    (call,) = rehearsal.calls
    assert call.url.endswith("models:upload")
    assert not Folder(call.body["model"]["artifactUri"]).generation("segments.json")


def test_train_runs_our_container_once_from_the_same(cloud, settings, to, pinned, orders, bucket):
    bucket.put("orders/a.parquet", orders.read_bytes())
    given, told = settings("shop.currency=£", "segments.k=4"), []
    cloud.trains = lambda arguments, environment: told.append((arguments, environment)) or True
    job = jobs.train(to(), given, f"{bucket.name}/orders/a.parquet")
    assert jobs.train(to(), given, f"{bucket.name}/orders/a.parquet").out == job.out
    (body,) = bodies(cloud, "/customJobs")
    spec = body["jobSpec"]
    (pool,) = spec["workerPoolSpecs"]
    assert pool["containerSpec"]["imageUri"] == pinned
    assert pool["machineSpec"]["machineType"] == "n1-standard-4"
    out = spec["baseOutputDirectory"]["outputUriPrefix"]
    ((arguments, environment),) = told
    assert arguments == [
        "run", f"{bucket.name}/orders/a.parquet", "--set", "shop.currency=£", "--set", "segments.k=4",
    ]  # fmt: skip
    assert environment["AIP_MODEL_DIR"] == job.out == f"{out}/model"
    jobs.train(to(), given, f"{bucket.name}/orders/a.parquet", again=True)
    bucket.put("orders/a.parquet", orders.read_bytes() + b" ")
    jobs.train(to(), given, f"{bucket.name}/orders/a.parquet")
    assert len(bodies(cloud, "/customJobs")) == 3


def test_a_training_that_fails_is_told_with_its_log(cloud, settings, to, bucket, orders):
    bucket.put("orders/b.parquet", orders.read_bytes())
    cloud.trains = lambda arguments, environment: False
    with pytest.raises(CloudError, match=r"job \d+ failed: The replica .* gcloud logging read .resource.labels.job_id"):
        jobs.train(to(), settings(), f"{bucket.name}/orders/b.parquet")
    with pytest.raises(CloudError, match=r"there is nothing. Copy the order lines there"):
        jobs.train(to(), settings(), f"{bucket.name}/nowhere")
    with pytest.raises(SettingsError, match=r"no order lines"):
        jobs.train(to(), settings(), "")


def test_a_batch_is_asked_once(cloud, two, to, bucket, modelled):
    bucket.put("in.jsonl", b'{"customer_id": "1"}\n')
    asked = (f"{bucket.name}/in.jsonl", f"{bucket.name}/out")
    done = jobs.batch(to(), two, *asked, key="customer_id")
    assert jobs.batch(to(), two, *asked, key="customer_id") == done
    (body,) = bodies(cloud, "/batchPredictionJobs")
    assert body["model"] == f"{MODEL_NAME}@2"
    assert body["inputConfig"] == {"instancesFormat": "jsonl", "gcsSource": {"uris": [asked[0]]}}
    assert body["outputConfig"] == {
        "predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": asked[1]},
    }  # fmt: skip
    needs = json.loads((modelled / MODEL).read_text())["space"]["features"]
    assert body["instanceConfig"] == {"instanceType": "object", "keyField": "customer_id", "includedFields": needs}
    assert done.out.startswith(asked[1])


def test_a_batch_over_bigquery(cloud, two, to):
    jobs.batch(to(), two, "bigquery://our-shop/shop/customers", "bigquery://our-shop/shop")
    (body,) = bodies(cloud, "/batchPredictionJobs")
    assert body["inputConfig"]["bigquerySource"] == {"inputUri": "bq://our-shop.shop.customers"}
    assert body["outputConfig"]["bigqueryDestination"] == {"outputUri": "bq://our-shop.shop"}
    for source, out in (("gs://b/x.csv", "gs://b/o"), ("bigquery://p/d", "gs://b/o"), ("gs://b/x.jsonl", "here")):
        with pytest.raises((SettingsError, CloudError), match=r"Give gs://|Write bigquery://|there is no such bucket"):
            jobs.batch(to(), two, source, out)


def test_what_lies_in_no_bucket_may_have_changed_and_is_done_again(cloud, two, to, settings):
    asked = ("bigquery://our-shop/shop/customers", "bigquery://our-shop/shop")
    first, second = (jobs.batch(to(), two, *asked) for _ in range(2))
    assert first.name != second.name
    first, second = (jobs.train(to(), two, "bigquery://our-shop/shop/orders") for _ in range(2))
    assert first.name != second.name
    assert first.out != second.out  # what the first one made may be served
    cloud.jobs[second.name]["state"] = "JOB_STATE_RUNNING"
    with pytest.raises(CloudError, match=r"takes longer than 0 minutes"):  # one that runs is followed
        jobs.train(connection.google(settings("deploy.wait_minutes=0.001")), two, "bigquery://our-shop/shop/orders")
    assert len(bodies(cloud, "/customJobs")) == 2


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            "PARTIALLY_SUCCEEDED",
            r"job \d+ partially succeeded: 3 rows. What .*, not all, lies in gs://.*/prediction-1\. Look",
        ),
        ("PAUSED", r"job \d+ is paused: 3 rows. Resume it in the console and do this again"),
    ],
)
def test_a_batch_that_has_not_done_all_is_not_waited_for(cloud, two, to, bucket, state, said):
    bucket.put("some.jsonl", b'{"customer_id": "1"}\n')
    cloud.predicts = lambda job: {"state": f"JOB_STATE_{state}", "error": {"code": 3, "message": "3 rows."}}
    asked = (f"{bucket.name}/some.jsonl", f"{bucket.name}/out")
    for _ in range(2):
        with pytest.raises(CloudError, match=said):
            jobs.batch(to(), two, *asked)
    assert len(bodies(cloud, "/batchPredictionJobs")) == (1 if state == "PAUSED" else 2)


def test_a_savedmodel_is_served_by_the_container_of_vertex(cloud, settings, to):
    pytest.importorskip("tensorflow")
    given = settings()
    found, new = vertex.upload(to(), given, savedmodel=True)
    assert new and found.name.endswith("/clientage-segments-savedmodel")
    (body,) = bodies(cloud, "models:upload")
    assert body["model"]["containerSpec"] == {"imageUri": given.deploy.tensorflow}
    assert Folder(found.artifact).generation("saved_model.pb")
    assert vertex.upload(to(), given, savedmodel=True) == (found, False)
    vertex.serve(to(), given, savedmodel=True)
    assert split(cloud) == {"1": 100}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            refused(403, "Permission 'aiplatform.models.list' denied on resource"),
            r"\(aiplatform.models.list\).*roles/a",
        ),
        (refused(403, "not used before", "SERVICE_DISABLED"), "gcloud services enable aiplatform.googleapis.com"),
        (refused(403, "billing", "BILLING_DISABLED"), "no billing account. Link one to our-shop"),
        (refused(429, "Quota exceeded for CustomModelServingCPUs"), "a quota of Vertex AI is used up.*ServingCPUs"),
        (refused(401, "who"), "gcloud auth application-default login"),
        (refused(400, "Image URI is not supported"), "refuses .BadRequest.. It says: Image URI is not supported"),
    ],
)
def test_what_vertex_denies_is_told_with_the_mend(cloud, settings, to, answer, said):
    cloud.plan = lambda method, path, body: answer if path.endswith(":upload") else None
    with pytest.raises(CloudError, match=said) as caught:
        vertex.upload(to(), settings())
    assert str(caught.value).startswith("our-shop/europe-west1: ")


def test_what_is_not_set_or_not_there_is_told(cloud, settings, to, tmp_path):
    given = settings()
    with pytest.raises(CloudError, match=r"no model clientage-segments. Upload one: clientage deploy vertex upload"):
        vertex.serve(to(), given)
    with pytest.raises(CloudError, match=r"there is no endpoint clientage. Make one"):
        vertex.rollback(to(), given)
    vertex.upload(to(), given, aliases=["champion"])
    with pytest.raises(CloudError, match=r"has no version 7. It has 1 = champion"):
        vertex.serve(to(), given, "7")
    with pytest.raises(SettingsError, match=r"google.bucket: not set"):
        vertex.upload(to(), settings("google.bucket="))
    with pytest.raises(SettingsError, match=r"--alias 7: not an alias"):
        vertex.upload(to(), given, aliases=["7"])
    with pytest.raises(CloudError, match=r"no model in it. Train one"):
        vertex.upload(to(), given, f"{given.google.bucket}/nothing")
    shutil.rmtree(given.workspace / "model")
