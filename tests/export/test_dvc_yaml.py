"""`dvc.yaml`: what is written is read back as it was meant."""

import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clientage.errors import SettingsError
from clientage.export.dvc import UNSAFE, Plot, Step, pipeline

STEPS = [
    Step("read", (), ("source",), ("tables/a.parquet",), source=True),
    Step("report", ("tables/a.parquet",), ("source", "shop"), ("report.html", "metrics.json"), ("metrics.json",)),
]
PLOTS = [Plot("Who: what?", "plots/a.json", "k", ("mean", "worst"))]


def written(source="orders.csv", needs=(), workspace="ws", config="clientage.toml"):
    return yaml.safe_load(pipeline(STEPS, PLOTS, source=source, needs=needs, workspace=workspace, config=config))


def test_stages_as_dvc_runs_them():
    found = written(needs=["orders.csv"])
    assert found["vars"] == [{"source": "orders.csv", "workspace": "ws"}]
    assert found["stages"]["read"] == {
        "cmd": 'clientage step read "${source}" --workspace "${workspace}"',
        "deps": ["orders.csv"],
        "params": [{"clientage.toml": ["source"]}],
        "outs": ["${workspace}/tables/a.parquet"],
    }
    assert found["stages"]["report"] == {
        "cmd": 'clientage step report --workspace "${workspace}"',
        "deps": ["${workspace}/tables/a.parquet"],
        "params": [{"clientage.toml": ["source", "shop"]}],
        "outs": ["${workspace}/report.html"],
        "metrics": ["${workspace}/metrics.json"],
    }
    drawn = {"template": "simple", "x": "k", "y": {"${workspace}/plots/a.json": ["mean", "worst"]}}
    assert found["plots"] == [{"Who: what?": drawn}]


def test_another_settings_file_is_named_to_the_command():
    found = written(config="my shop.toml")["stages"]["report"]
    assert found["params"] == [{"my shop.toml": ["source", "shop"]}]
    assert shlex.split(found["cmd"])[-2:] == ["--config", "my shop.toml"]


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_a_name_comes_through_as_it_is_or_is_refused(name):
    if UNSAFE.search(name):
        with pytest.raises(SettingsError, match="cannot stand in a command of DVC"):
            written(name)
        return
    found = written(name, [name])
    assert found["vars"][0]["source"] == name
    assert found["stages"]["read"]["deps"] == [name]
    assert shlex.split(found["stages"]["read"]["cmd"].replace("${source}", name))[3] == name


@pytest.mark.parametrize("name", ["true", "No", "null", "2024", "1e3", "a: b", "- a", "#a", "a #b", "é.csv"])
def test_texts_stay_texts(name):
    if name == "- a":
        with pytest.raises(SettingsError):
            written(name)
    else:
        assert written(name)["vars"][0]["source"] == name


@pytest.mark.parametrize("name", ['a"b', "$(rm x)", "`x`", "a\\b", "a\nb", "-x"])
def test_what_a_shell_would_run_is_refused(name):
    for place in ("source", "workspace", "config"):
        with pytest.raises(SettingsError, match="Give a name without quotes"):
            written(**{place: name})
