"""A customer leaves the lines that wait; every other line stays where it is, for its writer and its shipper."""

import contextlib
import os

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predictions import lines, logged, record, refused

from clientage.errors import WorkspaceError
from clientage.serving import erase, spool
from clientage.serving.folder import FolderSink, read_predictions
from clientage.serving.log import PredictionLog
from clientage.serving.ship import Shipper


def test_only_they_go_and_nothing_moves(tmp_path):
    first = record("r1", ["a", "zoe", None], distance=[0.5, 1e300, 2.0])
    logged(tmp_path, first, record("r2", ["zoe"]), record("r3", [None]), record("r4", customer_id=None))
    before = lines(tmp_path)
    assert erase.waiting(tmp_path, "zoe") == 2
    after = lines(tmp_path)
    assert [len(line) for line in after] == [len(line) for line in before]
    assert after[2:] == before[2:]
    assert after[1].strip() == b""
    (part,) = orjson.loads(after[0])["parts"]
    assert (part["place"], part["customer_id"], part["distance"]) == ([0, 2], ["a", None], [0.5, 2.0])
    assert part["names"] == first["parts"][0]["names"]
    assert b"zoe" not in b"".join(after)


def test_what_was_refused_beside_them_stays_counted(tmp_path):
    logged(tmp_path, record("r1", ["zoe"]) | refused({1: "missing feature"}))
    assert erase.waiting(tmp_path, "zoe") == 1
    Shipper(tmp_path, FolderSink(tmp_path / "sink")).once()
    (row,) = read_predictions(tmp_path / "sink").to_pylist()
    assert (row["prediction_id"], row["error"], row["customer_id"]) == ("r1-1", "missing feature", None)


def test_who_is_alike_stays(tmp_path):
    alike = ["1", "17", "178 ", "1785", "é", 'a"17850"b']
    logged(tmp_path, record("r1", [*alike, "17850"], names=["17850", "monetary"]))
    assert erase.waiting(tmp_path, "17850") == 1
    assert orjson.loads(lines(tmp_path)[0])["parts"][0]["customer_id"] == alike


def test_their_writer_writes_on_and_all_others_arrive(tmp_path):
    sink = FolderSink(tmp_path / "sink")
    with contextlib.closing(PredictionLog(tmp_path)) as log:
        log.append(record("r1", ["a", "zoe"]))
        Shipper(tmp_path, sink).once()
        log.append(record("r2", ["zoe", "b"]))
        assert erase.waiting(tmp_path, "zoe") == 1, "one was shipped before"
        log.append(record("r3", ["c"]))
    Shipper(tmp_path, sink).once()
    found = read_predictions(sink.folder)
    assert found["prediction_id"].to_pylist() == ["r1-0", "r1-1", "r2-1", "r3-0"]
    assert not (tmp_path / spool.UNREADABLE).exists()


@pytest.mark.parametrize("line", [b'{"customer_id":["zoe"]}\n', b'\xff"zoe"\n', b'["zoe"]\n'])
def test_lines_that_are_no_predictions_go_where_they_name_them(tmp_path, line):
    logged(tmp_path, record("r1", ["a"]))
    with next(tmp_path.glob("*.jsonl")).open("ab") as file:
        file.write(line)
    (tmp_path / spool.UNREADABLE).write_bytes(line + b"other\n")
    assert erase.waiting(tmp_path, "zoe") == 0
    assert b"zoe" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (tmp_path / spool.UNREADABLE).read_bytes() == b"other\n"


def test_a_torn_line_of_a_dead_writer_goes_and_that_of_a_living_one_is_its_own(tmp_path):
    logged(tmp_path, record("r1"))
    with next(tmp_path.glob("*.jsonl")).open("ab") as file:
        file.write(b'{"id":"r2","customer_id":["zo')
    with contextlib.closing(PredictionLog(tmp_path)) as log:
        log.append(record("r3"))
        os.write(log._file, b'{"half":')
        erase.waiting(tmp_path, "zoe")
        os.write(log._file, b"1}\n")
    assert [orjson.loads(line).get("id") for line in lines(tmp_path)] == ["r1", "r3", None]


def test_a_line_that_would_grow_goes_as_a_whole(tmp_path):
    """Numbers may be written in ways that are shorter than ours; the next line must not be written over."""
    part = b'{"place":[0,1],"customer_id":["zoe","a"],"values":[[1],[%s]]}' % b",".join([b"1E9"] * 20)
    (tmp_path / "1-1-1.jsonl").write_bytes(b'{"parts":[' + part + b"]}\nnext\n")
    erase.waiting(tmp_path, "zoe")
    blank, following = (tmp_path / "1-1-1.jsonl").read_bytes().splitlines()
    assert blank.strip() == b""
    assert following == b"next"


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "1-1-1.jsonl").mkdir()
    with pytest.raises(WorkspaceError, match="a customer cannot be removed from the log"):
        erase.waiting(tmp_path, "zoe")


def test_an_absent_log_has_nobody(tmp_path):
    assert erase.waiting(tmp_path / "none", "zoe") == 0


NAMES = st.sampled_from(["zoe", "a", "b", None])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=10), st.integers(1, 3000))
def test_whatever_was_asked_the_others_are_all_that_is_left(tmp_path_factory, requests, most_bytes):
    folder = tmp_path_factory.mktemp("erase")
    logged(folder, *[record(f"r{i}", customers) for i, customers in enumerate(requests)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erase, "MOST_BYTES", most_bytes)
        assert erase.waiting(folder, "zoe") == sum(customers.count("zoe") for customers in requests)
    Shipper(folder, FolderSink(folder / "sink")).once()
    found = read_predictions(folder / "sink")
    all_ = [(f"r{i}-{j}", name) for i, names in enumerate(requests) for j, name in enumerate(names)]
    rows = zip(found["prediction_id"].to_pylist(), found["customer_id"].to_pylist(), strict=True)
    assert sorted(rows, key=str) == sorted((row for row in all_ if row[1] != "zoe"), key=str)
