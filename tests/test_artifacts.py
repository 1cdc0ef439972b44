"""A model as a folder that a service can be given."""

import shutil
from types import SimpleNamespace

import pytest

from clientage import artifacts
from clientage.cloud.container import MODEL_DIR
from clientage.context import MODEL
from clientage.errors import CloudError, InputError, WorkspaceError
from clientage.serving.models import read_document
from clientage.serving.place import Place
from clientage.settings import load
from clientage.tracking import registry
from clientage.warehouse import LIVING, Workspace


@pytest.fixture
def workspace(sample_run, tmp_path):
    return shutil.copytree(sample_run[0].workspace, tmp_path / "workspace")


@pytest.fixture
def settings(workspace):
    return load(overrides=[f"workspace={workspace}"])


def made(settings):
    with artifacts.of_workspace(settings) as found:
        return found


def test_a_run_hands_its_model_over_to_where_it_is_told(workspace, settings, tmp_path, monkeypatch):
    monkeypatch.delenv(MODEL_DIR, raising=False)
    assert artifacts.hand_over(settings) == ""
    monkeypatch.setenv(MODEL_DIR, f"{tmp_path / 'out' / 'model'}/")
    out = tmp_path / "out" / "model"
    assert artifacts.hand_over(settings) == str(out)
    assert (out / "segments.json").read_bytes() == (workspace / MODEL).read_bytes()
    there = Place.in_folder(out)
    assert there.tables == out
    assert read_document(there)[0] == read_document(Place.in_folder(workspace))[0]
    assert {path.stem for path in (out / "tables").iterdir()} >= {"customers", "profiles", "products", "popularity"}


def test_where_it_cannot_be_written_is_told(settings, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(MODEL_DIR, str(tmp_path / "file" / "model"))
    with pytest.raises(CloudError, match=r"file/model: cannot be used \(.*\). Give another place"):
        artifacts.hand_over(settings)


def test_the_same_model_has_the_same_digest_whenever_it_was_made(workspace, settings):
    before = made(settings).digest
    (workspace / "run.json").write_text("{}")
    assert made(settings).digest == before
    (workspace / "tables" / "affinities.parquet").unlink()
    assert made(settings).digest != before


def test_the_model_comes_last(settings):
    assert list(made(settings).files)[-1] == artifacts.DOCUMENT


@pytest.mark.parametrize("wanted", ["", "folder"])
def test_what_is_copied_is_of_one_run(workspace, settings, wanted, tmp_path):
    named = str(workspace) if wanted else ""
    with (
        Workspace(workspace).alone(),
        pytest.raises(WorkspaceError, match="another run is using this workspace"),
        artifacts.chosen(settings, named),
    ):
        pass
    before = (workspace / MODEL).read_bytes()
    with artifacts.chosen(settings, named) as found:
        with Workspace(workspace).transaction():  # who copies does not keep others waiting
            (workspace / MODEL).write_text("of the next run")
        artifacts.copy(found.files, str(tmp_path / "out"))
    assert (tmp_path / "out" / artifacts.DOCUMENT).read_bytes() == before


@pytest.mark.parametrize("wanted", ["", "champion", "folder"])
def test_tables_that_live_elsewhere_are_not_left_out_without_a_word(workspace, settings, wanted, monkeypatch):
    (workspace / LIVING).write_text('{"dataset": "bigquery://our-shop/shop", "tables": {}}')
    version = SimpleNamespace(version=1, aliases=())
    monkeypatch.setattr(registry, "get", lambda store, wanted: version)
    monkeypatch.setattr(registry, "document", lambda store, version: (workspace / MODEL).read_text())
    with (
        pytest.raises(
            WorkspaceError, match=r"its tables live in bigquery://our-shop/shop. Name it: --set warehouse.url="
        ),
        artifacts.chosen(settings, str(workspace) if wanted == "folder" else wanted),
    ):
        pass


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(InputError, match="no model in it"):
        made(load(overrides=[f"workspace={tmp_path}"]))
