"""The workspace: all tables of a run appear together or not at all, whatever happens."""

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import ibis
import pytest
from shops import bought, table

from clientage.errors import TableError, WorkspaceError
from clientage.warehouse import connect, held


def lines(*amounts):
    return table("lines", [bought(quantity=float(amount)) for amount in amounts])


def quantities(workspace):
    warehouse = connect(workspace)
    return sorted(warehouse.collect(warehouse.read("lines"))["quantity"].to_pylist())


def test_a_table_comes_back_as_it_was_written(tmp_path):
    warehouse = connect(tmp_path / "ws")
    with warehouse.transaction():
        assert warehouse.write("lines", lines(1, 2)) == 2
        assert quantities_inside(warehouse) == [1, 2]
    assert quantities(tmp_path / "ws") == [1, 2]
    assert sorted(path.name for path in (tmp_path / "ws").iterdir()) == [".lock", "tables"]


def quantities_inside(warehouse):
    return sorted(warehouse.collect(warehouse.read("lines"))["quantity"].to_pylist())


def test_a_table_that_is_written_again_is_read_as_it_is_now(tmp_path):
    warehouse = connect(tmp_path)
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
        assert "country" in warehouse.read("lines").columns
    with warehouse.transaction():
        assert quantities_inside(warehouse) == [1]
        warehouse.write("lines", lines(2).drop("country"))
        assert "country" not in warehouse.read("lines").columns
        assert quantities_inside(warehouse) == [2]
        warehouse.write("lines", lines(3))
        assert "country" in warehouse.read("lines").columns
        assert quantities_inside(warehouse) == [3]
    assert quantities_inside(warehouse) == [3]


def test_an_error_leaves_the_previous_tables(tmp_path):
    warehouse = connect(tmp_path)
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
        warehouse.write_text("model/segments.json", "one")
    with pytest.raises(ZeroDivisionError), warehouse.transaction():
        warehouse.write("lines", lines(2))
        warehouse.write_text("model/segments.json", "two")
        warehouse.drop("lines")
        raise ZeroDivisionError
    assert quantities(tmp_path) == [1]
    assert warehouse.read_text("model/segments.json") == "one"
    assert not (tmp_path / ".staging").exists()
    assert not (tmp_path / ".scratch").exists()


def test_what_follows_a_set_does_so_before_another_run_may_begin(tmp_path, monkeypatch):
    def follow(self):
        assert quantities(tmp_path) == [2]
        with pytest.raises(WorkspaceError, match="another run"), connect(tmp_path).transaction():
            pass
        raise ZeroDivisionError

    monkeypatch.setattr("clientage.warehouse.Workspace._follow", follow)
    warehouse = connect(tmp_path)
    with pytest.raises(ZeroDivisionError), warehouse.transaction():
        warehouse.write("lines", lines(2))
    monkeypatch.undo()
    assert quantities(tmp_path) == [2]
    with connect(tmp_path).transaction():
        pass


def test_dropped_tables_go_at_the_end(tmp_path):
    warehouse = connect(tmp_path)
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    with warehouse.transaction():
        warehouse.drop("lines")
        assert not warehouse.exists("lines")
        assert quantities(tmp_path) == [1]
    assert not warehouse.exists("lines")


def test_a_workspace_within_goes_at_the_end_and_stays_where_it_fails(tmp_path):
    warehouse, within = connect(tmp_path), tmp_path / "challenger"
    with connect(within).transaction():
        pass
    (within / "run.json").write_text("{}")
    with pytest.raises(ZeroDivisionError), warehouse.transaction():
        warehouse.discard("challenger")
        raise ZeroDivisionError
    assert (within / "run.json").exists()
    with warehouse.transaction():
        warehouse.discard("challenger")
        assert (within / "run.json").exists()
    assert not within.exists()


def test_reading_what_is_not_there_says_how_to_make_it(tmp_path):
    warehouse = connect(tmp_path)
    for read in (lambda: warehouse.read("lines"), lambda: warehouse.read_text("model/segments.json")):
        with pytest.raises(WorkspaceError, match="clientage run FILE"):
            read()


def test_writing_outside_a_transaction_is_refused(tmp_path):
    with pytest.raises(WorkspaceError, match="transaction"):
        connect(tmp_path).write("lines", lines(1))


def test_a_table_that_breaks_its_promise_is_neither_written_nor_read(tmp_path):
    warehouse = connect(tmp_path)
    with pytest.raises(TableError, match="column amount is missing"), warehouse.transaction():
        warehouse.write("lines", lines(1).drop("amount"))
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    (tmp_path / "tables/lines.parquet").replace(tmp_path / "tables/customers.parquet")
    with pytest.raises(TableError) as caught:
        warehouse.read("customers")
    assert "column frequency is missing" in str(caught.value)
    assert "column amount is not expected" in str(caught.value)


def test_a_transaction_waits_for_another_as_long_as_it_may(tmp_path):
    first, second = connect(tmp_path / "ws"), connect(tmp_path / "ws", wait=60)
    began = threading.Event()

    def other():
        began.set()
        with second.transaction():
            second.write_text("who", "the second")

    thread = threading.Thread(target=other)
    with first.transaction():
        thread.start()
        began.wait()
        first.write_text("who", "the first")
    thread.join()
    assert second.read_text("who") == "the second"


def test_one_run_at_a_time(tmp_path):
    busy = pytest.raises(WorkspaceError, match="another run")
    with connect(tmp_path).transaction(), busy, connect(tmp_path).transaction():
        pass
    with connect(tmp_path).transaction():
        pass


def test_a_file_in_place_of_the_workspace(tmp_path):
    (tmp_path / "ws").write_text("")
    with pytest.raises(WorkspaceError, match="a file, not a folder"):
        connect(tmp_path / "ws")


@pytest.mark.skipif(sys.platform != "linux", reason="no folder that nobody can make one in")
def test_a_workspace_where_no_folder_can_be_made():
    said = r"no folder can be made here \(.*\)\. Give another --workspace"
    with pytest.raises(WorkspaceError, match=said), connect(Path("/proc/none")).transaction():
        pass


def test_limits_that_the_engine_does_not_know(tmp_path):
    with pytest.raises(WorkspaceError, match="Memory must have a number"):
        connect(tmp_path, memory="perhaps")


def test_a_table_may_be_made_from_what_it_takes_the_place_of(tmp_path):
    warehouse = connect(tmp_path)
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
        warehouse.write("lines", ibis.union(warehouse.read("lines"), lines(2)))
        kept = warehouse.kept(warehouse.read("lines"), "new-lines")
        assert warehouse.write("lines", ibis.union(warehouse.read("lines"), kept)) == 4
    assert quantities(tmp_path) == [1, 1, 2, 2]


DYING = """
import os, signal, sys
from pathlib import Path
from shops import bought, line, table
from clientage.warehouse import connect, workspace as w

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def replace_once(self, target, real=Path.replace):
    real(self, target)
    if self.suffix == ".parquet" and w.STAGING in self.parts:
        die()

workspace, moment = sys.argv[1:]
if moment == "before the marker":
    w._mark_complete = die
elif moment == "after the marker":
    w._publish = die
else:
    Path.replace = replace_once
house = connect(Path(workspace))
with house.transaction():
    house.write("lines", table("lines", [bought(quantity=9.0)]))
    house.write("rejected", table("rejected", [line() | {"reason": "no price"}]))
"""


def killed_at(workspace, moment):
    """Another process writes two tables and is killed at a moment."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", DYING, str(workspace), moment]
    assert subprocess.run(arguments, env=environment, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("before the marker", [1]), ("after the marker", [9]), ("between two files", [9])],
)
def test_a_process_that_is_killed_leaves_all_or_nothing(tmp_path, moment, expected):
    warehouse = connect(tmp_path)
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    killed_at(tmp_path, moment)
    assert quantities(tmp_path) == expected
    assert warehouse.exists("rejected") == (expected == [9])
    with warehouse.transaction():
        pass
    assert not (tmp_path / ".staging").exists()
    assert not (tmp_path / ".scratch").exists()


def grown(workspace, *amounts):
    """A table of one row to which others were added, one at a time."""
    warehouse = connect(workspace)
    for number, amount in enumerate(amounts):
        with warehouse.transaction():
            if number:
                assert warehouse.grow("lines", lines(amount)) == (number + 1, 1)
            else:
                warehouse.write("lines", lines(amount))
            assert warehouse.rows("lines") == number + 1
            assert quantities_inside(warehouse) == sorted(amounts[: number + 1])
    return warehouse


def test_rows_are_added_to_a_table_without_writing_the_others_again(tmp_path):
    warehouse = grown(tmp_path, 1, 2, 3)
    assert [path.name for path in warehouse.files("lines")] == ["000000.parquet", "000001.parquet", "000002.parquet"]
    assert quantities(tmp_path) == [1, 2, 3]
    before, added = warehouse.grown("lines")
    assert sorted(warehouse.collect(before)["quantity"].to_pylist()) == [1, 2]
    assert warehouse.collect(added)["quantity"].to_pylist() == [3]
    with pytest.raises(TableError), warehouse.transaction():
        warehouse.grow("lines", lines(4).drop("amount"))
    assert quantities(tmp_path) == [1, 2, 3]
    with warehouse.transaction():
        warehouse.write("lines", lines(7))
        assert quantities_inside(warehouse) == [7]
        assert warehouse.grown("lines") is None
    assert quantities(tmp_path) == [7]
    assert warehouse.files("lines") == [tmp_path / "tables" / "lines.parquet"]
    with warehouse.transaction():
        warehouse.drop("lines")
        assert not warehouse.exists("lines")
    assert not (tmp_path / "tables" / "lines.parquet").exists()


def test_a_table_with_rows_that_were_added_is_taken_by_links(tmp_path):
    source, target = grown(tmp_path / "one", 1, 2), grown(tmp_path / "other", 5)
    for _ in range(2):
        with target.transaction():
            target.adopt_table("lines", source)
            assert quantities_inside(target) == [1, 2]
        assert quantities(tmp_path / "other") == [1, 2]
    inodes = [[path.stat().st_ino for path in each.files("lines")] for each in (source, target)]
    assert inodes[0] == inodes[1]
    with source.transaction():
        source.write("lines", lines(3))
    with target.transaction():
        target.adopt_table("lines", source)
    assert quantities(tmp_path / "other") == [3]
    assert (tmp_path / "other" / "tables" / "lines.parquet").is_file()


def whole(warehouse):
    warehouse.write("lines", lines(9))


def more(warehouse):
    warehouse.grow("lines", lines(9))


@pytest.mark.parametrize(
    ("amounts", "change", "expected"),
    [((1,), more, [1, 9]), ((1, 2), more, [1, 2, 9]), ((1, 2), whole, [9])],
    ids=["to a file", "to a folder", "a file for a folder"],
)
@pytest.mark.parametrize("moment", range(6))
def test_what_dies_while_a_table_is_put_into_place_is_finished_once(
    tmp_path, monkeypatch, amounts, change, expected, moment
):
    warehouse = grown(tmp_path, *amounts)
    steps = iter(range(moment))

    def dies(original):
        def step(*arguments, **options):
            if next(steps, None) is None:
                raise MemoryError
            return original(*arguments, **options)

        return step

    with monkeypatch.context() as dying, contextlib.suppress(MemoryError), warehouse.transaction():
        change(warehouse)
        for name in ("replace", "unlink"):
            dying.setattr(Path, name, dies(getattr(Path, name)))
        dying.setattr(shutil, "rmtree", dies(shutil.rmtree))
    with connect(tmp_path).transaction():
        pass
    assert quantities(tmp_path) in (list(amounts), expected)
    assert not (tmp_path / ".staging").exists()
    if moment:  # the marker was there
        assert quantities(tmp_path) == expected


def test_a_full_disk_leaves_the_previous_tables(small_disk):
    warehouse = connect(small_disk / "ws")
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    many = table("lines", [bought(invoice=os.urandom(40).hex()) for _ in range(120_000)])
    with pytest.raises(WorkspaceError, match="the disk is full; the tables are as they were"), warehouse.transaction():
        warehouse.write("lines", many)
    assert quantities(small_disk / "ws") == [1]
    with pytest.raises(WorkspaceError, match="the disk is full"), warehouse.transaction():
        warehouse.write_text("report.html", "x" * 3_000_000)
    assert quantities(small_disk / "ws") == [1]


def test_a_lock_is_waited_for_as_long_as_asked(tmp_path):
    path, taken, done = tmp_path / "lock", threading.Event(), threading.Event()

    def other():
        with held(path, "busy"):
            taken.set()
            done.wait(60)

    threading.Thread(target=other, daemon=True).start()
    assert taken.wait(60)
    with pytest.raises(WorkspaceError, match="busy"), held(path, "busy"):
        pass
    threading.Timer(0.1, done.set).start()
    with held(path, "busy", 60):
        assert done.is_set()


def test_what_does_not_fit_into_memory_waits_off_the_workspace_and_goes(tmp_path):
    beside = tmp_path / "beside"
    beside.mkdir()
    left = subprocess.Popen([sys.executable, "-c", "pass"])
    left.wait()
    (gone := beside / f"clientage-spill-{left.pid}-abc").mkdir()
    (other := beside / "clientage-spill-of-mine").mkdir()
    warehouse = connect(tmp_path / "ws", memory="100MB", threads=1, spill_in=str(beside))
    assert not gone.exists()
    assert other.exists()
    large = warehouse.local.sql("SELECT md5(i::VARCHAR) AS text FROM range(5000000) t(i)")
    seen, done = [], threading.Event()

    def look():
        while not done.wait(0.01):
            seen.extend(beside.glob("clientage-spill-*/*"))

    watch = threading.Thread(target=look)
    watch.start()
    with warehouse.transaction():
        warehouse.kept(large.order_by("text"), "large")
        kept = warehouse.collect(warehouse.recalled("large").count()).as_py()
    done.set()
    watch.join()
    assert kept == 5_000_000
    assert seen
    del warehouse, large
    gc.collect()
    assert [path.name for path in beside.iterdir()] == [other.name]


def test_a_place_for_what_does_not_fit_that_is_none_is_told(tmp_path):
    with pytest.raises(WorkspaceError, match=r"cannot be put there .*--set warehouse\.spill=/disk"):
        connect(tmp_path, spill_in=str(tmp_path / "nowhere"))
