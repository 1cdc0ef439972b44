"""DVC and MLflow with their files on gs://: the real ones, against the emulator."""

import contextlib
import importlib.util
import os
import subprocess
import sys

import pytest
from mlflows import mlflow_server
from shops import columns, free_port

from clientage import shared
from clientage.cloud.storage import Folder
from clientage.context import TRACKING, store
from clientage.segments.document import dumps
from clientage.segments.fit import fit_centroids
from clientage.segments.space import RECIPES
from clientage.settings import load
from clientage.tracking import registry
from clientage.tracking.experiments import CHALLENGER, Record, keep, send
from clientage.tracking.store import Store

pytestmark = pytest.mark.slow


def needs(module):
    if not os.environ.get("CI") and importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: make test installs it")


def train(there):
    """A little model, sent: its document."""
    model = fit_centroids(RECIPES["behaviour"], columns(120), 3)
    features = dict.fromkeys(model.space.features, ("double", 1.0))
    there.folder.mkdir(parents=True, exist_ok=True)
    keep(there, Record("a model", {}, {}, {}, features, False, ()), dumps(model), {"report.html": "<p>report</p>"})
    list(send(there))
    return dumps(model)


def test_files_of_an_mlflow_server_in_a_bucket(bucket_gate, address, tmp_path):
    needs("mlflow")
    with mlflow_server(tmp_path, free_port(), files=f"{address}/models") as server:
        there = Store(server, "shop", "segments", tmp_path / "tracking")
        text = train(there)
        assert registry.document(there, registry.get(there, CHALLENGER)) == text
    assert [name for name in Folder(address).names("models/") if name.endswith("/report.html")]


def test_models_of_a_workspace_in_a_bucket_are_there_on_every_machine(bucket_gate, address, tmp_path):
    """The database goes with the workspace; files of models lie beside it, where every machine finds them."""
    needs("mlflow")

    @contextlib.contextmanager
    def on(machine, *, publishes=False):
        wanted = load(overrides=[f"workspace={address}", f"warehouse.copies={tmp_path / machine}"])
        with shared.local(wanted, publishes=publishes) as here:
            yield store(here)

    with on("one", publishes=True) as there:
        text = train(there)
    with on("two") as there:
        assert there.folder.name == TRACKING
        assert registry.document(there, registry.get(there, CHALLENGER)) == text
    assert [name for name in Folder(address).names("artifacts/") if name.endswith("/report.html")]


def test_a_remote_of_dvc_in_a_bucket(bucket_gate, address, tmp_path):
    needs("dvc_gs")

    def call(folder, *command):
        own = {"HOME": str(tmp_path), "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(tmp_path / "site")}
        own |= {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def dvc(folder, *arguments):
        call(folder, sys.executable, "-m", "dvc", *arguments)

    shop, clone = tmp_path / "shop", tmp_path / "clone"
    (shop / "workspace/tables").mkdir(parents=True)
    (shop / "workspace/tables/segments.parquet").write_bytes(os.urandom(100_000))
    call(shop, "git", "init", "--quiet")
    dvc(shop, "init", "--quiet")
    dvc(shop, "add", "workspace")
    dvc(shop, "remote", "add", "--default", "bucket", f"{address}/versions")
    options = {"endpointurl": bucket_gate.address, "projectname": "our-shop", "allow_anonymous_login": "true"}
    for name, value in options.items():  # as of the emulator: a bucket of Google Cloud needs none of them
        dvc(shop, "remote", "modify", "bucket", name, value)
    call(shop, "git", "add", "--all")
    call(shop, "git", "commit", "--quiet", "--message", "first")
    dvc(shop, "push")
    assert len(Folder(address).names("versions/")) == 2
    call(tmp_path, "git", "clone", "--quiet", str(shop), str(clone))
    dvc(clone, "pull")
    name = "workspace/tables/segments.parquet"
    assert (clone / name).read_bytes() == (shop / name).read_bytes()
