"""Cleaning: the counts of the public data set, and the law that nothing is lost."""

import functools
import math
from collections import Counter
from datetime import datetime

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import days, line, table

from clientage.customers.features import baskets, customer_features
from clientage.tables import check
from clientage.transactions.clean import RULES, applicable, clean

REAL = {
    "no customer": 135_080,
    "duplicate": 5_279,
    "service code": 1_868,
    "service description": 83,
    "no price": 32,
}


def reasons(engine, rows, **options):
    found = clean(table("transactions", rows), **options)["rejected"]
    return [row["reason"] for row in engine.to_pyarrow(found).to_pylist()]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("unreadable", {"unreadable": "quantity='abc'", "quantity": None}),
        ("incomplete", {"quantity": None}),
        ("incomplete", {"unit_price": None}),
        ("incomplete", {"invoiced_at": None}),
        ("impossible value", {"unit_price": math.inf}),
        ("impossible value", {"quantity": -math.inf}),
        ("impossible value", {"quantity": math.nan}),
        ("impossible value", {"quantity": 2e9}),
        ("impossible value", {"quantity": 9e8, "unit_price": 9e8}),
        ("impossible value", {"invoiced_at": datetime(1900, 1, 1)}),
        ("impossible value", {"invoiced_at": datetime(2999, 1, 1)}),
        ("no customer", {"customer_id": None}),
        ("no description", {"description": None}),
        ("service code", {"product": "POST"}),
        ("service code", {"product": "C2"}),
        ("service description", {"description": "Next Day Carriage"}),
        ("no price", {"unit_price": 0.0}),
        ("no price", {"unit_price": -1.0}),
    ],
)
def test_each_rule_sets_its_line_aside_and_can_be_turned_off(engine, rule, changes):
    rows = [line(), line(**{"invoice": "1002"} | changes)]
    assert reasons(engine, rows) == [rule]
    assert rule not in reasons(engine, rows, rules=[name for name in RULES if name != rule])


def test_good_lines_are_used_with_amount_and_direction(engine):
    rows = [line(), line(quantity=-2.0, invoice="C1"), line(product="85123A"), line(product=None)]
    found = clean(table("transactions", rows))["lines"]
    used = engine.to_pyarrow(check("lines", found)).to_pylist()
    assert sorted((row["amount"], row["cancelled"]) for row in used) == [(-25, True)] + 3 * [(25, False)]


def test_of_duplicates_the_cheapest_with_a_price_is_kept(engine):
    rows = [line(unit_price=price) for price in (5.0, 3.0, 3.0, 0.0)]
    used = engine.to_pyarrow(clean(table("transactions", rows))["lines"]).to_pylist()
    assert [row["unit_price"] for row in used] == [3.0]
    assert reasons(engine, rows) == ["duplicate"] * 3


def test_a_line_of_another_day_is_no_duplicate_where_there_are_no_order_numbers(engine):
    rows = [{k: v for k, v in line(invoiced_at=days(d)).items() if k != "invoice"} for d in (0, 1)]
    found = clean(table("transactions", rows))
    used = engine.to_pyarrow(check("lines", found["lines"])).to_pylist()
    assert {row["invoice"] for row in used} == {"2024-01-01", "2024-01-02"}


def test_lines_without_an_order_number_among_others_belong_to_the_customers_day(engine):
    rows = [line(), line(invoice=None), line(invoice=None), line(invoice=None, invoiced_at=days(1))]
    found = clean(table("transactions", rows))
    used = engine.to_pyarrow(found["lines"]).to_pylist()
    assert sorted(row["invoice"] for row in used) == ["1001", "2024-01-01", "2024-01-02"]
    assert reasons(engine, rows) == ["duplicate"]


def test_the_largest_amounts_that_are_used_can_be_added(engine):
    used = clean(table("transactions", [line(quantity=100.0, unit_price=1e9)]))["lines"]
    found = customer_features(baskets(used), days(2).date())
    assert engine.to_pyarrow(found)["spend"].to_pylist() == [1e11]


def test_rules_without_their_columns_do_not_apply():
    assert applicable(tuple(RULES), ["customer_id", "invoiced_at", "total", "unreadable"]) == [
        "unreadable", "incomplete", "impossible value", "no customer",
    ]  # fmt: skip


def test_a_line_total_is_enough(engine):
    rows = [{"customer_id": "c1", "invoiced_at": days(0), "total": total, "unreadable": None} for total in (10.0, -4.0)]
    used = engine.to_pyarrow(check("lines", clean(table("transactions", rows))["lines"])).to_pylist()
    assert sorted(row["amount"] for row in used) == [-4, 10]


def test_a_line_has_a_total_or_a_quantity_and_a_price(engine):
    price = line(total=None)
    total = line(quantity=None, unit_price=None, total=7.0, invoice="1002")
    rows = [price, total, line(quantity=None, total=None, invoice="1003")]
    used = engine.to_pyarrow(check("lines", clean(table("transactions", rows))["lines"])).to_pylist()
    assert sorted(row["amount"] for row in used) == [7.0, 25.0]
    assert reasons(engine, rows) == ["incomplete"]


def maybe(values, *odd):
    return st.sampled_from([*values, *odd])


dirty = st.builds(
    line,
    invoice=maybe(["1", "2"], None),
    product=maybe(["11", "12"], None, "POST"),
    description=maybe(["A", "B"], None, "Next Day Carriage"),
    quantity=maybe([1.0, 2.0], -1.0, None, math.inf),
    unit_price=maybe([1.0, 2.0], 0.0, None),
    customer_id=maybe(["c1", "c2"], None),
    unreadable=maybe([None, None, None], "x"),
    invoiced_at=maybe([days(0), days(1)], None),
    country=maybe(["France"], None),
)


def counted(engine, expression, names):
    return Counter(tuple(row[name] for name in names) for row in engine.to_pyarrow(expression).to_pylist())


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(dirty, min_size=1, max_size=25), rules=st.sets(st.sampled_from(list(RULES))))
def test_every_line_is_used_or_set_aside_once_whatever_the_rules(rows, rules):
    engine = ibis_engine()
    found = clean(table("transactions", rows), rules=rules)
    names = [name for name in line() if name != "unreadable"]
    received = counted(engine, table("transactions", rows), names)
    used = found["lines"]
    # where there was no order number, the customer's day stands for it
    used = used.mutate(invoice=used.invoice.nullif(used.invoiced_at.date().cast("string")))
    assert counted(engine, used, names) + counted(engine, found["rejected"], names) == received


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(rows=st.lists(dirty, min_size=2, max_size=20), order=st.randoms())
def test_the_order_of_lines_does_not_matter(rows, order):
    engine = ibis_engine()
    shuffled = order.sample(rows, len(rows))
    for name in ("lines", "rejected"):
        one, other = (clean(table("transactions", these))[name] for these in (rows, shuffled))
        assert counted(engine, one, one.columns) == counted(engine, other, other.columns)


@functools.cache
def ibis_engine():
    return ibis.duckdb.connect()


@pytest.mark.real
def test_counts_on_the_public_data_set(real_tables):
    lines, rejected, engine = real_tables["lines"], real_tables["rejected"], real_tables["engine"]
    totals = lines.agg(
        lines=lines.count(),
        customers=lines.customer_id.nunique(),
        cancelled=lines.customer_id.count(where=lines.cancelled),
    )
    totals = engine.to_pyarrow(totals).to_pylist()[0]
    assert totals == {"lines": 399_567, "customers": 4_362, "cancelled": 8_503}
    found = engine.to_pyarrow(rejected.group_by("reason").agg(n=rejected.count())).to_pylist()
    assert {row["reason"]: row["n"] for row in found} == REAL
