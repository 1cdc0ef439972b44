"""Windows held against the usual: prices whatever the mix, products that moved, and what chance explains."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weeks import KNOWN, ORDERS, SPEND, seen

from clientage.monitoring import divergence
from clientage.monitoring.compared import (
    COUNTRIES,
    ITEMS,
    PRICED,
    PRICES,
    SEGMENTS,
    SOLD,
    compare,
    left_out,
    movers,
    values_of,
)
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Observed


def sold(lines, prices):
    """Windows in which products were sold so often (n, m) and cost so much (m,)."""
    lines, names = np.array(lines, float), tuple(map(str, range(len(prices))))
    lines = np.column_stack([lines, np.zeros(len(lines))])
    every = {ITEMS: lines * 2, PRICED: lines, PRICES: lines * np.log([*prices, 1.0])}  # half of the lines have no price
    counts = {key: Counts((*names, "all others"), each) for key, each in every.items()}
    return Observed(tuple(range(len(lines))), counts=counts)


def prices(window, usual):
    return compare(window, 0, usual, {}).values[PRICES]


@settings(max_examples=40, deadline=None)
@given(
    cost=st.lists(st.floats(0.1, 500), min_size=2, max_size=6),
    seed=st.integers(0, 99),
    dearer=st.sampled_from([0.5, 0.9, 1.0, 1.1, 3.0]),
)
def test_the_same_products_dearer_are_dearer_by_that_whatever_the_mix(cost, seed, dearer):
    rng = np.random.default_rng(seed)
    usual = sold(rng.integers(1, 50, (5, len(cost))), cost)
    mix = rng.integers(0, 50, (1, len(cost)))
    mix[0, 0] += 1
    assert prices(sold(mix, np.array(cost) * dearer), usual) == pytest.approx(dearer)


def test_prices_weigh_by_lines():
    usual = sold([[10, 10]], [1.0, 100.0])
    assert prices(sold([[3, 1]], [2.0, 100.0]), usual) == pytest.approx(2 ** (3 / 4))


def test_products_that_are_new_or_gone_have_no_part_in_prices():
    usual = sold([[10, 10, 0]], [1.0, 5.0, 1.0])
    assert prices(sold([[4, 0, 9]], [1.1, 1.0, 800.0]), usual) == pytest.approx(1.1)
    assert math.isnan(prices(sold([[0, 0, 9]], [1.0, 5.0, 8.0]), usual))
    assert math.isnan(prices(sold([[0, 0, 0]], [1.0, 5.0, 8.0]), usual))


def test_all_others_have_no_part_in_prices():
    usual, window = sold([[10, 10]], [1.0, 5.0]), sold([[5, 5]], [1.0, 5.0])
    window.counts[PRICED].counts[0, -1], window.counts[PRICES].counts[0, -1] = 100, 900
    usual.counts[PRICED].counts[0, -1] = 50
    assert prices(window, usual) == pytest.approx(1)


def test_every_kind_of_measure():
    found = compare(seen(seed=1), 3, seen(), KNOWN)
    distances = {ITEMS, PRICES, SEGMENTS, *(SPEND._replace(measure=each) for each in ("psi", "ks", "wasserstein"))}
    assert set(found.values) == {*seen().figures, *distances}
    assert set(found.chances) == {SPEND._replace(measure="ks")}
    usual, window = seen().counts[ITEMS].counts.sum(axis=0), seen(seed=1).counts[ITEMS].counts[3]
    assert found.values[ITEMS] == divergence.jensen_shannon(window, usual)
    assert found.values[ORDERS] == seen(seed=1).figures[ORDERS][3]


def test_chances_are_corrected_for_all_features_together():
    keys = [Key("customers", "psi", name) for name in ("a", "b")]
    known = dict.fromkeys("ab", KNOWN["monetary"])

    def spread(*counts):
        bins = ("≤ 10", "≤ 20", "≤ 30", "more")
        return Observed((0,), counts={k: Counts(bins, np.array([c], float)) for k, c in zip(keys, counts, strict=True)})

    usual = spread([100] * 4, [100] * 4)
    alone = divergence.kolmogorov_smirnov(np.array([20.0, 10, 10, 10]), np.full(4, 100.0))[1]
    found = compare(spread([20, 10, 10, 10], [10, 10, 10, 10]), 0, usual, known)
    assert found.chances[Key("customers", "ks", "a")] == pytest.approx(2 * alone)
    assert found.chances[Key("customers", "ks", "b")] == 1


def test_windows_left_out_are_held_against_the_others_alone():
    reference = seen(10)
    changed = seen(10)
    changed.counts[ITEMS].counts[4] = [0, 0, 0, 500]
    found = left_out(changed, KNOWN)
    others = changed.taken([row for row in range(10) if row != 4])
    alone = compare(changed, 4, others, KNOWN)
    assert found[4].values == pytest.approx(alone.values, rel=0, abs=0, nan_ok=True)
    assert found[4].chances == alone.chances
    assert found[4].values[ITEMS] > 10 * max(window.values[ITEMS] for window in left_out(reference, KNOWN))
    assert len(found) == 10


def test_what_was_not_measured_is_not_known():
    windows = left_out(seen(9), KNOWN)
    assert values_of(windows, ORDERS).tolist() == seen(9).figures[ORDERS].tolist()
    assert np.isnan(values_of(windows, Key("items", "country mix"))).all()


def test_what_the_reference_lacks_is_not_compared():
    usual = seen()
    lacking = Observed(usual.numbers, usual.figures, usual.behind, {SEGMENTS: usual.counts[SEGMENTS]})
    assert set(compare(seen(), 0, lacking, KNOWN).values) == {*usual.figures, SEGMENTS}


def test_an_empty_window_cannot_be_told():
    empty = seen(1)
    for counts in empty.counts.values():
        counts.counts[:] = 0
    found = compare(empty, 0, seen(), KNOWN).values
    assert all(math.isnan(value) for key, value in found.items() if key not in empty.figures)


def test_products_that_moved_most():
    window = seen(1)
    window.counts[ITEMS].counts[0] = [0, 80, 60, 10]
    found = movers(window, 0, seen(), ITEMS, 2)
    assert found[0][0] == "11"
    assert found[0][2] == 0
    assert found[0][1] == pytest.approx(100 / 250, abs=0.03)
    assert len(found) == 2


def test_a_product_that_is_new_is_named():
    window = Observed((1,), counts={SOLD: Counts(("new", "11"), np.array([[90.0, 10.0]]))})
    assert movers(window, 0, seen(), SOLD)[0] == ("new", 0.0, 0.9)


def test_a_window_compares_alike_whatever_is_looked_at_with_it():
    shares = {"11": 30.0, "22": 7.0, **{f"new {i}": 1.0 + i / 7 for i in range(20)}}
    alone = Observed((1,), counts={COUNTRIES: Counts(tuple(shares), np.array([list(shares.values())]))})
    names = tuple(f"elsewhere {i}" for i in range(9)) + tuple(reversed(shares))
    counts = np.array([[0.0] * 9 + list(reversed(shares.values())), [5.0] * len(names)])
    among = Observed((1, 2), counts={COUNTRIES: Counts(names, counts)})
    usual = Observed((0,), counts={COUNTRIES: Counts(("22", "11"), np.array([[9.0, 40.0]]))})
    assert compare(alone, 0, usual, {}) == compare(among, 0, usual, {})  # to the bit
    assert movers(alone, 0, usual, COUNTRIES, 30) == movers(among, 0, usual, COUNTRIES, 30)


def test_nothing_moved_where_nothing_was_counted():
    empty = seen(1)
    empty.counts[ITEMS].counts[:] = 0
    assert movers(empty, 0, seen(), ITEMS) == []
    assert movers(seen(), 0, Observed(()), ITEMS) == []
    assert movers(Observed(()), 0, seen(), ITEMS) == []


def test_what_the_service_was_asked_is_held_against_what_is_usual_of_it():
    asked = SPEND._replace(area="predictions")
    window = Observed((1,), counts={asked: seen().counts[SPEND].taken([0])})
    usual = Observed(seen().numbers, counts={asked: seen().counts[SPEND]})
    found = compare(window, 0, usual, KNOWN)
    assert found.values[asked] == compare(seen(), 0, seen(), KNOWN).values[SPEND]
    assert not found.chances
    assert asked not in compare(window, 0, seen(), KNOWN).values
