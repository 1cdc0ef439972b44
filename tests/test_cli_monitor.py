"""The verb `monitor`: who is told, what happens where they cannot be, and how it ends."""

import json
import sys
from datetime import date, datetime

import pytest
from receivers import Hook
from shops import free_port

from clientage import monitor as monitoring
from clientage import pipeline, retraining
from clientage.cli import main
from clientage.errors import TrackingError
from clientage.monitoring.targets import Target
from clientage.settings import load
from clientage.transactions.simulate import simulate
from clientage.warehouse import connect, held

MADE, SHIFTED = date(2024, 8, 26), date(2024, 9, 16)
QUICK = ["segments.k=3", "segments.bootstraps=2", "monitor.reference_windows=9", "alerts.retries=0"]


@pytest.fixture(scope="module")
def drifting(tmp_path_factory):
    """A workspace with a model from before prices rise."""
    folder = tmp_path_factory.mktemp("drifting")
    simulate(800, out=folder / "lines.parquet", steady=True, months=9, shifts=[f"price=0.3@{SHIFTED}"])
    settings = load(overrides=[f"workspace={folder / 'ws'}", *QUICK])
    made = settings.model_copy(update={"as_of": MADE})
    pipeline.step(made, ["read", "clean", "features", "train", "segment"], str(folder / "lines.parquet"))
    pipeline.step(settings, ["features", "segment"])
    monitoring.monitor(settings)
    return settings


@pytest.fixture
def settings(drifting):
    """The same with nobody told of anything yet."""
    (drifting.workspace / monitoring.ALERTS).unlink(missing_ok=True)
    return drifting


@pytest.fixture
def hook(monkeypatch):
    """A web hook that is told."""
    with Hook() as receiver:
        monkeypatch.setenv("CLIENTAGE_ALERTS", receiver.address)
        yield receiver


@pytest.fixture
def verb(capsys):
    """The verb in a workspace: how it ends, and what it says."""

    def run(settings, *options):
        sets = [word for setting in QUICK for word in ("--set", setting)]
        with pytest.raises(SystemExit) as ended:
            main(["monitor", "--workspace", str(settings.workspace), *sets, *options])
        return ended.value.code, *capsys.readouterr()

    return run


def opened(settings):
    """The title of the notice that is due."""
    return f"your customers are changing since {pipeline.rows(settings, 'episodes')[-1]['opened']}"


def tell(settings, *whom):
    return monitoring.notify(settings, list(map(Target.of, whom)), datetime.now().astimezone())


# Before anything is looked at


def test_all_entries_that_are_no_address_are_told_before_anything_is_looked_at(tmp_path, verb, monkeypatch):
    monkeypatch.setenv("CLIENTAGE_ALERTS", "nothing://hush hush")
    code, said, wrong = verb(load(overrides=[f"workspace={tmp_path / 'none'}"]))
    assert (code, said) == (2, "")
    assert [line for line in wrong.splitlines() if "entry" in line] == wrong.splitlines()
    assert (len(wrong.splitlines()), "hush" in wrong) == (2, False)


def test_where_apprise_is_missing_it_is_told_before_anything_is_looked_at(tmp_path, verb, hook, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    code, said, wrong = verb(load(overrides=[f"workspace={tmp_path / 'none'}"]))
    assert (code, said) == (2, "")
    assert wrong == "error: CLIENTAGE_ALERTS: Apprise is not installed. Install it: pip install 'clientage[alerts]'.\n"


# What was found is shown, whoever can be told


def test_it_ends_with_the_verdict_whoever_is_away(settings, verb, hook, monkeypatch):
    monkeypatch.setenv("CLIENTAGE_ALERTS", f"json://127.0.0.1:{free_port()}/ {hook.address}")
    code, said, wrong = verb(settings)
    assert (code, wrong, hook.titles) == (3, "", [opened(settings)])
    lines = [line for line in said.splitlines() if line.startswith(("windows", "told", "waits"))]
    assert [line.split()[0] for line in lines] == ["windows", "told", "waits"]
    assert lines[-1].endswith(f"opened, {opened(settings)[-10:]} (away, or it refused)")


def test_a_record_that_cannot_be_read_is_a_warning_beside_what_was_found(settings, verb, hook):
    (settings.workspace / monitoring.ALERTS).write_text("spoilt")
    code, said, wrong = verb(settings)
    assert (code, hook.got) == (3, [])
    assert f"{SHIFTED}  ● drift" in said
    assert wrong.startswith("warning: ")
    assert wrong.endswith("alerts.json: not what alerts wrote. Remove it: what goes on is then told once more.\n")
    code, said, again = verb(settings, "--json")
    told = json.loads(said)["told"]
    assert (code, again, f"warning: {told['problem']}\n") == (3, wrong, wrong)


# Retraining first, and notices whatever comes of it


def test_notices_go_out_after_retraining(settings, verb, hook, monkeypatch):
    def retrain(*_, **__):
        assert hook.got == []
        return retraining.Retrained(promoted=True, version=7)

    monkeypatch.setattr(retraining, "retrain", retrain)
    code, said, _ = verb(settings, "--retrain")
    assert (code or 0, hook.titles) == (0, [opened(settings)])
    assert "version 7 of clientage-segments, which waited" in said


def test_a_retraining_that_fails_keeps_neither_findings_nor_notices_back(settings, verb, hook, monkeypatch):
    def retrain(*_, **__):
        raise TrackingError("the registry is on fire. Put it out.")

    monkeypatch.setattr(retraining, "retrain", retrain)
    code, said, wrong = verb(settings, "--retrain", "--json")
    assert (code, wrong, hook.titles) == (1, "error: the registry is on fire. Put it out.\n", [opened(settings)])
    assert json.loads(said)["drifts"]


# Others meanwhile


def test_the_workspace_is_free_while_notices_go_out(settings, hook):
    free = []

    def meanwhile():
        with connect(settings.workspace).transaction():
            free.append(True)

    hook.then = meanwhile
    assert [sent.kind for sent in tell(settings, hook.address).sent] == ["opened"]
    assert free == [True]


def test_two_at_once_do_not_send_the_same_twice(settings, hook, monkeypatch):
    others = []
    monkeypatch.setattr(monitoring, "PATIENCE", 0)
    hook.then = lambda: others.append(tell(settings, hook.address)) if len(hook.got) == 1 else None
    tell(settings, hook.address)
    assert hook.titles == [opened(settings)]
    assert "another run is sending notices" in others[0].problem
    assert tell(settings, hook.address) == monitoring.Delivered()


def test_a_workspace_in_use_keeps_no_notice_back(settings, hook):
    with held(settings.workspace / ".lock", "busy"):
        assert tell(settings, hook.address).sent
