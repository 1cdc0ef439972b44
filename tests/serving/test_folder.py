"""Predictions of a folder: none lost and, for a reader, none twice, at whatever moment a process dies."""

import os
import signal
import threading
from datetime import datetime, timedelta

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from predictions import record, started

from clientage.errors import SinkError, WorkspaceError
from clientage.serving import folder as folders
from clientage.serving.folder import FolderSink, read_predictions
from clientage.serving.rows import SCHEMA, table


def rows(request="r", customers=("c1",), **changes):
    return table([orjson.dumps(record(request, customers, **changes))])[0]


def requests(folder):
    return read_predictions(folder)["request_id"].to_pylist()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_comes_back_once(tmp_path):
    sink = FolderSink(tmp_path / "new")
    sink.write("a-0", rows("r1", ["x", "y"]))
    sink.write("a-9", rows("r2"))
    first = {path: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    sink.write("a-9", rows("r2"))
    assert {path: path.read_bytes() for path in (tmp_path / "new").iterdir()} == first
    assert names(tmp_path / "new") == ["a-0.parquet", "a-9.parquet"]
    assert read_predictions(tmp_path / "new").equals(pa.concat_tables([rows("r1", ["x", "y"]), rows("r2")]))


def test_an_absent_folder_is_empty(tmp_path):
    assert read_predictions(tmp_path / "none") == SCHEMA.empty_table()
    assert FolderSink(tmp_path / "none").forget("c1") == 0


def test_they_come_in_order_of_time_within_limits(tmp_path):
    start = datetime(2023, 11, 14, 22, 13, 20, 250_000)
    for day in (3, 1, 2, 0):
        FolderSink(tmp_path).write(f"a-{9 - day}", rows(str(day), time=1_700_000_000.25 + day * 86_400))
    assert requests(tmp_path) == ["0", "1", "2", "3"]
    some = read_predictions(tmp_path, since=start + timedelta(days=1), before=start + timedelta(days=3))
    assert some["request_id"].to_pylist() == ["1", "2"]


def test_files_from_before_a_column_was_kept_are_read_merged_and_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MANY", 2)
    for i in range(2):
        pq.write_table(rows(f"old{i}", ["c1", "c2"]).drop_columns("error"), tmp_path / f"{i}-0.parquet")
    assert read_predictions(tmp_path).schema == SCHEMA
    sink = FolderSink(tmp_path)
    sink.write("9-0", rows("new", ["c2"]))
    assert len(names(tmp_path)) == 2
    assert sink.forget("c1") == 2
    found = read_predictions(tmp_path)
    assert found["request_id"].to_pylist() == ["new", "old0", "old1"]
    assert found["error"].null_count == 3


@pytest.fixture
def few(monkeypatch):
    """Four files are many."""
    monkeypatch.setattr(folders, "MANY", 4)


@pytest.mark.usefixtures("few")
def test_many_small_files_become_one(tmp_path):
    sink = FolderSink(tmp_path)
    for i in range(30):
        sink.write(f"{i:03}-0", rows(f"r{i:02}"))
        assert len(names(tmp_path)) <= 5
    assert requests(tmp_path) == [f"r{i:02}" for i in range(30)]


@pytest.mark.usefixtures("few")
def test_large_files_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "SMALL", 100)
    for i in range(10):
        FolderSink(tmp_path).write(f"{i}-0", rows(str(i)))
    assert len(names(tmp_path)) == 10


@pytest.mark.usefixtures("few")
def test_a_file_that_is_being_written_again_is_not_merged_before(tmp_path):
    sink = FolderSink(tmp_path)
    for name in ("a-0", "b-0", "c-0", "d-0", "d-0"):
        sink.write(name, rows(name))
    assert names(tmp_path) == ["a-0.parquet", "b-0.parquet", "c-0.parquet", "d-0.parquet"]


@pytest.mark.usefixtures("few")
def test_what_is_there_twice_is_merged_into_one(tmp_path):
    sink = FolderSink(tmp_path)
    for name in ("a-0", "b-0", "c-0", "d-0", "e-0"):
        sink.write(name, rows("same"))
    merged = next(tmp_path.glob("*-merged-*"))
    assert pq.read_metadata(merged).num_rows == 1


DYING = """
import os, signal, sys
from pathlib import Path
import orjson
from predictions import record
from clientage.serving import folder as folders
from clientage.serving.rows import table

folder, moment = Path(sys.argv[1]), sys.argv[2]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def unlink_some(self, missing_ok=False, real=Path.unlink):
    if self.suffix == ".parquet" and self.name.startswith("2"):
        die()
    real(self, missing_ok=missing_ok)

if moment == "before it is there":
    Path.replace = die
elif moment == "before its parts go":
    folders.sync_folder = die
else:
    Path.unlink = unlink_some
folders.MANY = 4
folders.FolderSink(folder).write("9-0", table([orjson.dumps(record("new"))])[0])
"""


@pytest.mark.parametrize(
    ("moment", "files"), [("before it is there", 4), ("before its parts go", 5), ("between its parts", 3)]
)
@pytest.mark.usefixtures("few")
def test_whenever_the_merging_dies_nothing_is_lost(tmp_path, moment, files):
    for i in range(4):
        FolderSink(tmp_path).write(f"{i}-0", rows(f"r{i}"))
    with started(DYING, tmp_path, moment) as process:
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
    assert len(list(tmp_path.glob("*.parquet"))) == files
    assert requests(tmp_path) == ["r0", "r1", "r2", "r3"]
    FolderSink(tmp_path).write("9-0", rows("s"))
    assert requests(tmp_path) == ["r0", "r1", "r2", "r3", "s"]
    assert folders.DRAFT not in names(tmp_path)


@pytest.mark.usefixtures("few")
def test_a_reader_misses_nothing_while_others_write_and_merge(tmp_path):
    sink, written = FolderSink(tmp_path), []

    def write():
        for i in range(120):
            sink.write(f"{i:03}-0", rows(f"r{i:03}"))
            written.append(f"r{i:03}")

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        before = list(written)
        found = requests(tmp_path)
        assert found == sorted(set(found))
        assert set(before) <= set(found)
    writer.join()
    assert requests(tmp_path) == written


def test_a_folder_that_is_merged_without_end_is_told(tmp_path, monkeypatch):
    FolderSink(tmp_path).write("a-0", rows())

    def gone(*_):
        raise FileNotFoundError

    monkeypatch.setattr(folders, "_read", gone)
    with pytest.raises(WorkspaceError, match="again and again"):
        read_predictions(tmp_path)


@pytest.mark.usefixtures("few")
def test_a_spoilt_file_is_named_and_stops_no_shipping(tmp_path):
    (tmp_path / "0-0.parquet").write_text("spoilt")
    for i in range(1, 8):
        FolderSink(tmp_path).write(f"{i}-0", rows(str(i)))
    for act in (lambda: read_predictions(tmp_path), lambda: FolderSink(tmp_path).forget("c1")):
        with pytest.raises(WorkspaceError, match=r"0-0.parquet: predictions that cannot be read"):
            act()
    (tmp_path / "0-0.parquet").unlink()
    assert requests(tmp_path) == [str(i) for i in range(1, 8)]


def test_a_full_disk_leaves_what_is_there(small_disk):
    sink = FolderSink(small_disk / "p")
    sink.write("a-0", rows("kept"))
    many = table([orjson.dumps(record(os.urandom(100).hex())) for _ in range(20_000)])[0]
    with pytest.raises(SinkError, match=r"cannot be kept \(No space left on device\)") as full:
        sink.write("b-0", many)
    assert full.value.kind == "disk full"
    assert names(small_disk / "p") == ["a-0.parquet"]
    assert requests(small_disk / "p") == ["kept"]


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "p").write_text("")
    with pytest.raises(SinkError) as refused:
        FolderSink(tmp_path / "p").write("a-0", rows())
    assert refused.value.kind == "disk"


@pytest.mark.usefixtures("few")
def test_a_customer_leaves_every_file(tmp_path):
    sink = FolderSink(tmp_path)
    for i in range(6):
        sink.write(f"{i}-0", rows(f"r{i}", ["zoe@example.com", f"c{i}"]))
    sink.write("6-0", rows("r6", ["zoe@example.com"]))
    sink.write("7-0", rows("r7", [None]))
    sink.write("7-1", rows("r6", ["zoe@example.com"]))  # as after a process died
    (tmp_path / folders.DRAFT).write_text("zoe@example.com")
    assert sink.forget("zoe@example.com") == 7
    assert not [path for path in tmp_path.iterdir() if b"zoe" in path.read_bytes()]
    assert read_predictions(tmp_path)["customer_id"].to_pylist() == [f"c{i}" for i in range(6)] + [None]
    assert "6-0.parquet" not in names(tmp_path)
    assert sink.forget("zoe@example.com") == 0
