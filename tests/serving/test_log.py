"""An answer that was written down is there, whole, whatever happens to its process."""

import json
import os
import signal
import threading

import numpy as np
import pytest
from predictions import WRITING, killed_while_writing, lines, record, started

from clientage.errors import WorkspaceError
from clientage.serving import log as logs
from clientage.serving import spool
from clientage.serving.log import PredictionLog


def ids(folder):
    return [json.loads(line)["id"] for line in lines(folder)]


def abandoned(path):
    with path.open("rb") as file:
        return spool.abandoned(file.fileno())


def test_what_is_written_comes_back(tmp_path):
    values = np.array([[1.5, np.nan], [3, 4]])
    PredictionLog(tmp_path / "log").append(record(customers=["a", "b"], values=values, segment_id=np.array([1, 2])))
    (line,) = lines(tmp_path / "log")
    assert json.loads(line) == record(customers=["a", "b"], values=[[1.5, None], [3, 4]], segment_id=[1, 2])


def test_arrays_may_lie_as_they_like(tmp_path):
    wide = np.arange(12.0).reshape(3, 4)
    PredictionLog(tmp_path).append({"turned": wide.T, "each other": wide[:, ::2], "names": np.array(["é", "b"])})
    found = json.loads(lines(tmp_path)[0])
    assert found == {"turned": wide.T.tolist(), "each other": wide[:, ::2].tolist(), "names": ["é", "b"]}


def test_nothing_is_opened_before_it_is_needed(tmp_path):
    PredictionLog(tmp_path / "log").close()
    assert not (tmp_path / "log").exists()


def test_what_is_no_json_is_refused_and_leaves_nothing(tmp_path):
    log = PredictionLog(tmp_path)
    log.append(record("before"))
    with pytest.raises(TypeError):
        log.append(record("bad", customers=[object()]))
    log.append(record("after"))
    assert ids(tmp_path) == ["before", "after"]


def test_long_files_are_followed_by_new_ones_in_order(tmp_path):
    log = PredictionLog(tmp_path, most_bytes=1000)
    for i in range(50):
        log.append(record(str(i)))
    files = sorted(tmp_path.glob("*.jsonl"))
    assert len(files) > 10
    assert all(path.stat().st_size < 1000 + len(lines(tmp_path)[0]) + 10 for path in files)
    assert ids(tmp_path) == [str(i) for i in range(50)]
    assert [abandoned(path) for path in files[:-1]] == [True] * (len(files) - 1)


def test_threads_do_not_write_into_each_others_lines(tmp_path):
    log = PredictionLog(tmp_path, most_bytes=50_000)
    threads = [
        threading.Thread(target=lambda i=i: [log.append(record(f"{i}-{j}", ["x" * j])) for j in range(200)])
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(tmp_path)) == sorted(f"{i}-{j}" for i in range(8) for j in range(200))


def test_what_was_answered_survives_the_killing_of_its_process(tmp_path):
    answered = killed_while_writing(tmp_path, "w", 300)
    whole = [line for line in lines(tmp_path) if line.endswith(b"\n")]
    assert set(answered) <= {json.loads(line)["id"] for line in whole}
    assert len(whole) - len(answered) <= 1, "at most the one it was about to tell"
    assert all(abandoned(path) for path in tmp_path.glob("*.jsonl"))


def test_a_writer_that_lives_is_seen_to(tmp_path):
    one_file = WRITING.replace(", most_bytes=20_000", "")  # else it may be stopped while it begins another
    with started(one_file, tmp_path, "w") as process:
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        newest = max(tmp_path.glob("*.jsonl"))
        assert not abandoned(newest)
        process.kill()
    assert abandoned(newest)


def in_child(act):
    """What a forked child comes to; it ends without what the parent would do at its end."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_writes_a_file_of_its_own(tmp_path):
    log = PredictionLog(tmp_path)
    log.append(record("parent"))
    assert in_child(lambda: log.append(record("child"))) == 0
    log.append(record("parent again"))
    found = [[json.loads(line)["id"] for line in path.read_bytes().splitlines()] for path in tmp_path.glob("*.jsonl")]
    assert sorted(found) == [["child"], ["parent", "parent again"]]


def test_a_child_does_not_make_its_parent_look_alive(tmp_path):
    log = PredictionLog(tmp_path)
    log.append(record("parent"))
    (path,) = tmp_path.glob("*.jsonl")
    ready, told = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ready[1], b"x")
        os.read(told[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    log.close()
    assert abandoned(path)
    os.write(told[1], b"x")
    os.waitpid(child, 0)


def test_a_child_may_write_though_a_thread_of_its_parent_was_writing(tmp_path):
    log = PredictionLog(tmp_path)
    with log._lock:
        assert in_child(lambda: log.append(record("child"))) == 0
    assert ids(tmp_path) == ["child"]


def test_a_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    """As by a shipper that takes it for one without a writer."""
    locked = logs.fcntl.flock

    def flock(file, how):
        monkeypatch.setattr(logs.fcntl, "flock", locked)
        for path in tmp_path.glob("*.jsonl"):
            path.unlink()
        locked(file, how)

    monkeypatch.setattr(logs.fcntl, "flock", flock)
    PredictionLog(tmp_path).append(record("kept"))
    assert ids(tmp_path) == ["kept"]


def test_with_sync_the_disk_has_it_or_it_is_not_there(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(logs, "_flush", flushed.append)
    PredictionLog(tmp_path).append(record("unsynced"))
    assert flushed == []
    log = PredictionLog(tmp_path, sync=True)
    log.append(record("synced"))
    assert flushed == [log._file]

    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(logs, "_flush", broken)
    with pytest.raises(WorkspaceError, match="Input/output error"):
        log.append(record("lost"))
    assert ids(tmp_path) == ["unsynced", "synced"]


SHORT = """
import json, resource, sys
from pathlib import Path
from predictions import record
from clientage.errors import WorkspaceError
from clientage.serving.log import PredictionLog

resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
log, told = PredictionLog(Path(sys.argv[1])), []
for i in range(40):
    try:
        log.append(record(str(i), ["x" * 4000] if i % 10 == 9 else ["c"]))
        told.append(str(i))
    except WorkspaceError as error:
        assert "cannot be written down (" in str(error), error
print(json.dumps(told))
"""


def test_where_there_is_no_room_nothing_of_a_line_is_left(tmp_path):
    """A file may have 3,000 bytes: what does not fit is refused, what follows has its place."""
    with started(SHORT, tmp_path) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    assert {"0", "39"} & set(told) == {"0"}
    assert len(told) > 20
    assert ids(tmp_path) == told
    assert all(path.stat().st_size for path in tmp_path.glob("*.jsonl"))


def test_a_full_disk_is_told_and_ends_with_room(small_disk):
    log = PredictionLog(small_disk)
    (small_disk / "ballast").write_bytes(os.urandom(2**21 - 2**16))
    told = 0
    with pytest.raises(WorkspaceError, match="No space left on device"):
        for told in range(10_000):
            log.append(record(str(told)))
    assert ids(small_disk) == [str(i) for i in range(told)]
    (small_disk / "ballast").unlink()
    log.append(record("after"))
    log.close()
    assert ids(small_disk)[-1] == "after"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "log").write_text("")
    with pytest.raises(WorkspaceError, match="Make room there, or give another --workspace"):
        PredictionLog(tmp_path / "log").append(record())
