"""What order lines say of windows, beside pandas."""

import functools
import math
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import bought, line, table

from clientage.monitoring import lines
from clientage.monitoring.windows import Windows

WEEKS = Windows()
MONDAY = datetime(2024, 1, 1, 9)
FIRST = WEEKS.numbered(MONDAY.date())
ALL = range(FIRST, FIRST + 4)


@functools.cache
def duckdb():
    return ibis.duckdb.connect()


def rows(expression):
    return duckdb().to_pyarrow(expression).to_pylist()


def within(some, numbers=ALL, name="lines"):
    return lines.within(table(name, some), WEEKS, numbers)


def by_window(expression):
    return {row["window"] - FIRST: row for row in rows(expression)}


def at(days, **changes):
    return bought(invoiced_at=MONDAY + timedelta(days=days), **changes)


def shop(seed=0, count=200):
    """Lines of four weeks, some of them returns."""
    rng, some = np.random.default_rng(seed), []
    for _ in range(count):
        invoice, day, back = int(rng.integers(40)), int(rng.integers(28)), rng.random() < 0.1
        some.append(
            at(
                day,
                invoice=f"{'C' * back}{invoice}-{day}",
                customer_id=f"c{invoice % 9}",
                product=str(rng.integers(10, 15)),
                quantity=float(rng.integers(1, 20)) * (-1 if back else 1),
                unit_price=float(rng.integers(0, 900)) / 100,
                country=("France", "Spain")[invoice % 2],
            )
        )
        some[-1]["cancelled"] = bool(back)
    return some


def test_only_lines_of_the_windows_with_their_number():
    some = [at(-1), at(0), at(6), at(7), at(27), at(28)]
    assert [row["window"] - FIRST for row in rows(within(some))] == [0, 0, 1, 3]
    assert rows(within(some, range(FIRST, FIRST))) == []
    midnight = [bought(invoiced_at=datetime(2024, 1, 7, 23, 59, 59, 999_999)), bought(invoiced_at=datetime(2024, 1, 8))]
    assert [row["window"] - FIRST for row in rows(within(midnight))] == [0, 1]


def typical(values):
    return math.exp(np.log(values[values > 0]).mean())


def test_figures_beside_pandas():
    some = shop()
    found, frame = by_window(lines.orders(within(some))), pd.DataFrame(some)
    frame["window"] = (frame.invoiced_at - pd.Timestamp(MONDAY.date())).dt.days // 7
    for window, part in frame.groupby("window"):
        done = part[~part.cancelled]
        orders = done.groupby(["customer_id", "invoice"])
        expected = {
            "window": FIRST + window,
            "lines": len(part),
            "orders": orders.ngroups,
            "customers": done.customer_id.nunique(),
            "revenue": part.amount.sum(),
            "order value": typical(orders.amount.sum().to_numpy()),
            "lines per order": typical(orders.size().to_numpy()),
            "units per line": typical(done.quantity.to_numpy()),
            "returned": part.cancelled.mean(),
        }
        assert found[window] == pytest.approx(expected, rel=2e-6), window


def test_products_beside_pandas():
    some = [row | {"unit_price": row["unit_price"] + 0.01} for row in shop(1)]
    frame = pd.DataFrame(some)
    frame = frame[~frame.cancelled]
    frame["window"] = (frame.invoiced_at - pd.Timestamp(MONDAY.date())).dt.days // 7 + FIRST
    frame["price"] = np.log(frame.unit_price)
    by_product = frame.groupby(["window", "product"]).price
    expected = by_product.agg(["size", "count", "sum"]).reset_index().to_numpy().tolist()
    found = [list(row.values()) for row in rows(lines.products(within(some)))]
    assert [row[:4] for row in found] == [row[:4] for row in expected]
    assert [row[4] for row in found] == pytest.approx([row[4] for row in expected], abs=1e-4)


def test_lines_without_a_price_are_not_counted_as_priced():
    (found,) = rows(lines.products(within([at(0, unit_price=price) for price in (0.0, 0.0, 2.0)])))
    assert (found["count"], found["priced"]) == (3, 1)


def test_countries_are_counted_by_order():
    some = [at(0, invoice="1"), at(0, invoice="1"), at(1, invoice="2"), at(2, invoice="3", country="Spain")]
    some += [at(8, invoice="C4", quantity=-1.0), at(9, invoice="5", country=None)]
    found = [(row["window"] - FIRST, row["category"], row["count"]) for row in rows(lines.countries(within(some)))]
    assert found == [(0, "France", 2), (0, "Spain", 1), (1, "", 1)]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99))
def test_the_order_of_lines_makes_no_difference(seed):
    some = shop(2, 60)
    mixed = [some[i] for i in np.random.default_rng(seed).permutation(len(some))]
    for figures in (lines.orders, lines.products, lines.countries):
        assert rows(figures(within(mixed))) == rows(figures(within(some)))  # to the bit


def test_only_returns_in_a_window():
    found = by_window(lines.orders(within([at(0, invoice="C1", quantity=-2.0), at(7, invoice="2")])))
    returns = found[0]
    assert (returns["lines"], returns["orders"], returns["customers"], returns["revenue"]) == (1, 0, 0, -25)
    assert returns["returned"] == 1
    for name in ("order value", "lines per order", "units per line"):
        assert returns[name] is None or math.isnan(returns[name]), name  # which of them depends on the engine
    assert found[1]["returned"] == 0
    assert rows(lines.products(within([at(0, invoice="C1", quantity=-2.0)]))) == []


def test_a_window_without_a_line_has_no_row():
    assert by_window(lines.orders(within([at(0), at(14)]))).keys() == {0, 2}
    assert rows(lines.orders(within([at(0)], ALL[2:]))) == []


def test_gifts_have_no_logarithm():
    found = by_window(lines.orders(within([at(0, unit_price=0.0), at(0, invoice="2", unit_price=2.0, quantity=3.0)])))
    assert found[0]["order value"] == pytest.approx(6)
    assert found[0]["orders"] == 2


@pytest.mark.parametrize("column", ["product", "country", "unit_price", "quantity", "description"])
def test_lines_without_a_column(column):
    some = within([{name: value for name, value in row.items() if name != column} for row in shop(3, 60)])
    whole, found = by_window(lines.orders(within(shop(3, 60)))), by_window(lines.orders(some))
    left = {"units per line"} if column == "quantity" else set()
    assert {number: {k: v for k, v in row.items() if k not in left} for number, row in whole.items()} == found
    if column != "product":
        sold = rows(lines.products(some))
        assert ("price" in sold[0]) == (column != "unit_price")
        assert sum(row["count"] for row in sold) == sum(not row["cancelled"] for row in shop(3, 60))


def test_what_is_missing_by_column():
    some = [line(), line(customer_id=None), line(customer_id=None, country=None), line(invoice="2", quantity=None)]
    (row,) = rows(lines.empty(within(some, name="transactions")))
    assert row.pop("window") == FIRST
    assert row == {
        "received": 4, "invoice": 0, "product": 0, "description": 0, "quantity": 0.25, "unit_price": 0,
        "customer_id": 0.5, "country": 0.25,
    }  # fmt: skip


def test_what_was_set_aside_by_reason():
    reasons = [(0, "no customer"), (1, "no customer"), (1, "duplicate"), (8, "no price")]
    some = [line(invoiced_at=MONDAY + timedelta(days=day)) | {"reason": reason} for day, reason in reasons]
    found = [
        (row["window"] - FIRST, row["category"], row["count"])
        for row in rows(lines.set_aside(within(some, name="rejected")))
    ]
    assert found == [(0, "duplicate", 1), (0, "no customer", 2), (1, "no price", 1)]
