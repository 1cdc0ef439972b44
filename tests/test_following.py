"""Which tables of a dataset end with what documents say, and whose they are."""

import json
from datetime import UTC, datetime, timedelta

from clientage.cloud.engine import LASTING
from clientage.cloud.stored import Found
from clientage.warehouse import connect, following
from clientage.warehouse.following import Living
from clientage.warehouse.workspace import LIVING

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOME = "/shop/ws"


def called(name, run="20261129_100000_aaaaaa", of="5d0c1f42"):
    """A table's name in the dataset."""
    return f"{name}_{of}_{run}"


def made(hours, *, ends=False, view=False):
    """A table that was made so long ago."""
    return Found(view, NOW - timedelta(hours=hours), NOW + LASTING if ends else None)


def living(*tables, **more):
    return Living("bigquery://our-shop/shop", {each.split("_")[0]: each for each in tables}, HOME, "5d0c1f42", **more)


def ends(there, *known, ended=(), here=HOME):
    return following.ends(there, known, here, ended, NOW)


def test_what_nothing_names_ends_and_what_is_named_stays():
    lines, draft = called("lines"), called("lines", "20261129_110000_bbbbbb")
    lost, new = called("customers"), called("customers", "20261130_110000_cccccc")
    there = {lines: made(30), draft: made(30, ends=True), lost: made(30), new: made(1), "lines_of_somebody": made(99)}
    assert ends(there, living(lines), living(draft)) == {draft: None, lost: LASTING}
    assert ends(there, living(lines), living(draft), ended=[new]) == {draft: None, lost: LASTING, new: LASTING}
    assert ends(there, living(lines), here="/a/copy") == {}


def test_a_document_of_an_earlier_version_is_read(tmp_path):
    told = {"dataset": "bigquery://our-shop/shop", "tables": {"lines": "lines_20261129_100000_aaaaaa"}}
    (tmp_path / LIVING).write_text(json.dumps(told))
    (known,) = following.documents(tmp_path)
    assert known.tables == told["tables"]
    assert following.ids([known], following.home(tmp_path, "")) == []
    assert ends({"lines_20261129_100000_aaaaaa": made(99)}, known) == {}
    assert connect(tmp_path, url=told["dataset"]).exists("lines")
