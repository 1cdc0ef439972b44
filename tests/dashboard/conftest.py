"""A dashboard on the sample shop, with what monitoring might have found and a customer whose id is markup."""

import contextlib
import shutil
import threading

import duckdb
import pytest
import watched_tables
from dashboards import MARKUP, Visitor, made, pages_of
from shops import free_port
from werkzeug.serving import make_server

from clientage.dashboard.data.source import Source
from clientage.dashboard.warm import warm

NAMED = ("customers", "segments", "lines", "recommendations")


@pytest.fixture(scope="session")
def shop(sample_run, tmp_path_factory):
    """A workspace to look at."""
    folder = tmp_path_factory.mktemp("looked") / "workspace"
    shutil.copytree(sample_run[0].workspace, folder)
    engine = duckdb.connect()
    (first,) = engine.execute(
        "SELECT min(customer_id) FROM read_parquet(?)", [str(folder / "tables/customers.parquet")]
    ).fetchone()
    for name in NAMED:
        path = folder / "tables" / f"{name}.parquet"
        renamed = engine.execute(
            "SELECT * REPLACE (if(customer_id = ?, ?, customer_id) AS customer_id) FROM read_parquet(?)",
            [first, MARKUP, str(path)],
        )
        table = renamed.to_arrow_table()
        watched_tables.write_as_is(path, table)
    watched_tables.watch(folder)
    return folder


@pytest.fixture(scope="session")
def source(shop):
    """Its tables, asked once for all that pages begin with."""
    found = Source(shop)
    warm(found, found)
    return found


@pytest.fixture
def visitor(source):
    """Opens dashboards in this process: a visitor of one with these keys."""

    def visit(**given):
        return Visitor(made(source, **given))

    return visit


@pytest.fixture(scope="session")
def served(source):
    """Addresses of dashboards that answer until the tests end."""
    with contextlib.ExitStack() as ends:

        def serve(**given):
            port = free_port()
            server = make_server("127.0.0.1", port, made(source, port=port, **given), threaded=True)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            ends.callback(thread.join, 10)
            ends.callback(server.shutdown)
            return f"http://127.0.0.1:{port}"

        yield serve


@pytest.fixture
def opened(browser):
    """Pages of a browser, which note what goes wrong on them."""
    with pages_of(browser) as pages:
        yield pages
