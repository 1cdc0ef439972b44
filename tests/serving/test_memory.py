"""What a worker keeps of the requests that it answered: nothing."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from heap import COUNTED, used

from clientage.serving.engine import Engine
from clientage.serving.server import MEMORY
from clientage.serving.shop import FEW, Shop

ONE = {"recency_days": 10, "frequency": 5, "monetary": 100.5, "lines_per_basket": 10, "units_per_line": 4}
REQUESTS, MOST_KEPT = 200, 100  # bytes of a request

pytestmark = pytest.mark.skipif(not COUNTED, reason="memory is counted by glibc alone")


def kept(ask):
    """Bytes that stay of each call, once everything was made that is made once."""
    tracers = sys.gettrace(), threading.gettrace()
    sys.settrace(None)  # what counts the lines covered keeps bytes of every thread
    threading.settrace(None)
    try:
        for _ in range(REQUESTS):
            ask()
        before = used()
        for _ in range(REQUESTS):
            ask()
        return (used() - before) / REQUESTS
    finally:
        sys.settrace(tracers[0])
        threading.settrace(tracers[1])


@pytest.fixture(scope="module")
def customers(shop):
    return pq.read_table(shop / "tables" / "customers.parquet", columns=["customer_id"])["customer_id"].to_pylist()


def test_what_is_counted_can_be_seen():
    held = []
    assert kept(lambda: held.append(bytearray(2 * MOST_KEPT + 512))) > MOST_KEPT


@pytest.mark.parametrize("recommend", [0, 3])
@pytest.mark.parametrize("form", ["features", "customer", "nobody"])
def test_nothing_is_kept_of_a_request(client, customers, form, recommend):
    others = {"features": [], "customer": [{"customer_id": customers[0]}], "nobody": [{"customer_id": "nobody"}]}
    assert kept(lambda: client.predict(ONE, *others[form], recommend=recommend)) < MOST_KEPT


def test_few_customers_and_many_are_found_alike(shop, customers):
    tables = Shop(shop, Engine())
    many = customers[: 3 * FEW]
    few = [tables.customers(many[i : i + FEW]) for i in range(0, len(many), FEW)]
    assert few[0] | few[1] | few[2] == tables.customers(many)
    assert list(few[0]) == sorted(many[:FEW], key=customers.index)
    assert tables.customers([]) == tables.customers(["nobody"]) == {}


LOOKUPS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from clientage.serving.engine import Engine
from clientage.serving.shop import Shop
from heap import unused
shop = Shop(Path(sys.argv[1]), Engine())
bytearray(24 * 2**20)  # freed at once, as much is when a model is loaded
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda i: shop.customers([str(i)]), range(100)))
print(unused())
"""


def alone(program, folder):
    """The number that a program prints, in a process like those of the service."""
    options = {"cwd": Path(__file__).parent, "env": os.environ | MEMORY, "stdout": subprocess.PIPE}
    return int(subprocess.run([sys.executable, "-c", program, folder], check=True, **options).stdout)


def test_memory_of_lookups_goes_back_to_the_system(shop):
    assert alone(LOOKUPS, shop) < 8 * 2**20


MERGING = """
import sys
from pathlib import Path
import orjson
from clientage.serving.folder import MANY, FolderSink
from clientage.serving.rows import table
from heap import resident
from predictions import record
sink = FolderSink(Path(sys.argv[1]))
parts = (table([orjson.dumps(record(f"r{i}", ["c"] * 5000))])[0] for i in range(MANY))
for i, rows in enumerate(parts):
    sink.write(f"{i:03}", rows)
before = resident()
sink.write("last", rows)
assert len(list(sink.folder.iterdir())) == 2
print(resident() - before)
"""


def test_memory_of_merging_goes_back_to_the_system(tmp_path):
    assert alone(MERGING, tmp_path) < 24 * 2**20
