"""The model as a SavedModel: what TensorFlow computes is what NumPy computes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import filelock
import numpy as np
import pytest
from export_models import NAMES, assert_agrees, edges, features, fitted, kept, shop, wild
from shops import SHARED

from clientage import portable
from clientage.errors import ClientageError, SettingsError, WorkspaceError
from clientage.export import files, savedmodel

each_recipe = pytest.mark.parametrize("recipe", NAMES)


def together(*parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.fixture(scope="session")
def cases(request):
    """Models and customers by name: small shops with odd and wild customers among them, and the real ones."""
    made = {}
    for recipe in NAMES:
        model = fitted(recipe, shop())
        usual = {name: values for name, values in shop(900, seed=3).items() if name in features(model)}
        made[recipe] = (model, together(usual, edges(model), wild(model)))
    if (SHARED / "data" / "online_retail.parquet").exists():
        real = request.getfixturevalue("real_models")
        made |= {f"real-{recipe}": real[recipe] for recipe in NAMES}
    return made


@pytest.fixture(scope="session")
def examined(cases, tmp_path_factory):
    """A folder for each case, after the one process; workers that test side by side share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "savedmodels"
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            for name, (model, found) in cases.items():
                kept(model, folder / name / "shop")
                np.savez(folder / name / "customers.npz", **{feature: found[feature] for feature in features(model)})
            process = [sys.executable, Path(__file__).with_name("savedmodel_process.py"), folder]
            done = subprocess.run(process, capture_output=True, text=True, timeout=600, check=False)
            assert done.returncode == 0, done.stderr
            (folder / "done").write_text(done.stderr, encoding="utf-8")
    return folder


def facts(examined, recipe):
    return json.loads((examined / recipe / "facts.json").read_text(encoding="utf-8"))


def answers(examined, name):
    with np.load(examined / name / "answers.npz") as found:
        return {column: found[column] for column in found.files}


@pytest.mark.slow
@each_recipe
def test_usual_odd_and_wild_customers_come_out_as_in_numpy(recipe, cases, examined):
    assert_agrees(answers(examined, recipe), *cases[recipe])


@pytest.mark.slow
@pytest.mark.real
@each_recipe
def test_every_real_customer_comes_out_as_in_numpy(recipe, real, cases, examined):
    model, found = cases[f"real-{recipe}"]
    given = answers(examined, f"real-{recipe}")
    np.testing.assert_array_equal(given["segment_id"], model.predict(found))
    assert_agrees(given, model, found)


@pytest.mark.slow
@each_recipe
def test_the_signature_is_named_like_the_features(recipe, cases, examined):
    model, found = cases[recipe][0], facts(examined, recipe)
    assert found["inputs"] == {name: ["float64", None] for name in features(model)}
    kinds = {
        "segment_id": "int64",
        "segment": "string",
        "distance": "float64",
        "runner_up": "int64",
        "runner_up_distance": "float64",
    }
    named = list(kinds)[:2] if recipe == "quintiles" else list(kinds)
    assert found["outputs"] == {name: [kinds[name], None] for name in named}
    assert set(found["nobody"]) == {0}
    first = next(iter(features(model)))
    assert first in found["missing"]
    assert first in found["renamed"]


@pytest.mark.slow
def test_the_command_says_what_was_written_and_what_comes_next(cases, examined):
    first, second = facts(examined, "rfm")["said"]
    said = json.loads(first["out"])
    assert said["inputs"] == ["recency_days", "frequency", "monetary"]
    assert said["out"] == str(examined / "rfm" / "saved")
    assert (second["code"], second["err"]) == (0, "")
    assert f"4 segments of the recipe rfm as a SavedModel in {examined}/rfm/saved\n" in second["out"]
    assert f"next: saved_model_cli show --dir {examined}/rfm/saved --tag_set serve" in second["out"]


@pytest.mark.slow
def test_the_folder_is_small_says_where_it_comes_from_and_nothing_is_left_beside_it(examined):
    folder = examined / "behaviour" / "saved"
    about = json.loads((folder / savedmodel.ABOUT).read_text(encoding="utf-8"))
    assert (about["recipe"], len(about["model"]), len(about["segments"].splitlines())) == ("behaviour", 12, 4)
    assert savedmodel.is_ours(folder)
    assert not (folder / "fingerprint.pb").exists()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 100_000
    assert not list(folder.parent.glob(".saved*"))


def ours(folder, text="old"):
    """What looks like an earlier export."""
    (folder / savedmodel.ABOUT).parent.mkdir(parents=True)
    (folder / savedmodel.ABOUT).write_text("{}", encoding="utf-8")
    (folder / "saved_model.pb").write_text(text, encoding="utf-8")
    return folder


def rewritten(folder, fail=None):
    with files.replaced(folder) as draft:
        ours(draft, "new")
        if fail:
            raise fail


def test_an_earlier_export_is_replaced_and_what_a_killed_one_left_goes(tmp_path):
    folder = ours(tmp_path / "saved")
    (tmp_path / ".saved.draft").mkdir()
    (tmp_path / ".saved.draft" / "half").write_text("", encoding="utf-8")
    rewritten(files.folder(folder, savedmodel.is_ours))
    assert (folder / "saved_model.pb").read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_a_failure_leaves_the_earlier_export(tmp_path):
    folder = ours(tmp_path / "saved")
    with pytest.raises(WorkspaceError, match=r"saved: cannot be written \(No space left"):
        rewritten(folder, OSError(28, "No space left on device"))
    assert (folder / "saved_model.pb").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_an_export_that_was_killed_between_two_renames_is_put_back(tmp_path):
    ours(tmp_path / ".saved.before")
    with pytest.raises(WorkspaceError):
        rewritten(tmp_path / "saved", OSError(28, "No space left on device"))
    assert (tmp_path / "saved" / "saved_model.pb").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("what", ["a file", "other things", "more than ours", "-"])
def test_what_is_not_ours_is_left_alone(what, tmp_path):
    out = Path("-") if what == "-" else tmp_path / "out"
    if what == "a file":
        out.write_text("mine", encoding="utf-8")
    elif what == "other things":
        (out / "photos").mkdir(parents=True)
    elif what == "more than ours":
        (ours(out) / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"not a folder|holds something else than an earlier export"):
        portable.write_savedmodel(kept(fitted("rfm", shop()), tmp_path / "shop"), out=out)
    assert what == "-" or out.exists()
    assert what != "more than ours" or (out / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_and_a_link_to_one_are_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    rewritten(files.folder(tmp_path / "link", savedmodel.is_ours))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty" / "saved_model.pb").exists()


def test_a_library_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ClientageError, match=r"tensorflow is not installed .*: pip install 'clientage\[tensorflow\]'"):
        portable.write_savedmodel(kept(fitted("rfm", shop()), tmp_path), out=tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
