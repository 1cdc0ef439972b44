"""Purchases and the catalogue: what counts as bought, what is still offered."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import bought as line
from shops import days, table

from clientage.recommendations.evaluate import first_bought
from clientage.recommendations.favourites import favourites
from clientage.recommendations.purchases import binary, catalogue, gathered, kept
from clientage.tables import check

DAY = date(2024, 1, 11)


def pairs(engine, rows, day=DAY):
    found = engine.to_pyarrow(kept(table("lines", rows), day)).to_pylist()
    return {(row["customer_id"], row["product"]): row["net"] for row in found}


def products(engine, rows, **options):
    wanted = {"offered_days": 5, "recent_days": 3, "most": 99} | options
    lines = table("lines", rows)
    found = catalogue(lines, kept(lines, DAY), DAY, **wanted)
    return engine.to_pyarrow(check("products", found)).to_pylist()


def test_what_was_taken_back_was_not_bought(engine):
    rows = [
        line(quantity=5.0),
        line(quantity=-2.0),
        line(product="gone", quantity=2.0),
        line(product="gone", quantity=-2.0),
        line(product="later", invoiced_at=days(10)),
        line(product=None),
        line(customer_id=None),
    ]
    assert pairs(engine, rows) == {("c1", "22423"): 3.0}


def test_without_quantities_money_tells(engine):
    rows = [{k: v for k, v in line().items() if k not in ("quantity", "unit_price")} for _ in range(2)]
    rows[1] |= {"amount": -25.0, "product": "gone", "cancelled": True}
    assert pairs(engine, rows) == {("c1", "22423"): 25.0}


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(order=st.randoms())
def test_the_order_of_lines_does_not_matter(order):
    import ibis  # noqa: PLC0415 - an engine for each example

    engine = ibis.duckdb.connect()
    rows = [line(product=f"p{i % 3}", customer_id=f"c{i % 4}", quantity=0.1 * (i - 5)) for i in range(20)]
    assert pairs(engine, rows) == pairs(engine, order.sample(rows, len(rows)))
    assert products(engine, rows) == products(engine, order.sample(rows, len(rows)))


def test_the_catalogue_says_what_is_sold_to_how_many(engine):
    rows = [
        line(customer_id="a", description="OLD NAME", invoiced_at=days(0)),
        line(customer_id="b", description="NAME", invoiced_at=days(8)),
        line(customer_id="c", description="NAME", invoiced_at=days(9)),
        line(customer_id="c", description="NAME", invoiced_at=days(9)),
        line(customer_id="a", product="past", invoiced_at=days(1)),
        line(customer_id="a", product="gone", quantity=1.0),
        line(customer_id="a", product="gone", quantity=-1.0),
    ]
    now, gone, past = products(engine, rows)
    assert (now["product"], now["description"], now["customers"], now["recent_customers"]) == ("22423", "NAME", 3, 2)
    assert (now["last_sold"], now["offered"]) == (date(2024, 1, 10), True)
    assert (past["product"], past["customers"], past["offered"]) == ("past", 1, False)
    assert (gone["product"], gone["customers"]) == ("gone", 0)
    assert [row["product"] for row in products(engine, rows, most=1)] == ["22423"]


def test_pairs_become_a_matrix_and_strangers_are_left_out():
    batch = pa.record_batch(
        {"customer_id": ["b", "x", "a", "b"], "product": ["p", "p", "q", "z"], "net": [2.0, 1.0, 3.0, 1.0]}
    )
    found = gathered([batch], pa.array(["a", "b", "c"]), pa.array(["p", "q"]))
    assert found.toarray().tolist() == [[0, 3], [2, 0], [0, 0]]
    assert binary(found).toarray().tolist() == [[0, 1], [1, 0], [0, 0]]
    assert gathered([], pa.array(["a"]), pa.array(["p"])).toarray().tolist() == [[0]]


def test_first_bought_is_new_and_within_the_horizon(engine):
    rows = [
        line(product="had"),
        line(product="had", invoiced_at=days(11)),
        line(product="new", invoiced_at=days(11)),
        line(product="late", invoiced_at=days(40)),
        line(product="back", invoiced_at=days(11), quantity=-1.0),
    ]
    found = engine.to_pyarrow(first_bought(table("lines", rows), DAY, 10)).to_pylist()
    assert [row["product"] for row in found] == ["new"]


def test_favourites_are_what_stands_out_surely(engine):
    rng = np.random.default_rng(0)
    rows, members = [], []
    for i in range(400):
        segment, customer = i % 2 + 1, f"c{i:03}"
        members.append(
            {"customer_id": customer, "segment_id": segment, "segment": "x", "wholesale": False, "buyer": "x"}
        )
        chances = {"mug": 0.6 if segment == 1 else 0.2, "jug": 0.5, "rare": 0.01, "own": 0.3 * (segment == 2)}
        rows += [line(customer_id=customer, product=name) for name, chance in chances.items() if rng.random() < chance]
    lines = table("lines", rows)
    catalogued = catalogue(lines, kept(lines, DAY), DAY, offered_days=99, recent_days=9, most=99)
    found = favourites(kept(lines, DAY), table("segments", members), catalogued)
    first = engine.to_pyarrow(check("favourites", found)).to_pylist()
    assert (first[0]["segment_id"], first[0]["rank"], first[0]["product"]) == (1, 1, "mug")
    assert first[0]["lift"] > 2
    assert "rare" not in {row["product"] for row in first}
    (own,) = [row for row in first if row["product"] == "own"]
    assert (own["segment_id"], own["rank"], own["lift"]) == (2, 1, None)


def test_one_segment_alone_has_no_favourites(engine):
    rows = [line(customer_id=f"c{i}") for i in range(20)]
    segments = table("segments", [{"customer_id": f"c{i}", "segment_id": 1} for i in range(20)])
    lines = table("lines", rows)
    catalogued = catalogue(lines, kept(lines, DAY), DAY, offered_days=99, recent_days=9, most=99)
    found = favourites(kept(lines, DAY), segments, catalogued)
    assert engine.to_pyarrow(found).num_rows == 0
