"""Spark as the engine, in a standalone cluster of two workers: what DuckDB gives, row for row, though one is killed."""

import threading
import time

import pytest
from alike import ordered, same

from clientage import pipeline
from clientage.context import opened
from clientage.errors import SparkError
from clientage.settings import load
from clientage.spark.engine import Engine
from clientage.spark.session import session

pytestmark = pytest.mark.slow


def settings(folder, *more):
    return load(overrides=[f"workspace={folder}", "segments.k=5", *more])


def killed_at_work(cluster, workspace):
    """Kill a worker while the lines are being written."""
    while not list(workspace.glob(".*/spark-*/_temporary")):
        time.sleep(0.05)
    cluster.kill(0)


@pytest.fixture(scope="module")
def both(cluster, real, tmp_path_factory):
    """The public data set through both engines; one worker of two is killed in the middle."""
    here, there = (settings(tmp_path_factory.mktemp(name)) for name in ("here", "there"))
    there = settings(there.workspace, f"warehouse.url={cluster.address}", "warehouse.memory=1GB")
    pipeline.run(here, str(real))
    killer = threading.Thread(target=killed_at_work, args=(cluster, there.workspace), daemon=True)
    killer.start()
    pipeline.run(there, str(real))
    killer.join(10)
    assert cluster.workers[0].poll() is not None
    return opened(here), opened(settings(there.workspace))


@pytest.mark.real
@pytest.mark.parametrize("name", ["transactions", "lines", "rejected", "baskets", "customers", "segments", "profiles",
                                  "traits", "regions", "quality", "products", "affinities", "popularity",
                                  "recommendations", "favourites"])  # fmt: skip
def test_tables_are_those_of_duckdb_row_for_row_though_a_worker_was_killed(both, name):
    expected, found = (ordered(warehouse.collect(warehouse.read(name)), name) for warehouse in both)
    assert found.schema == expected.schema
    if name in {"transactions", "lines", "rejected", "baskets"}:
        assert found.equals(expected)
    else:
        same(expected, found)


def test_an_executor_that_runs_out_of_memory_is_told_with_the_mend(cluster):
    engine = Engine(cluster.address, session(cluster.address, memory="512MB"))
    too_much = "SELECT max(size(sequence(1L, 300000000L + id))) AS n FROM range(2)"
    with pytest.raises(SparkError, match=r"out of memory\. Give it more: --set warehouse\.memory="):
        engine.collected(engine.asked(too_much))
