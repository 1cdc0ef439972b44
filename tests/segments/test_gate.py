"""The gate: each check passes and fails where it should."""

import numpy as np
import pytest
from shops import columns

from clientage.segments import gate
from clientage.segments.choose import Limits
from clientage.segments.evaluate import Score
from clientage.segments.fit import fit_centroids, fit_grid
from clientage.segments.space import RECIPES

LIMITS = Limits(mean=0.8, worst=0.75, share=0.05)


@pytest.fixture(scope="module")
def shop():
    return columns(300)


@pytest.fixture(scope="module")
def model(shop):
    return fit_centroids(RECIPES["behaviour"], shop, 3)


def test_the_contract_holds_for_a_model_and_its_own_customers(model, shop):
    labels = model.predict(shop)
    assert gate.contract(model, labels, labels) == gate.Check(
        "contract", True, "300 customers, each in one of 3 segments"
    )


def test_the_contract_tells_all_that_is_wrong(model, shop):
    labels = model.predict(shop)
    other = np.where(np.arange(300) == 7, 99, labels)
    found = gate.contract(model, labels, other)
    assert not found.passed
    assert found.found == "some customers are in no segment and the engine and NumPy differ"


@pytest.mark.parametrize(
    ("mean", "worst", "passed"),
    [(0.81, 0.76, True), (0.79, 0.76, False), (0.81, 0.74, False), (float("nan"), 1, False)],
)
def test_stability(mean, worst, passed):
    assert gate.steady(mean, worst, LIMITS).passed is passed


def test_a_small_segment_fails_and_an_empty_one_too(model, shop):
    assert gate.large(model, np.repeat([1, 2, 3], [60, 35, 5]), LIMITS).passed
    assert not gate.large(model, np.repeat([1, 2, 3], [60, 36, 4]), LIMITS).passed
    assert not gate.large(model, np.repeat([1, 2], [60, 40]), LIMITS).passed
    assert gate.large(fit_grid(shop), np.repeat([1, 2], [60, 40]), LIMITS).passed, "a grid has cells for nobody"


def test_worse_by_less_than_the_interval_passes():
    old = [Score(0.24, 0.01, 0.71, 0.01)]
    assert [c.passed for c in gate.predicts([Score(0.225, 0.01, 0.70, 0.01)], old)] == [True, True]
    assert [c.passed for c in gate.predicts([Score(0.215, 0.01, 0.68, 0.01)], old)] == [False, False]


def test_what_cannot_be_judged_passes_and_says_so():
    checks = gate.predicts([], [])
    assert [check.passed for check in checks] == [True, True]
    assert "cannot be judged" in str(checks[0])


def test_most_customers_must_stay_in_known_segments(model, shop):
    labels = model.predict(shop)
    assert gate.retained(model, model, labels, 1.0).passed
    other = fit_centroids(RECIPES["behaviour"], shop, 2)
    assert not gate.retained(model, other, np.full(300, 3), 0.5).passed


def test_a_model_matched_to_another_champion_fails():
    assert gate.matched_to(2, 2).passed
    assert not gate.matched_to(1, 2).passed
    assert not gate.matched_to(None, 2).passed
