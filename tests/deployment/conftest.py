"""What tests of deploying share: a Google Cloud on this machine, a bucket, a model, and the settings for them."""

import shutil
import sys
from pathlib import Path

import pytest
from deploy_bucket import bucket_server

sys.path.append(str(Path(__file__).parents[1] / "cloud"))
from vertexes import DIGEST, PROJECT, QUICK, REGION, google_cloud, options

from clientage import pipeline
from clientage.deployment import connection
from clientage.settings import load
from clientage.transactions.simulate import simulate


@pytest.fixture(scope="session")
def orders(tmp_path_factory):
    """A file of order lines."""
    return simulate(300, out=tmp_path_factory.mktemp("orders") / "orders.parquet", months=6).lines_path


@pytest.fixture(scope="session")
def modelled(orders, tmp_path_factory):
    """A workspace with a model; do not write into it."""
    settings = load(overrides=[f"workspace={tmp_path_factory.mktemp('modelled')}", *QUICK])
    pipeline.run(settings, str(orders))
    return settings.workspace


@pytest.fixture(scope="session")
def bucket():
    """A bucket of Google Cloud Storage."""
    with bucket_server() as found:
        yield found


@pytest.fixture
def cloud():
    """Vertex AI and the others, with nothing in them but our image."""
    with google_cloud() as found:
        found.images[str(connection.image(load(overrides=options("gs://models"))))] = DIGEST
        yield found


@pytest.fixture
def settings(modelled, bucket, tmp_path):
    """All of them, with a workspace of their own; a function of more."""
    shutil.copytree(modelled, tmp_path / "workspace")
    return lambda *more: load(overrides=[f"workspace={tmp_path / 'workspace'}", *options(bucket.name), *more])


@pytest.fixture
def to(settings, cloud):
    """Where requests go; a function of whether it is a rehearsal."""
    return lambda rehearsal=False: connection.google(settings(), rehearsal=rehearsal)


@pytest.fixture
def pinned():
    """Our image by its digest."""
    return f"{REGION}-docker.pkg.dev/{PROJECT}/clientage/clientage@{DIGEST}"
