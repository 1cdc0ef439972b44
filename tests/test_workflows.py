"""Delivery: who may come into Google Cloud, with what, and what runs. See `test_foundation` for every workflow."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from clientage.cli import app

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".github" / "workflows"
DELIVERY = ("images", "deploy", "retrain")
AUTH = "google-github-actions/auth@"

each_delivery = pytest.mark.parametrize("name", DELIVERY)


def workflow(name):
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))


def jobs(*names):
    return [(f"{name}.{key}", job) for name in names for key, job in workflow(name)["jobs"].items()]


def scripts(job):
    return [step["run"] for step in job["steps"] if "run" in step]


each_job = pytest.mark.parametrize("job", [pytest.param(job, id=name) for name, job in jobs(*DELIVERY)])


@each_job
def test_only_who_comes_into_the_cloud_may_ask_for_an_identity(job):
    comes_in = any(AUTH in step.get("uses", "") for step in job["steps"])
    assert ("id-token" in job["permissions"]) == comes_in
    assert ("environment" in job) == comes_in, "an account is given to an environment"
    assert {right for right, how in job["permissions"].items() if how == "write"} <= {"id-token", "actions"}


@each_job
def test_nobody_comes_in_with_a_key(job):
    for step in job["steps"]:
        if AUTH in step.get("uses", ""):
            assert step["with"]["workload_identity_provider"] == "${{ vars.GOOGLE_PROVIDER }}"
            assert "credentials_json" not in step["with"]


@each_delivery
def test_there_is_no_secret(name):
    assert "secrets." not in (FOLDER / f"{name}.yml").read_text(encoding="utf-8")


@each_job
def test_scripts_are_of_the_shell_and_take_what_was_given_from_the_environment(job):
    for script in scripts(job):
        assert "${{" not in script
        checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@each_job
def test_nothing_runs_where_no_cloud_was_set_up(job):
    assert "needs" in job or "vars.GOOGLE_PROVIDER != ''" in job["if"]


@each_delivery
def test_deliveries_wait_for_one_another(name):
    assert workflow(name)["concurrency"]["cancel-in-progress"] is False


def test_an_image_is_scanned_before_it_is_pushed_and_signed_after():
    steps = workflow("images")["jobs"]["images"]["steps"]
    what = [step.get("uses", "").partition("@")[0] or step["run"] for step in steps]

    def places(wanted):
        return [place for place, each in enumerate(what) if wanted in each]

    built, scanned, listed = places("docker build"), places("anchore/scan-action"), places("anchore/sbom-action")
    came_in, pushed, signed = places("google-github-actions/auth"), places("docker push"), places("cosign sign")
    order = [*built, *scanned, *listed, *came_in, *pushed, *signed]
    assert order == sorted(order)
    assert [len(each) for each in (built, scanned, listed, came_in, pushed, signed)] == [1, 2, 2, 1, 1, 1]
    for step in steps:
        if "scan-action" in step.get("uses", ""):
            assert step["with"].items() >= {"fail-build": True, "severity-cutoff": "high", "only-fixed": True}.items()


def test_a_release_goes_on_by_digest():
    (script,) = scripts(workflow("images")["jobs"]["deploy"])
    given = set(re.findall(r'-f "?(\w+)=', script))
    assert given == set(workflow("deploy")[True]["workflow_dispatch"]["inputs"])  # `on` is true in YAML


def test_only_what_images_signed_is_deployed():
    first = scripts(workflow("deploy")["jobs"]["deploy"])
    verified = next(place for place, script in enumerate(first) if "cosign verify" in script)
    deployed = [place for place, script in enumerate(first) if "clientage deploy" in script]
    assert deployed
    assert min(deployed) > verified
    (pattern,) = re.findall(r'"(\^\$GITHUB_SERVER_URL.+)"', first[verified])
    signer = pattern.replace("$GITHUB_SERVER_URL", "https://github.com").replace(
        "${GITHUB_REPOSITORY//./\\\\.}", "our-shop/clientage"
    )
    ours = "https://github.com/our-shop/clientage/.github/workflows/"
    assert re.match(signer, f"{ours}images.yml@refs/heads/main")
    assert re.match(signer, f"{ours}images.yml@refs/tags/v0.1.0")
    assert not re.match(signer, f"{ours}images.yml@refs/heads/mine")
    assert not re.match(signer, f"{ours}ci.yml@refs/heads/main")


@pytest.mark.parametrize("given", ["sha256:" + "a" * 64, "latest", "", "sha256:abc", "sha256:" + "a" * 64 + "\nx"])
def test_an_image_is_named_by_digest(given):
    script = scripts(workflow("deploy")["jobs"]["deploy"])[0]
    ran = subprocess.run(
        ["bash", "-e", "-c", script],
        env={"DIGEST": given, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert (ran.returncode == 0) == (given == "sha256:" + "a" * 64)


def test_a_deployment_and_a_way_back_ask_whoever_may_say_so():
    deploy = workflow("deploy")["jobs"]
    assert {job["environment"] for job in deploy.values()} == {"production"}
    assert set(deploy) == set(workflow("deploy")[True]["workflow_dispatch"]["inputs"]["what"]["options"])


def test_a_canary_that_fails_fails_the_step_although_its_words_are_shown_elsewhere():
    assert workflow("deploy")["defaults"]["run"]["shell"] == "bash"


@pytest.mark.parametrize(("exits", "told"), [(0, "trained=true"), (3, ""), (1, "")])
def test_a_challenger_that_is_not_due_is_no_failure(exits, told, tmp_path):
    job = workflow("retrain")["jobs"]["retrain"]
    (script,) = [step["run"] for step in job["steps"] if step.get("id") == "train"]
    ran, called = _with_a_stand_in(script, exits, tmp_path, ALWAYS="")
    assert called == ["train --due"]
    assert ran.returncode == (exits if exits == 1 else 0)
    assert (tmp_path / "output").read_text().strip() == told
    assert _with_a_stand_in(script, 0, tmp_path, ALWAYS="true")[1] == ["train"]


@pytest.mark.parametrize(("exits", "told"), [(0, "passed=true"), (3, ""), (2, "")])
def test_a_gate_that_is_not_passed_is_no_failure(exits, told, tmp_path):
    job = workflow("retrain")["jobs"]["retrain"]
    (script,) = [step["run"] for step in job["steps"] if step.get("id") == "gate"]
    ran, called = _with_a_stand_in(script, exits, tmp_path)
    assert called == ["promote --check"]
    assert ran.returncode == (exits if exits == 2 else 0)
    assert (tmp_path / "output").read_text().strip() == told


def _with_a_stand_in(script, exits, folder, **environment):
    """What came of a script whose `clientage` notes its words and ends as is asked."""
    calls, program = folder / "calls", folder / "clientage"
    calls.unlink(missing_ok=True)
    for name in ("output", "summary"):
        (folder / name).write_text("")
    program.write_text(f'#!/bin/sh\necho "$@" >>{calls}\nexit {exits}\n')
    program.chmod(0o755)
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    ran = subprocess.run(
        ["bash", "-e", "-c", script],
        env={"PATH": f"{folder}:/usr/bin:/bin", **files, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran, calls.read_text().splitlines()


def test_the_image_has_what_the_steps_of_a_pipeline_call():
    (script,) = [script for script in scripts(workflow("images")["jobs"]["images"]) if "docker build" in script]
    usual = re.search(r"^ARG PARTS=(\S+)$", (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"), re.M)[1]
    built = re.search(r"--build-arg PARTS=(\S+)", script)[1]
    assert set(built.split(",")) == {*usual.split(","), "vertex"}


@pytest.mark.parametrize("name", ["deploy", "retrain"])
def test_tables_may_live_in_bigquery(name):
    flow = workflow(name)
    for job in flow["jobs"].values():
        told = flow.get("env", {}) | job.get("env", {})
        assert told["CLIENTAGE_WAREHOUSE__URL"] == "${{ vars.CLIENTAGE_WAREHOUSE_URL }}"
        (parts,) = re.findall(r"'\.\[(.+)\]'", "\n".join(scripts(job)))
        assert {"bigquery", "gcs", "tracking"} <= set(parts.split(","))


@each_job
def test_commands_exist(job):
    """With their options, as the command line knows them."""
    for line in "\n".join(scripts(job)).splitlines():
        if found := re.match(r"\s*clientage ([^|>]+)", line):
            words = found[1].split()
            known, options = get_command(app), set()
            while words and hasattr(known, "commands") and words[0] != '"$TO"':
                assert words[0] in known.commands, line
                known = known.commands[words.pop(0)]
                options = {option for each in known.params for option in each.opts}
            assert {word for word in words if word.startswith("--")} <= options | {"--reason"}, line
