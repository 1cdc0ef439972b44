"""The model: NumPy and the engine agree, the document keeps every bit, a move leads to the runner-up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import columns, customers

from clientage.errors import InputError
from clientage.segments import document
from clientage.segments.buyers import buyer_limits
from clientage.segments.fit import fit_centroids, fit_grid
from clientage.segments.grid import NAMES
from clientage.segments.space import RECIPES
from clientage.tables import check

EACH = ["behaviour", "rfm", "quintiles"]


def fitted(recipe, found):
    return fit_grid(found) if recipe == "quintiles" else fit_centroids(RECIPES[recipe], found, 3, seed=1)


def assigned(engine, model, found):
    return engine.to_pyarrow(check("segments", model.assign(customers(found))).order_by("customer_id")).to_pylist()


@pytest.mark.parametrize("recipe", EACH)
def test_numpy_and_the_engine_give_every_customer_the_same_segment(engine, recipe):
    found = columns(600)
    model = fitted(recipe, found)
    assert [row["segment_id"] for row in assigned(engine, model, found)] == model.predict(found).tolist()


@pytest.mark.parametrize("recipe", [*EACH, "classic"])
def test_one_customer_and_many_are_found_alike(recipe):
    """Alone in plain Python, together in NumPy; a missing value is filled in both."""
    found = columns(400)
    found |= {name: found["spend"] * (1 + i) for i, name in enumerate(RECIPES["classic"].features) if name not in found}
    found["monetary"] = np.where(np.arange(400) % 7, found["monetary"], np.nan)
    model = fitted(recipe, columns(400) | found)
    values = np.column_stack([found[name] for name in model.needs])
    together, alone = model.find(values), [model.find([row]) for row in values.tolist()]
    assert together.segment_id == [each.segment_id[0] for each in alone] == model.predict(found).tolist()
    if together.distance and together.runner_up:
        assert together.distance == pytest.approx([each.distance[0] for each in alone], rel=1e-12)
        assert together.runner_up == [each.runner_up[0] for each in alone]


@pytest.mark.parametrize("recipe", EACH)
def test_the_document_keeps_every_bit(recipe):
    model = fitted(recipe, columns())
    text = document.dumps(model)
    again = document.loads(text)
    assert document.dumps(again) == text
    found = columns(seed=5)
    np.testing.assert_array_equal(again.predict(found), model.predict(found))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "cannot be read"), ("{}", "cannot be read"), ("[1]", "cannot be read"), ('{"format": 99}', "format 99")],
)
def test_what_is_no_model_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        document.loads(text)


def test_the_planted_kinds_are_found_in_order_of_revenue():
    found = columns()
    model = fit_centroids(RECIPES["behaviour"], found, 3, seed=1)
    labels = model.predict(found)
    kinds = [set(labels[np.arange(300) % 3 == kind]) for kind in range(3)]
    assert kinds == [{3}, {2}, {1}]


@pytest.mark.parametrize("k", [3, 6])
def test_moving_one_feature_over_its_border_reaches_the_segment_named(engine, k):
    found = columns(400)
    model = fit_centroids(RECIPES["behaviour"], found, k, seed=1)
    rows = assigned(engine, model, found)
    movable = [(i, row) for i, row in enumerate(rows) if row["move_feature"]]
    assert len(movable) > 250
    for share, expected in ((1.001, "move_segment"), (0.999, "segment_id")):
        moved = {name: values.copy() for name, values in found.items()}
        for i, row in movable:
            before = found[row["move_feature"]][i]
            moved[row["move_feature"]][i] = before + share * (row["move_to"] - before)
        labels = model.predict(moved)
        assert [labels[i] for i, _ in movable] == [row[expected] for _, row in movable]


def test_distances_are_to_the_two_nearest_middles(engine):
    found = columns(50)
    model = fit_centroids(RECIPES["behaviour"], found, 3, seed=1)
    points = model.space.place(np.column_stack([found[name] for name in model.space.features]))
    expected = np.sort(np.sqrt(((points[:, None] - model.centroids) ** 2).sum(axis=2)), axis=1)
    rows = assigned(engine, model, found)
    np.testing.assert_allclose(
        [[row["distance"], row["runner_up_distance"]] for row in rows], expected[:, :2], rtol=1e-9
    )


@pytest.mark.parametrize("recipe", ["behaviour", "rfm"])
def test_where_customers_are_found_is_the_same_without_moves(engine, recipe):
    found = columns(200)
    model = fitted(recipe, found)
    located = engine.to_pyarrow(model.locate(customers(found)).order_by("customer_id")).to_pylist()
    assert located == [{name: row[name] for name in located[0]} for row in assigned(engine, model, found)]
    assert not {"move_to", "pc1"} & set(located[0])


def test_a_gap_in_the_grid_lies_above_every_limit_in_both(engine):
    found = columns(90)
    model = fit_grid(found)
    for name in ("recency_days", "monetary"):
        found[name][:9] = np.nan
    table = customers(found)
    table = table.mutate(**{name: table[name].nullif(float("nan")) for name in ("recency_days", "monetary")})
    rows = engine.to_pyarrow(model.assign(table).order_by("customer_id")).to_pylist()
    assert [row["segment_id"] for row in rows] == model.predict(found).tolist()


def test_who_buys_many_units_a_line_is_flagged_as_wholesale(engine):
    found = columns(90)
    found["units_per_line"][7] = 10_000.0
    rows = assigned(engine, fit_centroids(RECIPES["behaviour"], found, 3, buyers=buyer_limits(found, 20, 4)), found)
    assert [i for i, row in enumerate(rows) if row["wholesale"]] == [7]


def test_missing_values_get_a_segment_in_both(engine):
    found = columns(90)
    model = fit_centroids(RECIPES["behaviour"], found, 3)
    found["units_per_line"][:5] = np.nan
    table = customers(found)
    table = table.mutate(units_per_line=table.units_per_line.nullif(float("nan")))
    rows = engine.to_pyarrow(model.assign(table).order_by("customer_id")).to_pylist()
    assert [row["segment_id"] for row in rows] == model.predict(found).tolist()


def test_too_few_different_customers_are_refused():
    found = {name: np.repeat(values[:2], 50) for name, values in columns().items()}
    with pytest.raises(
        InputError, match=r"3 segments need at least 3 customers that differ; .* 100 customers with 2 different"
    ):
        fit_centroids(RECIPES["behaviour"], found, 3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(1, 1e4), min_size=4, max_size=4, unique=True).map(sorted))
def test_the_grid_takes_given_limits(limits):
    model = fit_grid(columns(), {"monetary": tuple(limits)})
    assert model.cuts["monetary"] == tuple(limits)
    assert {segment.name for segment in model.segments} == {name for row in NAMES for name in row}


def test_champions_are_recent_frequent_and_large():
    found = columns(900)
    model = fit_grid(found)
    names = {segment.segment_id: segment.name for segment in model.segments}
    labels = np.array([names[i] for i in model.predict(found)])
    best = labels == "Champions"
    assert found["recency_days"][best].max() < np.median(found["recency_days"])
    assert found["monetary"][best].min() > np.median(found["monetary"])


def test_a_model_that_was_altered_is_refused():
    text = document.dumps(fit_centroids(RECIPES["behaviour"], columns(), 3))
    assert document.loads(text)
    with pytest.raises(InputError, match="altered"):
        document.loads(text.replace('"log": true', '"log": false'))
    with pytest.raises(InputError, match="cannot be read"):
        document.loads(text[: len(text) // 2])
