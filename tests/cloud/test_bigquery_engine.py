"""BigQuery as the engine, by its own library against an emulator: what DuckDB gives, row for row, and at what cost."""

import contextlib
import json
import re
import uuid

import pytest
import sqlglot
from alike import ordered, same
from bigqueries import PROJECT, Gate
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from sqlglot.optimizer.qualify import qualify

from clientage import pipeline
from clientage.cloud.bigquery import EMULATOR
from clientage.cloud.engine import Engine
from clientage.monitor import monitor
from clientage.settings import load
from clientage.transactions.simulate import simulate
from clientage.warehouse import connect

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def door(bigquery_address):
    """A gate before the emulator, for the whole module."""
    gate = Gate(bigquery_address)
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(gate):
        patch.setenv(EMULATOR, gate.address)
        # the emulator reads uploads of this kind alone
        patch.setattr("google.cloud.bigquery.client._GENERIC_CONTENT_TYPE", "application/octet-stream")
        yield gate


@pytest.fixture(scope="module")
def maker(door):
    """A client of Google's."""
    with contextlib.closing(bigquery.Client(PROJECT, credentials=AnonymousCredentials())) as client:
        yield client


def made(client):
    name = f"shop_{uuid.uuid4().hex[:8]}"
    client.create_dataset(name)
    return name


class Watched:
    """What an engine asked, and the columns of the tables that it asked for."""

    def __init__(self, patch):
        self.statements, self.columns = [], {}
        asked, bound = Engine._asked, Engine._bound

        def _asked(engine, statement):
            self.statements.append(statement)
            return asked(engine, statement)

        def _bound(engine, name, schema):
            table = bound(engine, name, schema)
            self.columns[name] = dict.fromkeys(table.columns, "STRING")
            return table

        patch.setattr(Engine, "_asked", _asked)
        patch.setattr(Engine, "_bound", _bound)


@pytest.fixture(scope="module")
def both(maker, door, real, tmp_path_factory):
    """The public data set through both engines: warehouses, what was asked, and bodies of jobs."""
    dataset, bodies = made(maker), []

    def plan(method, path, body):
        if method == "POST" and path.endswith("/jobs?prettyPrint=false"):
            bodies.append(json.loads(body)["configuration"])

    door.plan = plan
    places = [load(overrides=[f"workspace={tmp_path_factory.mktemp(name)}", "segments.k=5"]) for name in "ab"]
    there = load(
        overrides=[f"workspace={places[1].workspace}", "segments.k=5", f"warehouse.url=bigquery://{PROJECT}/{dataset}"]
    )
    pipeline.run(places[0], str(real))
    with pytest.MonkeyPatch.context() as patch:
        watched = Watched(patch)
        manifest = pipeline.run(there, str(real))
    door.plan = lambda *_: None
    return connect(places[0].workspace), pipeline.opened(there), watched, bodies, manifest


@pytest.fixture(scope="module")
def rows(maker, emulator):
    """All rows of a table, in order: from the workspace, or from the dataset as a client of Google's gives them."""
    with emulator.reader() as reader:

        def fetched(warehouse, name):
            if warehouse.near:
                return ordered(warehouse.collect(warehouse.read(name)), name)
            living = json.loads(warehouse.read_text("tables.json"))["tables"][name]
            place = maker.get_table(f"{warehouse.engine.dataset.name}.{living}")
            return ordered(maker.list_rows(place).to_arrow(bqstorage_client=reader), name)

        yield fetched


@pytest.mark.real
@pytest.mark.parametrize("name", sorted({"transactions", "lines", "rejected", "baskets"}))
def test_lines_are_those_of_duckdb_row_for_row(both, rows, name):
    here, there, *_ = both
    expected = rows(here, name)
    assert len(expected) > (20_000 if name == "baskets" else 100_000)
    assert rows(there, name).cast(expected.schema).equals(expected)


@pytest.mark.real
@pytest.mark.parametrize("name", ["customers", "segments", "profiles", "traits", "regions", "quality", "products",
                                  "affinities", "popularity", "recommendations", "favourites"])  # fmt: skip
def test_tables_are_those_of_duckdb_row_for_row(both, rows, name):
    here, there, *_ = both
    same(*(rows(warehouse, name) for warehouse in (here, there)))


@pytest.fixture(scope="module")
def monitored(maker, door, tmp_path_factory):
    """A simulated shop whose prices rise after its model was made, watched through both engines."""
    folder = tmp_path_factory.mktemp("monitored")
    lines = simulate(300, out=folder / "lines.parquet", months=14, seed=3, shifts=["price=0.4@2024-12-01"]).lines_path
    own = ("segments.k=3", "segments.bootstraps=2", "monitor.days=28", "monitor.reference_windows=9")
    warehouses = []
    for url in ("", f"bigquery://{PROJECT}/{made(maker)}"):
        place = [*own, f"workspace={folder / ('there' if url else 'here')}", *([f"warehouse.url={url}"] if url else [])]
        then, now = load(overrides=[*place, "as_of=2024-11-01"]), load(overrides=place)
        pipeline.step(then, ["read", "clean", "features", "train", "segment"], str(lines))
        pipeline.step(now, ["features", "segment"])
        monitor(now)
        warehouses.append(pipeline.opened(now))
    return warehouses


@pytest.mark.parametrize("name", ["drift", "journeys", "episodes"])
def test_drift_is_that_of_duckdb_row_for_row(monitored, rows, name):
    here, there = (rows(warehouse, name) for warehouse in monitored)
    assert len(here)
    same(here, there)


@pytest.mark.real
def test_every_statement_fits_the_columns_that_are_there(both):
    *_, watched, _, _ = both
    schema = {PROJECT: {}}
    for statement in watched.statements:
        for name, columns in watched.columns.items():
            schema[PROJECT].setdefault(dataset_of(statement), {})[name] = columns
    for statement in watched.statements:
        tree = sqlglot.parse_one(statement, read="bigquery")
        qualify(tree.expression if isinstance(tree, sqlglot.exp.Create) else tree, schema=schema, dialect="bigquery",
                validate_qualify_columns=True, infer_schema=False)  # fmt: skip


def dataset_of(statement):
    return re.search(rf"{PROJECT}`?\.`?(\w+)", statement)[1]


@pytest.mark.real
def test_every_statement_is_asked_what_it_costs_and_may_not_cost_more(both):
    *_, bodies, manifest = both
    asked = [body["query"] | {"dry": body.get("dryRun", False)} for body in bodies if "query" in body]
    assert len(asked) > 60
    for dry, real in zip(asked[::2], asked[1::2], strict=True):
        assert dry["dry"]
        assert not real["dry"]
        assert dry["query"] == real["query"]
        assert real["maximumBytesBilled"] == str(10**11)
    assert sum(cost.get("statements", 0) for cost in manifest.stages.values()) == len(asked) / 2
