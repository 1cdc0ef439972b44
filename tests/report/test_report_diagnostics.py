"""Charts of how the segments were made: what is drawn, what is marked, what is measured."""

import base64
import math

import numpy as np
import pyarrow as pa
import pytest
import report_tables
from report_tables import drawn

from clientage.report import correlations, diagnostics


def notes(figure):
    return [note["text"] for note in figure.layout.annotations]


def unpacked(values):
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])


def test_stability_has_a_line_for_each_snapshot_with_errors_limits_and_the_number_in_use(shop):
    limits = {"mean": 0.8, "worst": 0.75, "share": 0.05}
    figure = drawn(diagnostics.stability(shop["quality"], {"limits": limits}))
    latest, earlier = figure.data
    assert (latest.name, earlier.name) == ("11 June 2024", "13 March 2024")
    assert list(latest.x) == [2, 3, 4, 5, 6]
    assert list(latest.error_y.array) == [0.02] * 5
    assert notes(figure) == ["in use", "mean ≥ 0.80", "each ≥ 0.75"]
    assert figure.layout.annotations[0].x == 3
    assert len(figure.layout.shapes) == 3
    assert figure.layout.xaxis.title.text == "Number of segments"


def test_without_known_limits_only_the_number_in_use_is_marked(shop):
    assert notes(drawn(diagnostics.stability(shop["quality"], {}))) == ["in use"]


@pytest.mark.parametrize("name", diagnostics.INDICES)
def test_each_index_says_what_is_better(shop, name):
    chart = diagnostics.index(shop["quality"], name)
    figure = drawn(chart)
    values = {row["k"]: row[name] for row in shop["quality"].to_pylist()}
    assert list(figure.data[0].y) == list(values.values())
    assert any(word in chart.title for word in ("Higher", "Lower", "bend"))
    assert figure.layout.yaxis.title.text == diagnostics.INDICES[name][1]


def test_the_scorecard_averages_over_cutoffs_at_equal_numbers_of_groups(shop):
    found = diagnostics.averages(shop["evaluation"])
    assert [(row["groups"], row["recipe"]) for row in found] == [
        (groups, recipe) for groups in (3, 8) for recipe in ("quintiles", "rfm", "behaviour")
    ]
    assert math.isclose(found[0]["r2"], 0.14)
    assert math.isclose(found[0]["r2_se"], 0.01)
    figure = drawn(diagnostics.scorecard(shop["evaluation"], "auc"))
    assert figure.layout.xaxis.range[0] == 0.5
    assert notes(figure)[0] == "quintiles · 3 groups"
    assert figure.data[1].text[0].strip() == "0.640 ± 0.010"
    assert len(figure.data[0].error_x.array) == 6


def test_a_figure_that_is_not_known_is_left_out_of_the_scorecard(shop):
    rows = [
        row | {"auc": float("nan"), "r2": None} if row["recipe"] == "rfm" else row
        for row in shop["evaluation"].to_pylist()
    ]
    evaluation = report_tables.arrow("evaluation", rows)
    assert len(notes(drawn(diagnostics.scorecard(evaluation, "auc")))) == 4
    assert len(notes(drawn(diagnostics.scorecard(evaluation, "r2")))) == 4
    assert "rfm" not in diagnostics.scorecard(evaluation, "r2", "behaviour").reading


def test_the_map_shows_customers_in_the_colours_of_their_segments(shop):
    points = shop["segments"].select(["customer_id", "segment_id", "pc1", "pc2", "pc3"])
    figure = drawn(diagnostics.customer_map(points, shop["profiles"], 25))
    assert [len(unpacked(trace.x)) for trace in figure.data] == [12, 12, 1]
    own = points.filter(pa.compute.equal(points["segment_id"], 1))
    assert unpacked(figure.data[0].y) == pytest.approx(own["pc2"].to_numpy(), rel=1e-6)
    assert [trace.marker.color for trace in figure.data] == list(report_tables.PALETTE[:3])
    low, high = figure.layout.scene.yaxis.range
    assert low < min(points["pc2"].to_pylist()) <= max(points["pc2"].to_pylist()) < high


def test_extreme_customers_do_not_press_all_others_into_a_point(shop):
    n = 1000
    values = np.r_[np.linspace(-1, 1, n - 1), 1e6]
    points = pa.table(
        {"customer_id": [str(i) for i in range(n)], "segment_id": [1] * n} | {f"pc{i}": values for i in (1, 2, 3)}
    )
    assert drawn(diagnostics.customer_map(points, shop["profiles"], n)).layout.scene.xaxis.range[1] < 2


def test_correlation_is_that_of_ranks_over_customers_that_have_both():
    customers = pa.table(
        {
            "frequency": [1, 2, 3, 4, 5],
            "monetary": [1.0, 10.0, 100.0, 1e4, 1e9],
            "recency_days": [5, 4, 3, 2, 1],
            "days_between_purchases": [None, 2.0, 1.0, 3.0, None],
            "tenure_days": [7, 7, 7, 7, 7],
            "units": pa.array([None] * 5, pa.float64()),
        }
    )
    names, found = correlations.correlated(customers)
    assert names == ["frequency", "monetary", "recency_days", "days_between_purchases", "tenure_days"]
    assert found[0] == [1, 1, -1, 0.5, None]
    assert [row[0] for row in found] == found[0]
    text = correlations.reading(names, found)
    assert text == "Most together: Orders and Spend (+1.00). Most opposite: Orders and Days since last order (−1.00)."


def test_ties_share_their_rank():
    _, found = correlations.correlated(pa.table({"frequency": [1, 1, 2, 3], "invoices": [1, 2, 2, 3]}))
    assert found[0][1] == round(float(np.corrcoef([1.5, 1.5, 3, 4], [1, 2.5, 2.5, 4])[0, 1]), 3)


def test_the_heatmap_shows_each_pair_once_in_plain_names():
    customers = {"frequency": [1, 2, 3, 4], "monetary": [1, 3, 2, 4], "units": pa.array([None] * 3 + [1], pa.int64())}
    figure = drawn(correlations.correlations(pa.table(customers)))
    heat = figure.data[0]
    assert [list(row) for row in heat.z] == [[0.8, None], [None, None]]
    assert (heat.zmin, heat.zmax) == (-1, 1)
    assert list(figure.layout.xaxis.ticktext) == ["Orders", "Spend"]
    assert list(figure.layout.yaxis.ticktext) == ["Spend", "Units bought"]


def test_no_correlation_is_no_error():
    chart = correlations.correlations(pa.table({"frequency": [1.0]}))
    assert chart.reading == "Too few customers to tell."
    assert drawn(chart).data[0].type == "heatmap"
