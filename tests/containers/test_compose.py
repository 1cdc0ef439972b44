"""What compose would start: by its schema, with every secret asked for, and nothing beyond this machine."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from databases import Server, program
from image_builder import ROOT

DOCKER = ROOT / "docker"
TEXT = (DOCKER / "compose.yaml").read_text()
SERVICES = yaml.safe_load(TEXT)["services"]
ONCE = {"check", "clientage", "airflow-migrate"}
GOOD = {"PASSWORD": "x" * 24, "SECRET": "y" * 48, "KEYS": "shop:" + "0" * 64}
ASKED = re.findall(r"^([A-Z_]+)=", (DOCKER / ".env.example").read_text(), re.MULTILINE)


def beside(name):
    """A program of this environment, or of the machine."""
    found = Path(sys.executable).with_name(name)
    return found if found.exists() else program(name, name)


def check_env(*words, **variables):
    kept = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, DOCKER / "check-env", *words],
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stdout
    return done.returncode, done.stderr


def good():
    return {name: GOOD[name.rpartition("_")[2]] for name in ASKED}


def test_the_schema_and_the_linter_find_nothing():
    words = [beside("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml"]
    assert subprocess.run(words, capture_output=True, text=True, check=False).returncode == 0
    for name in ("Dockerfile", "airflow.Dockerfile"):
        done = subprocess.run([beside("hadolint"), DOCKER / name], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")


def test_the_example_is_refused_as_it_stands(tmp_path):
    status, said = check_env(DOCKER / ".env.example")
    assert status == 1
    assert len(ASKED) == 11
    assert said.splitlines()[1:] == [line for line in said.splitlines() if " is still that of the example: " in line]
    assert [line.split()[0] for line in said.splitlines()[1:]] == ASKED
    assert check_env(tmp_path / ".env")[1].endswith("Copy .env.example to it, and set what is in it.\n")


def test_all_that_does_not_fit_is_named_at_once_and_no_value_is_shown(tmp_path):
    given = good() | {
        "POSTGRES_PASSWORD": "short",
        "REDIS_PASSWORD": "a secret: with signs in it",
        "AIRFLOW_JWT_SECRET": "",
    }
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    for status, said in (check_env(tmp_path / ".env"), check_env(**given)):
        assert status == 1
        assert [line.split()[0] for line in said.splitlines()[1:]] == [
            "POSTGRES_PASSWORD", "AIRFLOW_JWT_SECRET", "REDIS_PASSWORD",
        ]  # fmt: skip
        assert "short" not in said
        assert "signs" not in said


def test_a_good_one_is_taken(tmp_path):
    (tmp_path / ".env").write_text("# ours\n" + "".join(f"{name}='{value}'\n" for name, value in good().items()))
    assert check_env(tmp_path / ".env") == (0, "")
    assert check_env(**good()) == (0, "")


def test_every_variable_is_told_of_and_every_secret_is_checked():
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    told = set(re.findall(r"^(?:# )?([A-Z_]+)=", (DOCKER / ".env.example").read_text(), re.MULTILINE))
    assert used <= told
    assert told <= used | set(SERVICES["check"]["environment"])
    assert set(SERVICES["check"]["environment"]) == set(ASKED)


def test_nothing_is_published_beyond_this_machine_and_no_secret_is_written_down():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if name.endswith(("PASSWORD", "SECRET", "SECRET_KEY", "KEYS", "AUTH")):
                assert value is None or re.fullmatch(r"\$\{\w+:-\}", value)
        assert "no-new-privileges:true" in service.get("security_opt", ["no-new-privileges:true"])


@pytest.mark.parametrize("name", SERVICES)
def test_whoever_stays_has_a_health_check_and_is_waited_for_by_it(name):
    service = SERVICES[name]
    check = service.get("healthcheck", {})
    assert check == {"disable": True} if name in ONCE else check["test"]
    profiles = set(service.get("profiles", []))
    for other, how in service.get("depends_on", {}).items():
        theirs = set(SERVICES[other].get("profiles", []))
        assert not theirs or profiles <= theirs
        assert how["condition"] == ("service_completed_successfully" if other in ONCE else "service_healthy")
    reached = {name}
    while more := {other for each in reached for other in SERVICES[each].get("depends_on", {})} - reached:
        reached |= more
    assert "check" in reached


@pytest.mark.parametrize("name", [name for name in SERVICES if "image" in SERVICES[name]])
def test_our_own_are_read_only_and_without_privileges(name):
    service = SERVICES[name]
    if service["image"].startswith("clientage"):
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    else:
        assert re.fullmatch(r"docker\.io/library/\w+:\d+-bookworm", service["image"])


def test_commands_are_verbs():
    from typer.main import get_command  # noqa: PLC0415

    from clientage.cli import app  # noqa: PLC0415

    verbs = get_command(app).commands
    for name in ("api", "dashboard"):
        verb, *words = SERVICES[name]["command"]
        known = {option for parameter in verbs[verb].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_databases_are_made_with_an_owner_each():
    names = ("airflow", "mlflow", "predictions")
    secrets = {f"{name.upper()}_PASSWORD": f"{name}'s ; -- word" for name in names}
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        server = Server(folder)
        server.start()
        try:
            words = [program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder, "-U", "tester", "postgres"]
            script = (DOCKER / "databases.sql").read_text()
            subprocess.run(words, input=script, text=True, env=os.environ | secrets, check=True)
            found = server(
                "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate ORDER BY 1"
            )
            assert found.splitlines()[1:] == [
                "airflow,airflow",
                "mlflow,mlflow",
                "postgres,tester",
                "predictions,predictions",
            ]
        finally:
            server.stop()
