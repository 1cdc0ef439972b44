"""What each stage says of itself lies beside its tables, is the same twice, and goes with them."""

import json
import shutil

import pytest

from clientage import pipeline
from clientage.errors import WorkspaceError
from clientage.ledger import Ledger
from clientage.manifest import Manifest
from clientage.settings import load
from clientage.tables import TABLES
from clientage.warehouse import connect


@pytest.fixture
def workspace(sample_run, tmp_path):
    return shutil.copytree(sample_run[0].workspace, tmp_path / "ws")


def settings(workspace, *changes):
    return load(overrides=[f"workspace={workspace}", "segments.bootstraps=5", *changes])


def written(workspace):
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in workspace.glob("facts/*.json")}


def test_every_stage_says_what_it_made_and_of_what(sample_run):
    facts = written(sample_run[0].workspace)
    assert [name for name in pipeline.STAGE if name != "sweep"] == sorted(facts, key=list(pipeline.STAGE).index)
    for name, said in facts.items():
        assert set(said.get("tables", {})) == set(pipeline.STAGE[name].writes) & set(TABLES) - set(pipeline.TRAINED)
        assert said["made"]["data"] == sample_run[1].data
        assert len(said["made"]["settings"]) == 64
    assert facts["features"]["as_of"] == "2025-01-01"
    assert set(facts["clean"]["source"]) == {"stock_codes", "first", "last"}
    assert "seconds" not in json.dumps(facts)


def test_facts_together_are_the_manifest(sample_run):
    warehouse = connect(sample_run[0].workspace)
    assert pipeline.ledger(warehouse).manifest() == sample_run[1]


def test_a_stage_run_again_says_the_same_bytes(workspace):
    before = {path.name: path.read_bytes() for path in workspace.glob("facts/*")}
    for name in ("clean", "train", "recommend", "report"):
        pipeline.step(settings(workspace), [name])
    assert {path.name: path.read_bytes() for path in workspace.glob("facts/*")} == before


def test_a_stage_knows_only_what_it_follows_from(workspace):
    """What others said may be missing, or be of another run, and does not change what it says."""
    before = written(workspace)
    for name in ("train", "recommend", "report", "evaluate"):
        (workspace / f"facts/{name}.json").unlink()
    pipeline.step(settings(workspace), ["train"])
    assert written(workspace)["train"] == before["train"]


def test_facts_are_enough_where_run_json_is_old(workspace, sample_run):
    (workspace / "run.json").unlink()
    pipeline.step(settings(workspace), ["report"])
    manifest = Manifest.loads((workspace / "run.json").read_text(encoding="utf-8"))
    assert manifest.facts() == sample_run[1].facts()
    assert list(manifest.stages) == ["report"]


def test_facts_of_tables_that_went_go_too(workspace):
    manifest = pipeline.step(settings(workspace, "segments.k=3"), ["train"])
    assert set(written(workspace)) == {"read", "clean", "features", "train", "evaluate"}
    assert manifest.choice["k"] == 3
    assert manifest.recommender == {}


def test_only_what_was_made_by_other_settings_goes(workspace):
    pipeline.step(settings(workspace, "recommendations.top=3"), ["features"])
    assert set(written(workspace)) == {"read", "clean", "features", "train", "segment", "profile"}


def test_a_workspace_from_before_opens(workspace, sample_run):
    shutil.rmtree(workspace / "facts")
    warehouse = connect(workspace)
    found = pipeline.ledger(warehouse).manifest()
    assert found.facts() == sample_run[1].facts()
    again = pipeline.step(settings(workspace), ["report"])
    assert again.facts() == sample_run[1].facts()
    assert set(written(workspace)) == {"read", "report"}


def test_without_anything_nothing_is_said(tmp_path):
    ledger = Ledger.read(connect(tmp_path), pipeline.STAGE)
    assert ledger.manifest() == Manifest()
    assert ledger.made("train") == {}


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", '{"made": {}}', '{"tables": 1}', '{"made": {"settings": "", "versions": {}}, "unknown": 1}'],
)
def test_spoilt_facts_are_a_sentence(workspace, text):
    (workspace / "facts/clean.json").write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"facts.* cannot be read .*\. Remove it from the workspace"):
        pipeline.step(settings(workspace), ["train"])
