"""Every answer arrives once: whoever is killed, whatever is away, however the lines are split."""

import contextlib
import json
import os
import signal
import tempfile
import threading
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predictions import WRITING, killed_while_writing, lines, logged, record, started

from clientage.errors import ClientageError, SinkError, WorkspaceError
from clientage.serving import ship as shipping
from clientage.serving import spool
from clientage.serving.folder import FolderSink, read_predictions
from clientage.serving.log import PredictionLog
from clientage.serving.ship import Asked, Shipper
from clientage.serving.sinks import open_sink


class Broken:
    """A sink that fails as long as it is told to, before it keeps anything or after."""

    def __init__(self, sink, *, before=None, after=None):
        self.sink, self.before, self.after, self.given = sink, before, after, []

    def write(self, name, rows):
        self.given.append(name)
        if self.before:
            raise self.before
        self.sink.write(name, rows)
        if self.after:
            raise self.after

    def forget(self, customer_id):
        return self.sink.forget(customer_id)

    def close(self):
        self.sink.close()


AWAY = SinkError("The database cannot be reached. Start it.", "away")


@pytest.fixture
def spool_(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def sink(tmp_path):
    return FolderSink(tmp_path / "predictions")


def arrived(sink):
    return read_predictions(sink.folder)["prediction_id"].to_pylist()


def test_what_is_logged_arrives_and_is_cleared_away(spool_, sink):
    logged(spool_, record("r1", ["a", "b"]), record("r2"))
    logged(spool_, record("r3"))
    shipper = Shipper(spool_, sink)
    assert shipper.once() == 4
    assert arrived(sink) == ["r1-0", "r1-1", "r2-0", "r3-0"]
    assert lines(spool_) == []
    assert spool.offsets(spool_) == {}
    assert shipper.once() == 0


def test_an_absent_folder_has_nothing_to_ship(spool_, sink):
    assert Shipper(spool_, sink).once() == 0
    assert not sink.folder.exists()


def test_what_is_still_written_is_shipped_as_it_comes(spool_, sink):
    log = PredictionLog(spool_)
    shipper = Shipper(spool_, sink)
    for i in range(3):
        log.append(record(f"r{i}"))
        assert shipper.once() == 1
        assert len(lines(spool_)) == i + 1, "its writer lives"
    assert arrived(sink) == ["r0-0", "r1-0", "r2-0"]
    log.close()
    assert shipper.once() == 0
    assert lines(spool_) == []


def test_files_have_the_name_of_the_log_and_the_place(spool_, sink):
    logged(spool_, *[record(f"r{i}", ["x" * 50]) for i in range(10)])
    (path,) = spool_.glob("*.jsonl")
    length = path.stat().st_size // 10
    Shipper(spool_, sink, most_bytes=3 * length).once()
    places = [0, 3 * length, 6 * length, 9 * length]
    assert sorted(p.name for p in sink.folder.iterdir()) == [f"{path.stem}-{place:012}.parquet" for place in places]


def test_a_line_longer_than_a_step_is_shipped_whole(spool_, sink):
    logged(spool_, record("r1", ["x" * 900] * 200), record("r2"))
    assert Shipper(spool_, sink, most_bytes=100).once() == 201


def test_a_line_of_a_dead_writer_without_an_end_was_never_answered(spool_, sink, capfd):
    logged(spool_, record("whole"))
    with next(spool_.glob("*.jsonl")).open("ab") as file:
        file.write(orjson.dumps(record("torn", ["zoe@example.com"]))[:-3])
    assert Shipper(spool_, sink).once() == 1
    assert arrived(sink) == ["whole-0"]
    assert sorted(path.name for path in spool_.glob("*.jsonl")) == []
    assert json.loads(capfd.readouterr().err)["event"] == "torn line dropped"


def test_a_line_that_is_not_whole_yet_is_waited_for(spool_, sink):
    log = PredictionLog(spool_)
    log.append(record("r1"))
    line = orjson.dumps(record("r2")) + b"\n"
    os.write(log._file, line[:40])
    shipper = Shipper(spool_, sink)
    assert (shipper.once(), shipper.once()) == (1, 0)
    os.write(log._file, line[40:])
    assert shipper.once() == 1
    assert arrived(sink) == ["r1-0", "r2-0"]


def test_what_cannot_be_read_is_put_aside_and_holds_nothing_up(spool_, sink, capfd):
    logged(spool_, record("r1"), {"id": "zoe@example.com"}, record("r2"))
    shipper = Shipper(spool_, sink)
    assert shipper.once() == 2
    assert shipper.once() == 0
    assert (spool_ / spool.UNREADABLE).read_bytes() == b'{"id":"zoe@example.com"}\n'
    told = capfd.readouterr().err
    assert "zoe" not in told
    assert json.loads(told)["lines"] == 1
    logged(spool_, {"id": "another"})
    shipper.once()
    assert len((spool_ / spool.UNREADABLE).read_bytes().splitlines()) == 2


@pytest.mark.parametrize("error", [AWAY, OSError(5, "Input/output error")])
def test_as_long_as_nobody_takes_them_they_wait(spool_, sink, error):
    logged(spool_, *[record(f"r{i}") for i in range(20)])
    before = lines(spool_)
    broken = Broken(sink, before=error)
    shipper = Shipper(spool_, broken)
    for i in range(3):
        with pytest.raises(ClientageError):
            shipper.once()
        assert spool.state(spool_) == spool.State(failures=i + 1, reason=getattr(error, "kind", "log"))
    assert lines(spool_) == before
    assert spool.backlog(spool_) == spool.Backlog(sum(map(len, before)), 1)
    broken.before = None
    assert shipper.once() == 20
    now = spool.state(spool_)
    assert (now.shipped, now.failures, now.reason) == (20, 3, "")
    assert now.last_shipped > 1_700_000_000
    assert spool.backlog(spool_) == spool.Backlog(0, 0)


def test_who_dies_after_shipping_and_before_noting_it_ships_again_and_it_is_there_once(spool_, sink):
    with contextlib.closing(PredictionLog(spool_)) as log:
        log.append(record("r1"))
        with pytest.raises(KeyboardInterrupt):
            Shipper(spool_, Broken(sink, after=KeyboardInterrupt())).once()
        assert spool.offsets(spool_) == {}
        log.append(record("r2"))
    assert Shipper(spool_, sink).once() == 2
    assert arrived(sink) == ["r1-0", "r2-0"]
    assert sum(len(read_predictions(sink.folder)) for _ in sink.folder.glob("*.parquet")) == 2, "not even in the files"


def test_the_same_with_postgresql(spool_, postgres):
    postgres("DROP TABLE IF EXISTS predictions")
    logged(spool_, record("r1"), record("r2"))
    with contextlib.closing(open_sink(postgres.address())) as database:
        with pytest.raises(KeyboardInterrupt):
            Shipper(spool_, Broken(database, after=KeyboardInterrupt())).once()
        assert Shipper(spool_, database).once() == 2
    assert postgres("SELECT request_id FROM predictions ORDER BY 1").split() == ["request_id", "r1", "r2"]


def test_a_full_disk_does_not_keep_shipped_files_from_going(spool_, sink, monkeypatch):
    logged(spool_, record("r1"))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "save_offsets", full)
    monkeypatch.setattr(spool, "save_state", full)
    with contextlib.closing(PredictionLog(spool_)) as log:
        log.append(record("r2"))
        shipper = Shipper(spool_, sink)
        assert [shipper.once(), shipper.once()] == [2, 0]
        assert len(lines(spool_)) == 1


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"a": "b"}', "\0\0"])
def test_spoilt_notes_make_it_ship_again_and_nothing_twice(spool_, sink, spoilt):
    log = PredictionLog(spool_)
    log.append(record("r1"))
    Shipper(spool_, sink).once()
    for name in (spool.SHIPPED, spool.STATE):
        (spool_ / name).write_text(spoilt)
    log.append(record("r2"))
    assert Shipper(spool_, sink).once() == 2
    assert spool.state(spool_).shipped == 2
    assert arrived(sink) == ["r1-0", "r2-0"]


def test_customers_who_were_forgotten_are_dropped(spool_, sink):
    logged(spool_, record("r1", ["a", "zoe", None]), record("r2", ["zoe"]))
    asked = []

    def forgotten(customers):
        asked.append(set(customers))
        return {"zoe"}

    assert Shipper(spool_, sink, forgotten).once() == 2
    assert asked == [{"a", "zoe"}]
    assert arrived(sink) == ["r1-0", "r1-2"]
    logged(spool_, record("r3", ["zoe"]))
    assert Shipper(spool_, sink, forgotten).once() == 0
    assert lines(spool_) == []


def test_where_it_cannot_be_told_who_was_forgotten_nothing_is_shipped(spool_, sink):
    logged(spool_, record())

    def forgotten(_):
        raise WorkspaceError("who was forgotten cannot be read")

    with pytest.raises(WorkspaceError):
        Shipper(spool_, sink, forgotten).once()
    assert len(lines(spool_)) == 1
    assert spool.state(spool_).reason == "workspace"


def test_it_stops_between_steps_when_asked(spool_, sink):
    logged(spool_, *[record(f"r{i}") for i in range(10)])
    steps = iter([True, True, False])
    assert Shipper(spool_, sink, most_bytes=1).once(lambda: next(steps)) == 2
    assert len(lines(spool_)) == 10
    assert Shipper(spool_, sink).once() == 8


# Round after round


class Rounds:
    """A stop that comes after so many rounds, and notes how long was to be waited for each."""

    def __init__(self, rounds, each=lambda _: None):
        self.rounds, self.each, self.waits = rounds, each, []

    def is_set(self):
        return len(self.waits) > self.rounds

    def wait(self, timeout):
        self.waits.append(timeout)
        self.each(len(self.waits))
        return self.is_set()


def test_what_fails_is_tried_ever_more_rarely_and_again_at_once_when_it_works(spool_, sink, capfd):
    logged(spool_, record("r1", ["zoe@example.com"]))
    broken = Broken(sink, before=AWAY)

    def mend(wait):
        broken.before = None if wait == 10 else broken.before

    rounds = Rounds(12, mend)
    Shipper(spool_, broken, every=5).run(rounds)
    assert rounds.waits == [0, 1, 2, 4, 8, 16, 30, 30, 30, 30, 5, 5, 5]
    told = capfd.readouterr().err
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events] == ["not shipped"] * 9 + ["shipping again"]
    assert {event["reason"] for event in events[:-1]} == {"away"}
    assert "zoe" not in told


def test_told_to_stop_it_ships_what_is_left(spool_, sink):
    stop = Rounds(0, lambda _: logged(spool_, record("last")))
    Shipper(spool_, sink).run(stop)
    assert arrived(sink) == ["last-0"]


def test_who_ships_waits_until_there_is_a_round_to_do_now():
    kept = {number: signal.getsignal(number) for number in (spool.NOW, signal.SIGTERM, signal.SIGINT)}
    try:
        stop = Asked(os.getppid())
        signal.raise_signal(spool.NOW)
        assert not stop.wait(60)
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait(60)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def test_a_second_shipper_waits_for_the_first(spool_, sink):
    logged(spool_, record("r1"))
    first = contextlib.ExitStack()
    first.enter_context(spool.locked(spool_, shipping.ONE))
    asked = []

    class Second(Rounds):
        def is_set(self):
            asked.append(len(lines(spool_)))
            if len(asked) == 2:
                first.close()
            return super().is_set()

    Shipper(spool_, sink).run(Second(1))
    assert asked[:2] == [1, 1]
    assert arrived(sink) == ["r1-0"]


def test_a_second_shipper_that_is_told_to_stop_leaves_all_to_the_first(spool_, sink):
    logged(spool_, record("r1"))
    stop = threading.Event()
    stop.set()
    with spool.locked(spool_, shipping.ONE):
        Shipper(spool_, sink).run(stop)
    assert len(lines(spool_)) == 1


def test_who_removes_is_waited_for_and_told(spool_, sink):
    with (
        spool.locked(spool_),
        pytest.raises(WorkspaceError, match="Try again in a minute"),
        spool.locked(spool_, seconds=0),
    ):
        pass
    assert Shipper(spool_, sink).once() == 0


# Processes, for real

SHIPPING = """
import os, sys
from pathlib import Path
from clientage.serving.ship import ship

ship(Path(sys.argv[1]), sys.argv[2], 0.05, int(sys.argv[3]) if sys.argv[3:] else os.getppid())
"""


def test_told_to_end_the_process_ships_the_rest_and_says_so(spool_, sink):
    log = PredictionLog(spool_)
    with started(SHIPPING, spool_, sink.folder) as process:
        assert json.loads(process.stderr.readline())["event"] == "shipping"
        for i in range(500):
            log.append(record(f"r{i:03}"))
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        ended = json.loads(process.stderr.read().splitlines()[-1])
    assert (ended["event"], ended["waiting"]) == ("shipping ended", 0)
    assert arrived(sink) == [f"r{i:03}-0" for i in range(500)]


def test_when_its_parent_is_gone_the_process_ends(spool_, sink):
    logged(spool_, record("r1"))
    with started(SHIPPING, spool_, sink.folder, 1 if os.getppid() != 1 else 2) as process:
        assert process.wait() == 0
    assert arrived(sink) == ["r1-0"]


def test_an_address_that_will_not_do_ends_the_process(spool_):
    with started(SHIPPING, spool_, "gs://bucket") as process:
        _, err = process.communicate()
    assert process.returncode == 1
    assert "SettingsError" in err


@pytest.mark.slow
def test_whoever_is_killed_every_answer_arrives_once(spool_, sink):
    """Two writers and two shippers die without notice; another shipper finds what they left."""
    answered = []
    for name in ("v", "w"):
        with started(SHIPPING, spool_, sink.folder) as process:
            process.stderr.readline()
            answered += killed_while_writing(spool_, name, 400)
            process.kill()
    with contextlib.closing(PredictionLog(spool_)) as log:
        log.append(record("mine"))
        while Shipper(spool_, sink).once():
            pass
    Shipper(spool_, sink).once()
    found = arrived(sink)
    assert {f"{request}-{place}" for request in answered for place in (0, 1)} | {"mine-0"} <= set(found)
    assert len(found) - 2 * len(answered) - 1 in (0, 2, 4), "but for what they were about to tell"
    assert list(spool_.glob("*.jsonl")) == []


@pytest.mark.slow
def test_while_the_database_is_away_everything_waits_and_then_arrives(spool_, postgres):
    postgres("DROP TABLE IF EXISTS predictions")
    with started(SHIPPING, spool_, postgres.address()) as process, started(WRITING, spool_, "w") as writer:
        answered = [writer.stdout.readline().strip() for _ in range(300)]
        while spool.state(spool_).shipped == 0:
            assert process.poll() is None
        postgres.stop()
        try:
            while spool.state(spool_).reason != "away":
                assert process.poll() is None
                answered.append(writer.stdout.readline().strip())
            waiting = spool.backlog(spool_)
        finally:
            postgres.start()
        writer.kill()
        answered += writer.stdout.read().split()
        process.terminate()
        told = process.stderr.read()
        assert process.wait() == 0
    assert waiting.bytes > 0
    with contextlib.closing(open_sink(postgres.address())) as database:
        Shipper(spool_, database).once()
    found = postgres("SELECT request_id FROM predictions").split()[1:]
    assert set(answered) <= set(found)
    assert len(found) == 2 * len(set(found))
    assert spool.backlog(spool_) == spool.Backlog(0, 0)
    assert "not shipped" in told


# Whatever the splits

NAMES = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=12),
    st.integers(1, 2000),
    st.integers(1, 3000),
    st.lists(st.sampled_from(["before", "after", "nothing", "more"]), max_size=12),
)
def test_however_it_is_split_and_whatever_fails_all_that_was_logged_arrives(requests, most_bytes, of_file, events):
    with tempfile.TemporaryDirectory() as folder:
        log, sink = PredictionLog(Path(folder) / "log", most_bytes=of_file), FolderSink(Path(folder) / "sink")
        answers = [record(f"r{i}", customers) for i, customers in enumerate(requests)]
        waiting = iter(answers)
        for event in events:
            if event == "more" and (answer := next(waiting, None)):
                log.append(answer)
            broken = Broken(sink, **{event: AWAY} if event in ("before", "after") else {})
            with contextlib.suppress(SinkError):
                Shipper(log._folder, broken, most_bytes=most_bytes).once()
        for answer in waiting:
            log.append(answer)
        log.close()
        Shipper(log._folder, sink, most_bytes=most_bytes).once()
        found = read_predictions(sink.folder)
        expected = {(f"{a['id']}-{i}", c) for a in answers for i, c in enumerate(a["parts"][0]["customer_id"])}
        rows = list(zip(found["prediction_id"].to_pylist(), found["customer_id"].to_pylist(), strict=True))
        assert len(rows) == len(expected)
        assert set(rows) == expected
        assert list(log._folder.glob("*.jsonl")) == []


def test_a_file_that_goes_while_the_folder_is_shipped_is_none(spool_, sink, monkeypatch):
    logged(spool_, record())
    found = spool.files(spool_)
    found[0].unlink()
    monkeypatch.setattr(spool, "files", lambda _: found)
    assert Shipper(spool_, sink).once() == 0


def test_a_file_that_goes_while_it_is_looked_at_waits_no_more(spool_, monkeypatch):
    logged(spool_, record())
    found = spool.files(spool_)
    found[0].unlink()
    monkeypatch.setattr(spool, "files", lambda _: found)
    assert spool.backlog(spool_) == spool.Backlog(0, 0)
