"""The whole flow: what it writes, that it is the same twice, and what it finds."""

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest

from clientage import pipeline
from clientage.errors import InputError, SettingsError, WorkspaceError
from clientage.manifest import Manifest
from clientage.segments import document
from clientage.segments.indices import adjusted_rand
from clientage.settings import Section, load, names
from clientage.tables import TABLES
from clientage.transactions.simulate import simulate
from clientage.warehouse import connect

FLOOR = 0.70


def digests(workspace):
    paths = [*workspace.glob("tables/*.parquet"), *workspace.glob("model/*"), workspace / "report.html"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_every_table_keeps_its_promise_and_the_manifest_counts_it(sample_run):
    settings, manifest = sample_run
    warehouse = connect(settings.workspace)
    assert set(manifest.tables) == set(TABLES)
    for name, spec in TABLES.items():
        rows = warehouse.collect(warehouse.read(name)).to_pylist()
        assert len(rows) == manifest.tables[name]
        if spec.key:
            assert len({tuple(row[key] for key in spec.key) for row in rows}) == len(rows)
    assert manifest.tables["lines"] + manifest.tables["rejected"] == manifest.tables["transactions"]
    assert sum(manifest.reasons.values()) == manifest.tables["rejected"]


def test_the_manifest_is_what_is_written(sample_run):
    settings, manifest = sample_run
    text = (settings.workspace / "run.json").read_text(encoding="utf-8")
    assert Manifest.loads(text) == manifest
    said = json.loads(text)
    assert set(said["stages"]) == {stage.name for stage in pipeline.STAGES}
    assert all(cost["seconds"] >= 0 < cost["peak_mb"] for cost in said["stages"].values())
    assert len(said["data"]) == len(said["settings"]) == 64


def test_stages_read_what_earlier_ones_wrote():
    written = set()
    for stage in pipeline.STAGES:
        if stage.name != "report":
            assert set(stage.reads) <= written, stage.name
        written |= set(stage.writes)
    assert written == {*TABLES, "model"}


class Watched:
    """Settings that note which of them are looked at."""

    def __init__(self, of, seen, name=""):
        self.__dict__ |= {"of": of, "seen": seen, "name": name}

    def __getattr__(self, key):
        value, name = getattr(self.of, key), f"{self.name}.{key}".strip(".")
        if key in type(self.of).model_fields:
            if not isinstance(value, Section):
                self.seen.add(name)
                return value
            return Watched(value, self.seen, name)
        self.seen.add(self.name)
        return value


def within(name, sections):
    return any(f"{name}.".startswith(f"{section}.") for section in sections)


@pytest.mark.parametrize("recipe", ["behaviour", "quintiles", "classic"])
def test_stages_look_at_no_settings_but_those_that_decide_them(recipe, tmp_path, monkeypatch):
    seen = {stage.name: set() for stage in pipeline.STAGES}

    def watching(stage):
        def run(context):
            context.settings = Watched(settings, seen[stage.name])
            stage.run(context)
            context.settings = settings

        return replace(stage, run=run)

    monkeypatch.setattr(pipeline, "STAGE", {stage.name: watching(stage) for stage in pipeline.STAGES})
    settings = load(overrides=[f"workspace={tmp_path}", "segments.bootstraps=2", f"segments.recipe={recipe}"])
    pipeline.run(settings, "sample", with_evaluation=True)
    assert seen["read"] and seen["train"]
    for stage in pipeline.STAGES:
        allowed = (*stage.settings, *(pipeline.UNDECISIVE if stage.name == "evaluate" else ()))
        assert {name for name in seen[stage.name] if not within(name, allowed)} == set(), stage.name


def test_every_setting_decides_tables_or_is_said_not_to():
    for name in names():
        assert within(name, pipeline.DECISIVE) != within(name, pipeline.UNDECISIVE), name
    for stage in pipeline.STAGES:
        assert all(within(name, pipeline.DECISIVE) for name in stage.settings), stage.name
    decided = {name for stage in pipeline.STAGES if stage.name != "report" for name in stage.settings}
    assert all(within(name, decided) for name in pipeline.DECISIVE)


def test_a_stage_follows_from_whatever_made_what_it_reads():
    assert pipeline.upstream("read") == []
    assert pipeline.upstream("segment") == ["read", "clean", "features", "train"]
    assert pipeline.upstream("report") == [stage.name for stage in pipeline.STAGES[:-1]]


def test_every_customer_is_in_exactly_one_segment(sample_run):
    settings, manifest = sample_run
    segments = pq.read_table(settings.workspace / "tables/segments.parquet").to_pydict()
    customers = pq.read_table(settings.workspace / "tables/customers.parquet").to_pydict()
    assert segments["customer_id"] == customers["customer_id"]
    profiles = pipeline.rows(settings, "profiles")
    assert sum(row["customers"] for row in profiles) == manifest.tables["customers"]
    assert sum(row["revenue"] for row in profiles) == pytest.approx(sum(customers["spend"]))
    assert set(segments["segment_id"]) == {row["segment_id"] for row in profiles}


def test_two_runs_give_the_same_bytes(tmp_path):
    found = []
    for name in ("one", "other"):
        settings = load(overrides=[f"workspace={tmp_path / name}", "segments.bootstraps=2", "segments.k_max=4"])
        pipeline.run(settings, "sample")
        found.append(digests(tmp_path / name))
    assert found[0] == found[1]
    assert len(found[0]) == len(set(TABLES) - set(pipeline.STAGE["evaluate"].writes)) + 2  # model and report too


def test_planted_segments_are_found_again(tmp_path):
    made = simulate(5000, out=tmp_path / "lines.parquet", seed=11)
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", "segments.k=5"])
    pipeline.run(settings, str(made.lines_path))
    truth = dict(
        zip(*pq.read_table(made.truth_path).select(["customer_id", "segment"]).to_pydict().values(), strict=True)
    )
    segments = pq.read_table(tmp_path / "ws/tables/segments.parquet").to_pydict()
    planted = np.unique([truth[customer] for customer in segments["customer_id"]], return_inverse=True)[1]
    agreement = adjusted_rand(planted, np.array(segments["segment_id"]))
    print(f"planted segments recovered with an adjusted Rand index of {agreement:.3f}")  # noqa: T201
    assert agreement >= FLOOR


@pytest.mark.parametrize("recipe", ["rfm", "quintiles", "classic"])
def test_every_recipe_runs_to_its_report(recipe, tmp_path):
    number = ["segments.k=4"] if recipe != "quintiles" else []
    settings = load(overrides=[f"workspace={tmp_path}", f"segments.recipe={recipe}", *number])
    manifest = pipeline.run(settings, "sample")
    assert bool(manifest.warnings) == (recipe == "classic"), "one of its four segments is very small"
    assert manifest.choice["recipe"] == recipe
    segments = pq.read_table(tmp_path / "tables/segments.parquet")
    assert ("outlier" in segments.column_names) == (recipe == "classic")
    if recipe == "classic":
        marked = sum(segments["outlier"].to_pylist())
        assert marked == pytest.approx(0.05 * manifest.tables["customers"], rel=0.02)
        assert segments["segment_id"].null_count == 0
    assert (tmp_path / "tables/quality.parquet").exists() == (recipe != "quintiles")
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_stages_can_be_run_one_by_one(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path}", "segments.k=4"])
    whole = load(overrides=[f"workspace={tmp_path / 'whole'}", "segments.k=4"])
    for stage in pipeline.STAGES:
        if stage.name != "evaluate":
            pipeline.step(settings, [stage.name], "sample" if stage.name == "read" else "")
    pipeline.run(whole, "sample")
    assert digests(tmp_path) == digests(tmp_path / "whole")


def test_what_follows_from_a_changed_stage_does_not_stay(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path}", "segments.k=4", "segments.bootstraps=2"])
    pipeline.run(settings, "sample", with_evaluation=True)
    tables = set(connect(tmp_path).workspace.glob("tables/*"))
    pipeline.step(settings, ["clean"])
    assert set(tmp_path.glob("tables/*")) == tables
    other = load(overrides=[f"workspace={tmp_path}", "segments.k=3"])
    manifest = pipeline.step(other, ["train"])
    left = {path.stem for path in tmp_path.glob("tables/*")}
    follow = {table for name in ("segment", "profile", "recommend") for table in pipeline.STAGE[name].writes}
    assert left == set(TABLES) - follow == set(manifest.tables)
    with pytest.raises(WorkspaceError, match=r"the stage profile needs segments, .* `clientage step segment`"):
        pipeline.step(other, ["profile"])
    pipeline.step(load(overrides=[f"workspace={tmp_path}", "clean.duplicate=false"]), ["clean"])
    assert {path.stem for path in tmp_path.glob("tables/*")} == {"transactions", "lines", "rejected", "quality"}


def test_other_data_are_not_served_by_an_old_evaluation(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", "segments.k=3", "segments.bootstraps=2"])
    made = simulate(400, out=tmp_path / "other.parquet", seed=5)
    pipeline.run(settings, "sample", with_evaluation=True)
    assert pipeline.step(settings, ["recommend"]).recommender["reason"] == "the best of the last evaluation"
    first = pipeline.run(settings, str(made.lines_path))
    assert first.recommender == {"model": "ease", "reason": "the default"}
    assert "recommenders" not in first.tables
    found = digests(tmp_path / "ws")
    pipeline.run(settings, str(made.lines_path))
    assert digests(tmp_path / "ws") == found


def test_another_horizon_makes_other_tables(sample_run, tmp_path):
    shutil.copytree(sample_run[0].workspace, tmp_path, dirs_exist_ok=True)
    changed = ["segments.bootstraps=5", "evaluate.horizon_days=30"]
    pipeline.step(load(overrides=[f"workspace={tmp_path}", *changed]), ["features"])
    assert not {"profiles", "regions", "recommendations"} & {path.stem for path in tmp_path.glob("tables/*")}


def test_cutoffs_need_a_whole_horizon_after_them(sample_run):
    settings = load(overrides=[f"workspace={sample_run[0].workspace}", 'evaluate.cutoffs=["2024-12-20"]'])
    with pytest.raises(InputError, match="no later than 2024-10-03"):
        pipeline.step(settings, ["evaluate"])


def test_steps_say_what_is_missing(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path}"])
    with pytest.raises(WorkspaceError, match=r"the stage clean needs transactions, .* `clientage step read`"):
        pipeline.step(settings, ["clean"])
    with pytest.raises(WorkspaceError, match="the stage report needs lines and customers and segments"):
        pipeline.step(settings, ["report"])
    assert not (tmp_path / "tables").exists()
    with pytest.raises(SettingsError, match=r"there is no stage wash\. The stages are read, clean"):
        pipeline.step(settings, ["wash"])
    with pytest.raises(SettingsError, match="needs a source"):
        pipeline.step(settings, ["read"])


def test_an_earlier_as_of_knows_only_what_came_before(sample_run, tmp_path):
    settings = load(overrides=[f"workspace={tmp_path}", "segments.k=4", "as_of=2024-07-01"])
    manifest = pipeline.run(settings, "sample")
    assert manifest.as_of == date(2024, 7, 1)
    assert manifest.tables["lines"] == sample_run[1].tables["lines"]
    assert manifest.tables["customers"] < sample_run[1].tables["customers"]


def test_a_scorecard_of_other_data_does_not_stay(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path}", "segments.k=4", "segments.bootstraps=2"])
    pipeline.run(settings, "sample", with_evaluation=True)
    pipeline.run(settings, "sample")
    assert (tmp_path / "tables/evaluation.parquet").exists()
    made = simulate(1500, out=tmp_path / "other.parquet", seed=3)
    pipeline.run(settings, str(made.lines_path))
    assert not (tmp_path / "tables/evaluation.parquet").exists()


def test_customers_above_the_sample_are_assigned_too(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path}", "segments.k=4", "segments.sample=1000"])
    manifest = pipeline.run(settings, "sample")
    assert manifest.tables["segments"] == manifest.tables["customers"] > 1000
    assert sum(row["customers"] for row in pipeline.rows(settings, "profiles")) == manifest.tables["customers"]


@pytest.mark.real
def test_the_public_data_set_gives_the_reference_segments(real_run):
    settings, manifest = real_run
    chosen = [row for row in pipeline.rows(settings, "quality") if row["chosen"]]
    assert manifest.tables["segments"] == 4_362
    assert manifest.choice["k"] == 5
    assert np.mean([row["stability"] for row in chosen]) >= 0.80
    assert min(row["smallest_share"] for row in chosen) >= 0.05
    top = pipeline.rows(settings, "profiles")[0]
    assert top["segment"] == "Top spenders · active · very frequent"
    assert top["revenue_share"] > 0.55
    assert top["buys_again"] > 0.9


@pytest.mark.real
def test_numpy_and_the_engine_agree_on_every_real_customer(real_run):
    settings, _ = real_run
    warehouse = connect(settings.workspace)
    model = document.loads(warehouse.read_text(pipeline.MODEL))
    customers = warehouse.collect(warehouse.read("customers").order_by("customer_id"))
    columns = {name: customers[name].to_numpy(zero_copy_only=False).astype(float) for name in model.space.features}
    segments = warehouse.collect(warehouse.read("segments").order_by("customer_id"))
    np.testing.assert_array_equal(model.predict(columns), segments["segment_id"].to_numpy())
