"""Four people, two segments and a few recommendations, to make lists of."""

from datetime import date

import ibis
import pyarrow as pa

from clientage.tables import TABLES, arrow_schema

ONE = {
    "customer_id": "a@example.com",
    "as_of": date(2025, 1, 1),
    "country": "France",
    "recency_days": 2,
    "frequency": 9,
    "monetary": 900.5,
    "days_between_purchases": 10.0,
    "expected_orders": 3.0,
    "expected_spend": 300.25,
    "segment_id": 1,
    "segment": "Top spenders",
    "wholesale": True,
    "buyer": "reseller",
}
TWO = {"segment_id": 2, "segment": "Low spenders", "wholesale": False, "buyer": "personal"}
FOUR = (
    ONE,
    ONE | {"customer_id": "b@example.com", "recency_days": 40, "wholesale": False, "country": "Côte d'Ivoire"},
    ONE | TWO | {"customer_id": "c@example.com", "recency_days": 40, "expected_spend": 20.0, "country": None},
    ONE | TWO | {"customer_id": "d@example.com", "recency_days": 300, "expected_spend": None, "monetary": 2000.0}
    | {"days_between_purchases": None},
)  # fmt: skip
NEEDED = [name for name, column in TABLES["segments"].columns.items() if not column.optional]


def people(rows=FOUR):
    """The tables `customers` and `segments` of some people; what is not said of one is as of the first."""
    full = [ONE | dict(row) for row in rows]
    features = [field for field in arrow_schema("customers") if field.name in ONE]
    kinds = [arrow_schema("segments").field(name) for name in NEEDED]
    return {
        "customers": ibis.memtable(pa.Table.from_pylist(full, pa.schema(features))),
        "segments": ibis.memtable(pa.Table.from_pylist(full, pa.schema(kinds))),
    }


def recommended():
    """What is recommended to one of them, and to somebody who is not there."""
    rows = [
        {"customer_id": "a@example.com", "rank": 2, "product": "22002", "description": None},
        {"customer_id": "a@example.com", "rank": 1, "product": "22001", "description": "CAKE STAND"},
        {"customer_id": "a@example.com", "rank": 4, "product": "22004", "description": "MUG"},
        {"customer_id": "x@example.com", "rank": 1, "product": "22009", "description": "LAMP"},
    ]
    more = {"score": 1.0, "because": None, "model": "ease"}
    return ibis.memtable(pa.Table.from_pylist([row | more for row in rows], arrow_schema("recommendations")))
