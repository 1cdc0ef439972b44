"""Workspaces in a bucket: published whole, fetched whole, by one at a time, and little moves."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from storages import failed

from clientage import copies, settings, shared
from clientage.cloud import publications
from clientage.cloud import storage as door
from clientage.cloud.storage import Folder
from clientage.contents import names
from clientage.errors import GateError, WorkspaceError
from clientage.warehouse import connect

NAMES = ("model/segments.json", "run.json", "tables/a.parquet", "tables/b.parquet")


class Machine:
    """A computer with copies of its own."""

    def __init__(self, folder, address):
        self.folder, self.address, self.told = folder, address, []

    def local(self, *, publishes=False):
        wanted = settings.load(overrides=[f"workspace={self.address}", f"warehouse.copies={self.folder}"])
        return shared.local(wanted, publishes=publishes, tell=self.told.append)

    def write(self, files):
        """A verb that writes."""
        with self.local(publishes=True) as here:
            written(here.workspace, files)

    def read(self):
        """What a verb that reads sees."""
        with self.local() as here:
            return files_of(here.workspace)

    @property
    def copy(self):
        return copies.of(self.workspace)

    @property
    def workspace(self):
        with self.local() as here:
            return here.workspace


def written(workspace, files):
    for name, text in files.items():
        path = workspace / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".draft").write_text(text)
        path.with_suffix(".draft").replace(path)


def files_of(workspace):
    return {name: (workspace / name).read_text() for name in names(workspace)}


def whole(number):
    return {name: f"{name} of {number}" for name in NAMES}


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Little patience with what does not answer, and with whoever is at work."""
    monkeypatch.setattr(door, "SMALL", 0.5)
    monkeypatch.setattr(door, "LARGE", 0.5)
    monkeypatch.setattr(copies, "PATIENCE", 0.1)


@pytest.fixture
def machines(bucket_gate, address, tmp_path):
    return [Machine(tmp_path / name, address) for name in ("one", "two", "three")]


@pytest.fixture
def uploads(bucket_gate):
    """Names of what went up since last asked."""

    def asked():
        found = [
            name.rpartition("/")[2]
            for method, path, name in bucket_gate.calls
            if method == "POST" and "/upload/" in path
        ]
        bucket_gate.calls.clear()
        return found

    return asked


def test_what_one_machine_publishes_another_reads(machines):
    one, two, _ = machines
    assert two.read() == {}
    one.write(whole(1))
    assert two.read() == whole(1)
    two.write({"run.json": None, "new.txt": "new"})
    assert (
        one.read()
        == two.read()
        == {name: text for name, text in whole(1).items() if name != "run.json"} | {"new.txt": "new"}
    )
    assert f"{one.address} · publication 1 · 4 of 4 files" in one.told[0]


def test_only_what_changed_moves(machines, uploads, bucket_gate):
    one, two, _ = machines
    one.write(whole(1))
    two.read()
    uploads()
    one.write({"run.json": "another", "copy.json": whole(1)["tables/a.parquet"]})
    assert len(uploads()) == 2  # one file, and the listing
    two.read()
    assert len([path for _, path, _ in bucket_gate.calls if "alt=media" in path]) == 2
    one.write({})
    assert uploads() == []
    assert one.copy.base.number == 2


def test_a_verb_that_only_reads_publishes_nothing_and_mends_the_copy(machines, uploads):
    one, two, _ = machines
    one.write(whole(1))
    uploads()
    with one.local() as here:
        written(here.workspace, {"run.json": "mine", "more.txt": "mine", "tables/a.parquet": None})
    assert one.read() == whole(1)
    assert uploads() == []
    assert two.read() == whole(1)


def test_what_belongs_to_a_machine_or_to_a_run_stays_there(machines):
    one, two, _ = machines
    own = ["serving/log/a.jsonl", "predictions/a.parquet", ".staging/x", "challenger/.scratch/y", "tracking/.lock"]
    one.write(whole(1) | dict.fromkeys(own, "own") | {"challenger/model/segments.json": "theirs"})
    assert two.read() == whole(1) | {"challenger/model/segments.json": "theirs"}
    one.write({"challenger/model/segments.json": None})
    two.read()
    assert not (two.workspace / "challenger").exists()
    assert {name for name in own if (one.workspace / name).exists()} == set(own)


def test_of_two_at_once_one_wins(machines):
    one, two, three = machines
    one.write(whole(1))
    with (
        pytest.raises(WorkspaceError, match=r"somebody else published meanwhile, and nothing was changed there\."),
        two.local(publishes=True) as here,
    ):
        written(here.workspace, {"run.json": "two"})
        one.write({"run.json": "one"})
    assert three.read()["run.json"] == two.read()["run.json"] == "one"
    two.write({"run.json": "two"})
    assert one.read()["run.json"] == "two"


def test_what_the_loser_put_there_goes_with_the_next_publication(machines, address):
    one, two, three = machines
    one.write(whole(1))
    with pytest.raises(WorkspaceError, match="meanwhile"), two.local(publishes=True) as here:
        written(here.workspace, {"run.json": "the same", "two.txt": "two"})
        one.write({"run.json": "the same"})
    assert three.read()["run.json"] == "the same"
    three.write({"three.txt": "three"})
    assert two.read() == one.read() == three.read()
    assert set(Folder(address).names("objects/")) == {f"objects/{each}" for each in three.copy.base.kept}


def of_one(path, text, number=0):
    """A file with some text, as it is published."""
    path.write_text(text)
    return {f"{number}.txt": (path, publications.File(publications.digest(path), len(text)))}


def test_who_loses_takes_nothing_from_who_publishes_the_same_next(bucket_gate, address, tmp_path):
    """The loser puts the content that another one has put already, and loses before that one names it."""
    folder, same = Folder(address), of_one(tmp_path / "same", "the same")
    began = publications.publish(folder, publications.Publication(), of_one(tmp_path / "first", "first"), 3)
    now = publications.publish(folder, began, of_one(tmp_path / "second", "second"), 3)
    lost = []

    def lose(method, path, name):
        if method == "POST" and name.endswith("current.json") and not lost:
            lost.append(True)
            with pytest.raises(WorkspaceError, match="meanwhile"):
                publications.publish(folder, began, same, 3)

    bucket_gate.plan = lose
    named = publications.publish(folder, now, same, 3)
    assert lost
    (tmp_path / "place").mkdir()
    assert len(publications.fetch(folder, named.files.values(), tmp_path / "place")) == 1


def test_what_is_put_for_the_next_publication_stays_where_the_one_before_removes_late(bucket_gate, address, tmp_path):
    """Of content that nobody names any more: put anew after the replacement, before its publisher removes it."""
    folder, same = Folder(address), of_one(tmp_path / "same", "the same")
    began = publications.publish(folder, publications.Publication(), same, 1)
    other, next_ones = of_one(tmp_path / "other", "other"), []

    def come_between(method, path, name):
        if method == "DELETE" and not next_ones:
            next_ones.append(None)
            now = publications.current(folder)
            next_ones.append(publications.publish(folder, now, other | of_one(tmp_path / "same", "the same", 1), 1))

    bucket_gate.plan = come_between
    publications.publish(folder, began, other, 1)
    named = publications.current(folder)
    assert named == next_ones[1]
    (tmp_path / "place").mkdir()
    assert len(publications.fetch(folder, named.files.values(), tmp_path / "place")) == 2


def test_what_a_loser_put_before_somebody_is_forgotten_is_not_kept(machines, address, bucket_gate):
    """A publisher who will lose puts the customer there while the one who forgets them is uploading."""
    one, two, _ = machines
    one.write({"tables/a.parquet": "Ann, Bob"})
    two.read()
    folder, late = Folder(address), []

    def put(method, path, name):
        if method == "POST" and "/objects/" in name and not late:
            late.append(True)
            (two.folder / "late").write_text("Ann, Bob, late")
            folder.put(f"objects/{publications.digest(two.folder / 'late')}", two.folder / "late")

    bucket_gate.plan = put
    one.write({"tables/a.parquet": "Bob", "forgotten/salt": "s", "forgotten/1.json": "{}"})
    kept = [folder.read(name)[0] for name in folder.names("")]
    assert late
    assert not [data for data in kept if b"Ann" in data]


def test_the_first_of_all_is_first_once(machines):
    one, two, _ = machines
    with pytest.raises(WorkspaceError, match="meanwhile"), two.local(publishes=True) as here:
        written(here.workspace, whole(2))
        one.write(whole(1))
    assert two.read() == whole(1)


@pytest.mark.parametrize("failing", range(6))
def test_a_publication_that_fails_changes_nothing_and_is_made_up_for(machines, bucket_gate, failing):
    """At any file, at the list of objects, or at the listing of files; what was made stays here and goes up next."""
    one, two, _ = machines
    one.write(whole(1))
    calls = []

    def refused(method, path, name):
        if method == "POST" or (method == "GET" and "prefix=" in path):
            calls.append(name)
            return failed(503) if len(calls) > failing else None
        return None

    bucket_gate.plan = refused
    with pytest.raises(WorkspaceError, match=r"What was made is in the local copy, .*, and not published"):
        one.write(whole(2))
    bucket_gate.plan = lambda *_: None
    assert two.read() == whole(1)
    assert one.read() == whole(2)
    assert "is not published yet" in one.told[-1]
    assert not copies.is_published(one.workspace, "run.json")
    one.write({})
    assert copies.is_published(one.workspace, "run.json")
    assert copies.is_published(one.folder, "run.json")
    assert two.read() == whole(2)


def test_what_could_not_be_published_gives_way_to_what_somebody_published_since(machines, bucket_gate):
    one, two, _ = machines
    one.write(whole(1))
    bucket_gate.plan = lambda method, path, name: failed(503) if method == "POST" else None
    with pytest.raises(WorkspaceError, match="not published"):
        one.write(whole(2))
    bucket_gate.plan = lambda *_: None
    two.write(whole(3))
    assert one.read() == whole(3)


def test_a_verb_that_fails_publishes_what_is_whole_and_tells_its_own_error(machines, bucket_gate):
    one, two, _ = machines
    with pytest.raises(GateError, match=f"^{one.address}/run.json: refused"), one.local(publishes=True) as here:
        written(here.workspace, whole(1))
        raise GateError(f"{here.workspace}/run.json: refused")
    assert two.read() == whole(1)
    bucket_gate.plan = lambda method, path, name: failed(503) if method == "POST" else None
    with pytest.raises(GateError, match="refused"), one.local(publishes=True) as here:
        written(here.workspace, whole(2))
        raise GateError("refused")
    assert one.told[-1].startswith(f"warning: {one.address}: Cloud Storage does not answer")


def test_nothing_is_published_of_what_was_interrupted(machines):
    one, two, _ = machines
    with pytest.raises(KeyboardInterrupt), one.local(publishes=True) as here:
        written(here.workspace, whole(1))
        raise KeyboardInterrupt
    assert two.read() == {}


PUBLISH = """
import sys
from pathlib import Path
from clientage.cloud import publications
from clientage.cloud.publications import File
from clientage.cloud.storage import Folder
folder, place = Folder(sys.argv[1]), Path(sys.argv[2])
paths = {name: place / name for name in sys.argv[3:]}
files = {name: (path, File(publications.digest(path), path.stat().st_size)) for name, path in paths.items()}
publications.publish(folder, publications.current(folder), files, 2)
"""


@pytest.mark.slow
def test_killed_anywhere_the_set_of_before_or_the_new_one_is_there(machines, bucket_gate, address, tmp_path):
    """Killed at each call that changes something, before it is done and after; then another machine goes on."""
    one, two, _ = machines
    number, calls, ended = 1, 0, False
    one.write(whole(1))
    while not ended:
        written(tmp_path / "place", whole(number + 1))
        command = [sys.executable, "-c", PUBLISH, address, str(tmp_path / "place"), *NAMES]
        process = subprocess.Popen(command, start_new_session=True)
        seen = []

        def kill(method, path, name, now=process, seen=seen, at=calls):
            if method in ("POST", "DELETE"):
                seen.append(name)
                if len(seen) == at // 2 + 1:
                    os.kill(now.pid, signal.SIGKILL)
                    return failed(503)
            return None

        bucket_gate.plan, bucket_gate.after = (kill, lambda *_: None) if calls % 2 == 0 else (lambda *_: None, kill)
        ended = process.wait(60) == 0
        bucket_gate.plan = bucket_gate.after = lambda *_: None
        found = two.read()
        assert found in (whole(number), whole(number + 1))
        number = int(found["run.json"].rpartition(" ")[2])
        calls += 1
    assert calls >= 2 * len(NAMES)
    one.write({"run.json": "last"})
    assert set(Folder(address).names("objects/")) == {f"objects/{each}" for each in one.copy.base.kept}


def test_a_reader_sees_whole_sets_only(machines, bucket_gate):
    """One publishes, with uploads that fail now and then; two others read all the while, one of them on one machine."""
    one, two, three = machines
    one.write(whole(1))
    chance, ended, seen, wrong = random.Random(7), threading.Event(), set(), []
    bucket_gate.plan = lambda method, path, name: (
        failed(400, "invalid") if method == "POST" and chance.random() < 0.15 else None
    )

    def read(machine):
        try:
            while not ended.is_set():
                found = machine.read()
                seen.update(text.rpartition(" ")[2] for text in found.values())
                if len({text.rpartition(" ")[2] for text in found.values()}) != 1:
                    wrong.append(found)
        except Exception as error:
            wrong.append(error)

    readers = [threading.Thread(target=read, args=(machine,)) for machine in (two, three)]
    for reader in readers:
        reader.start()
    for number in range(2, 20):
        try:
            one.write(whole(number))
        except WorkspaceError as error:
            assert "not published" in str(error)
    ended.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(seen) > 2


def test_publications_before_are_kept_for_readers_and_older_ones_go(machines, address):
    one, two, _ = machines
    for number in range(1, 6):
        one.write(whole(number))
    base = one.copy.base
    assert [each["number"] for each in base.before] == [4, 3]
    assert len(Folder(address).names("objects/")) == 3 * len(NAMES)
    two.read()
    assert two.copy.base.published


def test_a_reader_whose_files_go_meanwhile_reads_what_is_there_now(machines, bucket_gate):
    one, two, _ = machines
    one.write(whole(1))
    moved, turn = iter([2, 3, 4]), threading.Lock()  # files are fetched side by side

    def publish(method, path, name):
        if "alt=media" in path and "objects/" in name and turn.acquire(blocking=False):
            with contextlib.closing(contextlib.ExitStack()) as stack:
                stack.callback(turn.release)
                number = next(moved, 0)
                for each in (number * 10, number * 10 + 1, number * 10 + 2) if number else ():
                    one.write(whole(each))

    bucket_gate.plan = publish
    assert two.read() == whole(42)


def test_who_is_forgotten_is_in_nothing_that_is_kept(machines, address):
    one, two, _ = machines
    one.write({"tables/a.parquet": "Ann, Bob"})
    one.write({"tables/a.parquet": "Ann, Bob", "run.json": "2"})
    two.read()
    one.write({"tables/a.parquet": "Bob", "forgotten/salt": "s", "forgotten/1.json": "{}"})
    folder = Folder(address)
    kept = [folder.read(name)[0] for name in folder.names("")]
    assert len(kept) == 5
    assert not [data for data in kept if b"Ann" in data]
    assert two.read()["tables/a.parquet"] == "Bob"


def test_a_copy_that_is_at_work_is_left_alone(machines):
    one, two, _ = machines
    one.write(whole(1))
    copy = one.copy
    two.write({"run.json": "2"})
    with copy.alone(0):
        assert one.read() == whole(1)  # as it is: whoever works in it goes on from there
        assert not copies.of(copy.workspace).follow()
        with pytest.raises(WorkspaceError, match="another run is using this workspace"):
            one.write(whole(3))
    assert copy.follow()
    assert files_of(copy.workspace)["run.json"] == "2"
    assert not copy.follow()


def test_a_copy_knows_where_it_is_from(machines):
    one, two, _ = machines
    one.write(whole(1))
    assert copies.told(one.workspace) == one.address
    again = Machine(one.folder, str(one.workspace))
    again.write({"run.json": "by the path of the copy"})
    assert two.read()["run.json"] == "by the path of the copy"
    assert copies.of(Path("workspace")) is None
    assert copies.told(Path("workspace")) == "workspace"


def test_a_publication_that_has_gone_empties_no_copy(machines, address):
    one, _, _ = machines
    one.write(whole(1))
    folder = Folder(address)
    folder.remove("current.json", folder.generation("current.json"))
    with pytest.raises(WorkspaceError, match="publication 1 was there, and now there is none"):
        one.read()
    assert files_of(one.folder.glob("*/workspace").__next__()) == whole(1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "it is something else"),
        (b"[1]", "it is something else"),
        (b'{"format": 2}', "its format is 2, this Clientage reads 1"),
        (b"\x00", "no publication can be read there"),
    ],
)
def test_a_listing_that_is_none_is_refused(machines, address, data, said):
    Folder(address).replace("current.json", data, 0)
    with pytest.raises(WorkspaceError, match=said):
        machines[0].read()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ".lock", "a\\b", "a/", "", "."])
def test_a_listing_cannot_lead_out_of_the_copy(machines, address, name):
    listing = publications.Publication(1, files={name: publications.File("0" * 64, 1)})
    Folder(address).replace("current.json", listing.dumps().encode(), 0)
    with pytest.raises(WorkspaceError, match="no name of a file"):
        machines[0].read()


def test_a_file_that_was_altered_is_refused(machines, bucket_gate, address, tmp_path):
    one, two, _ = machines
    one.write(whole(1))
    name = next(iter(Folder(address).names("objects/")))
    (tmp_path / "altered").write_text("altered")
    Folder(address).put(name, tmp_path / "altered")
    with pytest.raises(WorkspaceError, match="was altered"):
        two.read()


def test_a_database_is_published_as_it_is_at_one_moment(machines):
    one, two, _ = machines
    with one.local(publishes=True) as here:
        (here.workspace / "tracking").mkdir(parents=True)
        with sqlite3.connect(here.workspace / "tracking/mlflow.db") as database:
            database.execute("CREATE TABLE a (b)")
        database.execute("INSERT INTO a VALUES (1)")  # under way
    database.close()
    with two.local() as here, sqlite3.connect(here.workspace / "tracking/mlflow.db") as database:
        assert database.execute("SELECT count(*) FROM a").fetchone() == (0,)
    assert one.copy.base.number == 1


@pytest.mark.usefixtures("bucket_gate")
def test_there_is_no_room_for_a_copy(address, tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(WorkspaceError, match=r"cannot be written \(Not a directory\)\. .* warehouse\.copies"):
        Machine(tmp_path / "file", address).read()


def test_an_address_is_no_folder():
    with pytest.raises(WorkspaceError, match="an address, not a folder"):
        connect(Path("gs://our-shop/shop"))
