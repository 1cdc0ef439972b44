"""Distances of distributions: laws, and the figures of SciPy and of textbooks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from clientage.monitoring.divergence import (
    holm,
    jensen_shannon,
    kolmogorov_smirnov,
    moved,
    stability_index,
    wasserstein,
)

WHOLE = st.integers(0, 1_000).map(float)
PAIRS = st.integers(1, 8).flatmap(
    lambda m: st.tuples(*(arrays.arrays(float, m, elements=WHOLE).filter(lambda counts: counts.sum() > 0),) * 2)
)
laws = settings(max_examples=60, deadline=None)


def chance(found, usual):
    """What `jensen_shannon` takes off."""
    categories = np.count_nonzero(found + usual)
    return (categories - 1) / (8 * math.log(2)) * (1 / found.sum() + 1 / usual.sum())


@laws
@given(pair=PAIRS, times=st.integers(1, 9))
def test_the_same_shares_are_nowhere_apart(pair, times):
    usual, _ = pair
    found = usual * times
    assert jensen_shannon(found, usual) == pytest.approx(-chance(found, usual), abs=1e-12)
    assert stability_index(usual, usual) == 0
    assert kolmogorov_smirnov(found, usual) == pytest.approx((0, 1), abs=1e-12)
    assert wasserstein(found, usual, np.ones(len(usual) - 1)) == pytest.approx(0, abs=1e-12)
    assert moved(found, usual) == pytest.approx(np.zeros(len(usual)), abs=1e-12)


@laws
@given(pair=PAIRS)
def test_who_is_held_against_whom_makes_no_difference(pair):
    one, other = pair
    width = np.arange(1.0, len(one))
    for distance in (jensen_shannon, stability_index, lambda a, b: wasserstein(a, b, width)):
        assert distance(one, other) == pytest.approx(distance(other, one), abs=1e-12)
    assert kolmogorov_smirnov(one, other) == pytest.approx(kolmogorov_smirnov(other, one))


@laws
@given(pair=PAIRS)
def test_distances_stay_within_their_bounds(pair):
    one, other = pair
    assert -1e-12 <= jensen_shannon(one, other) + chance(one, other) <= 1 + 1e-12
    assert stability_index(one, other) >= -1e-12
    distance, probability = kolmogorov_smirnov(one, other)
    assert 0 <= distance <= 1 + 1e-12
    assert 0 <= probability <= 1


@laws
@given(pair=PAIRS, seed=st.integers(0, 99))
def test_the_order_of_categories_makes_no_difference(pair, seed):
    one, other = pair
    order = np.random.default_rng(seed).permutation(len(one))
    for distance in (jensen_shannon, stability_index):
        assert distance(one[order], other[order]) == pytest.approx(distance(one, other), abs=1e-12)


@laws
@given(pair=PAIRS, more=st.integers(1, 5))
def test_products_that_nobody_bought_add_no_divergence(pair, more):
    one, other = (np.concatenate([counts, np.zeros(more)]) for counts in pair)
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(*pair), abs=1e-12)


@laws
@given(pair=PAIRS)
def test_parts_of_the_divergence_add_up_to_it(pair):
    one, other = pair
    parts = moved(one, other)
    assert np.abs(parts).sum() == pytest.approx(jensen_shannon(one, other) + chance(one, other), abs=1e-9)
    shares = one / one.sum() - other / other.sum()
    assert (parts[shares > 1e-9] > 0).all()
    assert (parts[shares < -1e-9] < 0).all()


@laws
@given(pair=PAIRS)
def test_they_agree_with_scipy(pair):
    one, other = pair
    p, q, places = one / one.sum(), other / other.sum(), np.arange(len(one))
    assert jensen_shannon(one, other) + chance(one, other) == pytest.approx(jensenshannon(p, q, 2) ** 2, abs=1e-9)
    width = np.ones(len(one) - 1)
    assert wasserstein(one, other, width) == pytest.approx(stats.wasserstein_distance(places, places, one, other))


@settings(max_examples=25, deadline=None)
@given(
    one=st.lists(st.integers(0, 6), min_size=1, max_size=40), other=st.lists(st.integers(0, 6), min_size=1, max_size=40)
)
def test_the_distance_of_kolmogorov_is_that_of_the_values_where_each_has_a_bin(one, other):
    counts = [np.bincount(values, minlength=7).astype(float) for values in (one, other)]
    distance, probability = kolmogorov_smirnov(*counts)
    assert distance == pytest.approx(stats.ks_2samp(one, other).statistic)
    n, m = len(one), len(other)
    assert probability == pytest.approx(stats.kstwobign.sf(distance * math.sqrt(n * m / (n + m))), abs=1e-9)


def test_the_stability_index_of_a_worked_case():
    found, usual = np.array([29.5, 69.5]), np.array([49.5, 49.5])  # with half a count each: 30 and 70, 50 and 50
    assert stability_index(found, usual) == pytest.approx((0.3 - 0.5) * math.log(0.3 / 0.5) + 0.2 * math.log(0.7 / 0.5))
    assert stability_index(np.array([100.0, 0]), np.array([0, 100.0])) < math.inf


def test_values_are_carried_as_far_as_their_bins_lie_apart():
    assert wasserstein(np.array([1.0, 0, 0]), np.array([0, 0, 5.0]), np.array([2.0, 3.0])) == 5


@pytest.mark.parametrize(("size", "usual_size"), [(200, 5_000), (1_000, 1_000)])
def test_chance_alone_gives_no_divergence_on_average(size, usual_size):
    rng, shares = np.random.default_rng(0), np.array([8, 5, 4, 3, 3, 2, 2, 1.5, 1.5]) / 30
    found = [
        jensen_shannon(rng.multinomial(size, shares).astype(float), rng.multinomial(usual_size, shares).astype(float))
        for _ in range(4_000)
    ]
    taken_off = (len(shares) - 1) / (8 * math.log(2)) * (1 / size + 1 / usual_size)
    assert abs(np.mean(found)) < 0.05 * taken_off  # without it the mean were all of it


@pytest.mark.parametrize("empty", [(0, 1), (1, 0), (0, 0)])
def test_of_nothing_nothing_is_known(empty):
    found, usual = (np.full(3, float(each)) for each in empty)
    assert math.isnan(jensen_shannon(found, usual))
    assert math.isnan(stability_index(found, usual))
    assert all(map(math.isnan, kolmogorov_smirnov(found, usual)))
    assert math.isnan(wasserstein(found, usual, np.ones(2)))
    assert np.isfinite(moved(found, usual)).all()


def test_chances_corrected_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # × 3, 1, 2 and 4
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])
    assert holm(np.array([])).tolist() == []


def test_chances_that_are_not_known_count_for_nothing():
    found = holm(np.array([0.01, np.nan, 0.02]))
    assert found[[0, 2]] == pytest.approx([0.02, 0.02])
    assert math.isnan(found[1])


@laws
@given(chances=arrays.arrays(float, st.integers(1, 12), elements=st.floats(0, 1)))
def test_correction_keeps_the_order_and_never_makes_a_chance_smaller(chances):
    corrected = holm(chances)
    assert (corrected >= chances).all()
    assert (corrected <= np.minimum(chances * len(chances), 1) + 1e-15).all()
    order = np.argsort(chances, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()
    assert len(chances) > 1 or corrected == chances
