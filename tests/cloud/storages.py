"""A Cloud Storage on this machine, and a gate before it that keeps preconditions and lets calls fail."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from buckets import emulator
from listeners import Listener
from shops import free_port

BUCKET = "our-shop"
OWN = ("host", "accept-encoding", "connection", "transfer-encoding", "content-length")


def answers(address):
    try:
        with urllib.request.urlopen(f"{address}/storage/v1/b/{BUCKET}", timeout=5):
            return True
    except (OSError, http.client.HTTPException):
        return False


@contextlib.contextmanager
def storage_server(folder):
    """The address of an emulator with a bucket, as long as this lasts."""
    if not os.environ.get("CI"):
        pytest.importorskip("gcp_storage_emulator", reason="the emulator of Google Cloud Storage is not installed")
    port = free_port()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(emulator(port, BUCKET), stdout=log, stderr=log, start_new_session=True)
        try:
            until = time.monotonic() + 60
            while not answers(f"http://127.0.0.1:{port}"):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"the emulator of Cloud Storage did not start: {(folder / 'log').read_text()[-2000:]}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def failed(status, reason="", message="no"):
    """An answer of Google's that something is wrong."""
    told = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    return status, json.dumps(told).encode()


class Gate(Listener):
    """Hands calls on to the emulator, and keeps the preconditions that it ignores.

    Attributes:
        plan: Told the method, the path and the name of the object, answers in place of the server (status, body), or
            None to ask it.
        after: Told the same once the server has answered; may answer in its place.
        calls: Methods, paths and names, in order.
    """

    def __init__(self, server):
        self.server, self.calls = server.removeprefix("http://"), []
        self.plan = self.after = lambda method, path, name: None
        self._turn = threading.RLock()
        super().__init__(self.answer)

    def answer(self, method, path, body, headers):
        name = _named(path, body)
        self.calls.append((method, path, name))
        planned = self.plan(method, path, name)
        if planned is None:
            with self._turn:  # so that nobody comes between a condition and what is done on it
                told = self._unmet(path, name)
                found = (*failed(*told),) if told else self._asked(method, path, body, headers)
            planned = self.after(method, path, name) or found
        status, answer, *sent = planned
        return status, sent[0] if sent else {"Content-Type": "application/json"}, answer

    def _unmet(self, path, name):
        (wanted,) = parse_qs(urlsplit(path).query).get("ifGenerationMatch", [None])
        return None if wanted is None or wanted == self._generation(path, name) else (412, "conditionNotMet")

    def _generation(self, path, name):
        bucket = re.search(r"/b/([^/]+)/", path)[1]
        status, answer, _ = self._asked("GET", f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}", b"", {})
        return json.loads(answer)["generation"] if status == 200 else "0"

    def _asked(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.server, timeout=60)
        with contextlib.closing(connection):
            kept = {name: value for name, value in headers.items() if name.lower() not in OWN}
            connection.request(method, path, body, kept | {"Host": self.address.removeprefix("http://")})
            response = connection.getresponse()
            told = {name: value for name, value in response.getheaders() if name.lower() not in OWN}
            return response.status, response.read(), told


def _named(path, body):
    """The name of the object that a call is about; empty for none."""
    query = parse_qs(urlsplit(path).query)
    if "name" in query:
        return query["name"][0]
    if found := re.search(r"/o/([^?]+)", path):
        return unquote(found[1])
    given = re.search(rb'"name":\s*"([^"]+)"', body[:4096]) if "/upload/" in path else None
    return given[1].decode() if given else ""
