"""How good recommendations are: the table, the chart and the sentence."""

import pytest
import report_tables

from clientage.report.recommenders import recommenders


@pytest.mark.parametrize(
    ("chosen", "end"), [("ease", "."), ("", "."), ("popular", "; Most popular, in use, reaches 3%."), ("gone", ".")]
)
def test_the_best_is_named_beside_what_is_simple_and_what_is_in_use(shop, chosen, end):
    assert recommenders(shop["recommenders"], chosen).reading == (
        "EASE is best: 12% of the new products that customers bought were among its 10, against 4% for the most "
        f"popular lately{end}"
    )


def test_bars_start_at_zero_the_best_first_with_errors(shop):
    found = recommenders(shop["recommenders"], "cosine")
    assert [row["model"] for row in found.rows] == ["ease", "cosine", "popular lately", "popular"]
    (chart,) = found.charts
    bars, texts = chart.figure["data"]
    assert chart.title == "How good are the recommendations?"
    assert chart.figure["layout"]["xaxis"]["range"][0] == 0
    assert list(bars["error_x"]["array"]) == [0.004] * 4
    assert texts["text"][0].strip() == "0.130 ± 0.004"
    assert chart.figure["layout"]["annotations"][1]["text"] == "Cosine, in use"


def test_what_was_not_measured_is_left_out(shop):
    rows = [row | {"ndcg_10": None} if row["model"] == "ease" else row for row in shop["recommenders"].to_pylist()]
    assert len(recommenders(report_tables.arrow("recommenders", rows)).rows) == 3
    assert recommenders(shop["recommenders"].slice(0, 0)) is None
