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
SWEPT = set(pipeline.STAGE["sweep"].writes)


def digests(workspace):
    paths = [*workspace.glob("tables/*.parquet"), *workspace.glob("model/*"), workspace / "report.html"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_every_table_keeps_its_promise_and_the_manifest_counts_it(sample_run):
    settings, manifest = sample_run
    warehouse = connect(settings.workspace)
    assert set(manifest.tables) == set(TABLES) - SWEPT - set(pipeline.TRAINED)
    for name, spec in ((name, TABLES[name]) for name in manifest.tables):
        rows = warehouse.collect(warehouse.read(name)).to_pylist()
        assert len(rows) == manifest.tables[name]
        if spec.key:
            assert len({tuple(row[key] for key in spec.key) for row in rows}) == len(rows)
    assert manifest.tables["lines"] + manifest.tables["rejected"] == manifest.tables["transactions"]
    assert sum(manifest.reasons.values()) == manifest.tables["rejected"]


def test_the_manifest_is_what_is_written(sample_run, tmp_path):
    shutil.copytree(sample_run[0].workspace, tmp_path, dirs_exist_ok=True)
    manifest = pipeline.step(load(overrides=[f"workspace={tmp_path}"]), ["report"])
    assert Manifest.loads((tmp_path / "run.json").read_text(encoding="utf-8")) == manifest
    text = (sample_run[0].workspace / "run.json").read_text(encoding="utf-8")
    said = json.loads(text)
    assert set(said["stages"]) == {stage.name for stage in pipeline.STAGES} - {"sweep"}
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
    for stage in (stage for stage in pipeline.STAGES if stage.name not in pipeline.ON_REQUEST):
        assert all(within(name, pipeline.DECISIVE) for name in stage.settings), stage.name
    decided = {name for stage in pipeline.STAGES if stage.name != "report" for name in stage.settings}
    assert all(within(name, decided) for name in pipeline.DECISIVE)


def test_a_stage_follows_from_whatever_made_what_it_reads():
    assert pipeline.upstream("read") == []
    assert pipeline.upstream("segment") == ["read", "clean", "features", "sweep", "train"]
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
    asked = {*pipeline.STAGE["evaluate"].writes, *SWEPT, *pipeline.TRAINED}
    assert len(found[0]) == len(set(TABLES) - asked) + 2  # model and report too


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
        if stage.name not in pipeline.ON_REQUEST:
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
    assert left == set(TABLES) - follow - SWEPT == set(manifest.tables)
    with pytest.raises(WorkspaceError, match=r"the stage profile needs segments, .* `clientage step segment`"):
        pipeline.step(other, ["profile"])
    pipeline.step(load(overrides=[f"workspace={tmp_path}", "clean.duplicate=false"]), ["clean"])
    left = {path.stem for path in tmp_path.glob("tables/*")}
    assert left == {"transactions", "lines", "rejected", "baskets", "quality"}


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


QUICK = ["segments.bootstraps=2", "sweep.n_init=[1, 4]", "sweep.max_iter=[100]", "sweep.k=[3, 4]"]


@pytest.fixture
def swept(sample_run, tmp_path):
    """A workspace with customers and a sweep over them, and how to load its settings."""
    shutil.copytree(sample_run[0].workspace, tmp_path / "ws")

    def settings(*others):
        return load(overrides=[f"workspace={tmp_path / 'ws'}", *QUICK, *others])

    pipeline.step(settings(), ["features", "sweep"])
    return settings


def test_what_wins_a_sweep_makes_the_model(swept):
    (chosen,) = [row for row in pipeline.rows(swept(), "candidates") if row["chosen"]]
    choice = pipeline.step(swept(), ["train"]).choice
    assert choice["candidate"].items() <= chosen.items()
    assert choice["k"] == chosen["k"]
    assert "of 8 candidates (R² " in choice["reason"]
    warehouse = connect(swept().workspace)
    model = document.loads(warehouse.read_text(pipeline.MODEL))
    customers = warehouse.collect(warehouse.read("customers").filter(lambda row: row.frequency > 0))
    points = model.space.place(np.column_stack([customers[name].to_numpy() for name in model.space.features]))
    inertia = ((points[:, None] - model.centroids) ** 2).sum(axis=2).min(axis=1).sum()
    assert inertia == pytest.approx(chosen["inertia"])
    assert [row["k"] for row in pipeline.rows(swept(), "quality") if row["chosen"]] == [chosen["k"]]


def test_weights_and_logarithms_that_win_are_those_of_the_model(swept):
    settings = swept("sweep.log=[false]", 'sweep.weights=[{"products": 2, "frequency": 0}]', "sweep.k=[3]")
    pipeline.step(settings, ["sweep", "train", "segment", "profile", "report"])
    model = document.loads(connect(settings.workspace).read_text(pipeline.MODEL))
    assert not model.space.log
    assert set(model.space.features) == {"recency_days", "monetary", "lines_per_basket", "units_per_line", "products"}
    assert "products 2" in (settings.workspace / pipeline.REPORT).read_text(encoding="utf-8")


def test_a_number_that_is_set_is_the_only_one_swept(swept):
    pipeline.step(swept("segments.k=5"), ["sweep"])
    assert {row["k"] for row in pipeline.rows(swept(), "candidates")} == {5}


@pytest.mark.parametrize("others", [["segments.k=3"], ["segments.recipe=rfm"], ["segments.seed=8"]])
def test_other_settings_do_not_go_by_an_old_sweep(swept, others):
    assert "candidate" not in pipeline.step(swept(*others), ["train"]).choice
    assert not pipeline.exists(swept(), "candidates")


def test_the_same_run_again_keeps_to_the_sweep_and_one_of_other_data_does_not(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", *QUICK])
    pipeline.run(settings, "sample")
    pipeline.step(settings, ["sweep", "train"])
    assert "candidate" in pipeline.run(settings, "sample").choice
    made = simulate(400, out=tmp_path / "other.parquet", seed=5)
    manifest = pipeline.run(settings, str(made.lines_path))
    assert "candidate" not in manifest.choice
    assert "candidates" not in manifest.tables
    assert not pipeline.exists(settings, "candidates")


def test_a_sweep_without_room_for_a_hold_out_goes_by_stability(tmp_path):
    made = simulate(300, out=tmp_path / "short.parquet", seed=5, months=4)
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", *QUICK, "sweep.k=[2, 3, 50]", "segments.k_max=4"])
    manifest = pipeline.step(settings, ["read", "clean", "features", "sweep", "train"], str(made.lines_path))
    assert {row["r2"] for row in pipeline.rows(settings, "candidates")} == {None}
    assert manifest.choice["reason"].startswith("the most stable of ")


def test_a_sweep_says_what_it_cannot_do(swept):
    with pytest.raises(SettingsError, match="the recipe quintiles has nothing to sweep"):
        pipeline.step(swept("segments.recipe=quintiles"), ["sweep"])
    with pytest.raises(InputError, match="there is no feature expected_spend, luck of these customers"):
        pipeline.step(swept('sweep.weights=[{"luck": 1, "expected_spend": 2}]'), ["sweep"])


def test_a_sweep_says_what_it_left_out(tmp_path):
    made = simulate(40, out=tmp_path / "few.parquet", seed=5)
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", *QUICK, "sweep.k=[2, 50]"])
    manifest = pipeline.step(settings, ["read", "clean", "features", "sweep"], str(made.lines_path))
    assert manifest.warnings["sweep"] == [
        "4 of 8 candidates are left out: they have more segments than customers differ."
    ]
    assert {row["k"] for row in pipeline.rows(settings, "candidates")} == {2}


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


def test_new_lines_with_the_model_that_is_there(sample_run, tmp_path):
    shutil.copytree(sample_run[0].workspace, tmp_path / "ws")
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", "segments.bootstraps=5"])
    model = (tmp_path / "ws" / "model" / "segments.json").read_bytes()
    made = simulate(1500, out=tmp_path / "lines.parquet", seed=3)
    manifest = pipeline.run(settings, str(made.lines_path), keep_model=True)
    assert (tmp_path / "ws" / "model" / "segments.json").read_bytes() == model
    assert manifest.choice == sample_run[1].choice
    assert manifest.tables["segments"] == manifest.tables["customers"] != sample_run[1].tables["customers"]
    with pytest.raises(WorkspaceError, match="needs model"):
        pipeline.run(load(overrides=[f"workspace={tmp_path / 'empty'}"]), str(made.lines_path), keep_model=True)
