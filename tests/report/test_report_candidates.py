"""The sweep in the report: every candidate a line, what each setting explains, the best ten."""

import numpy as np
import pytest
import report_tables
from report_tables import drawn as made

from clientage.report import parallel
from clientage.report.candidates import SETTINGS, bars, best, candidates, importance, varying
from clientage.report.page import render

LIMITS = {"mean": 0.8, "worst": 0.75, "share": 0.05}
CHOICE = {"candidate": {"k": 3}, "reason": "the best of 12 candidates", "limits": LIMITS}


@pytest.fixture
def rows(shop):
    return shop["candidates"].to_pylist()


def changed(rows, **changes):
    return report_tables.arrow("candidates", [row | changes for row in rows])


def test_it_says_which_is_the_best_and_why(shop):
    assert candidates(shop["candidates"], CHOICE).reading == (
        "12 candidates were tried. The best: 3 segments by the recipe “behaviour” with monetary 2, 50 starts at "
        "random. It is in use: the best of 12 candidates."
    )
    assert "in use" not in candidates(shop["candidates"], {}).reading


def test_each_candidate_is_a_line_over_what_differs(shop, rows):
    lines, shares = candidates(shop["candidates"], CHOICE).charts
    names = [name.replace("<br>", " ") for name in lines.figure["layout"]["xaxis"]["ticktext"]]
    assert names == [
        "Recipe", "Weights", "Number of segments", "Number of starts", "Inertia", "Silhouette", "Davies- Bouldin",
        "Smallest segment", "Stability", "R² of later spend",
    ]  # fmt: skip
    *quiet, chosen, ticks = lines.figure["data"]
    assert sum(list(trace["x"]).count(None) for trace in quiet) == len(rows)
    assert list(chosen["x"]).count(None) == 1
    assert chosen["line"]["width"] > quiet[0]["line"]["width"]
    assert chosen["y"][3] == 1
    assert chosen["y"][-2] == 0
    assert [text.strip() for text in ticks["text"] if "<b>" in text][:4] == [
        "<b>behaviour</b>", "<b>monetary 2</b>", "<b>3</b>", "<b>50</b>",
    ]  # fmt: skip
    assert "12 candidates" not in lines.reading
    assert "depends most on the number of segments, which explains 100% of its variance" in shares.reading


def test_the_bluer_the_better(rows):
    figure = made(parallel.parallel(rows, {"k": "k"}, {"r2": "R²"}, "r2"))
    drawn = {trace.line.color: trace.y[1] for trace in figure.data[:-2] if trace.y}
    assert drawn == {parallel.SHADES[0]: 0, parallel.SHADES[-1]: 1}


def test_many_lines_are_thinned_but_for_the_chosen(rows):
    many = [rows[0] | {"candidate": i, "chosen": i == 7} for i in range(3 * parallel.MOST)]
    drawn = parallel.thinned(many)
    assert parallel.MOST <= len(drawn) <= parallel.MOST + 1
    assert [row["candidate"] for row in drawn if row["chosen"]] == [7]


def test_importance_is_the_share_that_group_means_explain(rows):
    found = importance(rows, ["k", "n_init", "recipe"], ["r2", "silhouette", "inertia"])
    assert found["r2"] == pytest.approx({"k": 1, "recipe": 0}, abs=1e-12)  # no start can matter for it
    values = np.array([row["silhouette"] for row in rows])
    means = {n: np.mean([row["silhouette"] for row in rows if row["n_init"] == n]) for n in (1, 10, 50)}
    between = sum((means[row["n_init"]] - values.mean()) ** 2 for row in rows)
    assert found["silhouette"]["n_init"] == pytest.approx(between / ((values - values.mean()) ** 2).sum(), abs=1e-6)
    assert all(list(shares.values()) == sorted(shares.values(), reverse=True) for shares in found.values())
    assert sum(found["inertia"].values()) <= 1 + 1e-9


def test_a_bar_is_laid_end_to_end_and_its_name_says_the_shares(rows):
    figure = made(bars({"r2": {"k": 0.75, "n_init": 0.2, "recipe": 0.001}, "auc": {"k": 0.0, "n_init": 0.0}}))
    assert [note.text.replace("<br>", " ") for note in figure.layout.annotations] == [
        "AUC of buying again: no setting by itself", "R² of later spend: segments 75%, starts 20%",
    ]  # fmt: skip
    (trace,) = figure.data
    assert list(trace.base) == [0, 0, 0, 0.75, 0.95]
    assert list(trace.x) == [0, 0, 0.75, 0.2, 0.001]
    assert list(figure.layout.xaxis.range) == [0, 1]


def test_parts_that_come_to_more_than_all_still_fit():
    assert made(bars({"r2": {"k": 0.9, "n_init": 0.8}})).layout.xaxis.range[1] == pytest.approx(1.7)


def test_the_chosen_comes_first_then_who_keeps_the_limits_then_what_predicts_best(rows):
    found = best(rows, LIMITS)
    assert [row["candidate"] for row in found[:2]] == [3, 2]
    assert [row["k"] for row in found] == [3] * 6 + [8] * 4
    assert [row["k"] for row in best(rows, {})][1:7] == [8] * 6


def test_the_same_groups_are_told_once(rows):
    double = rows + [row | {"candidate": row["candidate"] + 12, "max_iter": 500, "chosen": False} for row in rows]
    found = best(double, LIMITS)
    assert {row["max_iter"] for row in found} == {300}
    assert {row["alike"] for row in found} == {1}


def test_what_is_the_same_everywhere_or_not_known_is_left_out(shop, rows):
    assert varying(rows, SETTINGS).keys() == {"recipe", "weights", "k", "n_init"}
    section = candidates(changed(rows, r2=None, auc=None), {})
    assert "the higher its stability" in section.charts[0].reading
    assert candidates(changed(rows[:1]), {}) is None


def test_some_figures_that_are_not_known_leave_the_others_drawn(rows):
    partly = report_tables.arrow("candidates", [row | {"r2": None} if row["k"] == 8 else row for row in rows])
    lines, _ = candidates(partly, {}).charts
    assert lines.figure["data"]


def test_it_is_on_the_page_where_there_was_a_sweep(tables, facts):
    page = render(tables, facts)
    assert "Which settings were tried?" in page
    del tables["candidates"]
    assert "Which settings were tried?" not in render(tables, facts)
