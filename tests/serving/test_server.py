"""The server for real: processes that are killed, models that move, keys, and an end in order."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from shops import free_port

from clientage.segments import document
from clientage.serving.folder import read_predictions
from clientage.serving.guard import KEYS, digest

ONE = {"recency_days": 10, "frequency": 5, "monetary": 100.5, "lines_per_basket": 10, "units_per_line": 4}
ASK = {"instances": [ONE]}


class Load:
    """Threads that ask without a pause, and what they were answered."""

    def __init__(self, server, threads=3, body=None, **headers):
        self.answered, self.failed, self.versions = [], [], set()
        self._ended, self._server, self._headers, self._body = threading.Event(), server, headers, body or ASK
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def _ask(self):
        while not self._ended.is_set():
            status, answer, headers = self._server.ask("/predict", self._body, **self._headers)
            if status == 200:
                assert answer["predictions"][0]["segment_id"]
                self.answered.append(headers["X-Request-Id"])
                self.versions.add(headers["X-Model-Version"])
            else:
                self.failed.append((status, answer))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def until(self, enough):
        """Wait until enough was answered, or a minute."""
        end = time.monotonic() + 60
        while not enough() and time.monotonic() < end:
            self._ended.wait(0.05)
        assert enough()


@pytest.fixture
def workspace(shop, tmp_path):
    """A workspace of its own."""
    folder = tmp_path / "workspace"
    shutil.copytree(shop, folder, ignore=shutil.ignore_patterns("serving", "predictions"))
    return folder


def shipped(workspace):
    """Ids of the requests that arrived, each as often as it did."""
    return read_predictions(workspace / "predictions")["request_id"].to_pylist()


def renamed(workspace):
    """The model of a workspace with another name for a segment; its version."""
    path = workspace / "model/segments.json"
    model = document.loads(path.read_text())
    segments = (replace(model.segments[0], name="Renamed"), *model.segments[1:])
    text = document.dumps(replace(model, segments=segments))
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
    return json.loads(text)["sha256"][:12]


def test_workers_that_are_killed_lose_no_prediction(server, workspace):
    """Killed while they are asked: what was answered arrives once, and nobody but who was being answered notices."""
    served = server(workspace, "--set", "serve.requests_per_minute=0", "--set", "serve.ship_seconds=0.2")
    with Load(served) as load:
        for _ in range(3):
            before = len(load.answered)
            load.until(lambda before=before: len(load.answered) > before + 50)
            os.kill(served.workers()[0], signal.SIGKILL)
        before = len(load.answered)
        load.until(lambda: len(load.answered) > before + 50)
    assert {status for status, _ in load.failed} <= {0}, load.failed  # cut off, never an answer that says so
    assert served.end() == 0
    arrived = shipped(workspace)
    assert set(load.answered) <= set(arrived)
    assert len(arrived) == len(set(arrived))


def test_a_model_that_moves_loses_no_request(server, workspace):
    served = server(workspace, "--set", "serve.requests_per_minute=0")
    with Load(served) as load:
        load.until(lambda: load.answered)
        version = renamed(workspace)
        load.until(lambda: version in load.versions)
    assert not load.failed
    assert len(load.versions) == 2
    while (answer := served.ask("/segments"))[2]["X-Model-Version"] != version:  # of the other worker
        assert answer[0] == 200
    assert "Renamed" in {row["segment"] for row in answer[1]["segments"]}


def test_tables_that_are_replaced_while_customers_are_asked_for(server, workspace):
    """As a run does it, table after table by renaming; every customer is still answered."""
    table = workspace / "tables/customers.parquet"
    customer = pq.read_table(table)["customer_id"][0].as_py()
    served = server(workspace, "--set", "serve.requests_per_minute=0")
    with Load(served, body={"instances": [{"customer_id": customer}]}) as load:
        for _ in range(30):
            before = len(load.answered)
            draft = table.with_suffix(".draft")
            shutil.copyfile(table, draft)
            draft.replace(table)
            load.until(lambda before=before: len(load.answered) > before)
    assert not load.failed


def test_a_spoilt_model_leaves_the_one_before(server, workspace):
    served = server(workspace)
    version = served.ask("/ping")[2]["X-Model-Version"]
    (workspace / "model/segments.json").write_text("{")
    while b"model not loaded" not in (workspace / "serve.log").read_bytes():
        assert served.ask("/ping")[2]["X-Model-Version"] == version
    assert served.ask("/predict", ASK)[2]["X-Model-Version"] == version


def test_a_sink_that_is_away_slows_nothing_and_loses_nothing(server, workspace):
    """The folder that predictions go to cannot be made, then it can."""
    blocked = workspace / "predictions"
    blocked.write_text("in the way")
    served = server(workspace, "--set", "serve.ship_seconds=0.2")
    answered = [served.ask("/predict", ASK)[2]["X-Request-Id"] for _ in range(20)]
    assert "clientage_log_backlog_bytes 0.0" not in _metrics(served)
    blocked.unlink()
    assert served.end() == 0
    assert sorted(shipped(workspace)) == sorted(answered)


def _metrics(served):
    with urllib.request.urlopen(served.address + "/metrics") as answer:
        return answer.read().decode()


def test_metrics_are_of_all_workers(server, workspace):
    served = server(workspace)
    for _ in range(20):
        assert served.ask("/predict", ASK)[0] == 200
    assert 'clientage_request_seconds_count{method="POST",route="/predict",status="200"} 20.0' in _metrics(served)


def test_keys(server, workspace):
    served = server(workspace, **{KEYS: f"shop:{digest('secret')}"})
    assert served.ask("/ping")[0] == served.ask("/openapi.json")[0] == 200
    for headers, said in (
        ({}, "no key: send it in the header Authorization: Bearer KEY."),
        ({"Authorization": "Bearer wrong"}, "wrong key: ask the one who runs this service for another."),
        ({"Authorization": "Basic c2VjcmV0"}, "no key: send it in the header Authorization: Bearer KEY."),
    ):
        for path in ("/predict", "/recommend"):
            assert served.ask(path, ASK, **headers)[:2] == (401, {"error": said})
        for path in ("/segments", "/metrics", "/customers/x"):
            assert served.ask(path, **headers)[:2] == (401, {"error": said})
    assert served.ask("/predict", ASK, Authorization="Bearer secret")[0] == 200
    assert b"secret" not in (workspace / "serve.log").read_bytes()


def test_too_many_requests(server, workspace):
    served = server(workspace, "--set", "serve.requests_per_minute=4", "--workers", "1")
    answers = [served.ask("/predict", ASK) for _ in range(12)]
    refused = [answer for answer in answers if answer[0] == 429]
    assert len(refused) >= 4  # a minute may begin in between
    assert refused[0][1]["error"].startswith("too many requests: ask again in ")
    assert refused[0][2]["Retry-After"]


def test_what_customers_send_is_in_no_log(server, workspace):
    served = server(workspace, "--set", "serve.log_requests=true")
    served.ask("/customers/Very%20Private?recommend=1")
    served.ask("/predict", {"instances": [{"customer_id": "Very Private"}]})
    served.ask("/Very%20Private")
    log = (workspace / "serve.log").read_bytes()
    assert b'"route":"/customers/<path:customer_id>"' in log
    assert b"Private" not in log


def test_the_platform_says_where(server, workspace, tmp_path):
    """The contract of Vertex AI's containers: port, routes, and a copy of the model, in environment variables."""
    given = {
        "AIP_HTTP_PORT": str(free_port()),
        "AIP_HEALTH_ROUTE": "/v1/health",
        "AIP_PREDICT_ROUTE": "/v1/models/m:predict",
        "AIP_STORAGE_URI": str(workspace),
    }
    (tmp_path / "empty").mkdir()
    served = server(tmp_path / "empty", "--host", "0.0.0.0", "--insecure", "--port", "1", **given)
    status, answer, _ = served.ask("/v1/models/m:predict", ASK | {"parameters": {"recommend": 1}})
    assert (status, len(answer["predictions"][0]["recommendations"])) == (200, 1)
    assert served.ask("/predict", ASK)[0] == 404


def test_a_model_in_the_shadow_is_asked_and_not_answered_with(server, workspace, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(workspace / "model", other / "model")
    version = renamed(other)
    served = server(workspace, "--shadow", other)
    answer, headers = served.ask("/predict", ASK)[1:]
    assert headers["X-Model-Version"] != version
    assert "Renamed" not in json.dumps(answer)
    text = _metrics(served)
    assert 'clientage_shadow_total{agrees="true"} 1.0' in text
    assert f'clientage_model{{role="shadow",version="{version}"}} 1.0' in text
    assert served.end() == 0
    (row,) = read_predictions(workspace / "predictions").to_pylist()
    assert (row["shadow_version"], row["shadow_segment_id"]) == (version, row["segment_id"])


@pytest.mark.parametrize(
    ("options", "environment", "code", "said"),
    [
        (["--host", "0.0.0.0"], {}, 2, "0.0.0.0 is open to others, and there are no keys."),
        ([], {KEYS: "shop:hunter2"}, 2, f"{KEYS}: entry 1 is not NAME:DIGEST."),
        (["--model", "nowhere/at/all"], {}, 1, "nowhere/at/all: no such folder."),
        (["--model", "."], {}, 1, "no model in it. Make one with `clientage run FILE`"),
        ([], {}, 1, "no model in it. Make one with `clientage run FILE`"),
        (["--model", "nothing://x/y"], {}, 1, "nothing://x/y: cannot be read"),
        (["--model", "champion"], {}, 1, "has no version with the alias champion"),
        (["--port", "70000"], {}, 2, "setting serve.port"),
        (["--set", "serve.sink=postgresql://me:hunter2@db/x"], {}, 2, "setting serve.sink"),
    ],
)
def test_a_service_that_cannot_start(command, tmp_path, options, environment, code, said):
    (tmp_path / "workspace").mkdir()
    ended = command("serve", *options, **environment)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "hunter2" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken(command, shop):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command("serve", "--workspace", shop, "--port", port)
    assert ended.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened on (Address already in use)" in ended.stderr


def test_a_body_that_nobody_reads_blocks_no_connection(server, workspace):
    """One connection, requests of all kinds with a body: each is answered before the next."""
    served = server(workspace)
    connection, body = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30), json.dumps(ASK)
    for method in ("OPTIONS", "GET", "PUT", "POST", "DELETE", "HEAD", "POST") * 20:
        connection.putrequest(method, "/predict")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body.encode())
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (200 if method in ("OPTIONS", "POST") else 405)


def test_a_key_is_shown_once_with_what_the_service_needs(command):
    shown = command("serve", "--new-key", "shop").stdout.splitlines()
    key = shown[0].split()[1]
    assert shown[1].split()[2] == f"{KEYS}=shop:{digest(key)}"


def test_processes_that_fork_start_no_thread():
    """What starts threads when it is imported would leave a fork waiting for them."""
    heavy = ("duckdb", "numpy", "pyarrow", "ibis")
    code = f"import clientage.serving.workers, sys; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_it_ends_soon_and_finishes_what_it_does(server, workspace):
    served = server(workspace)
    with Load(served, threads=2) as load:
        load.until(lambda: len(load.answered) > 20)
        assert served.end() == 0
    assert set(load.answered) <= set(shipped(workspace))
    assert not list((workspace / "serving/log").glob("*.jsonl"))
