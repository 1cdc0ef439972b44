"""Which tables of a dataset end with what documents say, and whose they are."""

import json
import shutil
from datetime import UTC, datetime, timedelta

from clientage.cloud.engine import LASTING
from clientage.cloud.stored import Found
from clientage.warehouse import connect, following
from clientage.warehouse.following import AT_ONCE, Living, Place
from clientage.warehouse.workspace import LIVING

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HERE = Place("/shop/ws", 77)


def called(name, run="20261129_100000_aaaaaa", of="5d0c1f42"):
    """A table's name in the dataset."""
    return f"{name}_{of}_{run}"


def made(hours, *, ends=False, view=False):
    """A table that was made so long ago."""
    return Found(view, NOW - timedelta(hours=hours), NOW + LASTING if ends else None)


def living(*tables, **more):
    return Living(
        "bigquery://our-shop/shop",
        {each.split("_")[0]: each for each in tables},
        HERE.home,
        HERE.folder,
        "5d0c1f42",
        **more,
    )


def ends(there, *known, ended=(), here=HERE):
    return following.ends(there, known, here, ended, NOW)


def test_what_nothing_names_ends_and_what_is_named_stays():
    lines, draft = called("lines"), called("lines", "20261129_110000_bbbbbb")
    lost, new = called("customers"), called("customers", "20261130_110000_cccccc")
    there = {lines: made(30), draft: made(30, ends=True), lost: made(30), new: made(1), "lines_of_somebody": made(99)}
    assert ends(there, living(lines), living(draft)) == {draft: None, lost: LASTING}
    assert ends(there, living(lines), living(draft), ended=[new]) == {draft: None, lost: LASTING, new: LASTING}
    assert ends(there, living(lines), here=Place("/a/copy", 78)) == {}


def test_only_what_was_let_go_of_when_somebody_was_forgotten_goes_at_once():
    lines, segments = called("lines", "20261130_110000_bbbbbb"), called("segments")
    with_them, kept, later = called("lines"), called("profiles"), called("profiles", "20261130_113000_cccccc")
    there = {with_them: made(20, ends=True), lines: made(1), segments: made(20), kept: made(20), later: made(0)}
    forgot = living(lines, segments, cleared=str(NOW - timedelta(minutes=59)), kept=[lines, segments, kept])
    assert ends(there, forgot)[with_them] == AT_ONCE
    after = living(lines, segments, later, cleared=forgot.cleared, kept=forgot.kept)
    assert ends(there, after, living(later), ended=[kept]) == {with_them: AT_ONCE, kept: LASTING}


def test_a_workspace_is_known_by_its_path_or_by_its_folder(tmp_path):
    workspace = tmp_path / "ws"
    (workspace / "drafts/daily").mkdir(parents=True)
    (workspace / LIVING).write_text("{}")
    place = Place.of(workspace)
    known = Living(home=place.home, folder=place.folder, id="5d0c1f42")
    (tmp_path / "linked").symlink_to(workspace)
    (tmp_path / "copied").mkdir()
    own = {
        name: following.ids([known], Place.of(tmp_path / name))
        for name in ("ws", "ws/drafts/daily", "linked", "copied")
    }
    assert own == {"ws": ["5d0c1f42"], "ws/drafts/daily": ["5d0c1f42"], "linked": ["5d0c1f42"], "copied": []}
    workspace.rename(tmp_path / "moved")
    assert following.ids([known], Place.of(tmp_path / "moved")) == ["5d0c1f42"]
    shutil.copytree(tmp_path / "moved", workspace)
    assert following.ids([known], Place.of(workspace)) == ["5d0c1f42"]
    assert following.ids([known], Place.of(workspace, "gs://shop/ws")) == []


def test_tables_of_other_workspaces_are_known_by_their_names():
    own, other = called("lines"), called("segments", of="abcdef01")
    assert following.others([own, other, "lines", "mine_abcdef02_20261129_100000_aaaaaa"], ["5d0c1f42"]) == ["abcdef01"]


def test_a_document_of_an_earlier_version_is_read(tmp_path):
    told = {"dataset": "bigquery://our-shop/shop", "tables": {"lines": "lines_20261129_100000_aaaaaa"}}
    (tmp_path / LIVING).write_text(json.dumps(told))
    (known,) = following.documents(tmp_path)
    assert known.tables == told["tables"]
    assert following.ids([known], Place.of(tmp_path)) == []
    assert ends({"lines_20261129_100000_aaaaaa": made(99)}, known) == {}
    assert connect(tmp_path, url=told["dataset"]).exists("lines")
