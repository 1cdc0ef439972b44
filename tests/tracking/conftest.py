"""A real MLflow server, and an environment that has MLflow and NumPy alone."""

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflows import mlflow_server
from shops import columns, free_port

from clientage.segments.document import dumps
from clientage.segments.fit import fit_centroids
from clientage.segments.space import RECIPES
from clientage.tracking.experiments import Candidate, Record, keep, send
from clientage.tracking.store import Store

if not os.environ.get("CI"):
    pytest.importorskip("mlflow", reason="MLflow is not installed")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of an MLflow server with a database and files of its own."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow"), free_port()) as address:
        yield address


@pytest.fixture
def store(server, tmp_path, request):
    """A store on that server with a model of its own."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    return Store(server, f"experiment-{name}", f"model-{name}", tmp_path / "tracking")


@pytest.fixture
def trained():
    """Train a little model and send it: its number in the registry."""

    def train(store, k=3, **tags):
        found = columns(120)
        model = fit_centroids(RECIPES["behaviour"], found, k)
        features = dict.fromkeys(model.space.features, ("double", 1.0))
        tried = (Candidate("k=2", {"k": "2"}, {"inertia": 2.0, "stability": None}), Candidate("k=3", {"k": "3"}, {}))
        record = Record(
            f"{k} segments", {"segments.k": str(k)}, {"r2": 0.25, "auc": None}, tags, features, False, tried
        )
        keep(store, record, dumps(model), {"report.html": "<p>report</p>", "figures/revenue.json": "{}"})
        return [sent.version for sent in send(store)][-1]

    return train


@pytest.fixture(scope="session")
def bare():
    """Python of an environment with MLflow and NumPy alone; made once, outside the checkout."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in ("mlflow", "numpy")]
    constraints = Path(__file__).resolve().parents[2] / "constraints.txt"
    key = hashlib.sha256("\n".join([*wanted, sys.version, constraints.read_text()]).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clientage-tests" / f"mlflow-{key}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [*uv, "pip", "install", "--python", str(python), "--constraint", str(constraints), *wanted]
        done = subprocess.run(install, check=False, capture_output=True, text=True)
        if done.returncode:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"MLflow cannot be installed: {done.stderr[-500:]}")
        (folder / "complete").touch()
    return python
