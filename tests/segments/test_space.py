"""The space: scaling, weights, components, and that all of it folds into one matrix."""

import numpy as np
import pytest
from shops import columns

from clientage.errors import InputError
from clientage.segments.fit import place
from clientage.segments.space import RECIPES, Recipe, fit_space, principal, signed_log, usable


def test_the_matrix_is_scale_weight_and_offset_in_one():
    found = columns()
    space, points = place(RECIPES["behaviour"], found)
    for j, (name, weight) in enumerate(RECIPES["behaviour"].features.items()):
        compared = signed_log(found[name])
        expected = weight * (compared - compared.mean()) / compared.std()
        np.testing.assert_allclose(points[:, j], expected, atol=1e-9)
    assert space.features == tuple(RECIPES["behaviour"].features)


def test_components_keep_the_variance_asked_for_and_folded_equals_unfolded():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6))
    names = tuple("abcdef")
    recipe = Recipe("", "", dict.fromkeys(names, 1.0), log=False, variance=0.8)
    space = fit_space(recipe, names, values)
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    rotation, shares = principal(scaled)
    keep = space.matrix.shape[1]
    assert shares[:keep].sum() >= 0.8 > shares[: keep - 1].sum()
    np.testing.assert_allclose(space.place(values), scaled @ rotation[:, :keep], atol=1e-9)


def test_missing_values_take_the_median_and_constants_do_not_matter():
    recipe = Recipe("", "", {"a": 1.0, "b": 1.0}, log=False)
    values = np.array([[1.0, 5.0], [np.nan, 5.0], [3.0, 5.0]])
    points = fit_space(recipe, ("a", "b"), values).place(values)
    np.testing.assert_allclose(points[1], [0, 0], atol=1e-12)
    assert not points[:, 1].any()


def test_weights_count_like_repeated_customers():
    found = columns(60)
    weights = np.random.default_rng(0).integers(0, 3, 60).astype(float)
    repeated = {name: np.repeat(values, weights.astype(int)) for name, values in found.items()}
    weighted, again = place(RECIPES["rfm"], found, weights)[0], place(RECIPES["rfm"], repeated)[0]
    np.testing.assert_allclose(weighted.matrix, again.matrix)
    np.testing.assert_allclose(weighted.offset, again.offset)


def test_features_that_the_shop_lacks_are_left_out_and_too_few_are_refused():
    assert usable(RECIPES["behaviour"], {"recency_days", "monetary"}) == ("recency_days", "monetary")
    with pytest.raises(InputError, match="too few features"):
        usable(RECIPES["behaviour"], {"recency_days"})


def test_signed_log_keeps_order_and_sign():
    values = np.array([-100.0, -1, 0, 1, 100])
    assert (np.diff(signed_log(values)) > 0).all()
    np.testing.assert_allclose(signed_log(values), -signed_log(-values))
