"""A dataset of a BigQuery on this machine, behind a gate."""

import contextlib
import uuid

import pytest
from bigqueries import PROJECT, Gate, bigquery_server
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from clientage.cloud.bigquery import EMULATOR


@pytest.fixture(scope="session")
def bigquery_address(tmp_path_factory):
    with bigquery_server(tmp_path_factory.mktemp("bigquery")) as address:
        yield address


@pytest.fixture
def gate(bigquery_address, monkeypatch):
    gate = Gate(bigquery_address)
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
