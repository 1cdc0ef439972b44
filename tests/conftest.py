"""What all tests share: engines, the public data set, and runs that several tests look at."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import ibis
import pytest
from databases import Server, program
from filelock import FileLock
from shops import SHARED

from clientage import pipeline
from clientage.manifest import Manifest
from clientage.settings import load
from clientage.warehouse import connect

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--enable-unsafe-swiftshader",
]  # fmt: skip


def pytest_collection_modifyitems(items):
    """Long files first, so that no worker is left with one when the others are done."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """What is started in the background of a shell ignores interrupts, and so would every process of the tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def engine():
    """A DuckDB of its own."""
    return ibis.duckdb.connect()


@pytest.fixture(scope="session")
def real():
    """The public data set (Parquet), where it lies beside the checkout."""
    path = SHARED / "data" / "online_retail.parquet"
    if not path.exists():
        pytest.skip(f"the public data set is not at {path}")
    return path


@pytest.fixture(scope="session")
def run_once(tmp_path_factory, worker_id):
    """A whole run, hold-out included, made by whichever of the workers asks first: settings and manifest."""
    folder = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent

    def made(name, location, *overrides):
        settings = load(overrides=[f"workspace={folder / name}", *overrides])
        with FileLock(f"{settings.workspace}.lock"):
            if not settings.workspace.exists():
                return settings, pipeline.run(settings, location, with_evaluation=True)
        return settings, Manifest.loads((settings.workspace / "run.json").read_text(encoding="utf-8"))

    return made


@pytest.fixture(scope="session")
def real_run(real, run_once):
    """A run on the public data set, evaluated at the reference cutoffs."""
    return run_once("real", str(real), 'evaluate.cutoffs=["2011-05-12", "2011-07-11", "2011-09-09"]')


@pytest.fixture(scope="session")
def real_tables(real_run):
    """The tables of that run by name, and the engine they are read with."""
    warehouse = connect(real_run[0].workspace)
    names = [name for name in pipeline.TABLES if warehouse.exists(name)]
    return {"engine": warehouse.local} | {name: warehouse.read(name) for name in names}


@pytest.fixture(scope="session")
def sample_run(run_once):
    """A run on the simulated shop."""
    return run_once("sample", "sample", "segments.bootstraps=5")


@pytest.fixture(scope="session")
def browser():
    """Chromium, from the environment's CHROMIUM or the system; one for all, as two in a process end each other."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415
    except ImportError:
        path = None
    if not path:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("CI needs chromium and playwright for the tests in a browser")
        pytest.skip("no chromium or no playwright here")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False
    ).returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def postgres():
    """A server that ends with the tests; skips where there is none."""
    program("initdb")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as folder:  # a short path
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def command(tmp_path):
    """Run the command in a process of its own, in a folder of its own."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-c", "from clientage.cli import main; main()", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "120", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
