"""Models from elsewhere: from the registry, which moves its aliases, and from a bucket."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from urllib.parse import quote

import pytest
from buckets import emulator
from shops import free_port
from test_server import ASK, Load, renamed

from clientage.contents import LIVING
from clientage.context import MODEL, store
from clientage.errors import InputError, TrackingError
from clientage.segments import document
from clientage.serving.fetch import bring
from clientage.serving.place import place_of
from clientage.settings import load
from clientage.tracking import experiments, registry
from clientage.tracking.experiments import Record

if not os.environ.get("CI"):
    pytest.importorskip("mlflow", reason="MLflow is not installed")


@pytest.fixture
def workspace(shop, tmp_path):
    """A workspace with a registry of its own."""
    folder = tmp_path / "workspace"
    shutil.copytree(shop, folder, ignore=shutil.ignore_patterns("serving", "predictions", "tracking"))
    return folder


def registered(settings):
    """The model of the workspace as a version in the registry; its number."""
    text = (settings.workspace / MODEL).read_text()
    features = dict.fromkeys(document.loads(text).needs, ("double", 1.0))
    experiments.keep(store(settings), Record("a model", {}, {}, {}, features, False, ()), text, {})
    return [sent.version for sent in experiments.send(store(settings))][-1]


def champion(settings, version):
    there = store(settings)
    now = registry.find(there, registry.CHAMPION)
    registry.set_champion(there, registry.get(there, str(version)), registry.history(there), now)


def test_the_service_follows_the_champion(server, workspace):
    """The alias moves while requests come: none is lost, and all workers answer with the new model."""
    settings = load(overrides=[f"workspace={workspace}"])
    champion(settings, registered(settings))
    served = server(
        workspace, "--model", "champion", "--set", "serve.refresh_seconds=1", "--set", "serve.requests_per_minute=0"
    )
    with Load(served, threads=2) as traffic:
        traffic.until(lambda: traffic.answered)
        assert traffic.versions == {"1"}
        renamed(workspace)
        champion(settings, registered(settings))
        traffic.until(lambda: "2" in traffic.versions)
    assert not traffic.failed
    assert traffic.versions == {"1", "2"}


def test_what_was_fetched_is_served_while_the_registry_is_away(server, workspace):
    settings = load(overrides=[f"workspace={workspace}"])
    champion(settings, registered(settings))
    bring(settings, "champion")
    shutil.rmtree(workspace / "tracking")
    (workspace / "tracking").write_text("no registry any more")
    served = server(workspace, "--model", "champion")
    assert served.ask("/predict", ASK)[2]["X-Model-Version"] == "1"
    assert b"the one fetched last" in (workspace / "serve.log").read_bytes()


def test_there_is_no_such_version(workspace):
    settings = load(overrides=[f"workspace={workspace}"])
    with pytest.raises(TrackingError, match="has no version 7"):
        bring(settings, "7")


@pytest.mark.parametrize("wanted", ["workspace", "folder", "champion"])
def test_tables_that_live_elsewhere_are_not_left_out_without_a_word(tmp_path, wanted):
    (tmp_path / "model").mkdir()
    (tmp_path / MODEL).write_text("{}")
    (tmp_path / LIVING).write_text('{"dataset": "bigquery://our-shop/shop"}')
    settings = load(overrides=[f"workspace={tmp_path / 'none' if wanted == 'folder' else tmp_path}"])
    said = r"live in bigquery://our-shop/shop\. .* --set warehouse\.url=bigquery.* CLIENTAGE_WAREHOUSE__URL=bigquery"
    with pytest.raises(InputError, match=said):
        place_of(settings, wanted if wanted == "champion" else str(tmp_path))


@pytest.fixture
def bucket(monkeypatch):
    """Puts objects into a bucket of Google Cloud Storage on this machine."""
    if not os.environ.get("CI"):
        pytest.importorskip("gcp_storage_emulator", reason="the emulator of Google Cloud Storage is not installed")
    port = free_port()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("FSSPEC_GS", '{"token": "anon"}')
    process = subprocess.Popen(
        emulator(port, "models"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )

    def put(name, data):
        url = f"http://127.0.0.1:{port}/upload/storage/v1/b/models/o?uploadType=media&name={quote(name, safe='')}"
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
            assert answer.status == 200

    until = time.monotonic() + 60
    while True:
        try:
            put("ready", b"yes")
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.2)
    yield put
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def test_a_model_from_a_bucket(server, workspace, tmp_path, bucket):
    """As Vertex AI gives it: an address in AIP_STORAGE_URI, with the model and the tables beside it."""
    for path in [workspace / MODEL, workspace / "run.json", *(workspace / "tables").glob("*.parquet")]:
        bucket(f"v1/{path.relative_to(workspace)}", path.read_bytes())
    (tmp_path / "empty").mkdir()
    served = server(tmp_path / "empty", AIP_STORAGE_URI="gs://models/v1")
    status, answer, _ = served.ask("/recommend", ASK)
    assert (status, len(answer["predictions"][0]["recommendations"])) == (200, 10)


def test_a_bucket_without_a_model(workspace, tmp_path, bucket):
    settings = load(overrides=[f"workspace={tmp_path / 'empty'}"])
    bucket("v2/readme.txt", b"nothing")
    bucket(f"v4/{LIVING}", b'{"dataset": "bigquery://our-shop/shop"}')
    told = {"v2": "no model in it", "v3": "cannot be read", "v4": "its tables live in bigquery:.* --workspace gs://mod"}
    for address, said in ((f"gs://models/{name}", said) for name, said in told.items()):
        with pytest.raises(InputError, match=said):
            bring(settings, address)
    assert not place_of(settings, "gs://models/v2")[0].document.exists()
