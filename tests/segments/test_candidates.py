"""The grid of a sweep: what it tries, and what each candidate says of itself."""

import pytest

from clientage.segments.candidates import Grid
from clientage.segments.space import RECIPES
from clientage.settings import load


def grid(**changes):
    return Grid(**{"recipes": ["behaviour"], "n_init": [1], "max_iter": [100], "k": [3], "init": ["random"]} | changes)


def test_the_defaults_are_144_candidates_of_one_space():
    tried = Grid(**load().sweep.model_dump() | {"recipes": ["behaviour"]}).candidates()
    assert len(tried) == len(set(tried)) == 144
    assert all(candidate.space == RECIPES["behaviour"] for candidate in tried)


def test_what_is_given_twice_or_says_what_the_recipe_says_is_tried_once():
    assert len(grid(k=[3, 4, 3], init=["random", "random"]).candidates()) == 2
    assert len(grid(log=[True], weights=[{}, {"recency_days": 1.5}, {"products": 0}]).candidates()) == 1
    assert len(grid(log=[True, False], weights=[{"recency_days": 2}, {"recency_days": 2.0}]).candidates()) == 2


def test_every_value_is_tried_with_every_other_in_order():
    tried = grid(recipes=["rfm", "classic"], k=[4, 3], n_init=[1, 2]).candidates()
    assert [(each.recipe, each.k, each.n_init) for each in tried] == [
        (recipe, k, n) for recipe in ("rfm", "classic") for k in (4, 3) for n in (1, 2)
    ]
    assert [each.log for each in tried] == [True] * 4 + [False] * 4


def test_weights_take_the_place_of_the_recipes():
    (candidate,) = grid(weights=[{"units_per_line": 0, "products": 1.25, "frequency": 1.5}]).candidates()
    assert candidate.told()["weights"] == "products 1.25, units_per_line 0"
    assert candidate.space.features == {
        "recency_days": 1.5, "frequency": 1.5, "monetary": 1.5, "lines_per_basket": 1, "products": 1.25,
    }  # fmt: skip
    assert grid().candidates()[0].told()["weights"] == ""


@pytest.mark.parametrize("missing", ["recipes", "n_init", "max_iter", "k", "init"])
def test_without_a_value_there_is_nothing_to_try(missing):
    assert grid(**{missing: []}).candidates() == ()
