"""Charts of customers and revenue: traces, titles, units, colours, and text from data made harmless."""

from datetime import date

import pyarrow as pa
import pytest
import report_tables
from report_tables import drawn

from clientage.report import charts
from clientage.report.spread import spread


def monthly(*rows):
    return pa.table(
        {
            "month": pa.array([row[0] for row in rows], pa.date32()),
            "segment_id": pa.array([row[1] for row in rows], pa.int64()),
            "revenue": pa.array([row[2] for row in rows], pa.float64()),
        }
    )


def names(figure):
    return [note["text"] for note in figure.layout.annotations]


@pytest.mark.parametrize("segments", [2, 10])
def test_revenue_shares_are_labelled_bars_from_zero_in_the_colours_of_the_segments(segments):
    profiles = report_tables.shop(segments)["profiles"]
    chart = charts.revenue_share(profiles)
    figure = drawn(chart)
    customers, revenue = figure.data
    assert chart.title == "Who brings the revenue?"
    assert list(customers.x) == profiles["share"].to_pylist()
    assert list(revenue.x) == profiles["revenue_share"].to_pylist()
    assert list(revenue.marker.color) == list(report_tables.PALETTE[:segments])
    assert revenue.text[0].endswith("% of revenue")
    assert figure.layout.xaxis.range[0] == 0
    assert figure.layout.xaxis.title.text == "Share of all (%)"
    assert len(names(figure)) == segments
    assert figure.layout.width is None


def test_segment_names_wrap_and_are_escaped():
    figure = drawn(charts.revenue_share(report_tables.shop(2, segment="<a href='x'>" + "name " * 30)["profiles"]))
    assert names(figure)[0].startswith("&lt;a href='x'&gt;")
    assert "<br>" in names(figure)[0]


def test_a_radar_compares_a_segment_with_the_average_on_rings_that_all_segments_share(shop):
    figures = [drawn(chart) for chart in charts.radars(shop["profiles"], shop["traits"])]
    average, own = figures[1].data
    assert len(figures) == 3
    assert set(average.r) == {0}
    assert own.line.color == report_tables.PALETTE[1]
    assert own.theta[0] == own.theta[-1] == "Days since<br>order"
    assert len(own.theta) == len(charts.RADAR) + 1
    assert len({tuple(figure.layout.polar.radialaxis.range) for figure in figures}) == 1


def test_a_radar_leaves_out_features_the_shop_lacks(shop):
    kept = shop["traits"].filter(pa.compute.not_equal(shop["traits"]["feature"], "units_per_line"))
    figure = drawn(charts.radars(shop["profiles"], kept)[0])
    assert len(figure.data[1].theta) == len(charts.RADAR)


def test_months_are_stacked_by_segment_and_the_unfinished_one_is_marked(shop):
    table = monthly((date(2024, 1, 1), 1, 900.0), (date(2024, 1, 1), 2, 50.0), (date(2024, 3, 1), 1, 10.0))
    figure = drawn(charts.months(table, shop["profiles"], date(2024, 3, 9), "£"))
    first, second, third = figure.data
    assert figure.layout.barmode == "relative"
    assert [list(trace.y) for trace in (first, second, third)] == [[900, 10], [50, 0], [0, 0]]
    assert [trace.marker.color for trace in figure.data] == list(report_tables.PALETTE[:3])
    assert list(first.marker.pattern.shape) == ["", "/"]
    assert figure.layout.yaxis.title.text == "Revenue (£)"
    assert figure.layout.yaxis.rangemode == "tozero"
    assert [text.strip() for text in names(figure)] == ["£950", "until 9 Mar"]


@pytest.mark.parametrize(
    ("last", "part"),
    [
        (date(2024, 2, 28), date(2024, 2, 1)),
        (date(2024, 2, 29), None),
        (date(2024, 5, 3), None),
        (None, None),
    ],
)
def test_a_month_is_unfinished_while_days_of_it_are_missing(last, part):
    assert charts.unfinished([date(2024, 1, 1), date(2024, 2, 1)], last) == part


def test_no_months_are_no_error(shop):
    assert drawn(charts.months(monthly(), shop["profiles"], date(2024, 3, 9))).layout.yaxis.title.text == "Revenue"


def test_the_funnel_goes_from_received_to_used_by_plain_reasons():
    figure = drawn(charts.funnel(100, {"no customer": 30, "duplicate": 10}, 60))
    bars = figure.data[0]
    assert names(figure) == ["received", "set aside: no customer", "set aside: the same line again", "used"]
    assert list(bars.base) == [0, 70, 60, 0]
    assert list(bars.x) == [100, 30, 10, 60]
    assert list(bars.text) == ["100", "− 30", "− 10", "60"]
    assert figure.layout.xaxis.title.text == "Order lines"


def test_a_spread_shows_quantiles_and_tells_the_median(shop):
    figure = drawn(spread(shop["profiles"], shop["traits"], "cancellation_rate", "£"))
    whiskers, boxes, medians, texts = figure.data
    assert list(whiskers.base) == [0, 0, 0]
    assert list(whiskers.x) == [4, 4, 4]
    assert list(boxes.marker.color) == list(report_tables.PALETTE[:3])
    assert list(medians.x) == [0.1, 0.1, 0.1]
    assert texts.text[0].strip() == "median 10%"
    assert figure.layout.xaxis.title.text == "Return rate"
    assert figure.layout.xaxis.tickformat == ".0%"


def test_a_skewed_feature_is_spread_on_a_logarithmic_scale_that_has_zero(shop):
    figure = drawn(spread(shop["profiles"], shop["traits"], "monetary", "£"))
    axis = figure.layout.xaxis
    assert axis.title.text == "Spend (£), logarithmic scale"
    assert axis.ticktext[0] == "£0"
    assert axis.tickvals[0] == 0
    assert "£100" in axis.ticktext
    assert axis.type is None
    assert figure.data[1].hovertext[0].startswith("median £13<br>half of them £6 to £26")


def test_a_feature_in_the_red_is_spread_to_both_sides(shop):
    rows = [row | {"p05": -5000.0, "p95": 5000.0} for row in shop["traits"].to_pylist()]
    figure = drawn(spread(shop["profiles"], report_tables.arrow("traits", rows), "monthly_spend_trend"))
    texts = list(figure.layout.xaxis.ticktext)
    assert texts == ["−1,000", "−100", "−10", "0", "10", "100", "1,000"]
    assert list(figure.layout.xaxis.tickvals) == sorted(figure.layout.xaxis.tickvals)


def test_weekdays_are_named(shop):
    figure = drawn(spread(shop["profiles"], shop["traits"], "favourite_weekday"))
    assert list(figure.layout.xaxis.ticktext) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def test_a_segment_whose_feature_is_not_known_has_no_row(shop):
    rows = shop["traits"].to_pylist()
    empty = dict.fromkeys(("mean", "p05", "p25", "median", "p75", "p95", "lift", "z"))
    rows = [row | empty if row["segment_id"] == 2 else row for row in rows]
    assert len(names(drawn(spread(shop["profiles"], report_tables.arrow("traits", rows), "frequency")))) == 2
