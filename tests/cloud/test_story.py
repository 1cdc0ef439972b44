"""The whole story on Google Cloud: lines in a bucket become a model that answers, is watched, and is taken back."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
from bigqueries import PROJECT
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value
from vertexes import DIGEST, PARENT, QUICK, google_cloud, options, refused

from clientage import artifacts
from clientage.cli import main
from clientage.cloud.storage import Folder
from clientage.deployment import connection
from clientage.settings import load
from clientage.transactions.simulate import simulate

sys.path.append(str(Path(__file__).parents[1] / "deployment"))
from test_deploying import COMMAND, service

pytestmark = pytest.mark.slow

ENDPOINT = f"{PARENT}/endpoints/clientage"
MODEL = f"{PARENT}/models/clientage-segments"
BEFORE, AFTER = "2024-09-02", "2024-10-01"  # the day of the model that is watched, and the one after the last line


@pytest.fixture
def cloud(bucket_gate, address, monkeypatch):
    """Vertex AI with our image, whose operations take some looks; and a bucket that all of gs:// leads to."""
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    import gcsfs  # noqa: PLC0415 - reads the variables

    gcsfs.GCSFileSystem.clear_instance_cache()  # they know another gate
    with google_cloud() as found:
        found.images[str(connection.image(load(overrides=options(address))))] = DIGEST
        found.polls = 3
        yield found
    gcsfs.GCSFileSystem.clear_instance_cache()


@pytest.fixture
def shop(cloud, client, dataset, address, tmp_path, capsys, monkeypatch):
    """A machine of the shop's: order lines in the bucket, and the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLIENTAGE_WAREHOUSE__COPIES", str(tmp_path / "copies"))
    lines = simulate(300, out=tmp_path / "orders.parquet", months=9).lines_path
    artifacts.copy({"orders.parquet": lines}, address)
    return Shop(cloud, client, dataset, address, tmp_path, capsys)


class Shop:
    """What a person types, and where it shows."""

    def __init__(self, cloud, client, dataset, address, folder, capsys):
        self.cloud, self.client, self.folder, self.address = cloud, client, folder, address
        self.orders, self.workspace, self.dataset = f"{address}/orders.parquet", f"{address}/workspace", dataset
        self._capsys = capsys

    def says(self, *arguments, code=0):
        """Run the command in this process, as Google's libraries take long to load; what it said."""
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        told = self._capsys.readouterr()
        assert ended.value.code == code, told.out + told.err
        return SimpleNamespace(out=told.out, err=told.err)

    def deploys(self, *arguments, code=0):
        """`clientage deploy vertex …` for the workspace, whose tables are in BigQuery, where predictions go too."""
        place = f"bigquery://{PROJECT}/{self.dataset}"
        own = [f"warehouse.url={place}", f"serve.sink={place}", "deploy.max_seconds=60", *options(self.address)]
        given = [part for each in own for part in ("--set", each)]
        return self.says("deploy", "vertex", *arguments, "--workspace", self.workspace, *given, code=code)

    def trains(self, arguments, environment):
        """What a machine of Vertex AI does for a training job: it runs our container."""
        quick = [part for each in QUICK for part in ("--set", each)]
        own = environment | {"CLIENTAGE_WORKSPACE": str(self.folder / "container-training")}
        ran = subprocess.run([*COMMAND, *arguments, *quick], env=os.environ | own, capture_output=True, check=False)
        return ran.returncode == 0

    def container(self, version):
        """The service of an uploaded version, told what its specification tells and `AIP_` variables."""
        told = self.cloud.models[MODEL][version - 1]
        own = {each["name"]: each["value"] for each in told["containerSpec"]["env"]}
        own |= {"CLIENTAGE_WORKSPACE": str(self.folder / f"container-{version}")}
        return service(told["artifactUri"], **own)

    @property
    def traffic(self):
        """Percent by version."""
        endpoint = self.cloud.endpoints[ENDPOINT]
        known = {each["id"]: int(each["modelVersionId"]) for each in endpoint["deployedModels"]}
        return {known[id_]: share for id_, share in endpoint["trafficSplit"].items() if share}

    def predicts(self, **instance):
        """A prediction, as a service of the shop's asks the endpoint for it."""
        options = {"api_endpoint": self.cloud.address}
        asked = aiplatform_v1.PredictionServiceClient(
            credentials=AnonymousCredentials(), transport="rest", client_options=options
        )
        given, wanted = (json_format.ParseDict(each, Value()) for each in (instance, {"recommend": 2}))
        with asked:
            answer = asked.predict(endpoint=ENDPOINT, instances=[given], parameters=wanted)
        return json_format.MessageToDict(type(answer).pb(answer))["predictions"][0]

    def asks(self, statement, dataset=""):
        """Rows of BigQuery."""
        return list(self.client.query(statement.format(dataset or self.dataset)).result())

    def arrived(self, statement):
        """Rows of BigQuery, once there are any; the table itself comes with the first."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with contextlib.suppress(NotFound):
                if rows := self.asks(statement):
                    return rows
            time.sleep(0.5)
        raise AssertionError("nothing arrived")


def test_order_lines_in_a_bucket_become_a_model_that_answers_and_is_watched(shop):
    run_in_bigquery(shop)
    train_and_upload(shop)
    with shop.container(1) as first, shop.container(2) as second, contextlib.ExitStack() as ends:
        running = {f"{MODEL}@1": first, f"{MODEL}@2": second}
        shop.cloud.serves = running.get
        ends.callback(setattr, shop.cloud, "serves", lambda model: None)
        go_through_the_canary(shop)
        predict_into_bigquery(shop)
        watch(shop)
        refuse(shop)
        fail_and_go_back(shop, running)


def run_in_bigquery(shop):
    """The engine is where the tables are; the model and all else is published in the bucket."""
    place = f"bigquery://{PROJECT}/{shop.dataset}"
    said = shop.says("run", shop.orders, "--workspace", shop.workspace, "--warehouse", place, "--k", 3,
                     "--set", "segments.bootstraps=2")  # fmt: skip
    assert f"published   {shop.workspace} · publication 1" in said.out
    customers = shop.client.get_table(f"{PROJECT}.{shop.dataset}.customers")
    assert customers.table_type == "VIEW"
    assert shop.asks("SELECT COUNT(*) AS n FROM `{}.customers`")[0].n == 300
    published = json.loads(Folder(shop.workspace).read("current.json")[0])["files"]
    assert {"model/segments.json", "tables.json", "run.json"} <= set(published)
    assert not [name for name in published if name.startswith("tables/")]


def train_and_upload(shop):
    """One model from a machine of Vertex AI, one from the workspace, with its tables out of BigQuery."""
    shop.cloud.trains = shop.trains
    told = shop.deploys("train", shop.orders)
    assert "training (" in told.err
    trained = json.loads(shop.deploys("train", shop.orders, "--json").out)["out"]
    assert Folder(trained).generation("segments.json")
    said = shop.deploys("upload", "--model", trained, "--alias", "champion")
    assert "clientage-segments version 1 = champion" in said.out
    assert "clientage-segments version 2" in shop.deploys("upload").out
    assert "version 2" in shop.deploys("upload").out  # the same is there once
    assert len(shop.cloud.models[MODEL]) == 2
    for name in ("customers", "recommendations", "profiles"):
        assert Folder(shop.cloud.models[MODEL][1]["artifactUri"]).generation(f"tables/{name}.parquet")
    looks = [path for method, path in shop.cloud.asked if method == "GET" and "/operations/" in path]
    assert len(looks) >= 2 * len(set(looks))  # of each operation, until it was done


def go_through_the_canary(shop):
    """The first is alone; the second gets a share, is asked in its turn, and gets all."""
    said = shop.deploys("endpoint", "--version", "champion")
    assert "20 predictions by the new model, 0 failed" in said.out
    assert shop.traffic == {1: 100}
    said = shop.deploys("endpoint", "--version", 2)
    assert "10% of the traffic goes to the new model" in said.err
    assert "20 predictions by the new model, 0 failed" in said.out
    assert shop.traffic == {2: 100}


def predict_into_bigquery(shop):
    """Who is looked up is known from tables that came out of BigQuery; what is answered is logged there."""
    known = shop.asks("SELECT customer_id, segment_id FROM `{}.segments` ORDER BY customer_id LIMIT 1")[0]
    answer = shop.predicts(customer_id=known.customer_id)
    assert answer["segment_id"] == known.segment_id
    assert len(answer["recommendations"]) == 2
    logged = shop.arrived(
        f"SELECT customer_id, segment_id FROM `{{}}.predictions` WHERE customer_id = '{known.customer_id}'"
    )
    assert logged[0] == known


def watch(shop):
    """What monitoring finds is read through a view of BigQuery.

    It looks at half a year week by week, which takes an emulator many minutes and BigQuery few: so these lines are
    watched in a workspace of their own, by DuckDB.
    """
    watched = ("--workspace", shop.folder / "watched")
    quick = [part for each in QUICK for part in ("--set", each)]
    shop.says("run", shop.folder / "orders.parquet", *watched, "--as-of", BEFORE, *quick)
    found = json.loads(shop.says("monitor", *watched, "--set", f"as_of={AFTER}", "--json", code=3).out)
    there = f"{shop.dataset}_watched"
    shop.client.create_dataset(there)
    shop.says("export", "bigquery", f"bigquery://{PROJECT}/{there}", "--table", "drift", *watched)
    assert shop.client.get_table(f"{PROJECT}.{there}.drift_verdicts").table_type == "VIEW"
    rows = shop.asks("SELECT first_day, verdict FROM `{}.drift_verdicts` WHERE area = 'all' ORDER BY 1", there)
    new = [each for each in found["windows"] if not each["reference"]]
    assert [(str(row.first_day), row.verdict) for row in rows] == [(each["window"], each["verdict"]) for each in new]
    assert "drift" in {row.verdict for row in rows}


def refuse(shop):
    """A third model may not be deployed: a sentence, and all is as it was."""
    said = shop.deploys("upload", "--model", shop.folder / "watched")
    assert "clientage-segments version 3" in said.out
    denied = refused(403, "Permission 'aiplatform.endpoints.deploy' denied on resource")
    shop.cloud.plan = lambda method, path, body: denied if path.endswith(":deployModel") else None
    said = shop.deploys("endpoint", "--version", 3, code=1)
    shop.cloud.plan = lambda method, path, body: None
    (sentence,) = [line for line in said.err.splitlines() if not line.startswith("…")]
    assert sentence.startswith("error: our-shop/europe-west1: ")
    assert "aiplatform.endpoints.deploy" in sentence and "roles/aiplatform" in sentence
    assert shop.traffic == {2: 100}
    shop.cloud.fails = {"deploy": (8, "no machines are free")}
    said = shop.deploys("endpoint", "--version", 3, code=1)
    shop.cloud.fails = {}
    assert "no machines are free" in said.err.splitlines()[-1]
    assert shop.traffic == {2: 100}


def fail_and_go_back(shop, running):
    """A canary that fails goes by itself; a person goes back to the model before by hand."""
    shop.cloud.serves = lambda model: running.get(model) or (lambda body: (500, {}))
    said = shop.deploys("endpoint", "--version", 3, code=3)
    assert "the new model is not healthy: 1 of 1 failed" in said.err.splitlines()[-1]
    assert "The model before has all traffic again." in said.err
    assert shop.traffic == {2: 100}
    assert {int(each["modelVersionId"]) for each in shop.cloud.endpoints[ENDPOINT]["deployedModels"]} == {1, 2}
    assert "clientage-segments version 1 has all traffic of clientage" in shop.deploys("rollback").out
    assert shop.traffic == {1: 100}
    assert shop.predicts(recency_days=12, frequency=5, monetary=640.5, lines_per_basket=14, units_per_line=6)[
        "segment_id"
    ]
