"""Every page in every state: what is there is told, what is not says what to run, and text from data stays text."""

import json
import shutil
import threading
import time
from datetime import date

import plotly.graph_objects as go
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from dash._utils import to_json
from dashboards import CHAMPION, CHANGE, MARKUP, Registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clientage.dashboard import app, charts, parts
from clientage.dashboard.access import Person
from clientage.dashboard.changes import change
from clientage.dashboard.data import overview, watched
from clientage.dashboard.data.source import Source
from clientage.dashboard.pages import MENU, PAGES, customers, migration
from clientage.dashboard.parts import State
from clientage.dashboard.works import Actions, Work, Works
from clientage.errors import TrackingError

OPERATOR, VIEWER = Person("anna", "operator"), Person("bert", "viewer")


def waited(works):
    """Works that have heard of all models."""
    works.models()
    while works.busy:
        time.sleep(0.01)
    return works


def state(source, works=None, person=OPERATOR, **query):
    return State(source, works or waited(Registry().works()), person, query)


def told(path, made):
    """A page as text: JSON, as it is sent."""
    return to_json(app.shown(path, made))


def figures(page):
    """All charts of a page."""
    found, waiting = [], [json.loads(page)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if each.get("type") == "Graph":
                found.append(each["props"]["figure"])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


NONSENSE = {"segment": "99", "feature": "password", "measure": "x.y", "from": "yesterday", "to": MARKUP, "id": MARKUP}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("query", [{}, NONSENSE], ids=["plain", "nonsense"])
def test_every_page_is_shown_and_its_charts_are_plotly(source, path, query):
    page = told(path, state(source, **query))
    assert '"trouble"' not in page
    for figure in figures(page):
        go.Figure(figure["data"], figure["layout"])


@pytest.mark.parametrize(
    ("path", "charts_"), [("/", 2), ("/segments", 4), ("/customer", 1), ("/migration", 2), ("/monitoring", 4)]
)
def test_pages_have_their_charts(source, path, charts_):
    assert len(figures(told(path, state(source, id=MARKUP)))) >= charts_


@given(
    st.dictionaries(st.sampled_from(["segment", "feature", "measure", "from", "to", "id", "text", "least"]), st.text())
)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_address_breaks_a_page(source, query):
    for path in ("/segments", "/customers", "/migration", "/monitoring", "/customer"):
        assert '"H1"' in told(path, state(source, **query))


@pytest.mark.parametrize("path", [page.path for page in MENU if page.path != "/models"])
def test_an_empty_workspace_says_what_to_run(tmp_path, path):
    page = told(path, state(Source(tmp_path)))
    assert "$ clientage monitor" in page if path == "/monitoring" else "$ clientage run FILE" in page


@pytest.mark.parametrize("path", ["/migration", "/monitoring"])
def test_without_monitoring_pages_say_what_to_run(shop, tmp_path, path):
    folder = tmp_path / "workspace"
    shutil.copytree(shop, folder)
    for name in ("drift", "episodes", "journeys"):
        (folder / "tables" / f"{name}.parquet").unlink()
    source = Source(folder)
    assert "$ clientage monitor" in told(path, state(source))
    assert '"trouble"' not in told("/", state(source))


def test_what_takes_long_comes_after_its_page(shop, tmp_path, source):
    made = State(source, Registry().works(), OPERATOR, {"segment": "2"}, slow=Source(shop))
    page = told("/segments", made)
    assert "Counting" in page
    for name, text in (("offers", "Recommended most"), ("worths", "panel-worth")):
        assert text in to_json(app.part(name, made))
    assert "clientage run FILE" in to_json(app.part("changes", state(Source(tmp_path))))
    assert app.part("nothing", made) is None


def test_the_map_is_sent_to_who_comes_near_it(source):
    made = state(source)
    page = told("/segments", made)
    assert '"far"' in page
    assert "panel-map" in page
    assert "scatter3d" not in page
    (figure,) = figures(to_json(app.part("space", made)))
    assert {trace["type"] for trace in figure["data"]} == {"scatter3d"}


def test_a_page_that_is_none_leads_back(source):
    assert "There is no such page" in told("/nowhere", state(source))


def test_markup_is_text_on_every_page(source):
    page = told("/customer", state(source, id=MARKUP))
    heads = [json.loads(page)["props"]["children"][0]["props"]["children"]]
    assert heads == [f"Customer {MARKUP}"]
    assert "dangerously" not in page
    for path in PAGES:
        for figure in figures(told(path, state(source, id=MARKUP))):
            assert "<img" not in json.dumps(figure)


def test_names_of_segments_in_charts_are_harmless():
    names = {1: MARKUP, 2: "two"}
    flow = [{"from_segment_id": 1, "segment_id": 2, "customers": 3}]
    steps = [{"since": watched_day(), "segment_id": own, "customers": 2} for own in names]
    rows = [
        {
            "window": watched_day(),
            "subject": MARKUP,
            "value": 1.0,
            "low": None,
            "high": None,
            "score": 2.0,
            "verdict": "drift",
        }
    ]
    drawn = [charts.flows(flow, names, {}, ""), charts.mix(steps, names, {}), charts.over_time("psi", rows, names)]
    for chart in drawn:
        assert "<img" not in json.dumps(chart.figure)
        go.Figure(chart.figure)


def watched_day():
    from watched_tables import START  # noqa: PLC0415

    return START


def test_flows_leave_out_who_is_new_unless_nobody_else_is_there():
    new = {"from_segment_id": watched.NEW, "segment_id": 1, "customers": 5}
    old = {"from_segment_id": 2, "segment_id": 1, "customers": 3}
    names = {0: "not yet there", 1: "one", 2: "two"}
    assert charts.flows([new, old], names, {}, "").figure["data"][0]["link"]["value"] == [3]
    assert charts.flows([new], names, {}, "").figure["data"][0]["link"]["value"] == [5]
    assert migration.reading([new, old]) == "0% of 3 customers are where they were. 5 customers came in between."
    assert migration.reading([new]) == "5 customers came in between."


def test_a_feature_marks_what_lies_outside_the_training_range(source):
    found = source.ask(watched.feature, "monetary")
    chart = charts.feature("monetary", found, "£")
    (marked,) = [trace for trace in chart.figure["data"] if trace["name"] == "outside the training range"]
    assert len(marked["x"]) == 6
    assert "in 6 of 30 windows a customer lay outside" in chart.reading
    limits = [trace for trace in chart.figure["data"] if trace["name"] in ("lower limit", "upper limit")]
    assert len(limits) == 2
    go.Figure(chart.figure)


def test_of_many_subjects_those_furthest_from_usual_are_drawn_and_all_are_told_of():
    day = {"window": watched_day(), "low": None, "high": 1.0}
    rows = [day | {"subject": f"large {i}", "value": 900.0 + i, "score": 0.1, "verdict": "ok"} for i in range(12)]
    rows += [day | {"subject": "small", "value": 0.2, "score": 1.4, "verdict": "drift"}]
    rows += [day | {"subject": f"far {i}", "value": 0.1, "score": 1.0 - i / 100, "verdict": "watch"} for i in range(12)]
    chart = charts.over_time("psi", rows, {})
    drawn = {trace["name"] for trace in chart.figure["data"] if trace["mode"] == "lines+markers"}
    assert drawn == {"small", *(f"far {i}" for i in range(11))}
    assert chart.reading.startswith("Beyond its limit in 1 of 1 windows, lately of small")
    rows = [row | {"verdict": "drift"} for row in rows]
    assert charts.over_time("psi", rows, {}).reading.startswith("Beyond its limit in 1 of 1")


@pytest.mark.parametrize("path", ["/", "/monitoring"])
def test_without_a_window_since_the_model_no_verdict_is_told(path, shop, tmp_path):
    own = shutil.copytree(shop, tmp_path / "own")
    drift = pq.read_table(own / "tables" / "drift.parquet")
    pq.write_table(drift.filter(pc.field("reference")), own / "tables" / "drift.parquet")
    page = told(path, state(Source(own)))
    assert "No window is over since the model was made" in page
    assert "The window of" not in page


def test_windows_of_the_reference_are_counted_apart(source):
    page = told("/monitoring", state(source))
    assert "10 judged: 6 drift · 4 ok." in page
    assert "20 of the reference, each as if it had been left out: 20 ok." in page


def test_a_measure_nobody_could_tell_is_a_sentence():
    assert charts.over_time("psi", [], {}).reading == "It could not be told in any window."
    assert charts.feature("monetary", {"min": [], "max": []}).reading == "Not known for these windows."


def one(value):
    """A feature's figure in one window."""
    return [{"window": date(2024, 7, 1), "value": value, "low": None, "high": None}]


@pytest.mark.parametrize(("lowest", "axis"), [(0.5, "log"), (0.0, None), (-3.0, None)])
def test_a_far_maximum_has_an_axis_on_which_the_median_is_seen_too(lowest, axis):
    far = {"min": one(lowest), "median": one(20.0), "max": one(9000.0)}
    assert charts.feature("monetary", far).figure["layout"]["yaxis"].get("type") == axis
    assert "type" not in charts.feature("monetary", far | {"max": one(200.0)}).figure["layout"]["yaxis"]


def test_the_grid_gets_plain_words(source):
    found = customers.answer(state(source, text="<IMG"), {"startRow": 0, "endRow": 10, "sortModel": None})
    assert found["rowCount"] == 1
    assert found["rowData"][0]["customer_id"] == MARKUP
    every = customers.answer(state(source), {"sortModel": [{"colId": "monetary", "sort": "desc"}, {"colId": "x"}]})
    spent = [float(row["monetary"].replace(",", "")) for row in every["rowData"]]
    assert spent == sorted(spent, reverse=True)


def test_the_export_follows_the_filters(visitor):
    somebody = visitor()
    answer = somebody.get("/export/customers.csv?segment=1")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == "attachment; filename=customers.csv"
    assert answer.text.splitlines()[0].startswith("customer_id,segment,")
    assert len(set(answer.text.splitlines()[1:])) == len(answer.text.splitlines()) - 1


def test_the_export_of_nothing_is_a_sentence(tmp_path):
    from dashboards import Visitor, made  # noqa: PLC0415

    answer = Visitor(made(Source(tmp_path / "nowhere"))).get("/export/customers.csv")
    assert answer.status_code == 503
    assert "clientage run FILE" in answer.text


def test_overview_tells_the_last_verdict(source):
    assert "spend: median 900, usually 500" in told("/", state(source))
    assert source.ask(overview.whole).warnings is not None


# Models, and what takes long


def test_models_are_asked_for_beside_the_page(source):
    gate, registry = threading.Event(), Registry()

    def slow():
        gate.wait(10)
        return registry.models()

    works = Works(Actions(slow, registry.promote, registry.roll_back))
    assert "Asking the registry" in told("/models", state(source, works))
    gate.set()
    page = told("/models", state(source, waited(works)))
    assert "challenger" in page
    assert CHANGE["user"] in json.dumps(json.loads(page))
    assert "2 of 2 passed" in page


def test_a_registry_that_is_away_is_a_sentence(source):
    def away():
        raise TrackingError("http://127.0.0.1:1: cannot be reached.")

    page = told("/models", state(source, waited(Works(Actions(away, None, None)))))
    assert "cannot be reached" in page
    assert "clientage train" in page


def test_viewers_see_models_and_no_buttons(source):
    assert "Change the champion" in told("/models", state(source))
    page = told("/models", state(source, person=VIEWER))
    assert "are for operators" in page
    assert '"promote"' not in page


def test_one_change_at_a_time_and_what_came_of_it(source):
    registry, gate = Registry(), threading.Event()
    works = registry.works()
    assert works.start("Waiting", lambda: str(gate.wait(10)))
    assert change(works, OPERATOR, "promote", "2", "", force=False) == "Another change is under way. Wait for it."
    assert "Waiting …" in told("/models", state(source, works))
    gate.set()
    waited(works)
    assert change(works, OPERATOR, "promote", " challenger ", " ", force=False) == ""
    waited(works)
    assert works.work == Work("Promoting challenger", "done", "Version challenger is the champion now.")
    assert change(works, OPERATOR, "rollback", "", "too bold", force=False) == ""
    waited(works)
    assert registry.asked == [("promote", "challenger", "", False, "anna"), ("rollback", "too bold", "anna")]


def test_a_change_is_done_when_the_models_after_it_are_known(source):
    registry, began, gate = Registry(), threading.Event(), threading.Event()

    def models():
        if not registry.asked:
            return registry.models()
        began.set()
        gate.wait(10)
        return registry.models() | {"versions": [CHAMPION | {"version": 2}]}

    works = waited(Works(Actions(models, registry.promote, registry.roll_back)))
    assert change(works, OPERATOR, "promote", "2", "", force=False) == ""
    assert began.wait(10)
    assert "Promoting 2 …" in told("/models", state(source, works))
    assert change(works, OPERATOR, "rollback", "", "", force=False) == "Another change is under way. Wait for it."
    gate.set()
    waited(works)
    assert works.work == Work("Promoting 2", "done", "Version 2 is the champion now.")
    assert [each["version"] for each in works.models()[0]["versions"]] == [2]


def test_what_the_gate_refused_is_told(source):
    registry = Registry()
    registry.refuses, works = True, registry.works()
    assert change(works, OPERATOR, "promote", "2", "we must", force=True) == ""
    waited(works)
    assert works.work.state == "failed"
    assert "does not pass the gate" in told("/models", state(source, works))
    assert registry.asked == [("promote", "2", "we must", True, "anna")]


@pytest.mark.parametrize(
    ("who", "version", "force", "said"),
    [
        (VIEWER, "2", False, "operators"), (None, "2", False, "operators"), (OPERATOR, "", False, "Which version"),
        (OPERATOR, "--force", False, "Which version"), (OPERATOR, "2; ls", False, "Which version"),
        (OPERATOR, "2", True, "give a reason"),
    ],
)  # fmt: skip
def test_a_change_that_cannot_begin_says_why(who, version, force, said):
    registry = Registry()
    works = registry.works()
    assert said in change(works, who, "promote", version, "", force=force)
    assert works.work is None
    assert registry.asked == []


def test_a_page_knows_no_value_that_is_not_there():
    made = State(None, None, OPERATOR, {"segment": "7"})
    assert made.get("segment", ["1", "2"], "1") == "1"
    assert made.get("segment", ["7"], "1") == "7"
    assert parts.control("segment", "1") == {"type": "query", "name": "segment", "default": "1"}
