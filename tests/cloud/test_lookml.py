"""The LookML project: read as Looker reads it, and every name in it held against what is there."""

import re
from pathlib import Path

import lkml
import pytest
import yaml
from test_views import PROMISED, columns

from clientage.cloud.views import views
from clientage.segments.model import PALETTE

LOOKER = Path(__file__).parents[2] / "looker"
VIEWS = sorted((LOOKER / "views").glob("*.view.lkml"))
DASHBOARDS = sorted((LOOKER / "dashboards").glob("*.dashboard.lookml"))
FIELDS = ("dimensions", "measures")
each_view = pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.name.partition(".")[0])


def parsed(path):
    return lkml.load(path.read_text(encoding="utf-8"))


def view(path):
    (found,) = parsed(path)["views"]
    return found


def there(name):
    """Columns of a table or view of the dataset."""
    return columns(name) if name in {view.name for view in views()} else list(PROMISED[name])


def fields(found):
    """Every field of a view as an explore has it: a group of dimensions is a field for each of its timeframes."""
    names = {field["name"] for kind in FIELDS for field in found.get(kind, [])}
    groups = found.get("dimension_groups", [])
    return names | {f"{group['name']}_{frame}" for group in groups for frame in group["timeframes"]}


def every(found):
    return [field for kind in (*FIELDS, "dimension_groups") for field in found.get(kind, [])]


MODEL = parsed(LOOKER / "models/clientage.model.lkml")
KNOWN = {found["name"]: fields(found) for found in map(view, VIEWS)}
EXPLORES = {
    explore["name"]: {explore["name"], *(join["name"] for join in explore.get("joins", []))}
    for explore in MODEL["explores"]
}
ELEMENTS = [
    (dashboard["dashboard"], element)
    for path in DASHBOARDS
    for dashboard in yaml.safe_load(path.read_text(encoding="utf-8"))
    for element in dashboard["elements"]
]
each_element = pytest.mark.parametrize(
    "element", [e for _, e in ELEMENTS], ids=[f"{d}-{e['name']}" for d, e in ELEMENTS]
)


def test_connection_and_dataset_are_constants():
    constants = {each["name"]: each["export"] for each in parsed(LOOKER / "manifest.lkml")["constants"]}
    assert constants == {"CONNECTION": "override_required", "DATASET": "override_required"}
    assert MODEL["connection"] == "@{CONNECTION}"
    used = {name for path in LOOKER.rglob("*.lkml") for name in re.findall(r"@\{(\w+)\}", path.read_text())}
    assert used == set(constants)


@each_view
def test_every_column_that_a_view_names_is_there(path):
    found = view(path)
    assert path.name == f"{found['name']}.view.lkml"
    assert found["sql_table_name"].strip("` ") == f"@{{DATASET}}.{found['name']}"
    text = " ".join(field.get("sql", "") for field in every(found))
    named = set(re.findall(r"\$\{TABLE\}\.`?(\w+)", text))
    assert named
    assert named <= set(there(found["name"]))
    own = set(re.findall(r"\$\{([a-z_.]+)\}", text))
    assert own <= KNOWN[found["name"]]
    assert (
        set(re.findall(r"\{\{ (\w+)\._value", " ".join(f.get("html", "") for f in every(found))))
        <= KNOWN[found["name"]]
    )


@each_view
def test_every_field_is_described_once_and_each_view_has_a_key(path):
    found = view(path)
    names = [field["name"] for field in every(found)]
    assert len(names) == len(set(names))
    assert [field["name"] for field in every(found) if "description" not in field and "hidden" not in field] == []
    assert [field["name"] for field in every(found) if field.get("primary_key") == "yes"]
    for field in every(found):
        assert field.get("order_by_field", field["name"]) in KNOWN[found["name"]] | set(names), field["name"]
        for condition in field.get("filters__all", []):
            assert {name for each in condition for name in each} <= KNOWN[found["name"]]


def test_kinds_are_those_of_the_columns():
    """A flag is asked as yes or no, a number as a number: else Looker writes SQL that BigQuery refuses."""
    fitting = {"text": "string", "integer": "number", "number": "number", "flag": "yesno"}
    for found in map(view, VIEWS):
        promised = PROMISED.get(found["name"].replace("_once", ""), {})
        for field in found["dimensions"]:
            column = promised.get(field["name"])
            assert column is None or field["type"] == fitting[column.kind], (found["name"], field["name"])


def test_every_explore_and_join_names_what_is_there():
    assert set(EXPLORES) | set().union(*EXPLORES.values()) == set(KNOWN)
    for explore in MODEL["explores"]:
        assert explore["description"]
        for join in explore.get("joins", []):
            named = re.findall(r"\$\{(\w+)\.(\w+)\}", join["sql_on"])
            assert {name for name, _ in named} <= EXPLORES[explore["name"]]
            assert all(field in KNOWN[name] for name, field in named)
            assert join["relationship"] in ("one_to_one", "many_to_one")
    for include in MODEL["includes"]:
        assert list(LOOKER.glob(include.lstrip("/"))), include


@each_element
def test_every_field_of_a_dashboard_is_there(element):
    assert element["model"] == "clientage"
    named = [
        *element["fields"],
        *element.get("pivots", []),
        *element.get("filters", {}),
        *element.get("listen", {}).values(),
    ]
    named += [sort.removesuffix(" desc") for sort in element["sorts"]]
    for each in named:
        name, _, field = each.partition(".")
        assert name in EXPLORES[element["explore"]], each
        assert field in KNOWN[name], each
    assert set(element.get("pivots", [])) | {sort.removesuffix(" desc") for sort in element["sorts"]} <= set(
        element["fields"]
    )
    assert element["title"].endswith("?")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_filters_of_dashboards_are_there_and_listened_to(path):
    for dashboard in yaml.safe_load(path.read_text(encoding="utf-8")):
        filters = {each["name"]: each for each in dashboard.get("filters", [])}
        for each in filters.values():
            name, _, field = each["field"].partition(".")
            assert (each["explore"] in EXPLORES, field in KNOWN[name]) == (True, True)
        heard = [name for element in dashboard["elements"] for name in element.get("listen", {})]
        assert set(heard) == set(filters)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_elements_lie_beside_one_another(path):
    for dashboard in yaml.safe_load(path.read_text(encoding="utf-8")):
        taken = [
            (row, col)
            for each in dashboard["elements"]
            for row in range(each["row"], each["row"] + each["height"])
            for col in range(each["col"], each["col"] + each["width"])
        ]
        assert len(taken) == len(set(taken))
        assert max(col for _, col in taken) < 24


def test_what_is_to_be_seen_is_on_the_dashboard():
    wanted = {"records_by_day", "latency_by_day", "segment_mix", "features_by_day", "out_of_range", "drift_verdicts"}
    assert wanted <= {element["explore"] for _, element in ELEMENTS}
    (features,) = (element for _, element in ELEMENTS if element["name"] == "features")
    assert {f"features_by_day.{name}" for name in ("minimum", "maximum", "mean", "median")} <= set(features["fields"])


def test_segments_have_their_colours():
    coloured = [
        element["color_application"]["custom"]["colors"] for _, element in ELEMENTS if "color_application" in element
    ]
    assert coloured == [list(PALETTE)] * 2


def test_a_name_that_is_not_there_is_found(tmp_path):
    """The rules above are of use: the same project with a mistake does not pass."""
    text = (LOOKER / "views/segment_mix.view.lkml").read_text(encoding="utf-8")
    (tmp_path / "segment_mix.view.lkml").write_text(text.replace("${TABLE}.colour", "${TABLE}.color"), encoding="utf-8")
    with pytest.raises(AssertionError):
        test_every_column_that_a_view_names_is_there(tmp_path / "segment_mix.view.lkml")
