"""The same segments keep their numbers and names when the model is made anew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import columns

from clientage.segments.align import aligned, highest
from clientage.segments.document import dumps, loads
from clientage.segments.fit import doubts, fit_centroids, fit_grid
from clientage.segments.model import Segment
from clientage.segments.space import RECIPES


def ids(model):
    return [segment.segment_id for segment in model.segments]


def shuffled(model, numbers):
    """The model with other numbers and names, as an older one may have."""
    named = [
        replace(each, segment_id=id_, name=f"old {id_}") for each, id_ in zip(model.segments, numbers, strict=True)
    ]
    return replace(model, segments=tuple(named))


@pytest.fixture(scope="module")
def shop():
    return columns(600)


@pytest.fixture(scope="module")
def model(shop):
    return fit_centroids(RECIPES["behaviour"], shop, 3)


@settings(max_examples=25, deadline=None)
@given(numbers=st.permutations([1, 2, 3, 4, 5, 6, 7]))
def test_a_model_made_again_has_the_numbers_and_names_it_had(model, shop, numbers):
    old = shuffled(model, numbers[:3])
    found = aligned(model, old, shop)
    assert ids(found) == numbers[:3]
    assert [each.name for each in found.segments] == [f"old {id_}" for id_ in numbers[:3]]
    assert found.ended == ()
    assert (found.predict(shop) == old.predict(shop)).all()


def test_a_sample_of_the_customers_gives_the_same_segments(model, shop):
    drawn = np.random.default_rng(3).integers(0, 600, 600)
    found = fit_centroids(RECIPES["behaviour"], {name: values[drawn] for name, values in shop.items()}, 3, seed=11)
    again = aligned(found, shuffled(model, [5, 2, 9]), shop)
    assert (again.predict(shop) == shuffled(model, [5, 2, 9]).predict(shop)).mean() > 0.98


def test_one_more_segment_gets_a_number_that_was_never_given(model, shop):
    old = replace(shuffled(model, [4, 2, 7]), ended=(Segment(9, "gone", ""),))
    found = aligned(fit_centroids(RECIPES["behaviour"], shop, 4), old, shop)
    fresh = [each for each in found.segments if each.segment_id not in (4, 2, 7)]
    assert len(set(ids(found))) == 4
    assert len(fresh) == 4 - len({4, 2, 7} & set(ids(found)))
    assert min(each.segment_id for each in fresh) == 10
    assert highest(found) == max(ids(found))


def test_numbers_that_other_models_gave_are_not_given_again(model, shop):
    found = aligned(fit_centroids(RECIPES["behaviour"], shop, 4), model, shop, last=40)
    assert {id_ for id_ in ids(found) if id_ > 3} <= set(range(41, 45))


def test_a_segment_that_is_no_more_is_remembered(shop):
    old = shuffled(fit_centroids(RECIPES["behaviour"], shop, 4), [1, 2, 3, 4])
    found = aligned(fit_centroids(RECIPES["behaviour"], shop, 2), old, shop)
    assert {each.segment_id for each in found.ended} == {1, 2, 3, 4} - set(ids(found))
    assert loads(dumps(found)).ended == found.ended


def test_what_lies_far_away_is_another_segment(model, shop):
    elsewhere = replace(model, centroids=model.centroids + 50.0)
    found = aligned(model, elsewhere, shop)
    assert ids(found) == [4, 5, 6]
    assert [each.segment_id for each in found.ended] == [1, 2, 3]


def test_a_new_segment_does_not_take_a_name_that_goes_on(model, shop):
    old = replace(shuffled(model, [1, 2, 3]), centroids=model.centroids + np.array([[0.0], [0.0], [50.0]]))
    taken = model.segments[2].name
    old = replace(old, segments=(replace(old.segments[0], name=taken), *old.segments[1:]))
    names = [each.name for each in aligned(model, old, shop).segments]
    assert names[0] == taken
    assert names[2] == f"{taken} (2)"


def test_a_grid_keeps_numbers_by_name_and_shares_none_with_centroids(model, shop):
    grid = fit_grid(shop)
    old = replace(grid, segments=tuple(replace(each, segment_id=each.segment_id + 20) for each in grid.segments))
    assert ids(aligned(grid, old, shop)) == ids(old)
    assert not set(ids(aligned(grid, model, shop))) & {1, 2, 3}


@pytest.mark.real
def test_on_samples_of_the_public_data_customers_keep_their_segment(real_tables):
    found = real_tables["engine"].to_pyarrow(real_tables["customers"].order_by("customer_id"))
    names = [field.name for field in found.schema if str(field.type) in ("double", "int64")]
    every = {name: found[name].cast("double").to_numpy() for name in names}
    bought = every["frequency"] > 0
    every = {name: values[bought] for name, values in every.items()}
    base, n, kept = fit_centroids(RECIPES["behaviour"], every, 5), int(bought.sum()), []
    for r in range(10):
        drawn = np.random.default_rng([7, r]).integers(0, n, n)
        sample = {name: values[drawn] for name, values in every.items()}
        again = aligned(fit_centroids(RECIPES["behaviour"], sample, 5, seed=r), base, sample)
        kept.append(float((again.predict(every) == base.predict(every)).mean()))
    assert np.mean(kept) >= 0.88, kept


def test_no_two_segments_have_one_colour_and_those_that_go_on_keep_theirs(model, shop):
    old = shuffled(model, [11, 1, 21])
    found = aligned(fit_centroids(RECIPES["behaviour"], shop, 5), old, shop)
    assert len({each.colour for each in found.segments}) == 5
    kept = {each.segment_id: each.colour for each in old.segments}
    assert all(each.colour == kept[each.segment_id] for each in found.segments if each.segment_id in kept)


def test_numbers_with_gaps_are_no_small_segments():
    assert doubts(np.repeat([1, 3, 5, 6], 50), 0.05) == []
