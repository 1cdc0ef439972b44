"""The story of a replay as a page: what is to be seen, in words too, and all text escaped."""

import json
import re

import plotly.graph_objects as go
import pytest
from report_tables import played as row

from clientage.report.page import figures
from clientage.report.story import changes, reading, render

MARKUP = "<script>alert(1)</script> “A & B”"


@pytest.fixture
def story():
    """A champion, a week that is well, drift with a model promoted, drift with a model refused."""
    made = {"retrained": True, "r2_after": 0.3, "auc_after": 0.7}
    return [
        row(0, None, None, **made, promoted=True, gate="passed"),
        row(1),
        row(2, "drift", 1.4, because=MARKUP, **made, promoted=True, gate="passed", champion=2, r2_before=0.2,
            auc_before=0.69),
        row(3, "unknown", None, champion=2),
        row(4, "drift", 2.0, **made, gate=f"refused: {MARKUP}", champion=2, r2_before=0.4, auc_before=0.75),
    ]  # fmt: skip


def test_the_chart_is_one_that_plotly_takes(story):
    figure = go.Figure(changes(story).figure)
    assert [trace.name for trace in figure.data[1:5]] == ["ok", "watch", "drift", "unknown"]
    assert list(figure.data[3].y) == [1.4, 2.0]
    assert list(figure.data[5].y) == [None, 0.3, None, 0.2, 0.3, None, 0.4, 0.3, None]
    shapes = [(shape.x0, shape.line.dash) for shape in figure.layout.shapes[1:]]
    assert shapes == [("2011-06-30", "solid"), ("2011-07-14", "solid"), ("2011-07-28", "dot")]
    assert [note.text for note in figure.layout.annotations[-3:]] == ["1", "2", "×"]


def test_verdicts_can_be_told_without_colour(story):
    traces = changes(story).figure["data"][1:5]
    assert len({trace["marker"]["symbol"] for trace in traces}) == 4


def test_the_reading_says_when_and_what_was_gained(story):
    assert reading(story) == (
        "2 of 4 windows drifted, seen first on 14 July 2011. 2 models were trained, 1 promoted. R² of spend went "
        "from 0.200 to 0.300 on the same customers, on average. AUC of buying again went from 0.690 to 0.700 on the "
        "same customers, on average."
    )
    assert reading(story[:2]) == "0 of 1 windows drifted. 0 models were trained, 0 promoted."
    assert reading(story[:1]) == "0 of 0 windows drifted. 0 models were trained, 0 promoted."


def test_several_windows_of_a_day_all_count(story):
    story[2] |= {"windows": 3, "drifting": 2}
    assert reading(story).startswith("3 of 6 windows drifted, ")
    page = render(story)
    assert "<dd>3 of 6</dd>" in page
    assert page.count("(the worst of 3 windows, 2 with drift)") == 1


def test_text_is_text(story):
    page = render(story, f"{MARKUP} Ltd")
    assert MARKUP not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; “A &amp; B”") == 4
    told = json.dumps(json.loads(figures(page)["changes"]), ensure_ascii=False)
    assert "&lt;script&gt;" in told
    assert "<script" not in told


def test_every_day_is_a_row_of_the_table(story):
    page = render(story)
    rows = re.findall(r'<th scope="row" class="day">(.*?)</th>', page)
    assert rows == [str(each["day"]) for each in story]
    assert "A model was trained and refused</strong>; gate: refused:" in page
    assert "R² of spend 0.200 → 0.300" in page
    assert render(story) == page
