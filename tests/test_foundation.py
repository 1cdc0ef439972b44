"""The build: targets, versions, import directions, continuous integration."""

import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement

from clientage.transactions.simulate import simulate

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def program(name):
    """A program of the environment; where it is missing, a test is skipped here and fails in continuous integration."""
    path = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if path is None:
        reason = f"{name} is not installed: make test installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return path


def call(*command, cwd=ROOT, **environment):
    return subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )


# Versions


def test_constraints_hold_no_address_and_no_path():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9][\w.]*( ; .+)?", line), line
        if " ; " in line:
            Marker(line.partition(" ; ")[2])


def test_constraints_fit_every_dependency():
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition(" ; ")[0].partition("==")
        pinned.setdefault(name, []).append(version)
    extras = PROJECT["project"]["optional-dependencies"]
    for text in itertools.chain(PROJECT["project"]["dependencies"], *extras.values()):
        requirement = Requirement(text)
        if requirement.name != "clientage":
            versions = pinned.get(requirement.name, [])
            assert versions, f"{requirement} is not in constraints.txt: make lock"
            assert all(version in requirement.specifier for version in versions), f"{requirement}: make lock"


ONLY_DECLARED = """
import importlib.metadata as metadata, os, re, sys
from packaging.requirements import Requirement

allowed, waiting = {"clientage"}, os.environ["DECLARED"].splitlines()
while waiting:
    wanted = Requirement(waiting.pop())
    if str(wanted) in allowed:
        continue
    allowed |= {str(wanted), re.sub("[-_.]+", "-", wanted.name).lower()}
    for text in metadata.requires(wanted.name) or []:
        need = Requirement(text)
        if not need.marker or any(need.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)):
            need.marker = None
            waiting.append(str(need))

class OnlyDeclared:
    known = metadata.packages_distributions()

    def find_spec(self, name, path=None, target=None):
        owners = {re.sub("[-_.]+", "-", owner).lower() for owner in self.known.get(name, [])}
        if owners and not owners & allowed:
            raise ModuleNotFoundError(f"No module named {name!r}: not declared", name=name)

sys.meta_path.insert(0, OnlyDeclared())
from clientage.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["behaviour", "classic"])
def test_runs_with_nothing_but_what_it_declares(recipe, tmp_path):
    """As where nobody installed the tools of developers: what is not declared cannot be imported."""
    simulate(300, out=tmp_path / "lines.parquet", months=6)
    quick = ("--recipe", recipe, "--set", "segments.bootstraps=2", "--evaluate")
    declared = "\n".join(PROJECT["project"]["dependencies"])
    ran = call(sys.executable, "-c", ONLY_DECLARED, "run", "lines.parquet", *quick, cwd=tmp_path, DECLARED=declared)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_changelog_begins_with_the_version():
    first = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first[1] == PROJECT["project"]["version"]


def test_licence_is_the_whole_text():
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2


# Import directions


def lint_imports(package):
    return call(
        program("lint-imports"), "--no-logo", "--no-cache", cwd=package.parents[1], PYTHONPATH=str(package.parent)
    )


def test_directions_are_kept():
    linted = lint_imports(ROOT / "src" / "clientage")
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("customers/rfm.py", "from clientage.settings import Settings"),
        ("segments/fit.py", "from clientage.customers import features"),
        ("transactions/clean.py", "from clientage import warehouse"),
        ("report/page.py", "from clientage.segments import profile"),
        ("tables.py", "from clientage import settings"),
        ("settings/section.py", "from clientage import tables"),
        ("terminal.py", "from clientage import pipeline"),
        ("manifest.py", "from clientage import pipeline"),
        ("doctor.py", "from clientage import cli"),
        ("customers/returns.py", "import plotly"),
        ("new_part.py", "import json"),
    ],
)
def test_a_wrong_direction_is_found(module, line, tmp_path):
    package = tmp_path / "src" / "clientage"
    shutil.copytree(ROOT / "src" / "clientage", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = package / module
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + f"\n{line}\n", encoding="utf-8")
    assert lint_imports(package).returncode == 1


# Makefile


def test_make_alone_lists_the_targets():
    listed = call("make").stdout
    assert re.findall(r"^  make ([\w-]+) ", listed, re.MULTILINE) == [
        "help", "run", "test", "check", "lint", "types", "directions", "fast", "airflow", "up", "down", "bench",
        "bench-quick", "docs", "format", "lock", "clean",
    ]  # fmt: skip


@pytest.fixture
def checkout(tmp_path):
    """The files that decide what is installed, and no environment."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def installed(checkout):
    """Stand-ins for an environment that is there."""
    folder = checkout / ".venv"
    (folder / "bin").mkdir(parents=True)
    for name in ("bin/python", "installed", "installed-dev"):
        (folder / name).touch()


def test_a_fresh_checkout_is_installed_first(checkout):
    planned = call("make", "--dry-run", "run", "PYTHON=python3.12", cwd=checkout).stdout
    steps = [
        "python3.12 -m venv",
        "pip install --quiet --constraint constraints.txt --editable .",
        "clientage run sample",
    ]
    places = [planned.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


def test_a_second_time_nothing_is_installed(checkout):
    installed(checkout)
    for target in ("run", "test", "check"):
        planned = call("make", "--dry-run", target, cwd=checkout).stdout
        assert planned
        assert "pip install" not in planned
        assert "venv " not in planned


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_the_dependencies_renews_the_environment(checkout, name):
    installed(checkout)
    later = (checkout / ".venv" / "installed").stat().st_mtime + 10
    os.utime(checkout / name, (later, later))
    for target in ("run", "test"):
        assert "pip install" in call("make", "--dry-run", target, cwd=checkout).stdout


def test_a_wrong_python_is_named(checkout):
    python = checkout / "old"
    python.write_text('#!/bin/sh\necho "Python 3.11, 3.12 or 3.13 is needed" >&2\nexit 1\n')
    python.chmod(0o755)
    asked = call("make", "run", "PYTHON=./old", cwd=checkout)
    assert asked.returncode == 2
    assert "is needed" in asked.stderr
    assert not (checkout / ".venv").exists()


def test_byte_code_is_written(checkout):
    (checkout / "Makefile").open("a").write('\nshow:\n\t@echo "[$$PYTHONDONTWRITEBYTECODE]"\n')
    assert call("make", "show", cwd=checkout, PYTHONDONTWRITEBYTECODE="1").stdout == "[]\n"


# Continuous integration


@pytest.fixture
def bare(tmp_path):
    """A checkout with `.ci/run`, and a machine on which every program is a stand-in."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    programs = tmp_path / "bin"
    programs.mkdir()

    def stand_in(name, script):
        (programs / name).write_text(f'#!/bin/bash\necho {name} "$@" >>{tmp_path}/calls\n{script}\n')
        (programs / name).chmod(0o755)

    for name in ("bash", "dirname", "mktemp", "tee", "grep", "tail", "cat", "env"):
        (programs / name).symlink_to(shutil.which(name))
    stand_in("python3", "exit 0")
    stand_in("sleep", "")
    stand_in("apt-get", f"[[ $1 == install ]] && cp {programs}/python3 {programs}/chromium; exit 0")
    (programs / "cp").symlink_to(shutil.which("cp"))
    stand_in("make", 'echo "CI=$CI"; echo "==== 3 passed, 1 skipped in 2.50s ===="; echo "later"; exit 0')

    def run():
        done = subprocess.run(
            [tmp_path / ".ci" / "run"], env={"PATH": str(programs)}, capture_output=True, text=True, check=False
        )
        return done, (tmp_path / "calls").read_text().splitlines()

    return stand_in, run


def test_ci_installs_what_tests_need_and_ends_with_their_closing_line(bare):
    done, calls = bare[1]()
    assert done.returncode == 0, done.stderr
    assert [call_ for call_ in calls if call_.startswith("apt-get")][-1].endswith(
        " postgresql chromium wrk redis-server buildah debootstrap openjdk-17-jre-headless"
    )
    assert calls[-1] == "make test"
    assert "CI=true" in done.stdout
    assert done.stdout.splitlines()[-1] == "==== 3 passed, 1 skipped in 2.50s ===="


def test_ci_passes_the_exit_code_on(bare):
    stand_in, run = bare
    stand_in("make", 'echo "==== 1 failed, 2 passed in 61.00s (0:01:01) ===="; exit 2')
    done, _ = run()
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "==== 1 failed, 2 passed in 61.00s (0:01:01) ===="


def test_ci_tries_again_and_at_last_says_what_is_missing(bare):
    stand_in, run = bare
    stand_in("apt-get", 'echo "no network"; exit 100')
    done, calls = run()
    assert done.returncode == 1
    assert sum(call_.startswith("apt-get update") for call_ in calls) == 3
    assert "no network" in done.stderr
    assert "cannot install postgresql chromium wrk" in done.stderr
    assert "make test" not in calls


@each_workflow
def test_workflow_is_valid(path):
    checked = call(program("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path))
    assert checked.returncode == 0, checked.stdout


TIDY = """\
extends: default
rules:
  braces: {max-spaces-inside: 1}
  comments: {min-spaces-from-content: 1}
  document-start: disable
  line-length: {max: 130}
  truthy: {check-keys: false}
"""


@each_workflow
def test_workflow_is_tidy(path):
    checked = call(program("yamllint"), "--strict", "--config-data", TIDY, str(path))
    assert checked.returncode == 0, checked.stdout


def test_workflows_are_safe():
    checked = call(program("zizmor"), "--offline", "--persona", "pedantic", ".github")
    assert checked.returncode == 0, checked.stdout


@each_workflow
def test_workflow_may_do_little_and_ends(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@each_workflow
def test_actions_are_pinned_by_commit(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_workflow_tests_every_python_we_name():
    matrix = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]
    named = [c.rpartition(" ")[2] for c in PROJECT["project"]["classifiers"] if "Python :: 3." in c]
    assert matrix["python"] == named


def test_pre_commit_uses_the_environment():
    path = ROOT / ".pre-commit-config.yaml"
    checked = call(program("pre-commit"), "validate-config", str(path))
    assert checked.returncode == 0, checked.stdout
    hooks = [hook for repo in yaml.safe_load(path.read_text())["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    for hook in hooks:
        assert program(hook["entry"].split()[0])
