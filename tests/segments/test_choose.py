"""Choosing the number of segments: the rule, and what it does on customers whose number is known."""

from datetime import date

import numpy as np
import pytest
from shops import columns

from clientage.errors import InputError
from clientage.segments.choose import Limits, decide, measure
from clientage.segments.space import RECIPES

DAY, EARLIER = date(2024, 5, 1), date(2024, 2, 1)


def row(k, stability, share=0.2, day=DAY):
    return {"as_of": day, "k": k, "stability": stability, "smallest_share": share}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(3, 0.9), row(4, 0.85), row(5, 0.7)], 4),
        ([row(3, 0.9), row(4, 0.95, share=0.01)], 3),
        ([row(3, 0.9), row(4, 0.95), row(4, 0.7, day=EARLIER), row(3, 0.8, day=EARLIER)], 3),
        ([row(3, 0.6), row(4, 0.7)], 4),
        ([row(3, 0.6, share=0.01), row(4, 0.7, share=0.01)], 4),
    ],
)
def test_the_largest_number_that_keeps_the_limits(rows, expected):
    assert decide(rows, Limits())[0] == expected


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        ([row(3, 0.6)], "on average below 0.80 and as low as 0.60 at one time (limit 0.75)"),
        ([row(3, 0.9, share=0.01)], "its smallest has 1% (limit 5%)"),
        ([row(3, 0.95), row(3, 0.7, day=EARLIER)], "as low as 0.70 at one time (limit 0.75)"),
    ],
)
def test_it_says_which_limits_are_not_kept(found, missed):
    assert decide(found, Limits())[1].endswith(f", but {missed}")
    assert "the most that stay stable" in decide([row(3, 0.9)], Limits())[1]


STRICT = Limits(mean=0.95, worst=0.95)


def measured(rows):
    return {(r["as_of"], r["k"]): r["stability"] for r in rows if r["stability"] is not None}


def test_planted_kinds_are_stable_and_more_than_those_are_not():
    heard = []
    snapshots = {EARLIER: columns(150), DAY: columns()}
    rows = measure(RECIPES["rfm"], snapshots, [2, 3, 5], limits=STRICT, bootstraps=6, progress=heard.append)
    found = measured(rows)
    assert found[DAY, 5] < 0.9
    assert found[DAY, 3] > 0.99
    assert decide(rows, STRICT)[0] == 3
    assert heard == sorted(heard)


def test_stability_is_measured_only_as_far_as_it_decides():
    snapshots = {EARLIER: columns(150), DAY: columns()}
    rows = measure(RECIPES["rfm"], snapshots, [2, 3, 5], limits=STRICT, bootstraps=6)
    assert set(measured(rows)) == {(DAY, 5), (DAY, 3), (EARLIER, 3)}
    assert len(rows) == 6
    small = measure(RECIPES["rfm"], {DAY: columns()}, [3, 9], limits=Limits(share=0.2), bootstraps=3)
    assert set(measured(small)) == {(DAY, 3)}


def test_the_same_seed_measures_the_same():
    one, other = (measure(RECIPES["rfm"], {DAY: columns(90)}, [3], bootstraps=3, seed=5) for _ in range(2))
    assert one == other


def test_without_bootstraps_stability_is_not_known():
    assert measure(RECIPES["rfm"], {DAY: columns(90)}, [3], bootstraps=0)[0]["stability"] is None


def test_numbers_above_the_different_customers_are_left_out_and_none_left_is_an_error():
    same = {name: np.repeat(values[:3], 30) for name, values in columns().items()}
    assert [r["k"] for r in measure(RECIPES["rfm"], {DAY: same}, [2, 3, 4], bootstraps=2)] == [2, 3]
    with pytest.raises(InputError, match="differ"):
        measure(RECIPES["rfm"], {DAY: same}, [4], bootstraps=2)
