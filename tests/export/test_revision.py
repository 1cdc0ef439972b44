"""Which version of the data a workspace was made of: told only of what lies there unchanged."""

import builtins
import hashlib
import json

import pytest

from clientage.export.revision import dvc_revision


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A workspace that DVC made, of order lines that DVC knows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ws/tables").mkdir(parents=True)
    (tmp_path / "ws/tables/transactions.parquet").write_text("a table")
    (tmp_path / "orders.csv").write_text("lines")
    (tmp_path / "orders.csv.dvc").write_text(
        f"outs:\n- md5: {md5('lines')}\n  size: 5\n  hash: md5\n  path: orders.csv\n"
    )
    stage = {"cmd": "x", "deps": [{"path": "orders.csv", "hash": "md5", "md5": md5("lines")}]}
    stage["outs"] = [{"path": "ws/tables/transactions.parquet", "hash": "md5", "md5": md5("a table")}]
    (tmp_path / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": {"read": stage}}))
    return tmp_path


def found(folder, location="orders.csv", data=""):
    return dvc_revision(folder / "ws", location, data)


def test_the_table_itself_goes_first(folder):
    assert found(folder) == {"file": "dvc.lock", "path": "ws/tables/transactions.parquet", "md5": md5("a table")}


def test_then_the_note_beside_the_source(folder):
    (folder / "ws/tables/transactions.parquet").write_text("made without DVC")
    said = {"file": "orders.csv.dvc", "path": "orders.csv", "md5": md5("lines")}
    assert found(folder) == said
    assert found(folder, data=hashlib.sha256(b"lines").hexdigest()) == said
    assert found(folder, data=hashlib.sha256(b"earlier lines").hexdigest()) is None, "read before they changed"


def test_then_what_the_lock_says_of_the_source(folder):
    (folder / "ws/tables/transactions.parquet").unlink()
    (folder / "orders.csv.dvc").unlink()
    assert found(folder) == {"file": "dvc.lock", "path": "orders.csv", "md5": md5("lines")}


def test_a_folder_of_order_lines(folder):
    (folder / "orders").mkdir()
    for name in ("b.csv", "a.csv"):
        (folder / "orders" / name).write_text(name)
    listed = json.dumps([{"md5": md5(name), "relpath": name} for name in ("a.csv", "b.csv")])
    (folder / "orders.dvc").write_text(f"outs:\n- md5: {md5(listed)}.dir\n  nfiles: 2\n  path: orders\n")
    (folder / "dvc.lock").unlink()
    digests = "".join(hashlib.sha256(name.encode()).hexdigest() for name in ("a.csv", "b.csv"))
    data = hashlib.sha256(digests.encode()).hexdigest()
    assert found(folder, "orders", data)["md5"] == f"{md5(listed)}.dir"
    (folder / "orders/b.csv").write_text("more")
    assert found(folder, "orders") is None


def test_what_was_changed_has_no_version(folder):
    (folder / "ws/tables/transactions.parquet").write_text("other")
    (folder / "orders.csv").write_text("other")
    assert found(folder) is None


@pytest.mark.parametrize("location", ["", "sample", "https://example.com/orders.csv", "absent.csv"])
def test_without_notes_there_is_no_version(folder, location):
    (folder / "dvc.lock").unlink()
    assert found(folder, location) is None


@pytest.mark.parametrize("text", ["", "- a", "a: [", "stages: {read: {outs: [{path: x}]}}", "stages:", "outs:"])
def test_a_spoilt_note_is_none(folder, text):
    (folder / "dvc.lock").write_text(text)
    (folder / "orders.csv.dvc").write_text(text)
    assert found(folder) is None


def test_without_yaml_nothing_is_told(folder, monkeypatch):
    known = builtins.__import__

    def without(name, *rest, **more):
        if name == "yaml":
            raise ImportError(name)
        return known(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert found(folder) is None
