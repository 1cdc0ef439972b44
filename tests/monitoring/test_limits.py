"""Limits learned from windows: how far is usual, and what beyond it is a finding."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.monitoring import limits
from clientage.monitoring.limits import BEYOND, DEVIATIONS, FEWEST, WATCHED, Limit, learned
from clientage.monitoring.measures import Measure

SHARE = Measure("a share", 0.02)
RATIO = Measure("a ratio", 0.20, ratio=True)
DISTANCE = Measure("a distance", 0.25, above=True)
SLOWER = Measure("seconds", 0.50, ratio=True, above=True)
EVERY = (SHARE, RATIO, DISTANCE, SLOWER)
VALUES = st.lists(st.floats(0.001, 1_000), min_size=FEWEST, max_size=40).map(np.array)


@settings(max_examples=80, deadline=None)
@given(values=VALUES, measure=st.sampled_from(EVERY), strictness=st.floats(1, 5))
def test_no_window_that_taught_a_limit_is_beyond_it_or_watched(values, measure, strictness):
    limit = learned(values, measure).wider(strictness)
    scores = [limit.score(value) for value in values]
    assert max(scores) <= 1 / BEYOND + 1e-6
    assert all(score * limit.reach <= limit.watch * (1 + 1e-9) + 1e-12 for score in scores)
    assert limit.watch <= limit.reach


@settings(max_examples=40, deadline=None)
@given(values=VALUES, measure=st.sampled_from(EVERY))
def test_limits_are_the_same_for_any_order_of_windows(values, measure):
    assert learned(values[::-1], measure) == learned(values, measure)


def test_a_quarter_beyond_the_furthest():
    values = np.array([5.0, 5, 5, 5, 5, 5, 5, 5, 5, 9])
    limit = learned(values, SHARE)
    assert (limit.expected, limit.low, limit.high) == (5, 0, 10)
    assert limit.watch == 4
    assert limit.score(0) == limit.score(10) == 1


def test_four_robust_deviations():
    values = np.arange(1.0, 10)  # median 5, median absolute deviation 2
    limit = learned(values, SHARE)
    assert limit.reach == pytest.approx(DEVIATIONS * 1.4826 * 2)
    assert limit.watch == pytest.approx(WATCHED * limit.reach)


@pytest.mark.parametrize("measure", EVERY)
def test_values_all_the_same_still_have_room_for_what_does_not_matter(measure):
    limit = learned(np.full(FEWEST, 3.0), measure)
    assert limit.expected == 3
    assert limit.score(3) == 0
    assert limit.reach == pytest.approx(math.log1p(measure.least) if measure.ratio else measure.least)
    assert limit.watch == pytest.approx(WATCHED * limit.reach)


def test_of_a_ratio_twice_as_much_is_as_far_as_half():
    limit = learned(np.full(FEWEST, 100.0), RATIO)
    assert limit.score(200) == pytest.approx(limit.score(50))
    assert (limit.high, limit.low) == pytest.approx((120, 100 / 1.2))
    assert (limit.score(120), limit.score(100 / 1.2)) == pytest.approx((1, 1))


def test_of_a_distance_less_is_no_finding():
    limit = learned(np.full(FEWEST, 0.3), DISTANCE)
    assert limit.score(0) == 0
    assert limit.low is None
    assert limit.high == pytest.approx(0.55)
    assert learned(np.full(FEWEST, 2.0), SLOWER).score(0.1) == 0
    assert learned(np.full(FEWEST, 2.0), SLOWER).score(3) == pytest.approx(1)


def test_below_the_usual_nothing_widens_the_limit_of_a_distance():
    values = np.array([0.5] * 8 + [0.0])
    assert learned(values, DISTANCE).reach == DISTANCE.least


@pytest.mark.parametrize("known", range(FEWEST))
def test_too_few_windows_teach_nothing(known):
    assert learned(np.array([1.0] * known + [np.nan] * 20), RATIO) is None


def test_windows_that_are_not_known_count_for_nothing():
    values = np.arange(1.0, 12)
    assert learned(np.concatenate([values, [np.nan] * 3]), SHARE) == learned(values, SHARE)


def test_zeros_in_ratios_are_no_infinity():
    limit = learned(np.array([0.0, *np.full(9, 100.0)]), RATIO)
    assert math.isfinite(limit.reach)
    assert limit.score(0) == pytest.approx(1 / BEYOND)
    nothing = learned(np.zeros(FEWEST), RATIO)
    assert math.isfinite(nothing.score(100))
    assert nothing.score(100) > 1
    assert nothing.score(0) == 0


def test_strictness_widens():
    values = np.arange(1.0, 10)
    assert learned(values, SHARE).wider(2).reach == pytest.approx(2 * learned(values, SHARE).reach)


def test_without_windows_what_matters_to_a_shop():
    limit = limits.given(RATIO, 1.0, RATIO.least)
    assert isinstance(limit, Limit)
    assert limit.high == pytest.approx(1.2)
    assert limits.given(SHARE, 0.5, SHARE.least).low == pytest.approx(0.48)
    assert limits.given(SHARE, 0.5, SHARE.least).watch == pytest.approx(WATCHED * 0.02)
