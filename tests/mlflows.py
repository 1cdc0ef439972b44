"""A real MLflow server."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest


def answers(address):
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@contextlib.contextmanager
def mlflow_server(folder, port, database="", files=""):
    """The address of a server with files and a database of its own unless others are named, as long as this lasts."""
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", database or f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", files or str(folder / "files"),
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        env = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # as in docker/compose.yaml
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            until = time.monotonic() + 180
            while not answers(address):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"the MLflow server did not start: {(folder / 'log').read_text()[-2000:]}")
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
