"""The command delivers a model: what a person types, sees, and is told when it goes wrong; a real service answers."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from types import SimpleNamespace

import pytest
from shops import free_port
from vertexes import PARENT, PROJECT, QUICK, options, refused

from clientage.cli import main
from clientage.cloud import pipeline
from clientage.cloud.storage import Folder

ENDPOINT = f"{PARENT}/endpoints/clientage"
GIVEN = "--set google.project=our-shop --set google.bucket=gs://our-shop"
COMMAND = [sys.executable, "-c", "from clientage.cli import main; main()"]


@pytest.fixture
def said(capsys, monkeypatch, tmp_path):
    """Run the command in this process, as Google's libraries take long to load; what it said, and how it ended."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        told = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code, stdout=told.out, stderr=told.err)

    return run


@pytest.fixture
def deploy(said, cloud, bucket, settings, monkeypatch):
    """Run `clientage deploy …`."""
    monkeypatch.setenv("CLIENTAGE_WORKSPACE", str(settings().workspace))
    given = [part for option in options(bucket.name) for part in ("--set", option)]
    return lambda *arguments: said("deploy", *arguments, *given)


@contextlib.contextmanager
def service(model, **environment):
    """A real service of a model, as Vertex AI would start it; in the environment, what the container is told too."""
    port = free_port()
    told = {"AIP_HTTP_PORT": str(port), "AIP_STORAGE_URI": model, "CLIENTAGE_SERVE__WORKERS": "1"}
    told["CLIENTAGE_WORKSPACE"] = "not-there-yet"
    process = subprocess.Popen(
        [*COMMAND, "serve", "--set", "serve.requests_per_minute=0"], env=os.environ | told | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        while True:
            assert process.poll() is None, "the service ended"
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@pytest.mark.slow
def test_order_lines_in_a_bucket_become_a_model_that_serves(cloud, deploy, bucket, orders, tmp_path, monkeypatch):
    """Trained by the command in `AIP_MODEL_DIR`, uploaded from there, and served by a real service."""
    monkeypatch.chdir(tmp_path)
    bucket.put("shop/orders.parquet", orders.read_bytes())

    def trains(arguments, environment):
        quick = [part for each in QUICK for part in ("--set", each)]
        ran = subprocess.run(
            [*COMMAND, *arguments, *quick], env=os.environ | environment | {"CLIENTAGE_WORKSPACE": "trained"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "handed over gs://" in ran.stdout, ran.stderr
        return ran.returncode == 0

    cloud.trains = trains
    trained = deploy("vertex", "train", f"{bucket.name}/shop/orders.parquet")
    assert trained.returncode == 0, trained.stderr
    assert "next: clientage deploy vertex upload --model gs://" in trained.stdout
    assert "training (" in trained.stderr
    model = json.loads(deploy("vertex", "train", f"{bucket.name}/shop/orders.parquet", "--json").stdout)["out"]
    assert {"segments.json", "tables/recommendations.parquet"} <= Folder(model).names("").keys()

    uploaded = deploy("vertex", "upload", "--model", model, "--alias", "champion")
    assert uploaded.returncode == 0, uploaded.stderr
    assert "clientage-segments version 1 = champion" in uploaded.stdout
    with service(model) as address:
        cloud.serves = lambda deployed: address
        served = deploy("vertex", "endpoint", "--version", "champion")
    assert served.returncode == 0, served.stderr
    assert "20 predictions by the new model, 0 failed, 95 in 100 within" in served.stdout
    assert "clientage-segments version 1 has all traffic of clientage" in served.stdout


def test_a_dry_run_shows_every_request_and_json_is_for_machines(cloud, deploy):
    shown = deploy("vertex", "upload", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert f"POST {cloud.address}/v1/{PARENT}/models:upload\n{{" in shown.stdout
    assert "1 request would change something; none was made" in shown.stdout
    assert not cloud.changes
    found = json.loads(deploy("vertex", "upload", "--json").stdout)
    assert (found["uploaded"], found["version"]) == (True, "1")
    planned = json.loads(deploy("vertex", "endpoint", "--dry-run", "--json").stdout)["requests"]
    assert [(each["method"], each["url"].rpartition("/")[2]) for each in planned] == [
        ("POST", "endpoints?endpointId=clientage"),
        ("PATCH", "clientage?updateMask=labels"),
        ("POST", "clientage:deployModel"),
        ("PATCH", "clientage?updateMask=labels"),
    ]


def test_a_model_that_is_not_healthy_ends_with_three(cloud, deploy):
    deploy("vertex", "upload")
    cloud.serves = lambda model: lambda body: (500, {})
    failed = deploy("vertex", "endpoint")
    assert failed.returncode == 3
    assert failed.stderr.splitlines()[-1].startswith("error: the new model is not healthy: 1 of 1 failed")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("vertex launch", "launch: no such action. Give one of train, upload, endpoint"),
        ("run undeploy", "undeploy: no such action. Give one of deploy, traffic, rollback, delete"),
        ("vertex traffic", "google.project: not set"),
        ("vertex traffic --split 3", "--split 3: not a share. Write --split NAME=PERCENT"),
        ("vertex traffic --split =100", "--split =100: not a share"),
        ("vertex traffic --split 2=40 --split 2=60", "--split 2=60: 2 has a share already"),
        (f"vertex traffic --split 2=90 --split 3=20 {GIVEN}", "--split: 110 percent together"),
        ("run deploy --split 2=100", "deploy: --split is for traffic. Leave it out."),
        ("vertex endpoint x --all --out y", "SOURCE is for train or batch, --all is for undeploy, --out is for batch"),
        (f"vertex train orders.csv {GIVEN}", "orders.csv: lies on this machine"),
        (f"vertex batch gs://shop/a.jsonl {GIVEN}", "--out: not a place for a batch"),
        (f"vertex batch a.csv --out gs://shop {GIVEN}", "a.csv: not something a batch reads"),
        (f"pipeline --out flow.txt {GIVEN}", "--out flow.txt: a pipeline is written as YAML"),
        ("looker-studio bigquery://our-shop/my-shop", "a dataset's name has letters, digits and _"),
        ("run deploy --set deploy.memory=2GB", "deploy.memory: write it as 2Gi or 512Mi (given: '2GB')"),
        ("run deploy --set deploy.cpu=-1", "deploy.cpu: write it as 1, 2 or 500m"),
        ("run deploy --set deploy.min_containers=3", "give min_containers ≤ max_replicas"),
        ("run deploy --set google.region=", "google.region: it cannot be empty"),
        ("run deploy --set deploy.canary=0", "deploy.canary: give 1 or more (given: '0')"),
        ("run deploy --model ''", "--model: empty. Leave it out, or say what it is."),
        ("run deploy --workspace=", "--workspace: empty"),
        (
            "run deploy --workspace gs://",
            "gs://: not an address of a folder. Write it as gs://BUCKET/FOLDER. A bucket's",
        ),
    ],
)
def test_what_is_wrong_on_its_face_is_a_sentence_before_anything_is_asked(words, sentence, said, monkeypatch, tmp_path):
    monkeypatch.setenv("CLIENTAGE_GOOGLE_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    told = said("deploy", *shlex.split(words))
    assert (told.returncode, sentence in told.stderr) == (2, True), told.stderr
    assert not list(tmp_path.iterdir())


def test_doctor_tells_what_costs_and_is_not_asked(cloud, deploy, said, bucket):
    given = [part for option in options(bucket.name) for part in ("--set", option)]

    def doctor():
        return json.loads(said("doctor", *given, "--json").stdout)["google cloud"]

    assert doctor() == {"endpoints": "none runs: nothing to pay"}
    deploy("vertex", "upload")
    deploy("vertex", "endpoint")
    cost = "about $2.63 a day by the prices of us-central1"
    assert doctor()["clientage"] == f"20 predictions in 7 days, 1 machine, {cost}."
    cloud.predictions.clear()
    assert doctor()["clientage"] == (
        f"idle: no prediction in 7 days, 1 machine, {cost}. End the cost: clientage deploy vertex undeploy --all"
    )
    cloud.plan = lambda method, path, body: refused(403, "no") if "timeSeries" in path else None
    found = doctor()
    assert "roles/monitoring.viewer" in found["predictions"]
    assert found["clientage"].startswith(f"1 machine, {cost}. End the cost")
    ((model,),) = (each["deployedModels"] for each in cloud.endpoints.values())
    model["dedicatedResources"]["machineSpec"]["machineType"] = "n1-highmem-96"
    assert doctor()["clientage"].startswith("1 machine, at the price of n1-highmem-96 in Google's list. End the cost")
    cloud.plan = lambda method, path, body: refused(403, "no")
    assert "not known: our-shop/europe-west1" in doctor()["endpoints"]
    assert "google cloud" not in json.loads(said("doctor", "--json").stdout)


def test_the_pipeline_is_compiled_for_vertex(deploy, tmp_path):
    yaml = pytest.importorskip("yaml")
    pytest.importorskip("kfp")
    more = ("tracking.model=clientage-uk", "serve.sink=bigquery://our-shop/shop", "shop.currency=£", "segments.k=4")
    written = deploy("pipeline", "--out", "flow.yaml", *(part for each in more for part in ("--set", each)))
    assert written.returncode == 0, written.stderr
    flow = next(yaml.safe_load_all((tmp_path / "flow.yaml").read_text()))
    executors = flow["deploymentSpec"]["executors"]
    containers = {name: each["container"] for name, each in executors.items()}
    assert {each["image"].partition(":")[0] for each in containers.values()} == {
        f"europe-west1-docker.pkg.dev/{PROJECT}/clientage/clientage"
    }
    train = containers["exec-train"]
    assert train["command"] == ["env"]
    assert train["args"][1:3] == ["clientage", "run"]
    assert {"shop.currency=£", "segments.k=4"} <= set(train["args"])
    called = "{{$.inputs.parameters['%s']}}"
    for name, (word, parameter) in {"upload": ("--alias", "alias"), "endpoint": ("--version", "version")}.items():
        told = containers[f"exec-{name}"]["args"]
        assert {"google.project=our-shop", "deploy.checks=20", *more[:2]} <= set(told)
        assert told[told.index(word) + 1] == called % parameter
        assert "segments.k=4" not in told
        given = flow["root"]["dag"]["tasks"][name]["inputs"]["parameters"][parameter]["runtimeValue"]["constant"]
        assert given == "pipeline-{{$.pipeline_job_uuid}}"
    tasks = flow["root"]["dag"]["tasks"]
    assert tasks["upload"]["dependentTasks"] == ["train"]
    assert tasks["endpoint"]["dependentTasks"] == ["upload"]


@pytest.mark.slow
def test_the_pipeline_runs_on_this_machine(cloud, bucket, orders, tmp_path, monkeypatch):
    local = pytest.importorskip("kfp.local")
    program = tmp_path / "clientage"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from clientage.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    monkeypatch.setenv("CLIENTAGE_BIN", str(program))
    monkeypatch.setenv("CLIENTAGE_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("CLIENTAGE_SEGMENTS__BOOTSTRAPS", "2")
    monkeypatch.setenv("CLIENTAGE_SEGMENTS__K", "4")
    monkeypatch.chdir(tmp_path)
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "outputs"))
    told = pipeline.Options([], [part for option in options(bucket.name) for part in ("--set", option)])
    pipeline.local(bucket.name, told)(source=str(orders), folder=f"{bucket.name}/flow")
    ((version,),) = cloud.models.values()
    assert re.fullmatch(r"pipeline-\d+", next(each for each in version["versionAliases"] if each != "default"))
    (deployed,) = cloud.endpoints[ENDPOINT]["deployedModels"]
    assert cloud.endpoints[ENDPOINT]["trafficSplit"] == {deployed["id"]: 100}
