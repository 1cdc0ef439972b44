"""The verb `dashboard`: keys, refusals, a server that starts and ends, and the command it asks for changes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial

import pytest
from shops import free_port

from clientage import cli_dashboard
from clientage.dashboard.access import Person
from clientage.dashboard.changes import change
from clientage.dashboard.works import Actions, Works
from clientage.errors import ClientageError
from clientage.serving.guard import digest


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_key_is_shown_once_with_the_entry_that_lets_it_in(command, role):
    made = command("dashboard", "--new-key", "anna", "--role", role)
    assert made.returncode == 0, made.stderr
    key, entry = (line.split()[position] for line, position in zip(made.stdout.splitlines(), (1, 2), strict=True))
    assert entry == f"CLIENTAGE_DASHBOARD_KEYS={role}:anna:{digest(key)}"


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (["--host", "0.0.0.0"], {}, "0.0.0.0 is open to others, and there are no keys"),
        (["--new-key", "anna", "--role", "owner"], {}, "there is no such role"),
        ([], {"CLIENTAGE_DASHBOARD_KEYS": "anna:hunter2"}, "entry 1 is not ROLE:NAME:DIGEST"),
        ([], {"CLIENTAGE_DASHBOARD_SECRET": "short"}, "CLIENTAGE_DASHBOARD_SECRET: too short"),
        (["--set", "dashboard.port=x"], {}, "dashboard.port"),
    ],
)
def test_what_cannot_start_says_why(command, options, environment, said):
    refused = command("dashboard", *options, **environment)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "hunter2" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_named(command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = command("dashboard", "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 2
    assert "cannot be listened on" in refused.stderr


def test_help_loads_nothing_heavy():
    heavy = ("dash", "plotly", "duckdb", "gunicorn", "flask")
    look = f"import sys; from clientage.cli import app; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


def asked(address, accept="text/html"):
    """Status and text of an answer; 0 where there is none."""
    request = urllib.request.Request(address, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_it_starts_answers_and_ends_in_order(tmp_path):
    port = free_port()
    entry = f"viewer:anna:{digest('secret')}"
    process = subprocess.Popen(
        [sys.executable, "-c", "from clientage.cli import main; main()", "dashboard", "--port", str(port)],
        cwd=tmp_path, env=os.environ | {"CLIENTAGE_DASHBOARD_KEYS": entry}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while (found := asked(f"http://127.0.0.1:{port}/"))[0] == 0 and time.monotonic() < end:
            assert process.poll() is None, process.stderr.read()
        assert found[0] == 200
        assert 'name="key"' in found[1]
        assert asked(f"http://127.0.0.1:{port}/_dash-layout", "*/*")[0] == 401
        process.send_signal(signal.SIGTERM)
        said, trouble = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert said == f"dashboard   http://127.0.0.1:{port}        Ctrl-C ends it\n"
    assert "Traceback" not in trouble
    assert process.returncode == 0


def test_what_the_command_refuses_is_its_own_sentence(tmp_path):
    options = cli_dashboard._repeated(None, tmp_path / "nowhere", ["tracking.model=shop"])
    assert options == ["--workspace", str(tmp_path / "nowhere"), "--set", "tracking.model=shop"]
    with pytest.raises(ClientageError, match="no model was ever trained here"):
        cli_dashboard._models(options)


def test_a_command_that_ends_without_a_word_is_told(monkeypatch):
    monkeypatch.setattr(cli_dashboard, "COMMAND", (sys.executable, "-c", "import sys; sys.exit(7)"))
    with pytest.raises(ClientageError, match="ended without a word"):
        cli_dashboard._promote([], "2", "", False, "anna")


def test_changes_are_asked_of_the_command_in_the_name_of_who_asks(monkeypatch):
    """The command is a stand-in that tells how it was called."""
    tells = (
        "import getpass, json, os, sys; secret = 'CLIENTAGE_DASHBOARD_KEYS' in os.environ;"
        "print(json.dumps({'version': [getpass.getuser(), secret, *sys.argv[1:]], 'change': {}, 'stays': ''}))"
    )
    monkeypatch.setenv("CLIENTAGE_DASHBOARD_KEYS", "x")
    monkeypatch.setattr(cli_dashboard, "COMMAND", (sys.executable, "-c", tells))
    promoted = cli_dashboard._promote(["--workspace", "w"], "2", "we must", True, "anna")
    assert "['anna', False, 'promote', '2', '--force', 'we must', '--workspace', 'w', '--json']" in promoted
    passed = cli_dashboard._promote([], "2", "for spring", False, "anna")
    assert "'promote', '2', '--reason', 'for spring', '--json']" in passed
    back = cli_dashboard._roll_back([], "", "")
    assert "'rollback', '--json']" in back


@pytest.mark.slow
def test_operators_promote_and_roll_back_in_a_real_registry(command, sample_run, tmp_path, monkeypatch):
    """From what the page asks for to the history of the registry; the gate is overruled, as it is no matter here."""
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    workspace = shutil.copytree(sample_run[0].workspace, tmp_path / "workspace")
    options = ["--workspace", str(workspace), "--set", "segments.bootstraps=5"]
    for _ in range(2):
        assert (done := command("train", "--k", "4", *options)).returncode == 0, done.stderr
    verbs = (cli_dashboard._models, cli_dashboard._promote, cli_dashboard._roll_back)
    works = Works(Actions(*(partial(verb, options) for verb in verbs)))

    def asked(what, version, reason):
        assert change(works, Person("anna", "operator"), what, version, reason, force=what == "promote") == ""
        while works.busy:
            time.sleep(0.05)
        return works.work.state, works.work.said, works.models()[0]["champions"][0]

    for version in "12":
        state, said, last = asked("promote", version, "we must")
        assert (state, said) == ("done", f"Version {version} is the champion now.")
    state, said, last = asked("rollback", "", "too bold")
    assert (state, said) == ("done", "Version 1 is the champion now.")
    assert (last["kind"], last["version"], last["user"], last["reason"]) == ("rollback", 1, "anna", "too bold")
    aliases = {each["version"]: each["aliases"] for each in works.models()[0]["versions"]}
    assert aliases == {1: ["champion"], 2: ["challenger"]}
