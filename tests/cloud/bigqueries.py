"""A BigQuery on this machine, and a gate before it that lets calls fail."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import environments
import grpc
import pytest
from listeners import Listener
from shops import free_port

CONSTRAINTS = Path(__file__).with_name("bigquery-emulator.txt")
QUICK = Path(__file__).with_name("quick_emulator.py")
PROJECT = "our-shop"


def failed(status, reason, message="no"):
    """An answer of BigQuery that it did not do it."""
    told = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    return status, json.dumps(told).encode()


def answers(address):
    try:
        with urllib.request.urlopen(f"{address}/bigquery/v2/projects/{PROJECT}/datasets", timeout=5):
            return True
    except (OSError, http.client.HTTPException):
        return False


class Emulator(NamedTuple):
    """Where an emulator answers: `address` as BigQuery does, `storage` (host:port) as its Storage Read API."""

    address: str
    storage: str

    def reader(self):
        """A client of Google's that fetches tables, some forty times faster than page by page."""
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient  # noqa: PLC0415 - takes a second
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import (  # noqa: PLC0415
            BigQueryReadGrpcTransport,
        )

        channel = grpc.insecure_channel(self.storage, options=[("grpc.max_receive_message_length", -1)])
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))


@contextlib.contextmanager
def bigquery_server(folder):
    """An emulator, as long as this lasts."""
    made = environments.made("bigquery", CONSTRAINTS)
    (spatial,) = made.rglob("spatial.duckdb_extension")  # it would load it from elsewhere
    place = folder / ".duckdb/extensions/v1.5.5/linux_amd64"
    place.mkdir(parents=True)
    shutil.copy(spatial, place)
    port, storage = free_port(), free_port()
    address = f"http://127.0.0.1:{port}"
    ports = ["--rest-port", str(port), "--grpc-port", str(storage)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(made / "bin/python"), str(QUICK), "start", *ports, "--project", PROJECT, "--log-level", "warning"],
            cwd=folder, env=os.environ | {"HOME": str(folder)}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            until = time.monotonic() + 120
            while not answers(address):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"the emulator of BigQuery did not start: {(folder / 'log').read_text()[-2000:]}")
                time.sleep(0.2)
            yield Emulator(address, f"127.0.0.1:{storage}")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


class Gate(Listener):
    """Hands calls on to a server.

    Attributes:
        plan: Told the method, the path and the body, what it answers in place of the server (status, body); None to
            ask the server; a function to be told the server's answer, for what it answers in its place.
        calls: Methods and paths, in order.
    """

    def __init__(self, server):
        self.server, self.calls = server.removeprefix("http://"), []
        self.plan = lambda method, path, body: None
        super().__init__(self._answer)

    def _answer(self, method, path, body, headers):
        self.calls.append((method, path))
        planned, more = self.plan(method, path, body), {}
        if planned is None or callable(planned):
            found = self.asked(method, path, body, headers, more)
            planned = planned(*found) if planned else found
        status, answer = planned
        told = {"Content-Type": "application/json"}
        if "Location" in more:  # of an upload, which goes on through here
            told["Location"] = more["Location"].replace(self.server, self.address.removeprefix("http://"))
        return status, told, answer

    def asked(self, method, path, body, headers, more=None):
        connection = http.client.HTTPConnection(self.server, timeout=600)
        with contextlib.closing(connection):
            kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "accept-encoding")}
            connection.request(method, path, body, kept)
            answer = connection.getresponse()
            if more is not None:
                more.update({name.title(): value for name, value in answer.getheaders()})
            return answer.status, answer.read()
