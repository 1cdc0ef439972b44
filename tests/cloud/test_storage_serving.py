"""Models on gs://: Vertex AI's contract of containers with the model in a bucket; publications are followed."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from shops import free_port

from clientage import copies, pipeline, shared
from clientage.cloud.storage import Folder
from clientage.contents import LIVING
from clientage.context import MODEL
from clientage.errors import InputError
from clientage.serving.fetch import bring
from clientage.serving.place import TABLES, place_of
from clientage.settings import load
from clientage.transactions.simulate import simulate

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from test_server import Load, renamed

pytestmark = pytest.mark.slow

QUICK = ["segments.bootstraps=2", "segments.k_max=4"]
FEATURES = {"recency_days": 12, "frequency": 5, "monetary": 640.5, "lines_per_basket": 14, "units_per_line": 6}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace of a small shop."""
    folder = tmp_path_factory.mktemp("made")
    simulate(400, out=folder / "lines.parquet")
    pipeline.run(load(overrides=[f"workspace={folder / 'workspace'}", *QUICK]), str(folder / "lines.parquet"))
    return folder / "workspace"


@pytest.fixture
def publish(bucket_gate, address, tmp_path):
    """Publishes a workspace from a machine of its own."""

    def publish(made=None):
        wanted = load(overrides=[f"workspace={address}", f"warehouse.copies={tmp_path / 'publisher'}"])
        with shared.local(wanted, publishes=True) as here:
            if made:
                shutil.copytree(made, here.workspace, dirs_exist_ok=True)
            else:
                renamed(here.workspace)

    return publish


class Container:
    """The service as Vertex AI starts it: told by the environment alone."""

    def __init__(self, folder, **given):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        told = {"AIP_HTTP_PORT": str(self.port), "AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/v1/m:predict"}
        own = {"CLIENTAGE_WORKSPACE": str(folder / "data"), "CLIENTAGE_SERVE__REFRESH_SECONDS": "1"}
        command = [sys.executable, "-c", "from clientage.cli import main; main()", "serve"]
        self.log = (folder / "serve.log").open("wb")
        self.process = subprocess.Popen(
            command, cwd=folder, env=os.environ | own | told | given, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip

    def ask(self, path, body=None, **_):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), error.headers
        except OSError:
            return 0, {}, {}

    def ready(self):
        while (status := self.ask("/health")[0]) != 200:
            assert status in (0, 503)
            assert self.process.poll() is None, "it ended"
        return self


@pytest.fixture
def container(tmp_path):
    started = []

    def start(**given):
        started.append(Container(tmp_path, **given))
        return started[-1]

    yield start
    for each in started:
        each.process.terminate()
        each.process.wait(60)
        each.log.close()


class AsServer:
    """Asks a container on Vertex AI's route."""

    def __init__(self, container):
        self._container = container

    def ask(self, path, body, **_):
        return self._container.ask("/v1/m:predict", {"instances": [FEATURES]})


def test_a_container_answers_as_vertex_ai_expects_and_follows(container, publish, made, address):
    """With a published workspace: the model and the tables come from gs://, and the next publication too."""
    publish(made)
    served = container(AIP_STORAGE_URI=address).ready()
    instances = [FEATURES, {"customer_id": "nobody"}, FEATURES | {"frequency": 1}]
    body = {"instances": instances, "parameters": {"recommend": 2}}
    status, answer, headers = served.ask("/v1/m:predict", body)
    assert status == 200
    assert ["segment_id" in each for each in answer["predictions"]] == [True, False, True]
    assert [len(each.get("recommendations", ())) for each in answer["predictions"]] == [2, 0, 2]
    assert served.ask("/predict", body)[0] == 404
    assert served.ask("/v1/m:predict", b" " * 1_500_001)[0] == 413
    with Load(AsServer(served), threads=2) as traffic:
        traffic.until(lambda: traffic.answered)
        publish()
        traffic.until(lambda: len(traffic.versions) == 2)
    assert not traffic.failed
    assert headers["X-Model-Version"] in traffic.versions


def test_a_container_takes_a_plain_folder(container, bucket_gate, made, address):
    """Such as the copy of a model that Vertex AI makes."""
    for name in (*TABLES, MODEL):
        Folder(f"{address}/model").put(name, made / name)
    served = container(AIP_STORAGE_URI=f"{address}/model/").ready()
    status, answer, _ = served.ask("/v1/m:predict", {"instances": [FEATURES], "parameters": {"recommend": 1}})
    assert (status, len(answer["predictions"][0]["recommendations"])) == (200, 1)


def test_the_service_of_a_workspace_in_a_bucket_follows_it(container, publish, made, address, tmp_path):
    publish(made)
    served = container(CLIENTAGE_WORKSPACE=address, CLIENTAGE_WAREHOUSE__COPIES=str(tmp_path / "copies")).ready()
    with Load(AsServer(served), threads=2) as traffic:
        traffic.until(lambda: traffic.answered)
        publish()
        traffic.until(lambda: len(traffic.versions) == 2)
    assert not traffic.failed
    assert not [name for name in Folder(address).names("") if "serving" in name]


def test_a_published_workspace_without_a_model(publish, tmp_path, address):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.txt").write_text("a")
    publish(tmp_path / "other")
    settings = load(overrides=[f"workspace={tmp_path / 'empty'}"])
    with pytest.raises(InputError, match="no model is published there"):
        bring(settings, address)
    (tmp_path / "other" / LIVING).write_text("{}")
    publish(tmp_path / "other")
    with pytest.raises(InputError, match=r"its tables live in bigquery:.* CLIENTAGE_WAREHOUSE__URL"):
        bring(settings, address)
    assert not place_of(settings, address)[0].document.exists()


def test_the_dashboard_keeps_its_copy_up_to_date(publish, made, address, tmp_path):
    publish(made)
    wanted = load(overrides=[f"workspace={address}", f"warehouse.copies={tmp_path / 'reader'}"])
    with shared.local(wanted, publishes=False) as here:
        before = (here.workspace / MODEL).read_bytes()
        publish()
        looks = iter([False, True])
        copies.keep(here.workspace, 0, lambda seconds: next(looks))
        assert (here.workspace / MODEL).read_bytes() != before
    copies.keep(made, 0, lambda seconds: pytest.fail("a folder of its own is not followed"))
