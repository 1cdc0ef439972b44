"""Small shops for tests: tables that keep the promises of `clientage.tables`."""

import socket
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa

from clientage.tables import arrow_schema

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Where the public data set lies, beside the checkout."""

START = datetime(2024, 1, 1, 9)


def table(name, rows):
    """Rows (dictionaries) as the named table; optional columns that no row has are left out."""
    schema = arrow_schema(name)
    present = {column for row in rows for column in row} | {"unreadable"}
    fields = [field for field in schema if field.name in present]
    return ibis.memtable(pa.Table.from_pylist(rows, pa.schema(fields)))


def line(**changes):
    """A good order line, with changes."""
    good = {
        "invoice": "1001",
        "product": "22423",
        "description": "CAKE STAND",
        "quantity": 2.0,
        "invoiced_at": START,
        "unit_price": 12.5,
        "customer_id": "c1",
        "country": "France",
        "unreadable": None,
    }
    return good | changes


def bought(**changes):
    """A clean line, as in the table `lines`."""
    row = line(**changes)
    del row["unreadable"]
    row["amount"] = row["quantity"] * row["unit_price"]
    return row | {"cancelled": row["amount"] < 0}


def days(count):
    """A time this many days after the start."""
    return START + timedelta(days=count)


def columns(n=300, seed=0):
    """Columns of `customers` with three kinds of buyers, as fitting takes them."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    frequency = np.round(np.array([1, 5, 25])[kind] * np.exp(rng.normal(0, 0.15, n)))
    units = np.exp(rng.normal(2, 0.3, n))
    return {
        "recency_days": np.array([200.0, 60.0, 5.0])[kind] + rng.integers(0, 5, n),
        "tenure_days": np.full(n, 300.0),
        "frequency": frequency,
        "monetary": frequency * np.array([20.0, 50.0, 200.0])[kind] * np.exp(rng.normal(0, 0.1, n)),
        "spend": frequency * np.array([20.0, 50.0, 200.0])[kind],
        "lines_per_basket": np.array([2.0, 10.0, 20.0])[kind] + rng.random(n),
        "units_per_line": units,
        "cancellation_rate": np.zeros(n),
    }


def customers(found):
    """The columns as a table that the engine can assign, with ids in order."""
    ids = pa.array([f"c{i:05}" for i in range(len(found["spend"]))])
    return ibis.memtable(pa.table({"customer_id": ids} | {name: pa.array(values) for name, values in found.items()}))


def free_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
