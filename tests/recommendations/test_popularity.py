"""Popular products, by segment and for all."""

import numpy as np
import pyarrow as pa
import pytest
from matrices import bought

from clientage.recommendations.popularity import Popularity

SHOP = bought([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]])
SEGMENTS = np.array([7, 7, 7, 7, 2, 2])
CODES = pa.array(["a", "b", "c"])


def test_popular_within_the_segment_where_enough_of_it_bought():
    fallback = Popularity.of(SHOP, SEGMENTS, fewest=3).fallback(SEGMENTS)
    assert fallback.own.tolist() == [False, True]
    assert fallback.score[fallback.group[0]] == pytest.approx([2 / 3, 1 / 3, 0])
    assert fallback.score[fallback.group[4]] == pytest.approx([2 / 5, 2 / 5, 1 / 5])


def test_the_table_gives_the_same_again():
    popularity = Popularity.of(SHOP, SEGMENTS, fewest=2)
    again = Popularity.of_table(popularity.table(CODES), CODES)
    assert again.groups.tolist() == popularity.groups.tolist() == [0, 2, 7]
    assert np.array_equal(again.share, popularity.share)


def test_products_that_are_gone_are_left_out():
    popularity = Popularity.of(SHOP, SEGMENTS, fewest=2)
    few = Popularity.of_table(popularity.table(CODES), pa.array(["c", "a"]))
    assert np.array_equal(few.share, popularity.share[:, [2, 0]])


def test_a_segment_that_nobody_counted_gets_what_all_buy():
    popularity = Popularity.of(SHOP, SEGMENTS, fewest=2)
    assert popularity.fallback([1, 2, 3, 7, 99]).group.tolist() == [0, 1, 0, 2, 0]


def test_a_shop_where_nobody_bought():
    nothing = Popularity.of(bought(np.zeros((2, 3))), np.array([1, 1]), fewest=1)
    assert nothing.table(CODES).num_rows == 0
    assert Popularity.of_table(nothing.table(CODES), CODES).fallback([1]).score.tolist() == [[0, 0, 0]]
