"""A bucket and a dataset of BigQuery on this machine for all tests of a worker, each behind a gate."""

import contextlib
import uuid

import pytest
from bigqueries import PROJECT, bigquery_server
from bigqueries import Gate as BigQueryGate
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from storages import BUCKET, Gate, storage_server

from clientage.cloud.bigquery import EMULATOR


@pytest.fixture(scope="session")
def storage(tmp_path_factory):
    """The address of an emulator of Cloud Storage."""
    with storage_server(tmp_path_factory.mktemp("storage")) as address:
        yield address


@pytest.fixture
def bucket_gate(storage, monkeypatch):
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


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    """An emulator of BigQuery."""
    with bigquery_server(tmp_path_factory.mktemp("bigquery")) as found:
        yield found


@pytest.fixture(scope="session")
def bigquery_address(emulator):
    """Where it answers."""
    return emulator.address


@pytest.fixture
def gate(bigquery_address, monkeypatch):
    """A gate before it, which every client of this test goes through."""
    gate = BigQueryGate(bigquery_address)
    monkeypatch.setenv(EMULATOR, gate.address)
    # the emulator reads uploads of this kind alone
    monkeypatch.setattr("google.cloud.bigquery.client._GENERIC_CONTENT_TYPE", "application/octet-stream")
    with contextlib.closing(gate):
        yield gate


@pytest.fixture
def client(gate):
    with contextlib.closing(bigquery.Client(PROJECT, credentials=AnonymousCredentials())) as client:
        yield client


@pytest.fixture
def dataset(client):
    name = f"shop_{uuid.uuid4().hex[:8]}"
    client.create_dataset(name)
    return name


@pytest.fixture
def ask(client, dataset):
    return lambda statement: [tuple(row.values()) for row in client.query(statement.format(dataset)).result()]
