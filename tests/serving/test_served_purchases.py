"""Raw purchases give the features and the segment that a run gives, to the last bit."""

from collections import defaultdict

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from clientage.serving.contract import Wanted
from clientage.serving.engine import Engine
from clientage.serving.models import load
from clientage.serving.place import Place


def sent(workspace):
    """The order lines of every customer as the shop received them, as a client would send them."""
    table = pq.read_table(workspace / "tables/transactions.parquet")
    rows = defaultdict(list)
    day = pq.read_table(workspace / "tables/customers.parquet")["as_of"][0].as_py()
    for row in table.filter(pc.is_valid(table["customer_id"])).to_pylist():
        numbers = [row["quantity"], row["unit_price"]]
        # a request with such a line is refused, where a run sets the line aside
        if None in numbers or not np.isfinite(numbers).all() or row["unreadable"] or not row["invoiced_at"]:
            continue
        if row["invoiced_at"].date() >= day:
            continue
        row["invoiced_at"] = row["invoiced_at"].isoformat()
        known = {
            name: value
            for name, value in row.items()
            if value is not None and name not in ("unreadable", "customer_id")
        }
        rows[row["customer_id"]].append(known)
    return rows


def compared(settings, at_once=200):
    """Customers with the features and segments of the run, and what the service says of their order lines."""
    workspace = settings.workspace
    tables = {
        name: pq.read_table(workspace / f"tables/{name}.parquet").to_pylist() for name in ("customers", "segments")
    }
    customers, segments = ({row["customer_id"]: row for row in rows} for rows in tables.values())
    day, served = str(next(iter(customers.values()))["as_of"]), load(Place.in_folder(workspace), settings, Engine())
    lines = [(customer, {"purchases": rows, "as_of": day}) for customer, rows in sorted(sent(workspace).items())]
    for start in range(0, len(lines), at_once):
        part = lines[start : start + at_once]
        (scored,), wrong = served.score(Wanted([instance for _, instance in part]))
        assert {part[place][0] for place in wrong}.isdisjoint(customers)
        for place, values, segment in zip(
            scored.group.places, scored.group.values, scored.found.segment_id, strict=True
        ):
            customer = part[place][0]
            yield customers.pop(customer), scored.group.names, values, segments[customer]["segment_id"], segment
    assert not customers, "every customer of the run was asked for"


def alike(settings):
    count = 0
    for row, names, values, wanted, segment in compared(settings):
        assert np.array_equal(np.array([row[name] for name in names], float), values, equal_nan=True), row[
            "customer_id"
        ]
        assert segment == wanted
        count += 1
    return count


@pytest.mark.slow
def test_every_customer_of_the_sample_shop(sample_run):
    assert alike(sample_run[0]) > 1000


@pytest.mark.real
@pytest.mark.slow
def test_every_customer_of_the_public_data(real_run):
    assert alike(real_run[0]) == 4362
