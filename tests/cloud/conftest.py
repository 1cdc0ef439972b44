"""A bucket on this machine for all tests of a worker, each with a folder of its own."""

import contextlib
import uuid

import pytest
from storages import BUCKET, Gate, storage_server


@pytest.fixture(scope="session")
def storage(tmp_path_factory):
    """The address of an emulator of Cloud Storage."""
    with storage_server(tmp_path_factory.mktemp("storage")) as address:
        yield address


@pytest.fixture
def gate(storage, monkeypatch):
    """A gate before it, which every client of this test goes through."""
    with contextlib.closing(Gate(storage)) as gate:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", gate.address)
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        monkeypatch.setenv("FSSPEC_GS", '{"token": "anon"}')
        yield gate


@pytest.fixture
def address():
    """A folder of its own in the bucket."""
    return f"gs://{BUCKET}/shop-{uuid.uuid4().hex[:8]}"
