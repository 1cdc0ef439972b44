"""Who is on a list, in which order, with which columns."""

from datetime import date

import ibis
import pyarrow as pa
import pytest
from export_people import people, recommended
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.errors import InputError
from clientage.export.audience import COLUMNS, audience, facts, find_segment

NAMES = {1: "Top spenders · active", 2: "High spenders · cooling", 3: "High spenders · lapsed"}


def listed(engine, *args, tables=None, **kwargs):
    return engine.to_pyarrow(audience(tables or people(), *args, **kwargs)).to_pylist()


def ids(engine, *args, **kwargs):
    return [row["customer_id"] for row in listed(engine, *args, **kwargs)]


def test_a_row_has_what_a_mail_tool_shows(engine):
    first = listed(engine, 1, tables=people() | {"recommendations": recommended()})[0]
    assert list(first) == list(COLUMNS)
    assert first == {
        "customer_id": "a@example.com",
        "segment": "Top spenders",
        "buyer": "reseller",
        "country": "France",
        "last_seen": date(2024, 12, 30),
        "orders": 9,
        "spend": 900.5,
        "expected_orders": 3.0,
        "expected_spend": 300.25,
        "product_1": "CAKE STAND",
        "product_2": "22002",
        "product_3": None,
    }


def test_columns_that_the_shop_lacks_are_absent(engine):
    tables = people()
    tables["customers"] = tables["customers"].drop("country", "expected_orders", "expected_spend")
    absent = {"country", "expected_orders", "expected_spend", "product_1", "product_2", "product_3"}
    assert set(listed(engine, tables=tables)[0]) == set(COLUMNS) - absent


def test_the_highest_come_first_ties_go_by_customer_and_the_unknown_last(engine):
    assert ids(engine) == ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
    assert ids(engine, by="recency_days") == ["d@example.com", "b@example.com", "c@example.com", "a@example.com"]
    assert ids(engine, by="Days_Between_Purchases")[-1] == "d@example.com"
    tables = people()
    tables["customers"] = tables["customers"].drop("expected_spend")
    assert ids(engine, tables=tables)[0] == "d@example.com", "by spend where no spend is expected"


def test_segment_condition_and_number_narrow_the_list(engine):
    assert ids(engine, 2) == ["c@example.com", "d@example.com"]
    assert ids(engine, 2, "recency_days > 60") == ["d@example.com"]
    assert ids(engine, where="last_seen >= '2024-11-01' and not wholesale") == ["b@example.com", "c@example.com"]
    assert ids(engine, top=3) == ids(engine)[:3]
    assert ids(engine, top=99) == ids(engine)
    assert ids(engine, where="monetary < 0") == []


def test_a_column_to_sort_by_that_is_not_there(engine):
    with pytest.raises(InputError, match=r"--by: there is no column recency\. Did you mean recency_days\?"):
        audience(people(), by="recency")


def test_recommendations_without_names_are_shown_by_code(engine):
    tables = people() | {"recommendations": recommended().drop("description")}
    assert [row["product_1"] for row in listed(engine, tables=tables)] == ["22001", None, None, None]


def test_names_of_recommendations_do_not_multiply_or_lose_customers(engine):
    tables = people() | {"recommendations": recommended()}
    assert ids(engine, tables=tables) == ids(engine)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8), st.integers(1, 9), st.booleans()
)
def test_the_best_are_the_beginning_of_the_whole_list(rows, top, recommend):
    customers = [
        {"customer_id": f"c{i}", "expected_spend": float(a), "recency_days": b} for i, (a, b) in enumerate(rows)
    ]
    tables = people(customers) | ({"recommendations": recommended()} if recommend else {})
    engine = ibis.duckdb.connect()
    whole = listed(engine, tables=tables)
    assert listed(engine, tables=tables, top=top) == whole[:top]
    assert [(-row["expected_spend"], row["customer_id"]) for row in whole] == sorted(
        (-row["expected_spend"], row["customer_id"]) for row in whole
    )


@pytest.mark.parametrize(
    ("ids", "emails"),
    [
        (["a@example.com", "b.c+d@shop.example.org"], True),
        (["a@example.com", "17850"], False),
        (["a@example"], False),
        (["a b@example.com"], False),
        ([None, "a@example.com"], True),
    ],
)
def test_e_mail_addresses_are_seen(engine, ids, emails):
    found = engine.to_pyarrow(facts(ibis.memtable(pa.table({"customer_id": ids})))).to_pylist()
    assert found == [{"customers": len(ids), "emails": emails}]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("2", 2),
        ("Top spenders · active", 1),
        ("high spenders · LAPSED", 3),
        ("top", 1),
        ("High spenders · c", 2),
    ],
)
def test_a_segment_is_found_by_number_name_or_beginning(wanted, number):
    assert find_segment(NAMES, wanted) == number


def test_the_exact_name_wins_over_a_longer_one():
    assert find_segment({1: "Champions of all", 2: "Champions"}, "Champions") == 2
    assert find_segment({1: "Champions of all", 2: "Champions"}, "champions") == 2


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("high", r"fits 2 \(High spenders · cooling\), 3 \(High spenders · lapsed\)\. Give its number"),
        ("Topp spenders · activ", r"did you mean Top spenders · active\? All are 1 \(Top"),
        ("zebra", r"there is none; the segments are 1 \(Top spenders · active\), 2 \("),
        ("9", "there is none"),
        ("", "there is none"),
    ],
)
def test_a_segment_that_is_not_found_is_named_with_all_that_are(wanted, said):
    with pytest.raises(InputError, match=said):
        find_segment(NAMES, wanted)
