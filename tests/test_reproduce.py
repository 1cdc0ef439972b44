"""The stages for DVC are those of a run, and the project's own are what the command writes."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from clientage import pipeline
from clientage.errors import ClientageError, SettingsError
from clientage.reproduce import write_pipeline
from clientage.settings import Settings, load
from clientage.transactions.simulate import simulate

ROOT = Path(__file__).resolve().parents[1]
OUT = Path("dvc.yaml")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(source="sample", out=OUT, config=None, **changes):
    settings = load(config, [f"{name}={value}" for name, value in changes.items()])
    write_pipeline(settings, source, config, out)
    return yaml.safe_load(out.read_text(encoding="utf-8"))


def test_the_pipeline_of_the_project_is_what_the_command_writes():
    written()
    for name in ("dvc.yaml", "clientage.toml"):
        mine = Path(name).read_text(encoding="utf-8")
        assert (ROOT / name).read_text(encoding="utf-8") == mine, f"{name}: renew with `clientage export dvc sample`"


def test_the_settings_of_the_project_are_the_defaults():
    assert load(ROOT / "clientage.toml").model_dump() == Settings().model_dump()


def test_tables_elsewhere_are_no_files_for_it():
    with pytest.raises(SettingsError, match=r"DVC keeps versions of files.*--set warehouse\.url="):
        written(**{"warehouse.url": "bigquery://our-shop/shop"})


def test_stages_are_those_of_a_run():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(stages) == [stage.name for stage in pipeline.STAGES if stage.name not in pipeline.ON_REQUEST]
    assert all(f"clientage step {name} " in stage["cmd"] for name, stage in stages.items())


def test_a_stage_depends_on_what_it_reads_and_on_the_facts_that_it_knows():
    stages = written()["stages"]
    assert "deps" not in stages["read"]
    assert stages["train"]["deps"] == [
        f"${{workspace}}/{name}"
        for name in (
            "tables/lines.parquet",
            "tables/baskets.parquet",
            "tables/customers.parquet",
            "facts/read.json",
            "facts/clean.json",
            "facts/features.json",
        )
    ]
    assert "${workspace}/tables/recommenders.parquet" not in str(stages)
    outs = [out for stage in stages.values() for out in (*stage["outs"], *stage.get("metrics", []))]
    assert len(outs) == len(set(outs))


def test_every_file_of_a_workspace_is_an_output_or_known_not_to_be(sample_run):
    stages = written()["stages"].values()
    outs = {
        out.removeprefix("${workspace}/") for stage in stages for out in (*stage["outs"], *stage.get("metrics", []))
    }
    folder = sample_run[0].workspace
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    judged = {f"tables/{table}.parquet" for table in pipeline.STAGE["evaluate"].writes} | {"facts/evaluate.json"}
    assert files - outs == judged | {"run.json", "growth.json", ".lock"}
    assert outs - files == set()


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("orders.csv", "orders.csv"),
        ("shop/orders", "shop/orders"),
        ("shop/20*/*.csv", "shop"),
        ("/data/orders.csv", "/data/orders.csv"),
    ],
)
def test_local_order_lines_are_followed(source, needs):
    assert written(source)["stages"]["read"]["deps"] == [needs]


@pytest.mark.parametrize("source", ["sample", "uci", "https://example.com/orders.csv"])
def test_what_lies_elsewhere_is_not_followed(source):
    found = written(source)
    assert "deps" not in found["stages"]["read"]
    assert found["vars"][0]["source"] == source


def test_paths_are_seen_from_the_folder_of_the_file(tmp_path):
    (tmp_path / "flow").mkdir()
    found = written("orders.csv", Path("flow/dvc.yaml"), workspace="ws")
    assert found["vars"] == [{"source": "../orders.csv", "workspace": "../ws"}]
    assert list(found["stages"]["clean"]["params"][0]) == ["../clientage.toml"]
    assert found["stages"]["clean"]["cmd"].endswith(' --config "../clientage.toml"')


def test_after_a_run_the_source_and_the_tables_are_those_of_the_shop(tmp_path):
    made = simulate(300, out=tmp_path / "orders.parquet", months=6)
    settings = load(overrides=["segments.recipe=quintiles", "recommendations.model=popular"])
    pipeline.run(settings, made.lines_path.name)
    found = written("")
    assert found["vars"][0]["source"] == "orders.parquet"
    for table in ("quality", "affinities"):
        assert f"tables/{table}.parquet" not in json.dumps(found)
    assert "${workspace}/model/segments.json" in found["stages"]["train"]["outs"]


def test_who_is_to_stay_away_is_followed(tmp_path):
    (tmp_path / "workspace/forgotten").mkdir(parents=True)
    assert written()["stages"]["read"]["deps"] == ["${workspace}/forgotten"]


def test_own_settings_stay_and_must_hold_what_is_followed(tmp_path):
    path = tmp_path / "clientage.toml"
    path.write_text("[segments]\nk = 4\n")
    with pytest.raises(ClientageError, match="DVC follows only what stands in the file") as caught:
        written()
    assert not OUT.exists()
    said = str(caught.value)
    assert all(text in said for text in ("[shop]", "[clean]", 'as_of = ""', "sample = 50000", "horizon_days = 90"))
    assert "[segments]" not in said
    path.unlink()
    written()
    path.write_text(path.read_text().replace("[segments]", "[segments]\nk = 4"))
    before = path.read_text()
    written()
    assert path.read_text() == before
    assert tomllib.loads(before)["segments"] == {"k": 4, "sample": 50000}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "needs a source"),
        ("*.csv", "folder of their own"),
        (".", "folder of their own"),
        ("a$b.csv", "cannot stand"),
    ],
)
def test_what_cannot_be_written_is_said(source, said):
    with pytest.raises(ClientageError, match=said):
        written(source)
    assert not OUT.exists()
    assert not Path("clientage.toml").exists()


def test_stages_of_others_are_not_lost(tmp_path):
    OUT.write_text("stages: {}\n")
    with pytest.raises(ClientageError, match="did not write"):
        written()
    assert OUT.read_text() == "stages: {}\n"
    with pytest.raises(ClientageError, match="cannot be written"):
        written(out=Path("absent/dvc.yaml"))


def test_the_command_says_what_to_do_next(command, tmp_path):
    found = command("export", "dvc", "sample")
    assert found.stdout.splitlines()[0] == "8 stages in dvc.yaml, settings in clientage.toml (new)"
    said = json.loads(command("export", "dvc", "sample", "--json").stdout)
    assert (said["source"], said["new_config"]) == ("sample", False)
