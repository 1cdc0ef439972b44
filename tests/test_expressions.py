"""Exact sums and samples: alike for any order of rows, of the promised size."""

import math

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.expressions import exact_sum, exact_sum_of_large, sampled

ENGINE = ibis.duckdb.connect()


def column(table, name="customer_id"):
    return ENGINE.to_pyarrow(table)[name].to_pylist()


@settings(deadline=None)
@given(amounts=st.lists(st.decimals(-10_000, 10_000, places=2).map(float), min_size=1, max_size=60), order=st.randoms())
def test_a_sum_is_the_same_for_any_order(amounts, order):
    def added(values):
        table = ibis.memtable(pa.table({"amount": values}))
        return column(table.agg(amount=exact_sum(table.amount)), "amount")[0]

    assert added(amounts) == added(order.sample(amounts, len(amounts)))
    assert abs(added(amounts) - sum(amounts)) < 1e-6


@settings(deadline=None)
@given(values=st.lists(st.floats(0, 1e20), min_size=1, max_size=60), order=st.randoms())
def test_a_sum_of_large_numbers_is_the_same_for_any_order(values, order):
    def added(values):
        table = ibis.memtable(pa.table({"square": values}))
        return column(table.agg(square=exact_sum_of_large(table.square)), "square")[0]

    assert added(values) == added(order.sample(values, len(values)))
    assert added(values) == pytest.approx(math.fsum(values), rel=1e-12, abs=1e-4)


def test_a_sample_is_of_about_the_size_that_may_be_taken_and_always_the_same():
    customers = ibis.memtable(pa.table({"customer_id": [f"c{i:06}" for i in range(20_000)]}))
    found = column(sampled(customers, 20_000, 2_000))
    assert 1_800 < len(found) < 2_200
    assert found == sorted(found) == column(sampled(customers, 20_000, 2_000))


def test_where_all_may_be_taken_none_is_left_out():
    customers = ibis.memtable(pa.table({"customer_id": ["b", "a", "c"]}))
    assert column(sampled(customers, 3, 3)) == ["a", "b", "c"]
