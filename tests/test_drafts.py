"""Drafts: a day's stages out of sight, one by one, and then all of them at once."""

import hashlib
import json
import shutil
from datetime import date

import pyarrow.parquet as pq
import pytest

from clientage import pipeline
from clientage.context import opened
from clientage.drafts import BY_MODEL, DRAFTED, draft, folder, publish
from clientage.errors import InputError, SettingsError, WorkspaceError
from clientage.forget import forget
from clientage.forgotten import remembered
from clientage.settings import load
from clientage.transactions.simulate import simulate

QUICK = ("segments.k=3", "segments.bootstraps=2")
DAY, NEXT = date(2024, 12, 1), date(2024, 12, 8)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Order lines of a year, and a workspace as it was on a day of it."""
    home = tmp_path_factory.mktemp("drafts")
    simulate(300, out=home / "lines.parquet", start=date(2024, 1, 1))
    pipeline.run(settings_of(home / "ws", DAY), str(home / "lines.parquet"))
    return home


@pytest.fixture
def home(shop, tmp_path):
    return shutil.copytree(shop, tmp_path / "home")


def settings_of(workspace, day=NEXT, *others):
    return load(overrides=[f"workspace={workspace}", f"as_of={day}", f"source.until={day}", *QUICK, *others])


def files(workspace):
    """What a workspace shows, by name; what a run cost differs from run to run."""
    found = {
        str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in workspace.rglob("*")
        if path.is_file() and not path.relative_to(workspace).parts[0].startswith((".", "drafts"))
    }
    del found["growth.json"]  # as does how tables came to be
    found["run.json"] = json.loads((workspace / "run.json").read_text()) | {"stages": {}}
    return found


def drafted(home, names=DRAFTED, day=NEXT, name="daily"):
    for stage in names:
        draft(settings_of(home / "ws", day), name, [stage], str(home / "lines.parquet"))


def test_a_draft_that_is_published_is_what_a_run_would_have_made(home):
    before = files(home / "ws")
    drafted(home)
    assert files(home / "ws") == before
    shutil.copytree(home / "ws", home / "other")
    publish(settings_of(home / "ws"), "daily")
    pipeline.run(settings_of(home / "other"), str(home / "lines.parquet"), keep_model=True)
    assert files(home / "ws") == files(home / "other") != before


def test_publishing_twice_changes_nothing(home):
    drafted(home)
    publish(settings_of(home / "ws"), "daily")
    once = files(home / "ws")
    publish(settings_of(home / "ws"), "daily")
    assert files(home / "ws") == once


def test_a_day_of_the_past_is_made_again_from_what_there_was_then(home):
    drafted(home, day=DAY, name=str(DAY))
    kept, again = files(home / "ws"), files(folder(settings_of(home / "ws"), str(DAY)))
    tables = [name for name in again if name.startswith("tables/")]
    assert {name: again[name] for name in tables} == {name: kept[name] for name in tables}


def test_lines_of_later_days_are_yet_to_come(home):
    drafted(home, ["read"])
    lines = pq.read_table(folder(settings_of(home / "ws"), "daily") / "tables/transactions.parquet")
    whole = pq.read_table(home / "lines.parquet")
    assert max(lines["invoiced_at"].to_pylist()).date() < NEXT
    assert 0 < len(lines) < len(whole)
    with pytest.raises(InputError, match=r"no order line is from before 1800-01-01\. Give a later source\.until"):
        drafted(home, ["read"], day=date(1800, 1, 1))


def test_a_model_that_was_promoted_meanwhile_is_that_of_the_published_tables(home):
    drafted(home)
    other = settings_of(home / "ws", DAY, "segments.k=4")
    pipeline.step(other, ["train", *BY_MODEL])
    manifest = publish(settings_of(home / "ws"), "daily")
    assert manifest.as_of == NEXT
    assert len(pipeline.rows(settings_of(home / "ws"), "profiles")) == 4


def test_who_is_forgotten_is_in_no_draft_and_comes_back_with_none(home):
    drafted(home)
    settings = settings_of(home / "ws")
    someone = pq.read_table(home / "ws/tables/segments.parquet")["customer_id"][0].as_py()
    forget(settings, someone)
    with pytest.raises(WorkspaceError, match=r"there is no such draft"):
        publish(settings, "daily")
    drafted(home)
    publish(settings, "daily")
    assert someone not in pq.read_table(home / "ws/tables/transactions.parquet")["customer_id"].to_pylist()
    assert len(remembered(home / "ws").digests) == 1


def test_a_draft_from_before_somebody_was_forgotten_is_not_published(home):
    drafted(home)
    place, aside = folder(settings_of(home / "ws"), "daily"), home / "aside"
    place.rename(aside)
    forget(settings_of(home / "ws"), pq.read_table(home / "ws/tables/segments.parquet")["customer_id"][0].as_py())
    place.parent.mkdir(exist_ok=True)
    aside.rename(place)
    before = files(home / "ws")
    with pytest.raises(WorkspaceError, match=r"a customer was forgotten since the draft was read"):
        publish(settings_of(home / "ws"), "daily")
    assert files(home / "ws") == before


def test_a_draft_that_lacks_a_stage_is_not_published(home):
    drafted(home)
    drafted(home, ["read", "clean"], day=DAY)  # another day begins: what followed is gone
    before = files(home / "ws")
    with pytest.raises(WorkspaceError, match=r"the draft has no features, segment.*clientage step features --draft"):
        publish(settings_of(home / "ws"), "daily")
    assert files(home / "ws") == before


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", ".hidden", "a b"])
def test_names_that_are_none(home, name):
    with pytest.raises(SettingsError, match="no name for a draft"):
        folder(settings_of(home / "ws"), name)


def test_a_draft_stays_as_it_is_until_its_tables_are_those_of_the_workspace(home, monkeypatch):
    drafted(home)
    settings, seen = settings_of(home / "ws"), []

    def follow(warehouse):
        with pytest.raises(WorkspaceError, match="daily: another run"), opened(place).transaction():
            pass
        seen.append(warehouse.workspace)

    place = settings.within(folder(settings, "daily"))
    monkeypatch.setattr("clientage.warehouse.Workspace._follow", follow)
    publish(settings, "daily")
    assert seen == [home / "ws"]


def test_what_a_draft_needs_and_what_it_does_not_do(home, tmp_path):
    with pytest.raises(SettingsError, match=r"a draft goes by the model in use: train is for the workspace itself"):
        draft(settings_of(home / "ws"), "daily", ["train"])
    with pytest.raises(WorkspaceError, match=r"there is no model for a draft yet.*clientage run FILE"):
        draft(settings_of(tmp_path / "none"), "daily", ["read"], "sample")
    with pytest.raises(WorkspaceError, match=r"there is no such draft.*clientage run FILE --draft weekly"):
        publish(settings_of(home / "ws"), "weekly")
