"""A line of the log is as many rows as there were customers in the request, or it is no prediction."""

from datetime import datetime

import orjson
import pyarrow as pa
import pytest
from predictions import record, refused

from clientage.serving.rows import MOST_ID, SCHEMA, once, table, without
from clientage.tables import PREDICTIONS


def line(answer):
    return orjson.dumps(answer) + b"\n"


def test_each_customer_of_each_part_is_a_row():
    answer = record(
        "r7", ["a", None], place=[0, 2], values=[[3, None], [4, 1e-9]], shadow="4", shadow_segment_id=[5, 6]
    )
    grid = dict(answer["parts"][0], form="customer", place=[1], values=[[1, 2]], segment_id=[9], segment=["Loyal"],
                customer_id=None, distance=None, runner_up=None, shadow_segment_id=None)  # fmt: skip
    answer["parts"].append(grid)
    rows, unreadable = table([line(answer)])
    assert unreadable == []
    assert rows.schema == SCHEMA
    assert rows.schema.names == list(PREDICTIONS.columns)
    first, second, third = rows.to_pylist()
    assert first == {
        "prediction_id": "r7-0",
        "request_id": "r7",
        "place": 0,
        "time": datetime(2023, 11, 14, 22, 13, 20, 250_000),
        "version": "3",
        "form": "features",
        "customer_id": "a",
        "inputs": '{"recency_days":3,"monetary":null}',
        "segment_id": 2,
        "segment": "Top spenders · active",
        "distance": 0.25,
        "runner_up": 1,
        "shadow_version": "4",
        "shadow_segment_id": 5,
        "latency": 0.002,
        "error": None,
    }
    assert (second["prediction_id"], second["customer_id"], second["shadow_segment_id"]) == ("r7-2", None, 6)
    assert orjson.loads(second["inputs"]) == {"recency_days": 4, "monetary": 1e-9}
    assert (third["prediction_id"], third["form"], third["segment"]) == ("r7-1", "customer", "Loyal")
    assert {third[name] for name in ("customer_id", "distance", "runner_up", "shadow_segment_id")} == {None}


def test_an_instance_that_was_refused_is_a_row_without_anything_of_it():
    rows, unreadable = table([line(record("r7", ["a"]) | refused({1: "missing feature", 3: "not a number"}))])
    assert unreadable == []
    first, second, third = rows.to_pylist()
    assert (first["prediction_id"], first["error"]) == ("r7-0", None)
    assert {name: value for name, value in second.items() if value is not None} == {
        "prediction_id": "r7-1", "request_id": "r7", "place": 1, "time": first["time"], "version": "3",
        "latency": 0.002, "error": "missing feature",
    }  # fmt: skip
    assert (third["prediction_id"], third["error"]) == ("r7-3", "not a number")


def test_no_lines_are_no_rows():
    assert table([])[0].schema == SCHEMA
    assert table([b"\n", b"   \n"]) == (SCHEMA.empty_table(), [])


@pytest.mark.parametrize(
    "spoilt",
    [
        b"{\n",
        b"\0\0\0\n",
        b"\xff\n",
        b"[]\n",
        b"null\n",
        line({"id": "r"}),
        line(record() | {"parts": [{}]}),
        line(record(time=None)),
        line(record(time=1e300)),
        line(record(time="now")),
        line(record(version=3)),
        line(record(id=7)),
        line(record(id="x" * (MOST_ID + 1))),
        line(record(customers=["é" * MOST_ID])),
        line(record(customers=[17850])),
        line(record(segment_id=["one"])),
        line(record(segment_id=[2**64 - 1])),
        line(record(segment_id=[1.5])),
        line(record(runner_up=[1.5])),
        line(record(segment_id=[1, 2])),
        line(record(values=[[1]])),
        line(record(distance=[])),
        line(record(place=None)),
        line(record() | {"refused": None}),
        line(record() | {"refused": {"place": [1], "error": []}}),
        line(record() | refused({1: 7})),
        line(record() | {"refused": {"place": ["one"], "error": ["not a number"]}}),
    ],
    ids=lambda spoilt: spoilt[:40].decode(errors="replace"),
)
def test_what_is_no_prediction_is_put_aside_alone(spoilt):
    rows, unreadable = table([line(record("before")), spoilt, line(record("after"))])
    assert unreadable == [spoilt]
    assert rows["request_id"].to_pylist() == ["before", "after"]


def test_customers_are_left_out_and_nobody_is_not():
    rows, _ = table([line(record(customers=["a", None, "b", "a"]))])
    assert without(rows, {"a", "c"})["customer_id"].to_pylist() == [None, "b"]
    assert without(rows, set()) is rows


def test_each_prediction_is_there_once_in_its_place():
    rows, _ = table([line(record("x", ["a", "b"])), line(record("w"))])
    doubled = pa.concat_tables([rows, rows.slice(1), rows])
    assert once(doubled) == rows == once(rows)
