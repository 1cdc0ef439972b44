"""Services to ask: one in this process on the sample shop, and real ones in processes of their own."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from moody import Moody
from shops import free_port
from werkzeug.serving import make_server

from clientage.serving import workers
from clientage.serving.server import plan
from clientage.settings import load


class Client:
    """Asks an application in this process."""

    def __init__(self, app):
        self.app = app
        self._client = app.test_client()

    def post(self, path, body, **options):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._client.post(path, data=data, **({"content_type": "application/json"} | options))

    def get(self, path, **options):
        return self._client.get(path, **options)

    def predict(self, *instances, **parameters):
        """The predictions of these instances."""
        body = {"instances": list(instances)} | ({"parameters": parameters} if parameters else {})
        answer = self.post("/predict", body)
        assert answer.status_code == 200, answer.json
        return answer.json["predictions"]

    def refused(self, body, status=400, **options):
        """The sentence that a body is refused with."""
        answer = self.post("/predict", body, **options)
        assert answer.status_code == status, answer.json
        assert list(answer.json) == ["error"]
        return answer.json["error"]


def serving(workspace, *overrides):
    """A client of an application in this process."""
    given = [f"workspace={workspace}", "serve.requests_per_minute=0", *overrides]
    return Client(workers.make(plan(load(overrides=given))))


@pytest.fixture(scope="session")
def shop(sample_run, tmp_path_factory):
    """A copy of the sample shop's workspace that a service may write into."""
    folder = tmp_path_factory.mktemp("served") / "workspace"
    shutil.copytree(sample_run[0].workspace, folder)
    return folder


@pytest.fixture(scope="session")
def client(shop):
    """A service of the sample shop in this process."""
    return serving(shop)


class Server:
    """A service in processes of its own, in a process group of their own."""

    def __init__(self, workspace, *options, **environment):
        self.port = int(environment.get("AIP_HTTP_PORT", free_port()))
        self.health = environment.get("AIP_HEALTH_ROUTE", "/ping")
        self.address = f"http://127.0.0.1:{self.port}"
        arguments = ["serve", "--workspace", workspace, "--port", self.port, *options]
        self.errors = (workspace / "serve.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from clientage.cli import main; main()", *map(str, arguments)],
            env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True,
        )  # fmt: skip

    def ask(self, path, body=None, seconds=30, **headers):
        """Status, value and headers of an answer; status 0 where there is none."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"} | headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), error.headers
        except (OSError, http.client.HTTPException):  # also an answer that was cut off in its middle
            return 0, {}, {}

    def wait(self):
        """Wait until it answers."""
        while self.ask(self.health)[0] != 200:
            assert self.process.poll() is None, "the server ended"
        return self

    def workers(self):
        """Ids of the processes that answer."""
        (parent,) = [pid for pid in _children(self.process.pid) if b"answer" in _command(pid)]
        return _children(parent)

    def end(self):
        """End it as a platform would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.errors.close()


def _children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if int(stat.read_bytes().rsplit(b")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _command(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def server(request):
    """Starts services, and ends them after the test."""
    started = []

    def start(workspace, *options, **environment):
        started.append(Server(workspace, *options, **environment))
        return started[-1].wait()

    yield start
    for each in started:
        if each.process.poll() is None:
            each.end()


@pytest.fixture(scope="session")
def address(client):
    """The sample shop's service, at an address of this machine."""
    server = make_server("127.0.0.1", 0, client.app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def moody():
    """Starts services that behave as they are told."""
    started = []

    def start(*moods, **options):
        started.append(Moody(*moods, **options))
        return started[-1]

    yield start
    for each in started:
        each.close()
