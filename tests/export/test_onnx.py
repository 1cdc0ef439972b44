"""The model as ONNX: what ONNX Runtime computes is what NumPy computes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from export_models import CENTROIDS, NAMES, assert_agrees, edges, features, fitted, kept, shop, wild
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage import portable
from clientage.errors import ClientageError

each_recipe = pytest.mark.parametrize("recipe", NAMES)
each_size = pytest.mark.parametrize("single", [False, True], ids=["float64", "float32"])
ANY = st.floats(-1e200, 1e200) | st.floats(-1e4, 1e4) | st.just(np.nan)


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def answered(loaded, found):
    kind = np.float32 if "float)" in loaded.get_inputs()[0].type else np.float64
    names = [output.name for output in loaded.get_outputs()]
    given_ = {field.name: found[field.name].astype(kind) for field in loaded.get_inputs()}
    return dict(zip(names, loaded.run(names, given_), strict=True))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Each recipe with its exported model, loaded once."""
    made = {}
    for recipe in NAMES:
        model, folder = fitted(recipe, shop()), tmp_path_factory.mktemp(recipe)
        portable.write_onnx(kept(model, folder), out=folder / "a.onnx")
        made[recipe] = (model, session(folder / "a.onnx"))
    return made


@each_size
@each_recipe
def test_small_shops_come_out_as_in_numpy(recipe, single, tmp_path):
    found = shop(900, seed=3)
    model = fitted(recipe, shop())
    portable.write_onnx(kept(model, tmp_path), out=tmp_path / "a.onnx", single=single)
    tolerances = {"tolerance": 1e-4, "tie": 1e-4} if single else {}
    assert_agrees(answered(session(tmp_path / "a.onnx"), found), model, found, **tolerances)


@each_size
@pytest.mark.real
@each_recipe
def test_every_real_customer_comes_out_as_in_numpy(recipe, single, real_models, tmp_path):
    model, found = real_models[recipe]
    portable.write_onnx(kept(model, tmp_path), out=tmp_path / "a.onnx", single=single)
    answers = answered(session(tmp_path / "a.onnx"), found)
    np.testing.assert_array_equal(answers["segment_id"], model.predict(found))
    assert_agrees(answers, model, found, **({"tolerance": 1e-4, "tie": 0} if single else {}))


@each_recipe
def test_odd_values_come_out_as_in_numpy(recipe, models):
    model, loaded = models[recipe]
    for found in (edges(model), wild(model)):
        assert_agrees(answered(loaded, found), model, found)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(NAMES), st.lists(st.tuples(*[ANY] * 15), min_size=1, max_size=5))
def test_any_values_come_out_as_in_numpy(models, recipe, rows):
    model, loaded = models[recipe]
    found = dict(zip(features(model), np.array(rows, float).T, strict=False))
    assert_agrees(answered(loaded, found), model, found)


@each_size
@each_recipe
def test_the_same_model_gives_the_same_bytes(recipe, single, tmp_path):
    settings_ = kept(fitted(recipe, shop()), tmp_path)
    for name in "ab":
        portable.write_onnx(settings_, out=tmp_path / name, single=single)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_inputs_and_outputs_are_called_as_in_the_tables(models):
    model, loaded = models["behaviour"]
    given_ = [(field.name, field.type, len(field.shape)) for field in loaded.get_inputs()]
    assert given_ == [(name, "tensor(double)", 1) for name in model.space.features]
    assert [(field.name, field.type) for field in loaded.get_outputs()] == [
        ("segment_id", "tensor(int64)"),
        ("segment", "tensor(string)"),
        ("distance", "tensor(double)"),
        ("runner_up", "tensor(int64)"),
        ("runner_up_distance", "tensor(double)"),
    ]


def test_the_file_says_where_it_comes_from(tmp_path):
    model = fitted("rfm", shop())
    made = portable.write_onnx(kept(model, tmp_path), out=tmp_path / "a.onnx")
    loaded = onnx.load(tmp_path / "a.onnx")
    about = {prop.key: prop.value for prop in loaded.metadata_props}
    assert about["recipe"] == "rfm"
    assert about["model"] == made.model
    assert about["features"].split() == list(model.space.features)
    assert about["segments"].splitlines() == [f"{s.segment_id} {s.name}" for s in model.segments]
    assert (loaded.ir_version, [opset.version for opset in loaded.opset_import]) == (7, [13])


@pytest.mark.parametrize("recipe", CENTROIDS)
def test_an_input_that_is_missing_or_renamed_is_refused(models, recipe):
    model, loaded = models[recipe]
    found = {name: np.ones(2) for name in model.space.features}
    first = next(iter(found))
    with pytest.raises(ValueError, match=first):
        loaded.run(None, {name: values for name, values in found.items() if name != first})
    with pytest.raises(ValueError, match=f"{first}|renamed"):
        loaded.run(None, {"renamed" if name == first else name: values for name, values in found.items()})


def test_nobody_is_an_answer_for_nobody(models):
    model, loaded = models["behaviour"]
    assert all(len(column) == 0 for column in answered(loaded, {name: np.ones(0) for name in features(model)}).values())


def test_a_library_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ClientageError, match=r"onnx is not installed .*: pip install 'clientage\[onnx\]'"):
        portable.write_onnx(kept(fitted("rfm", shop()), tmp_path), out=tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()
