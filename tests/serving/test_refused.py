"""Rows that BigQuery would not take: why, where they lie, and sent once more."""

import contextlib
import math
from datetime import datetime, timedelta

import orjson
import pytest
from predictions import logged, record

from clientage.errors import SinkError
from clientage.serving import bigquery, refused, spool
from clientage.serving.rows import SCHEMA, table

NOW = datetime(2024, 1, 1)
ROW = table([orjson.dumps(record("r1", ["c1"], time=1_704_000_000))])[0].to_pylist()[0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"customer_id": None, "distance": None, "runner_up": None}, ""),
        ({"time": None}, "missing time"),
        ({"prediction_id": None, "latency": math.nan}, "missing prediction_id, not a number latency"),
        ({"distance": math.inf}, "not a number distance"),
        ({"distance": -math.inf}, "not a number distance"),
        ({"time": NOW - timedelta(days=4000)}, "out of range time"),
        ({"time": NOW + timedelta(days=400)}, "out of range time"),
        ({"time": datetime.max}, "out of range time"),
        ({"inputs": "é" * 5_000_000}, "too long inputs"),
        ({"segment": "x" * 8_000_001}, "too long segment"),
    ],
)
def test_why_a_row_would_not_be_taken(changes, why):
    assert bigquery.unfit(ROW | changes, NOW) == why


@pytest.mark.parametrize("row", [ROW, ROW | {"time": None}])
def test_a_row_becomes_json(row):
    told = orjson.loads(orjson.dumps(bigquery.sent(row)))
    assert told["time"] == ("2023-12-31T05:20:00+00:00" if row["time"] else None)
    assert list(told) == SCHEMA.names


class Taking:
    """A sink that takes all but the predictions of some customers."""

    def __init__(self, without=(), away=False):
        self.without, self.away, self.kept = without, away, []

    def write(self, name, rows):
        if self.away:
            raise SinkError("away", "away")
        self.kept += [row for row in rows.to_pylist() if row["customer_id"] not in self.without]
        bad = [row for row in rows.to_pylist() if row["customer_id"] in self.without]
        return [orjson.dumps({**bigquery.sent(row), "refused": "invalid inputs"}) + b"\n" for row in bad]

    def close(self):
        pass


@pytest.fixture
def aside(tmp_path):
    """Two predictions that were refused, and a line that is none."""
    rows = table([orjson.dumps(record("r1", ["c1", "c2"]))])[0].to_pylist()
    lines = [orjson.dumps({**bigquery.sent(row), "refused": "invalid place"}) + b"\n" for row in rows]
    spool.keep_unreadable(tmp_path, [*lines, b"no prediction\n"])
    return tmp_path


def again(folder, sink, monkeypatch):
    monkeypatch.setattr(refused, "open_sink", lambda address: sink)
    return refused.send_again(folder, "somewhere")


def test_what_is_taken_now_leaves_the_file_and_the_rest_stays(aside, monkeypatch):
    sink = Taking(without=["c2"])
    found = again(aside, sink, monkeypatch)
    assert (found.sent, found.left) == (1, {"invalid inputs": 1, "unreadable": 1})
    assert [row["prediction_id"] for row in sink.kept] == ["r1-0"]
    assert sink.kept[0] == table([orjson.dumps(record("r1", ["c1", "c2"]))])[0].to_pylist()[0]
    left = found.file.read_bytes().splitlines()
    assert left[0] == b"no prediction"
    assert orjson.loads(left[1])["prediction_id"] == "r1-1"
    found = again(aside, Taking(), monkeypatch)
    assert (found.sent, found.left) == (1, {"unreadable": 1})


def test_all_stays_where_the_sink_is_away(aside, monkeypatch):
    before = (aside / spool.UNREADABLE).read_bytes()
    with contextlib.suppress(SinkError):
        again(aside, Taking(away=True), monkeypatch)
        pytest.fail("it is away")
    assert (aside / spool.UNREADABLE).read_bytes() == before


def test_a_row_of_another_shape_stays(tmp_path, monkeypatch):
    row = bigquery.sent(ROW)
    odd = [row | {"refused": "x", "place": "first"}, row | {"refused": "x", "more": 1}, {"refused": "x"}]
    spool.keep_unreadable(tmp_path, [orjson.dumps(each) + b"\n" for each in odd])
    sink = Taking()
    found = again(tmp_path, sink, monkeypatch)
    assert (found.sent, found.left, sink.kept) == (0, {"x": 3}, [])


def test_nothing_aside_is_nothing_to_do(tmp_path):
    logged(tmp_path, record())
    assert refused.send_again(tmp_path, "bigquery://our-shop/shop").sent == 0
