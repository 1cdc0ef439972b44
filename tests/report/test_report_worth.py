"""Expected spend and whether it came: concentration, tenths, rank correlations."""

import report_tables

from clientage.report import words
from clientage.report.worth import concentration, forecasts, ranked, tenths, worth


def made(tables, shop):
    return worth(tables, shop["profiles"], shop["traits"], "£")


def spending(shop, engine, *amounts):
    """A shop whose customers are expected to spend so much."""
    rows = [
        row | {"expected_spend": amount} for row, amount in zip(shop["customers"].to_pylist(), amounts, strict=False)
    ]
    return report_tables.expressions(shop | {"customers": report_tables.arrow("customers", rows)}, engine)


def test_the_highest_tenth_is_that_of_the_customers(shop, engine):
    tables = spending(shop, engine, *[910.0, *[10.0] * 18, None])
    assert concentration(tables["customers"]) == {"all": 1090.0, "top": 920.0}
    assert made(tables, shop).reading == (
        "£1.09k is expected of all customers in the next 90 days. The highest tenth is expected to bring 84% of it. "
        "Use it to rank customers: the amounts are rough, and know no season."
    )


def test_the_chart_spreads_expected_spend_by_segment(tables, shop):
    (chart,) = made(tables, shop).charts
    assert chart.title == "Expected spend in the next 90 days"
    assert chart.figure["layout"]["xaxis"]["title"]["text"].startswith("Expected spend (£)")
    assert words.feature_name("expected_orders") == "Expected days with an order"


def test_where_nothing_is_expected_there_is_no_part(tables, shop, engine):
    assert made(spending(shop, engine, 0.0, 0.0), shop) is None
    assert made(tables | {"customers": tables["customers"].drop("expected_spend")}, shop) is None


def test_without_traits_the_figure_is_told_and_nothing_drawn(tables, shop):
    found = worth(tables, shop["profiles"], shop["traits"].slice(0, 0), "£")
    assert found.reading
    assert not found.charts


def test_forecasts_are_shown_for_the_latest_cutoff_on_one_scale(shop):
    ours, naive = forecasts(shop["values"], 90, "£").charts
    assert (ours.title, naive.title) == ("Do forecasts come true?", "Would the last 90 days say as much?")
    bars, lines = ours.figure["data"]
    assert list(bars["y"][:2]) == [2000, 1000]
    assert [round(value) for value in lines["y"][:2]] == [2200, 1100]
    assert ours.figure["layout"]["yaxis"]["range"] == naive.figure["layout"]["yaxis"]["range"]
    assert ours.figure["layout"]["yaxis"]["range"][0] == 0
    assert ours.figure["layout"]["yaxis"]["title"]["text"] == "Mean spend in 90 days (£)"
    assert ours.reading == "Of the highest tenth £2,200 each was forecast on 1 February 2024, and £2,000 came."


def test_forecasts_are_ranked_by_their_mean_correlation(shop):
    found = forecasts(shop["values"], 90, "£")
    assert [(row["name"], round(row["spearman"], 3)) for row in found.rows] == [
        ("Expected spend", 0.53),
        ("All spend so far", 0.46),
        ("Spend in the last 90 days", 0.41),
    ]
    assert found.reading == (
        "“Expected spend” ranks customers best: 0.53, against all spend so far 0.46, spend in the last 90 days 0.41 "
        "(1 is perfect, 0 is chance)."
    )


def test_forecasts_that_do_alike_are_named_together():
    rows = [{"name": "A", "spearman": 0.534}, {"name": "B", "spearman": 0.531}, {"name": "C", "spearman": 0.4}]
    assert ranked(rows) == "“A” and “B” rank customers best: 0.53, against c 0.40 (1 is perfect, 0 is chance)."
    assert ranked(rows[:2]) == "“A” and “B” rank customers best: 0.53 (1 is perfect, 0 is chance)."


def test_few_forecasts_are_no_error(shop):
    rows = [row | {"spearman": None} for row in shop["values"].to_pylist() if row["forecast"] == "expected"]
    found = forecasts(report_tables.arrow("values", rows), 90, "")
    assert (found.reading, list(found.rows), len(found.charts)) == ("", [], 1)
    assert forecasts(shop["values"].slice(0, 0), 90, "") is None
    assert tenths(shop["values"], "no such", rows[0]["cutoff"]) == []
