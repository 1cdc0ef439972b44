"""Kinds of buyers: shares by segment, customers and revenue over the shop, and the rule of each."""

import report_tables
from report_tables import drawn

from clientage.report.kinds import by_segment, kinds

RULES = {"bulk": "at least 60 units a line", "reseller": "both"}


def buyers(shop, engine, *found):
    """A shop with such buyers in turn."""
    rows = [row | {"buyer": found[i % len(found)]} for i, row in enumerate(shop["segments"].to_pylist())]
    return report_tables.expressions(shop | {"segments": report_tables.arrow("segments", rows)}, engine)


def test_customers_and_revenue_by_kind_add_up_to_the_shop(tables, shop):
    found = kinds(tables, shop["profiles"].to_pylist(), RULES)
    assert [(row["kind"], row["customers"], row["revenue"], row["rule"]) for row in found.rows] == [
        ("personal", 9, 810.0, ""),
        ("bulk", 8, 720.0, RULES["bulk"]),
        ("reseller", 8, 720.0, RULES["reseller"]),
    ]
    assert sum(row["share"] for row in found.rows) == 1
    assert found.reading == "64% of customers buy in bulk or to sell on and bring 64% of revenue."


def test_a_kind_without_customers_is_told_as_none(shop, engine):
    found = kinds(buyers(shop, engine, "personal", "reseller"), shop["profiles"].to_pylist(), {})
    assert [(row["customers"], row["revenue"], row["rule"]) for row in found.rows][1] == (0, 0.0, "")


def test_a_shop_whose_customers_all_buy_for_themselves_has_no_part(shop, engine):
    assert kinds(buyers(shop, engine, "personal"), shop["profiles"].to_pylist(), RULES) is None


def test_a_shop_in_the_red_has_no_shares_of_revenue(shop, engine):
    rows = [row | {"spend": -5.0} for row in shop["customers"].to_pylist()]
    tables = report_tables.expressions(shop | {"customers": report_tables.arrow("customers", rows)}, engine)
    found = kinds(tables, shop["profiles"].to_pylist(), RULES)
    assert found.reading == "64% of customers buy in bulk or to sell on."
    assert {row["revenue_share"] for row in found.rows} == {None}


def test_bars_are_whole_segments_from_zero(shop):
    rows = [row | {"bulk_share": 0.0, "reseller_share": 0.0} for row in shop["profiles"].to_pylist()[:1]]
    figure = drawn(by_segment([*shop["profiles"].to_pylist()[:1], *rows]))
    reseller, bulk, personal, beside = figure.data
    assert [list(trace.x) for trace in (reseller, bulk)] == [[0.02, 0], [0.06, 0]]
    assert round(personal.x[0], 6) == 0.92
    assert [text.strip() for text in beside.text] == ["6% bulk · 2% sell on", "none"]
    assert figure.layout.barmode == "stack"
