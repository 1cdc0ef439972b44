"""What to offer: favourites and recommendations of each segment, in words."""

import pytest
import report_tables

from clientage.report.offers import offers, recommended

EASE = {"model": "ease", "reason": "the default"}


def made(tables, shop, recommender=EASE):
    return offers(tables, shop["profiles"].to_pylist(), recommender)


def test_each_segment_has_at_most_five_of_each_with_words(tables, shop):
    first = made(tables, shop).rows[0]
    assert (first["segment"], first["colour"]) == (report_tables.name(1), report_tables.PALETTE[0])
    assert [product for product, _ in first["favourites"]] == ["Blue lamp", "F2", "F3", "F4", "F5"]
    assert first["favourites"][0][1] == "40% bought it, 3.2 times as often"
    assert first["recommended"] == [
        ("Lamp 2", "12 customers"),
        ("Lamp 3", "12 customers"),
        ("Lamp 1", "6 customers"),
        ("Lamp 4", "6 customers"),
    ]


def test_recommended_counts_customers_at_the_first_three_ranks(tables):
    last = [row for row in recommended(tables) if row["segment_id"] == 3]
    assert [(row["product"], row["customers"]) for row in last] == [("P1", 1), ("P2", 1), ("P3", 1)]


@pytest.mark.parametrize(
    ("recommender", "how"), [(EASE, " (EASE, the default)"), ({}, ""), ({"model": "x", "reason": "y"}, " (x, y)")]
)
def test_it_says_what_recommends_and_to_how_many(tables, shop, recommender, how):
    expected = f"25 of 25 customers get recommendations: 18 from what customers with the same products bought{how}, 7 "
    assert made(tables, shop, recommender).reading == f"{expected}what is popular."


def test_only_popular_products_and_nobody_served_are_told(engine, shop):
    rows = [row | {"because": None} for row in shop["recommendations"].to_pylist()]
    tables = report_tables.expressions(shop | {"recommendations": report_tables.arrow("recommendations", rows)}, engine)
    how = {"model": "popular", "reason": "as set"}
    assert made(tables, shop, how).reading.endswith(": 25 what is popular (Most popular, as set).")
    empty = tables | {"recommendations": tables["recommendations"].filter(False)}
    assert made(empty, shop).reading == ""


@pytest.mark.parametrize(("gone", "left"), [("favourites", "recommended"), ("recommendations", "favourites")])
def test_one_table_is_enough_and_none_is_nothing(tables, shop, gone, left):
    del tables[gone]
    found = made(tables, shop)
    assert all(row[left] for row in found.rows)
    assert not any(row[{"favourites": "favourites", "recommendations": "recommended"}[gone]] for row in found.rows)
    del tables[{"favourites": "recommendations", "recommendations": "favourites"}[gone]]
    assert made(tables, shop) is None


def test_products_without_a_name_are_told_by_code(tables, shop):
    tables |= {name: tables[name].drop("description") for name in ("favourites", "recommendations")}
    first = made(tables, shop).rows[0]
    assert first["favourites"][0][0] == "F1"
    assert first["recommended"][0][0] == "P2"
