"""The kind of buyer: from units a line and what an order is worth."""

import ibis
import numpy as np
import pyarrow as pa
import pytest
from shops import columns

from clientage.segments.buyers import UNLIMITED, BuyerLimits, buyer_limits


def kinds(engine, limits, **customers):
    table = ibis.memtable(pa.table({"units_per_line": [], "frequency": [], "monetary": []} | customers))
    return engine.to_pyarrow(table.select(limits.kind(table)))["buyer"].to_pylist()


def test_one_sign_of_trade_is_bulk_two_and_a_second_order_resell(engine):
    found = kinds(
        engine,
        BuyerLimits(units=60, order=1000),
        units_per_line=[10.0, 60.0, 10.0, 60.0, 60.0, 99.0],
        frequency=[3, 3, 3, 3, 1, 0],
        monetary=[300.0, 300.0, 3000.0, 3000.0, 1000.0, 0.0],
    )
    assert found == ["personal", "bulk", "bulk", "reseller", "bulk", "bulk"]


def test_without_units_the_worth_of_an_order_tells(engine):
    table = ibis.memtable(pa.table({"frequency": [1, 1, 2], "monetary": [10.0, 99.0, 198.0]}))
    found = engine.to_pyarrow(table.select(BuyerLimits(order=99).kind(table)))["buyer"].to_pylist()
    assert found == ["personal", "bulk", "reseller"]


def test_without_limits_everybody_is_personal(engine):
    customers = {"units_per_line": [1e6], "frequency": [9], "monetary": [1e9]}
    assert kinds(engine, UNLIMITED, **customers) == ["personal"]
    assert UNLIMITED.told() == {}


def test_limits_are_times_the_usual_customer():
    found = {"units_per_line": np.array([1.0, 100.0, 0.0]), "frequency": np.array([1.0, 2.0, 0.0])}
    limits = buyer_limits(found | {"monetary": np.array([8.0, 4.0, 0.0])}, 6, 4)
    assert (limits.units, limits.order) == (pytest.approx(60), pytest.approx(16))


def test_the_rule_is_told_in_the_shops_units():
    told = BuyerLimits(units=60.44, order=1091.7).told("£")
    assert told["bulk"] == "at least 60.4 units a line or £1,090 an order"
    assert told["reseller"] == "at least 60.4 units a line and £1,090 an order, and two orders or more"


def test_few_are_traders():
    limits = buyer_limits(columns(), 6, 4)
    assert limits.units > np.median(columns()["units_per_line"])
