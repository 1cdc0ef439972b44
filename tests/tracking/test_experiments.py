"""Trainings on a real MLflow server: whole, once, safe, and kept where the server is away."""

import json

import pytest
from shops import free_port

from clientage.errors import TrackingError
from clientage.tracking import experiments, registry
from clientage.tracking.store import Store, told


def runs(store):
    with store.reached() as client:
        experiment = client.get_experiment_by_name(store.experiment)
        return client.search_runs([experiment.experiment_id]), client


def parent(store):
    found, client = runs(store)
    (run,) = (run for run in found if "mlflow.parentRunId" not in run.data.tags)
    return run, client


def test_a_training_is_one_run_with_a_child_for_each_candidate(store, trained):
    version = trained(store, data="abc")
    run, client = parent(store)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"segments.k": "3"}
    assert run.data.metrics == {"r2": 0.25}
    assert run.data.tags["data"] == "abc"
    children = [each for each in runs(store)[0] if each.data.tags.get("mlflow.parentRunId") == run.info.run_id]
    assert {(each.info.run_name, each.info.status) for each in children} == {("k=2", "FINISHED"), ("k=3", "FINISHED")}
    assert {each.data.metrics.get("inertia") for each in children} == {2.0, None}
    assert {each.path for each in client.list_artifacts(run.info.run_id)} == {"figures", "report.html"}
    found = registry.get(store, "challenger")
    assert (found.version, found.tags["r2"], found.tags["data"]) == (version, "0.25", "abc")
    assert experiments.waiting(store) == []


def test_the_model_is_code_and_a_document_without_a_pickle(store, trained, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    trained(store)
    with store.reached() as client:
        source = client.get_model_version_by_alias(store.model, "challenger").source
    folder = mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(tmp_path / "model"))
    names = {path.name for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert {"scorer.py", "model.json", "MLmodel", "requirements.txt"} <= names
    assert not {name for name in names if name.endswith((".pkl", ".pickle", ".joblib", ".cloudpickle"))}
    pinned = (tmp_path / "model" / "requirements.txt").read_text().split()
    assert sorted(line.partition("==")[0] for line in pinned) == ["mlflow", "numpy"]
    assert all("==" in line for line in pinned)
    described = mlflow.models.Model.load(folder)
    assert described.signature is not None
    assert described.saved_input_example_info is not None


def test_what_a_broken_connection_left_is_sent_anew_and_once(store, trained):
    trained(store)
    run, client = parent(store)
    name = run.data.tags[experiments.RECORD]
    client.delete_tag(run.info.run_id, experiments.VERSION)  # as if the connection broke before the last word
    record = store.folder / experiments.OUTBOX / name
    _kept_again(store, record)
    (sent,) = experiments.send(store)
    whole, _ = runs(store)
    assert [each.info.run_id for each in whole if "mlflow.parentRunId" not in each.data.tags] == [sent.run]
    assert len(whole) == 3
    assert [each.version for each in registry.versions(store)] == [sent.version]
    # and a record that was sent whole, but not removed, changes nothing
    _kept_again(store, record)
    (again,) = experiments.send(store)
    assert again == sent
    assert len(runs(store)[0]) == 3
    assert [each.version for each in registry.versions(store)] == [sent.version]
    assert not record.exists()


def _kept_again(store, record):
    """The record as it was before it was sent."""
    version = registry.get(store, "challenger")
    record.mkdir(parents=True)
    (record / "model.json").write_text(registry.document(store, version))
    (record / "artifacts").mkdir()
    (record / "artifacts" / "report.html").write_text("<p>report</p>")
    features = {"recency_days": ["double", 1.0]}
    document = {"name": "3 segments", "params": {}, "metrics": {}, "tags": {}, "features": features, "grid": False}
    tried = [{"name": f"k={k}", "params": {}, "metrics": {}} for k in (2, 3)]
    (record / "record.json").write_text(json.dumps(document | {"candidates": tried, "started": 1.7e9}))


def test_where_the_server_is_away_a_training_waits_and_goes_with_the_next(store, trained):
    away = Store(f"http://127.0.0.1:{free_port()}", store.experiment, store.model, store.folder)
    with pytest.raises(TrackingError, match="cannot be used"):
        trained(away)
    with pytest.raises(TrackingError, match="cannot be used"):
        trained(away, k=2)
    assert len(experiments.waiting(store)) == 2
    sent = list(experiments.send(store))
    assert [(each.name, each.version) for each in sent] == [("3 segments", 1), ("2 segments", 2)]
    assert registry.get(store, "challenger").version == 2
    assert experiments.waiting(store) == []


def test_a_record_that_was_not_finished_is_not_sent(store, trained):
    trained(store)
    draft = store.folder / experiments.OUTBOX / f"{experiments.DRAFT}-x"
    draft.mkdir()
    assert experiments.waiting(store) == []


def test_without_a_server_all_lies_in_the_workspace(tmp_path, trained):
    store = Store("", "clientage", "segments", tmp_path / "tracking")
    assert trained(store) == 1
    assert (store.folder / "mlflow.db").exists()
    assert list((store.folder / "artifacts").rglob("report.html"))


def test_a_training_that_waited_does_not_take_the_place_of_a_later_one(store, trained):
    trained(store)
    name = parent(store)[0].data.tags[experiments.RECORD]
    _kept_again(store, store.folder / experiments.OUTBOX / f"{name}-older")
    (sent,) = experiments.send(store)
    assert sent.version == 2
    assert registry.get(store, "challenger").version == 1


def test_a_spoilt_record_is_named(store, trained):
    folder = store.folder / experiments.OUTBOX / "20200101T000000-x"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("{", encoding="utf-8")
    (store.folder / experiments.OUTBOX / "not a record").mkdir()
    assert experiments.waiting(store) == [folder]
    with pytest.raises(TrackingError, match=r"cannot be read .* Remove that folder"):
        list(experiments.send(store))


@pytest.mark.parametrize("uri", ["sqlite:////proc/nowhere/x.db", "mysql+nodriver://127.0.0.1/x", "foo://127.0.0.1/x"])
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(tmp_path, uri):
    with pytest.raises(TrackingError, match="cannot be used"):
        registry.versions(Store(uri, "x", "y", tmp_path))


def test_an_address_is_told_without_what_is_secret_in_it():
    assert told("https://ann:secret@mlflow.example.com:443/x?token=1") == "https://mlflow.example.com:443/x"
