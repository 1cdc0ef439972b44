"""The real DVC on the sample: nothing runs twice, what is restored is right, and every version can be had again."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clientage import pipeline
from clientage.export.revision import dvc_revision
from clientage.settings import load
from clientage.warehouse import connect

pytestmark = pytest.mark.slow

BEHIND_TRAIN = ["train", "segment", "profile", "recommend", "report"]
BEFORE_TRAIN = ["read", "clean", "features"]


def contents(workspace):
    """What DVC keeps of a workspace."""
    paths = [
        path
        for path in workspace.rglob("*")
        if path.is_file() and path.name not in {".lock", "run.json", "growth.json"}
    ]
    return {path.relative_to(workspace).as_posix(): path.read_bytes() for path in paths}


class Repository:
    """A folder with git and DVC."""

    def __init__(self, folder):
        self.folder = folder
        self.workspace = folder / "workspace"

    def call(self, *command):
        """Run a command here, with no settings of whoever runs the tests."""
        names = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        home = self.folder.parent
        own = {"HOME": str(home), "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(home / "site"), "COLUMNS": "200"}
        programs = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | names | own | programs,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dvc(self, *arguments):
        return self.call(sys.executable, "-m", "dvc", *arguments)

    def commit(self, message):
        self.call("git", "add", "--all")
        self.call("git", "commit", "--quiet", "--message", message)

    def repro(self):
        """What became of each stage: `run`, `cached` or `same`."""
        said = self.dvc("repro")
        words = {"Running stage '(.+)':": "run", "Stage '(.+)' is cached": "cached", "Stage '(.+)' didn't": "same"}
        return {name: became for sign, became in words.items() for name in re.findall(sign, said)}

    def change(self, old, new):
        path = self.folder / "clientage.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def contents(self):
        return contents(self.workspace)

    def manifest(self):
        return pipeline.ledger(connect(self.workspace)).manifest()


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A repository in which the pipeline ran once."""
    if importlib.util.find_spec("dvc") is None:
        reason = "dvc is not installed: make test installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    repository = Repository(tmp_path_factory.mktemp("dvc") / "shop")
    repository.folder.mkdir()
    repository.call("git", "init", "--quiet")
    repository.dvc("init", "--quiet")
    (repository.folder / ".gitignore").write_text("/workspace/\n")
    repository.call("clientage", "export", "dvc", "sample")
    repository.change("[segments]", "[segments]\nbootstraps = 2\nk_max = 4")
    assert set(repository.repro().items()) == {(name, "run") for name in [*BEFORE_TRAIN, *BEHIND_TRAIN]}
    repository.commit("first")
    repository.call("git", "tag", "last-month")
    return repository


@pytest.fixture
def repository(first, tmp_path):
    """A copy of it."""
    return Repository(shutil.copytree(first.folder, tmp_path / "shop"))


def test_the_second_time_nothing_is_done(first):
    times = {path: path.stat().st_mtime_ns for path in first.workspace.rglob("*")}
    assert set(first.repro().values()) == {"same"}
    assert "up to date" in first.dvc("status")
    assert {path: path.stat().st_mtime_ns for path in first.workspace.rglob("*")} == times


def test_the_tables_are_those_of_a_run(first, tmp_path):
    settings = load(first.folder / "clientage.toml", [f"workspace={tmp_path}"])
    manifest = pipeline.run(settings, "sample")
    assert first.manifest().facts() == manifest.facts()
    assert first.contents() == contents(tmp_path)


def test_a_changed_parameter_runs_what_is_behind_it_and_back_again_nothing(repository):
    before, manifest = repository.contents(), repository.manifest()
    repository.change("k_max = 4", "k_max = 4\nk = 3")
    became = repository.repro()
    assert [name for name, what in became.items() if what == "run"] == BEHIND_TRAIN
    assert [name for name, what in became.items() if what == "same"] == BEFORE_TRAIN
    assert repository.manifest().choice["reason"] == "as set"
    moved = json.loads(repository.dvc("metrics", "diff", "--json"))["workspace/metrics.json"]
    assert moved["segments"] == {"old": manifest.choice["k"], "new": 3, "diff": 3 - manifest.choice["k"]}

    repository.change("\nk = 3", "")
    became = repository.repro()
    assert [name for name, what in became.items() if what == "cached"] == BEHIND_TRAIN
    assert repository.contents() == before, "the report too"
    again = repository.manifest()
    assert (again.as_of, again.choice, again.facts()) == (manifest.as_of, manifest.choice, manifest.facts())


def test_a_parameter_of_the_last_stages_runs_only_these(repository):
    repository.change("[recommendations]", "[recommendations]\ntop = 3")
    assert [name for name, what in repository.repro().items() if what == "run"] == ["recommend", "report"]
    repository.change("[evaluate]", "[evaluate]\nfolds = 3")
    assert set(repository.repro().values()) == {"same"}


def test_what_a_step_by_hand_removed_comes_back(repository):
    before = repository.contents()
    repository.call("clientage", "step", "train", "--k", "3")
    assert "tables/profiles.parquet" not in repository.contents()
    repository.repro()
    assert repository.contents() == before
    assert "up to date" in repository.dvc("status")


def test_what_was_pushed_can_be_pulled(repository, tmp_path):
    before = repository.contents()
    repository.dvc("remote", "add", "--default", "shelf", str(tmp_path / "shelf"))
    repository.dvc("push", "--quiet")
    shutil.rmtree(repository.workspace)
    shutil.rmtree(repository.folder / ".dvc/cache")
    repository.dvc("pull", "--quiet")
    assert repository.contents() == before
    assert set(repository.repro().values()) == {"same"}
    assert "as of 2025-01-01" in repository.call("clientage", "step", "features"), "facts are enough without run.json"


def test_the_tables_of_last_month(repository):
    before = repository.contents()
    repository.change("sample = 50000", "sample = 1000")
    repository.repro()
    repository.commit("this month")
    assert repository.contents() != before
    repository.call("git", "checkout", "--quiet", "last-month")
    repository.dvc("checkout", "--quiet")
    assert repository.contents() == before
    assert "up to date" in repository.dvc("status")


def test_figures_and_plots_are_shown(first):
    shown = json.loads(first.dvc("metrics", "show", "--json"))
    (found,) = (files["workspace/metrics.json"]["data"] for files in (revision["data"] for revision in shown.values()))
    manifest = first.manifest()
    assert found["segments"] == manifest.choice["k"]
    assert found["lines_used"] == manifest.tables["lines"]
    assert 0 < found["smallest_share"] < 1
    drawn = json.loads(first.dvc("plots", "show", "--json"))["data"]
    assert set(drawn) == {"Which numbers of segments stay stable?", "Who brings the revenue?"}
    assert all(plot["content"]["data"]["values"] for (plot,) in drawn.values())


def test_which_data_made_this_model(repository):
    manifest = repository.manifest()
    found = dvc_revision(repository.workspace, manifest.source["location"], manifest.data)
    assert found["path"] == "workspace/tables/transactions.parquet"
    assert found["md5"] in (repository.folder / "dvc.lock").read_text(encoding="utf-8")
    assert repository.call("git", "log", "-S", found["md5"], "--format=%s", "--", found["file"]) == "first\n"


@pytest.mark.parametrize("source", ["orders.parquet", "orders"])
def test_order_lines_that_dvc_keeps_are_known_by_its_md5(repository, source):
    lines = repository.folder / "orders" / "2024" / "lines.parquet"
    lines.parent.mkdir(parents=True)
    shutil.copy(repository.workspace / "tables/regions.parquet", lines)
    shutil.copy(repository.workspace / "tables/traits.parquet", lines.parent.with_suffix(".parquet"))
    shutil.copy(lines, repository.folder / "orders.parquet")
    repository.dvc("add", "--quiet", source)
    found = dvc_revision(repository.folder / "elsewhere", str(repository.folder / source))
    assert found["file"] == f"{source}.dvc"
    assert found["md5"] in (repository.folder / found["file"]).read_text(encoding="utf-8")
