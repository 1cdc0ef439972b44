"""Days of the past played as if live: what there was on each, and nothing of what came later."""

import json
import os
import shutil
from datetime import date, datetime, timedelta
from itertools import pairwise

import pyarrow.parquet as pq
import pytest

from clientage import pipeline
from clientage.cli import main
from clientage.errors import InputError, SettingsError, WorkspaceError
from clientage.forget import forget
from clientage.manifest import Manifest
from clientage.monitor import Judged
from clientage.replay import PLAYING, Wanted, _row, play
from clientage.retraining import Retrained
from clientage.settings import load
from clientage.transactions.simulate import simulate
from clientage.warehouse import held

if not os.environ.get("CI"):
    pytest.importorskip("mlflow", reason="MLflow is not installed")

SMALL = ["segments.k=3", "segments.bootstraps=2", "segments.restarts=2", "monitor.reference_windows=8"]
EASY = ["segments.min_stability=0", "segments.worst_stability=0", "segments.min_share=0", "monitor.retrain_days=0"]
SETS = [word for setting in SMALL + EASY for word in ("--set", setting)]


def settings_in(workspace, *more):
    return load(overrides=[f"workspace={workspace}", *SMALL, *EASY, *more])


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """A simulated shop, and the day after its last line."""
    path = tmp_path_factory.mktemp("lines") / "lines.parquet"
    simulate(400, out=path, months=7)
    last = max(pq.read_table(path, columns=["InvoiceDate"])["InvoiceDate"].to_pylist())
    return path, last.date() + timedelta(days=1)


@pytest.fixture(scope="module")
def wanted(lines):
    """The last fortnight: its first day and the day after it."""
    return Wanted(lines[1] - timedelta(days=14), every=14)


@pytest.fixture(scope="module")
def played(lines, wanted, tmp_path_factory):
    """A replay of a file, in a workspace that has nothing else: settings and what was played."""
    settings = settings_in(tmp_path_factory.mktemp("played") / "workspace")
    return settings, play(settings, wanted, str(lines[0]))


@pytest.mark.slow
def test_the_story_has_a_row_for_every_day_and_begins_with_a_champion(played, lines, wanted):
    settings, found = played
    story = pipeline.rows(settings, "story")
    assert story == list(found.story)
    assert [row["day"] for row in story] == [lines[1] - timedelta(days=days) for days in (14, 0)]
    first, *later = story
    assert [row["windows"] for row in story] == [0, 1]
    assert (first["retrained"], first["promoted"], first["champion"], first["window"]) == (True, True, 1, None)
    assert (first["new_customers"], first["r2_before"]) == (None, None)
    assert all(row["verdict"] in ("ok", "watch", "drift") for row in later)
    assert all(row["window"] + timedelta(days=7) <= row["day"] for row in later)
    for before, row in pairwise(story):
        assert row["lines"] > before["lines"]
        assert row["new_customers"] == row["customers"] - before["customers"]
    assert found.page.read_text(encoding="utf-8").count("<tr>") == len(story) + 1


@pytest.mark.slow
def test_no_line_of_the_day_or_later_was_there(played, lines):
    settings, found = played
    own = settings.model_copy(update={"workspace": found.workspace})
    last = max(row["invoiced_at"] for row in pipeline.rows(own, "transactions"))
    assert last < datetime.combine(lines[1], datetime.min.time())
    sent = pq.read_table(lines[0], columns=["InvoiceDate"])["InvoiceDate"].to_pylist()
    for row in found.story:
        assert row["lines"] == sum(time.date() < row["day"] for time in sent)
    assert not (found.workspace / "source").exists(), "no second copy of the order lines stays"


@pytest.mark.slow
def test_lines_of_the_workspace_give_the_same_and_leave_it_as_it_was(played, lines, wanted, tmp_path):
    """A file or the table that was read from it: the same bytes, in whatever workspace."""
    settings = settings_in(tmp_path / "workspace")
    pipeline.step(settings, ["read"], str(lines[0]))
    before = {path: path.read_bytes() for path in settings.workspace.rglob("*") if path.is_file()}
    again = play(settings, wanted)
    assert {path: path.read_bytes() for path in before} == before
    assert not (settings.workspace / "tracking").exists()
    for name in ("tables/story.parquet", "replay.html"):
        assert (settings.workspace / name).read_bytes() == (played[0].workspace / name).read_bytes()
    assert (again.workspace / "tracking" / "mlflow.db").exists()


@pytest.mark.slow
def test_interrupted_it_leaves_the_story_before_and_begins_anew(played, lines, wanted, tmp_path, command):
    workspace = tmp_path / "workspace"
    shutil.copytree(played[0].workspace, workspace)
    before = (workspace / "tables" / "story.parquet").read_bytes()
    (workspace / "replay" / "left").mkdir()

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(settings_in(workspace), wanted, str(lines[0]), tell=stop)
    assert (workspace / "tables" / "story.parquet").read_bytes() == before
    assert not (workspace / "replay" / "left").exists()
    day = str(wanted.since)
    done = command("replay", str(lines[0]), "--from", day, "--until", day, "--workspace", str(workspace), *SETS)
    assert done.returncode == 0, done.stderr
    assert len(pipeline.rows(settings_in(workspace), "story")) == 1


@pytest.mark.slow
def test_the_command_tells_every_day_and_where_the_story_is(lines, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    since = str(lines[1] - timedelta(days=21))
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(lines[0]), "--from", since, "--every", "21d", "--no-retrain", *SETS])
    said = capsys.readouterr().out.splitlines()
    assert ended.value.code in (None, 0)
    assert [line[:10] for line in said if "customers" in line[:40]] == [
        str(lines[1] - timedelta(days=days)) for days in (21, 0)
    ]
    assert said[-2].startswith("played      2 days · 2 windows judged, ")
    (last,) = (line for line in said if line.startswith(str(lines[1])))
    assert " · the worst of 2 windows, " in last
    assert said[-1] == "story       workspace/replay.html        next: open it in a browser"


def test_of_several_windows_the_worst_is_told(lines):
    day, settings = lines[1], settings_in("nowhere", f"as_of={lines[1]}")
    known = Manifest(tables={"customers": 9, "transactions": 99})
    windows = [("ok", 0.9), ("drift", 1.2), ("drift", 1.8), ("watch", 0.8), ("unknown", None)]
    judged = [
        Judged(day - timedelta(days=7 * (5 - i)), verdict, f"reason {i}", score, False)
        for i, (verdict, score) in enumerate(windows)
    ]
    before = {"customers": 8, "champion": 1}
    row = _row(settings, known, judged, Retrained(), before)
    assert (row["windows"], row["drifting"], row["window"]) == (5, 2, judged[2].window)
    assert (row["verdict"], row["score"], row["because"]) == ("drift", 1.8, "reason 2")
    row = _row(settings, known, judged[4:], Retrained(), before)
    assert (row["windows"], row["drifting"], row["verdict"]) == (1, 0, "unknown")


@pytest.mark.slow
def test_forgotten_customers_do_not_come_back_in_a_replay(lines, tmp_path):
    settings = settings_in(tmp_path / "workspace")
    pipeline.step(settings, ["read"], str(lines[0]))
    customer = pipeline.looking(settings).read("transactions").customer_id.max().execute()
    (settings.workspace / "replay" / "tables").mkdir(parents=True)
    gone = forget(settings, customer).rows["transactions"]
    assert gone
    assert not (settings.workspace / "replay").exists()
    every = pq.read_table(lines[0]).num_rows
    seen = []

    def stop(what, row):
        seen.append(row)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(settings, Wanted(lines[1]), str(lines[0]), tell=stop)
    assert seen[0]["lines"] == every - gone


def test_what_cannot_be_played_is_said_and_leaves_everything_as_it_was(lines, tmp_path):
    settings = settings_in(tmp_path / "workspace")
    kept = settings.workspace / "replay" / "tracking" / "mlflow.db"
    kept.parent.mkdir(parents=True)
    kept.write_text("the replay before")
    with pytest.raises(
        WorkspaceError, match=r"no order lines to play yet\. Give them: clientage replay FILE --from DAY"
    ):
        play(settings, Wanted(date(2024, 1, 1)))
    with pytest.raises(InputError, match=r"is from before 1999-01-01: the first is from .* Give a later --from"):
        play(settings, Wanted(date(1999, 1, 1)), str(lines[0]))
    with pytest.raises(InputError, match=r"no day to play from 2050-01-01 to .* Give an earlier --from"):
        play(settings, Wanted(date(2050, 1, 1)), str(lines[0]))
    with (
        held(settings.workspace / "replay" / PLAYING, "busy"),
        pytest.raises(WorkspaceError, match="another replay is under way here"),
    ):
        play(settings, Wanted(lines[1]), str(lines[0]))
    with pytest.raises(InputError, match=r"gone\.csv"):
        play(settings, Wanted(lines[1]), str(tmp_path / "gone.csv"))
    assert kept.read_text() == "the replay before"
    assert not (settings.workspace / "replay" / "source").exists(), "no second copy of the order lines stays"


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("--every", "0d", "--every 0d: no number of days. Write it as 7d."),
        ("--every", "week", "--every week: no number of days. Write it as 7d."),
        ("--until", "soon", "--until soon: no day. Write it as 2011-06-30."),
    ],
)
def test_a_day_or_a_number_that_is_none_is_said(option, given, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--from", "2024-01-01", option, given])
    assert ended.value.code == SettingsError.exit_code
    assert capsys.readouterr().err == f"error: {said}\n"


def test_a_line_dated_far_ahead_is_named(lines, tmp_path):
    table = pq.read_table(lines[0])
    row = table.slice(0, 1).to_pylist()[0] | {"InvoiceDate": datetime(2040, 1, 1)}
    path = tmp_path / "ahead.parquet"
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.write_table(type(table).from_pylist([row], table.schema))
    with pytest.raises(InputError, match=r"the last line is dated 2040-01-01, .* or give the last day: --until "):
        play(settings_in(tmp_path / "workspace"), Wanted(lines[1]), str(path))


@pytest.mark.real
@pytest.mark.slow
def test_the_real_year_drifts_in_autumn_and_not_in_summer(real, tmp_path, command):
    done = command(
        "replay", str(real), "--from", "2011-06-30", "--every", "14d", "--workspace", str(tmp_path / "year"), "--json"
    )
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)["story"]
    assert [story[0]["day"], story[-1]["day"], len(story)] == ["2011-06-30", "2011-12-01", 12]
    verdicts = {row["window"]: row["verdict"] for row in story if row["window"]}
    assert all(verdict != "drift" for window, verdict in verdicts.items() if window < "2011-09-01")
    trained = [row for row in story[1:] if row["retrained"]]
    assert trained
    for row in trained:
        assert row["verdict"] == "drift"
        assert None not in (row["r2_before"], row["r2_after"], row["auc_before"], row["auc_after"])
        assert row["promoted"] is (row["gate"] == "passed")
    days = [date.fromisoformat(row["day"]) for row in story if row["retrained"]]
    assert all(later - earlier >= timedelta(days=28) for earlier, later in pairwise(days))
    assert [row["champion"] for row in story] == sorted(row["champion"] for row in story)


def test_days_are_not_played_elsewhere(tmp_path, wanted):
    with pytest.raises(SettingsError, match=r"days are played on this machine.*--set warehouse\.url="):
        play(settings_in(tmp_path, "warehouse.url=bigquery://our-shop/shop"), wanted)
