"""From a workspace to a champion and back, on a real MLflow server."""

import json
import shutil

import pytest
from shops import free_port

from clientage import pipeline, promotion, training
from clientage.errors import GateError, SettingsError, TableError, TrackingError, WorkspaceError
from clientage.segments import document
from clientage.settings import load
from clientage.tracking import experiments, registry
from clientage.warehouse import connect

pytestmark = pytest.mark.slow


def bytes_of(workspace):
    return {path.relative_to(workspace): path.read_bytes() for path in workspace.glob("tables/*.parquet")}


def ids(settings, name="profiles"):
    return {row["segment_id"]: row["segment"] for row in pipeline.rows(settings, name)}


@pytest.fixture(scope="module")
def promoted(sample_run, server, tmp_path_factory):
    """A workspace whose first challenger was promoted: settings, what came of the training and of the promotion."""
    workspace = tmp_path_factory.mktemp("training") / "workspace"
    shutil.copytree(sample_run[0].workspace, workspace)
    uri = [f"tracking.uri={server}", "tracking.model=first", "tracking.experiment=first"]
    limits = ["segments.bootstraps=5", "segments.min_stability=0.5", "segments.worst_stability=0.3"]
    settings = load(overrides=[f"workspace={workspace}", *limits, *uri])
    before = bytes_of(workspace)
    trained = training.train(settings)
    assert bytes_of(workspace) == before, "a training leaves the tables in use alone"
    return settings, trained, promotion.promote(settings)


def test_a_challenger_has_a_workspace_of_its_own(promoted):
    settings, trained, _ = promoted
    place = settings.model_copy(update={"workspace": trained.workspace})
    assert pipeline.rows(place, "profiles")
    assert (trained.workspace / "report.html").exists()
    assert trained.champion is None
    assert trained.matched, "with no champion, segments are matched to the model of the workspace"
    assert trained.waiting == ""
    assert [score["cutoff"] for score in trained.scores] == sorted(score["cutoff"] for score in trained.scores)


def test_the_run_tells_data_settings_figures_and_candidates(promoted):
    settings, trained, _ = promoted
    there = training.store(settings)
    manifest = json.loads((settings.workspace / "run.json").read_text())
    with there.reached() as client:
        run = client.get_run(trained.sent[-1].run)
        (found,) = client.search_experiments(filter_string="name = 'first'")
        children = client.search_runs([found.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
        artifacts = {each.path for each in client.list_artifacts(run.info.run_id)}
        figures = {each.path for each in client.list_artifacts(run.info.run_id, "figures")}
    assert run.data.tags["data"] == manifest["data"]
    assert run.data.tags["settings"] == manifest["settings"]
    assert run.data.params["segments.recipe"] == "behaviour"
    assert {"stability", "stability_worst", "smallest_share", "silhouette", "inertia"} <= set(run.data.metrics)
    assert {each.info.run_name for each in children} == {f"k={k}" for k in range(3, 9)}
    assert all({"inertia", "davies_bouldin", "calinski_harabasz"} <= set(each.data.metrics) for each in children)
    assert {"report.html", "run.json", "scorecard.json", "profiles.json", "figures"} <= artifacts
    assert "figures/revenue.json" in figures


def test_the_first_champion_passes_on_its_own_merit(promoted):
    settings, trained, crowned = promoted
    assert [check.name for check in crowned.checks] == ["contract", "stability", "smallest segment"]
    assert (crowned.version, crowned.change.previous, crowned.stays) == (trained.sent[-1].version, None, "")
    model = (settings.workspace / "model" / "segments.json").read_text()
    assert model == (trained.workspace / "model" / "segments.json").read_text()


def test_promoting_the_champion_again_changes_nothing(promoted):
    settings, _, crowned = promoted
    before = bytes_of(settings.workspace)
    again = promotion.promote(settings)
    assert (again.version, again.change) == (crowned.version, None)
    after = bytes_of(settings.workspace)
    assert {name for name in before if before[name] != after.get(name)} == set()


def test_a_worse_model_is_stopped_and_forced_only_with_a_reason_that_is_kept(promoted):
    settings, _, crowned = promoted
    worse = settings.model_copy(update={"segments": settings.segments.model_copy(update={"k": 8, "min_share": 0.2})})
    trained = training.train(worse)
    assert trained.champion == crowned.version
    with pytest.raises(GateError, match=r"does not pass the gate: .*smallest segment") as stopped:
        promotion.promote(worse)
    assert stopped.value.exit_code == 3
    there = training.store(settings)
    assert registry.get(there, "champion").version == crowned.version
    old = ids(settings)
    forced = promotion.promote(worse, force="the board wants eight")
    assert forced.change.forced
    assert pipeline.rows(settings, "migrations")
    assert set(ids(settings)) & set(old)
    back = promotion.rollback(settings, "they do not")
    assert (back.version, back.change.reason) == (crowned.version, "they do not")
    assert ids(settings) == old
    versions, changes, _ = promotion.overview(settings)
    assert [(change.kind, change.version) for change in changes[:2]] == [
        ("rollback", crowned.version),
        ("promotion", forced.version),
    ]
    assert changes[1].reason == "the board wants eight"
    status = {each.version: each.tags.get("status") for each in versions}
    assert (status[crowned.version], status[forced.version]) == ("champion", "rolled back")


def test_where_the_server_is_away_the_training_is_kept_and_matched_to_the_champion_last_seen(promoted):
    settings, _, crowned = promoted
    away = settings.model_copy(
        update={"tracking": settings.tracking.model_copy(update={"uri": f"http://127.0.0.1:{free_port()}"})}
    )
    trained = training.train(away)
    assert "cannot be used" in trained.waiting
    assert trained.sent == ()
    assert trained.champion == crowned.version
    assert len(experiments.waiting(training.store(away))) == 1
    with pytest.raises(TrackingError, match="cannot be used"):
        promotion.promote(away)
    versions, _, sent = promotion.overview(settings)
    assert len(sent) == 1
    assert experiments.waiting(training.store(settings)) == []
    assert versions[0].aliases == ("challenger",)


def test_a_table_that_is_damaged_stops_the_training_and_leaves_the_champion(promoted, tmp_path):
    settings, _, _ = promoted
    copy = tmp_path / "copy"
    shutil.copytree(settings.workspace, copy)
    (copy / "tables" / "customers.parquet").write_bytes(b"PAR1 not quite")
    there = training.store(settings)
    champion, challenger = registry.get(there, "champion").version, registry.get(there, "challenger").version
    with pytest.raises((TableError, WorkspaceError)):
        training.train(settings.model_copy(update={"workspace": copy}))
    assert registry.get(there, "champion").version == champion
    assert registry.get(there, "challenger").version == challenger
    assert (copy / "model" / "segments.json").read_bytes() == (settings.workspace / "model/segments.json").read_bytes()


def test_an_interrupted_training_does_not_stand_in_the_way_of_a_promotion(promoted, monkeypatch):
    settings, _, crowned = promoted
    monkeypatch.setattr(pipeline, "step", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        training.train(settings)
    monkeypatch.undo()
    again = promotion.promote(settings, str(crowned.version))
    assert (again.version, again.stays) == (crowned.version, "")
    assert training.train(settings).waiting == ""


def test_a_reason_that_says_nothing_does_not_overrule_the_gate(promoted):
    with pytest.raises(SettingsError, match="needs a reason"):
        promotion.promote(promoted[0], force=" ")


def test_one_training_at_a_time(promoted):
    settings = promoted[0]
    with training.alone(settings), pytest.raises(WorkspaceError, match="another training or promotion"):
        training.train(settings)


def test_without_tables_there_is_nothing_to_train(tmp_path):
    with pytest.raises(WorkspaceError, match="no tables yet"):
        training.train(load(overrides=[f"workspace={tmp_path / 'nothing'}"]))
    assert not (tmp_path / "nothing").exists()


def test_without_a_champion_before_there_is_no_rollback(sample_run, server, tmp_path):
    settings = load(overrides=[f"workspace={tmp_path}", f"tracking.uri={server}", "tracking.model=nobody"])
    with pytest.raises(TrackingError, match="no champion before"):
        promotion.rollback(settings)
    with pytest.raises(TrackingError, match="no version with the alias challenger"):
        promotion.promote(settings)


def test_another_workspace_takes_over_the_champion(promoted, tmp_path):
    settings, _, crowned = promoted
    other = settings.model_copy(update={"workspace": tmp_path / "other"})
    pipeline.step(other, ["read", "clean", "features"], "sample")
    assert promotion.promote(other, "champion").stays == ""
    model = document.loads(connect(other.workspace).read_text("model/segments.json"))
    assert ids(other) == {each.segment_id: each.name for each in model.segments}
    assert json.loads((other.workspace / "run.json").read_text())["choice"]["reason"] == (
        f"as version {crowned.version} of first"
    )


@pytest.mark.real
def test_a_month_later_segments_that_go_on_keep_number_and_name(real_run, server, tmp_path):
    workspace = tmp_path / "workspace"
    shutil.copytree(real_run[0].workspace, workspace)
    uri = [f"tracking.uri={server}", "tracking.model=months", "tracking.experiment=months", "segments.k=5"]
    earlier = load(overrides=[f"workspace={workspace}", "as_of=2011-11-10", *uri])
    pipeline.step(earlier, ["features", "segment", "profile", "recommend", "report"])
    training.train(earlier)
    promotion.promote(earlier, force="the first")
    before = document.loads(connect(workspace).read_text("model/segments.json"))
    now = load(overrides=[f"workspace={workspace}", *uri])
    pipeline.step(now, ["features", "segment", "profile", "recommend", "report"])
    trained = training.train(now)
    place = now.model_copy(update={"workspace": trained.workspace})
    after = document.loads(connect(trained.workspace).read_text("model/segments.json"))
    old, new = ({each.segment_id: each.name for each in model.segments} for model in (before, after))
    assert trained.matched == tuple(sorted(set(old) & set(new)))
    assert len(trained.matched) >= 4
    assert {id_: new[id_] for id_ in trained.matched} == {id_: old[id_] for id_ in trained.matched}
    moved = pipeline.rows(place, "migrations")
    assert sum(row["customers"] for row in moved) == len(pipeline.rows(place, "segments")) == 4362
    assert {row["from_segment"] for row in moved} <= set(old.values())
