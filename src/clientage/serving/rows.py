"""Lines of the log as rows of the table `predictions`: one line an answered request, one row an instance of it.

A line is the JSON of

    {"id": "<request>", "time": <seconds since 1970>, "latency": <s>, "version": "3", "shadow": "4" or null,
     "parts": [{"form": "features", "place": [0, 2], "customer_id": ["17850", null] or null,
                "names": ["recency_days", …], "values": [[…], …], "segment_id": […], "segment": […],
                "distance": […] or null, "runner_up": […] or null, "shadow_segment_id": […] or null}, …],
     "refused": {"place": [1], "error": ["missing feature"]}}

`refused` is there only where an instance was, and tells nothing of it but what kind of problem it had.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, repeat
from operator import index
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from clientage.tables import PREDICTIONS, arrow_schema

SCHEMA = arrow_schema(PREDICTIONS)
MOST_ID = 1000  # bytes; a database could not find a longer one again
PER_ROW = ("customer_id", "distance", "runner_up", "shadow_segment_id")  # of a part, where they may be missing
SPOILT = (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, pa.ArrowException)

Row = tuple[Any, ...]


def table(lines: Iterable[bytes]) -> tuple[pa.Table, list[bytes]]:
    """Predictions, in order, and the lines that are none; empty lines are neither."""
    read = [(line, _read(line)) for line in lines if line.strip()]
    try:
        found = _arrow(chain.from_iterable(rows or () for _, rows in read))
    except SPOILT:  # a value of another kind, in one of them
        read = [(line, rows if rows and _fits(rows) else None) for line, rows in read]
        found = _arrow(chain.from_iterable(rows or () for _, rows in read))
    return found, [line for line, rows in read if rows is None]


def without(rows: pa.Table, customers: Collection[str]) -> pa.Table:
    """The rows of all other customers, and of nobody."""
    if not customers:
        return rows
    theirs = pc.is_in(rows["customer_id"], pa.array(sorted(customers), pa.string()))
    return rows.filter(pc.invert(theirs))


def once(rows: pa.Table) -> pa.Table:
    """Each prediction once, in order."""
    ids = pa.table({"id": rows["prediction_id"], "at": pa.array(range(len(rows)), pa.int64())})
    first = ids.group_by("id").aggregate([("at", "min")])["at_min"]
    return rows if len(first) == len(rows) else rows.take(first.sort())


def _read(line: bytes) -> list[Row] | None:
    """The rows of a line; None where it is no prediction."""
    try:
        record = orjson.loads(line)
        rows = [row for part in record["parts"] for row in _part(record, part)]
        return rows + list(_refused(record)) if "refused" in record else rows
    except SPOILT:
        return None


def _part(record: dict[str, Any], part: dict[str, Any]) -> Iterator[Row]:
    request, names, time = _id(record["id"]), part["names"], _time(record)
    known = [repeat(None, len(part["place"])) if part.get(name) is None else part[name] for name in PER_ROW]
    each = zip(part["place"], part["values"], part["segment_id"], part["segment"], *known, strict=True)
    for place, values, segment_id, segment, customer_id, distance, runner_up, shadow_segment_id in each:
        inputs = orjson.dumps(dict(zip(names, values, strict=True))).decode()
        yield (
            f"{request}-{index(place)}", request, place, time, record["version"], part["form"],
            None if customer_id is None else _id(customer_id), inputs, index(segment_id), segment,
            distance, _index(runner_up), record.get("shadow"), _index(shadow_segment_id), record["latency"], None,
        )  # fmt: skip


def _refused(record: dict[str, Any]) -> Iterator[Row]:
    request, time, empty = _id(record["id"]), _time(record), dict.fromkeys(SCHEMA.names)
    for place, error in zip(record["refused"]["place"], record["refused"]["error"], strict=True):
        row = {"prediction_id": f"{request}-{index(place)}", "request_id": request, "place": place, "time": time}
        row |= {"version": record["version"], "latency": record["latency"], "error": error}
        yield tuple((empty | row).values())


def _time(record: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(record["time"], UTC).replace(tzinfo=None)


def _id(text: str) -> str:
    if len(text.encode()) > MOST_ID:
        raise ValueError("an id too long to be kept")
    return text


def _index(number: int | None) -> int | None:
    return None if number is None else index(number)


def _fits(rows: list[Row]) -> bool:
    try:
        _arrow(rows)
    except SPOILT:
        return False
    return True


def _arrow(rows: Iterable[Row]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.table(arrays, schema=SCHEMA)
