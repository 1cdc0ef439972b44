"""Back-ups: a workspace in one file, and nothing but that back."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import zipfile
from datetime import date

import pyarrow.parquet as pq
import pytest

from clientage import pipeline
from clientage.backup import CONTENTS, backup, restore
from clientage.drafts import DRAFTED, draft, publish
from clientage.errors import ClientageError, InputError, WorkspaceError
from clientage.forget import forget
from clientage.forgotten import forgotten
from clientage.settings import load
from clientage.transactions.simulate import simulate
from clientage.warehouse import connect

QUICK = ("segments.k=3", "segments.bootstraps=2")
DAY, NEXT = date(2024, 12, 1), date(2024, 12, 8)


def settings_of(workspace, day=DAY):
    return load(overrides=[f"workspace={workspace}", f"as_of={day}", f"source.until={day}", *QUICK])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Order lines, a workspace with a draft and a registry, and a back-up of it."""
    home = tmp_path_factory.mktemp("backup")
    simulate(300, out=home / "lines.parquet", start=date(2024, 1, 1))
    settings = settings_of(home / "ws")
    pipeline.run(settings, str(home / "lines.parquet"))
    (home / "ws" / "tracking").mkdir()
    with sqlite3.connect(home / "ws" / "tracking" / "mlflow.db") as database:
        database.execute("CREATE TABLE models AS SELECT 1 AS version")
    draft(settings, "daily", ["read"], str(home / "lines.parquet"))
    backup(settings, home / "shop.zip")
    return home


@pytest.fixture
def home(shop, tmp_path):
    return shutil.copytree(shop, tmp_path / "home")


def files(workspace):
    """Checksums of what is kept, by name."""
    return {
        str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in workspace.rglob("*")
        if path.is_file() and not str(path.relative_to(workspace)).startswith((".", "drafts"))
    }


def altered(home, change):
    """The back-up with its parts changed: a dictionary of names and bytes."""
    with zipfile.ZipFile(home / "shop.zip") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(home / "other.zip", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return home / "other.zip"


def refused(home, path, **options):
    """What a restoration says that changes nothing."""
    before = files(home / "ws")
    with pytest.raises(ClientageError) as told:
        restore(settings_of(home / "ws"), path, replace=True, **options)
    assert files(home / "ws") == before
    assert sorted(each.name for each in home.iterdir() if each.name.startswith((".", "ws"))) == ["ws"]
    return str(told.value)


def test_what_comes_back_is_what_was_there_without_drafts(home):
    before = files(home / "ws")
    shutil.rmtree(home / "ws")
    kept = restore(settings_of(home / "ws"), home / "shop.zip")
    assert files(home / "ws") == before
    assert (kept.files, kept.replaced, kept.forgotten) == (len(before), None, 0)
    assert not (home / "ws" / "drafts").exists()


def test_days_go_on_from_a_restored_workspace_as_from_the_first(home):
    lines, other = str(home / "lines.parquet"), home / "elsewhere"
    restore(settings_of(other), home / "shop.zip")
    for workspace in (home / "ws", other):
        settings = settings_of(workspace, NEXT)
        draft(settings, "next", DRAFTED, lines)
        publish(settings, "next")
    tables = ("segments", "profiles", "recommendations")
    for name in tables:
        assert (home / f"ws/tables/{name}.parquet").read_bytes() == (other / f"tables/{name}.parquet").read_bytes()


def test_the_same_workspace_gives_the_same_bytes(home):
    backup(settings_of(home / "ws"), home / "again.zip")
    assert (home / "again.zip").read_bytes() == (home / "shop.zip").read_bytes()


def test_a_workspace_that_is_there_is_kept_beside_it(home):
    settings = settings_of(home / "ws")
    with pytest.raises(WorkspaceError, match="is not empty"):
        restore(settings, home / "shop.zip")
    (home / "ws" / "report.html").write_text("changed since")
    since = files(home / "ws")
    kept = restore(settings, home / "shop.zip", replace=True)
    assert kept.replaced == home / "ws.before-restore"
    assert files(kept.replaced) == since != files(home / "ws")
    with pytest.raises(WorkspaceError, match="before-restore: is there from the last time"):
        restore(settings, home / "shop.zip", replace=True)


def test_one_whose_tables_live_elsewhere_is_not_replaced(home):
    (home / "ws" / "tables.json").write_text('{"dataset": "bigquery://our-shop/shop", "tables": {}}')
    said = refused(home, home / "shop.zip")
    assert "its tables live in bigquery://our-shop/shop, are in no back-up" in said
    assert "another --workspace" in said


def test_who_was_forgotten_since_stays_forgotten(home):
    settings = settings_of(home / "ws")
    customer = pq.read_table(home / "ws" / "tables" / "segments.parquet")["customer_id"][0].as_py()
    forget(settings, customer)
    kept = restore(settings, home / "shop.zip", replace=True)
    assert kept.forgotten == 1
    for path in (home / "ws" / "tables").glob("*.parquet"):
        table = pq.read_table(path)
        if "customer_id" in table.column_names:
            assert customer not in table["customer_id"].to_pylist()
    assert forgotten(home / "ws", [customer]) == {customer}


def test_receipts_of_another_workspace_are_not_mixed(home):
    settings, other = settings_of(home / "ws"), settings_of(home / "other")
    names = pq.read_table(home / "ws" / "tables" / "segments.parquet")["customer_id"].to_pylist()
    restore(other, home / "shop.zip")
    forget(other, names[0])
    backup(other, home / "other-shop.zip")
    shutil.rmtree(home / "other")
    forget(settings, names[1])
    assert "Restore it into another --workspace" in refused(home, home / "other-shop.zip")


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_file_that_is_cut_short(home, share):
    whole = (home / "shop.zip").read_bytes()
    (home / "cut.zip").write_bytes(whole[: int(len(whole) * share)])
    assert "no whole back-up: it is cut short" in refused(home, home / "cut.zip")


def test_every_byte_counts(home):
    whole = bytearray((home / "shop.zip").read_bytes())
    with zipfile.ZipFile(home / "shop.zip") as archive:
        entry = archive.getinfo("tables/segments.parquet")
    whole[entry.header_offset + 200] ^= 1
    (home / "bent.zip").write_bytes(whole)
    assert "tables/segments.parquet was altered" in refused(home, home / "bent.zip")


def test_all_that_is_wrong_is_said_at_once(home):
    def change(parts):
        parts["tables/lines.parquet"] += b"more"
        del parts["report.html"], parts["run.json"]
        parts["stray.txt"] = b"?"

    said = refused(home, altered(home, change))
    assert "report.html is missing\nrun.json is missing\nstray.txt is not of it" in said

    def bend(parts):
        parts["tables/lines.parquet"] += b"more"
        parts["report.html"] = b"<p>"

    said = refused(home, altered(home, bend))
    assert "report.html was altered\ntables/lines.parquet was altered" in said


@pytest.mark.parametrize(
    "name", ["../evil", "/tmp/evil", "tables/../../evil", ".staging/COMPLETE", "a\\..\\evil", "a//b"]
)
def test_nothing_is_written_outside(home, name):
    def change(parts):
        told = json.loads(parts[CONTENTS])
        told["files"][name] = {"size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
        parts[CONTENTS], parts[name] = json.dumps(told).encode(), b"x"

    assert "is no name of a workspace" in refused(home, altered(home, change))
    assert not list(home.parent.glob("evil*"))


@pytest.mark.parametrize("contents", [b"", b"[]", b'{"format": 1}', b'{"format": 1, "files": {"a": 3}}'])
def test_contents_that_are_none(home, contents):
    assert "no whole back-up" in refused(home, altered(home, lambda parts: parts.update({CONTENTS: contents})))


def test_a_format_of_later(home):
    change = {CONTENTS: b'{"format": 2, "files": {}}'}
    assert "its format is 2, this Clientage reads 1" in refused(home, altered(home, lambda parts: parts.update(change)))


def test_no_file_at_all(home):
    assert "No such file" in refused(home, home / "none.zip")
    assert "no whole back-up" in refused(home, home / "lines.parquet")


def test_what_cannot_be_backed_up(home):
    settings = settings_of(home / "ws")
    for path, said in ((home / "shop.zip", "is there already"), (home / "ws" / "a.zip", "lies in the workspace")):
        with pytest.raises(WorkspaceError, match=said):
            backup(settings, path)
    with pytest.raises(WorkspaceError, match="nothing to back up"):
        backup(settings_of(home / "nothing"), home / "a.zip")
    with pytest.raises(WorkspaceError, match=r"No such file|no permission"):
        backup(settings, home / "missing" / "a.zip")
    assert not (home / "a.zip").exists()
    assert backup(settings, home / "shop.zip", overwrite=True).files == len(files(home / "ws"))


def test_nobody_else_works_in_it_meanwhile(home):
    settings = settings_of(home / "ws")
    with connect(home / "ws").alone():
        for call in (
            lambda: backup(settings, home / "a.zip"),
            lambda: restore(settings, home / "shop.zip", replace=True),
        ):
            with pytest.raises(WorkspaceError, match="is using this workspace"):
                call()


def test_a_full_disk_leaves_no_half_of_it(home, small_disk):
    settings = settings_of(home / "ws")
    (small_disk / "filled").write_bytes(b"0" * 1_900_000)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        backup(settings, small_disk / "a.zip")
    assert [path.name for path in small_disk.iterdir()] == ["filled"]
    with pytest.raises(WorkspaceError, match="the disk is full"):
        restore(settings_of(small_disk / "ws"), home / "shop.zip")
    assert [path.name for path in small_disk.iterdir()] == ["filled"]


KILLED = """
import os, signal, sys
from pathlib import Path
import clientage.backup as backups
from clientage.settings import load
forget = backups._forget_again
backups._forget_again = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
backups.restore(load(overrides=[f"workspace={sys.argv[1]}"]), Path(sys.argv[2]), replace=True)
"""


def test_one_that_is_killed_leaves_the_workspace_and_the_next_one_ends_it(home):
    before = files(home / "ws")
    done = subprocess.run([sys.executable, "-c", KILLED, home / "ws", home / "shop.zip"], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert files(home / "ws") == before
    restore(settings_of(home / "ws"), home / "shop.zip", replace=True)
    assert files(home / "ws") == before
    assert sorted(each.name for each in home.iterdir() if each.name.startswith((".", "ws"))) == [
        "ws",
        "ws.before-restore",
    ]


def test_the_verbs_say_what_they_did(home, command):
    done = command("backup", home / "b.zip", "--workspace", home / "ws")
    assert (done.returncode, done.stdout[:12]) == (0, "backup      ")
    done = command("restore", home / "b.zip", "--workspace", home / "ws")
    assert (done.returncode, "--replace" in done.stderr) == (1, True)
    done = command("restore", home / "b.zip", "--workspace", home / "ws", "--replace", "--json")
    assert json.loads(done.stdout)["replaced"] == str(home / "ws.before-restore")
    with pytest.raises(InputError):
        restore(settings_of(home / "new"), home / "lines.parquet")
