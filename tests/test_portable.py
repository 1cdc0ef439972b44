"""The model for other systems, as people type it, and files of it that are cut, altered or of another version."""

import json
import sys

import duckdb
import onnxruntime
import pytest
from shops import columns, customers

from clientage import cli_export, portable
from clientage.cli import main
from clientage.errors import InputError, WorkspaceError
from clientage.segments import document
from clientage.segments.fit import fit_centroids, fit_grid
from clientage.segments.space import RECIPES
from clientage.settings import load

MODEL = "workspace/model/segments.json"


@pytest.fixture(scope="module")
def models():
    return {"centroids": fit_centroids(RECIPES["rfm"], columns(), 3, seed=1), "grid": fit_grid(columns())}


@pytest.fixture
def shop(models, tmp_path, monkeypatch):
    """A folder with a workspace that holds a model."""
    path = tmp_path / MODEL
    path.parent.mkdir(parents=True)
    path.write_text(document.dumps(models["centroids"]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(capsys, *arguments):
    """Exit code, and what is said on both outputs."""
    try:
        main(["export", *arguments])
        code = 0
    except SystemExit as end:
        code = end.code or 0
    return code, *capsys.readouterr()


def test_sql_goes_to_standard_output_and_nothing_else(shop, capsys, models):
    code, out, err = called(capsys, "sql", "--dialect", "duckdb")
    assert (code, err) == (0, "")
    first, second, *_ = out.splitlines()
    assert first.startswith("-- Segments by Clientage, model ")
    assert second == "-- duckdb shop.duckdb < FILE"
    connection = duckdb.connect()
    connection.register("customers", customers(columns()).to_pyarrow())
    found = connection.sql(out.rstrip().removesuffix(";")).order("customer_id").to_arrow_table()
    assert found["segment_id"].to_pylist() == models["centroids"].predict(columns()).tolist()


def test_sql_in_a_file_and_what_comes_next(shop, capsys):
    printed = called(capsys, "sql", "--dialect", "bigquery", "--table", "shop.customers")[1]
    code, out, err = called(capsys, "sql", "--dialect", "bigquery", "--table", "shop.customers", "--out", "a b.sql")
    assert (code, err) == (0, "")
    written, following = out.splitlines()
    assert written == "3 segments of the recipe rfm as SQL for bigquery in a b.sql"
    assert following.endswith("        next: bq query --use_legacy_sql=false < 'a b.sql'")
    assert (shop / "a b.sql").read_text(encoding="utf-8") == printed
    assert "  FROM `shop`.`customers` AS `t0`" in printed


def test_onnx_in_a_file_and_what_comes_next(shop, capsys):
    code, out, err = called(capsys, "onnx")
    assert (code, err) == (0, "")
    written, following = out.splitlines()
    assert written == "3 segments of the recipe rfm as ONNX (float64) in segments.onnx"
    assert (
        " takes recency_days, frequency, monetary        next: gcloud storage cp segments.onnx gs://BUCKET/"
        in following
    )
    assert len(onnxruntime.InferenceSession(str(shop / "segments.onnx")).get_inputs()) == 3


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["sql", "--dialect", "spark"], {"dialect": "spark", "table": "customers"}),
        (["sql", "--dialect", "spark", "--out", "a.sql"], {"dialect": "spark", "out": "a.sql"}),
        (["onnx", "--float32", "--out", "a.onnx"], {"numbers": "float32", "out": "a.onnx"}),
    ],
)
def test_for_machines(shop, capsys, arguments, more, models):
    code, out, err = called(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert more.items() <= said.items()
    assert said["recipe"] == "rfm"
    assert said["segments"] == {str(segment.segment_id): segment.name for segment in models["centroids"].segments}
    assert ("text" in said) == ("out" not in said)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sql"], 2, "--dialect"),
        (["sql", "--dialect", "oracle"], 2, "Give bigquery, spark, duckdb, postgres or snowflake."),
        (["sql", "--dialect", "spark", "--table", "a; drop"], 2, "not the name of a table"),
        (["sql", "--dialect", "spark", "--out", "workspace"], 2, "a folder. Give a file."),
        (["sql", "--dialect", "spark", "--out", "absent/a.sql"], 1, "absent/a.sql: cannot be written"),
        (["onnx", "--out", "workspace"], 2, "a folder. Give a file."),
        (["onnx", "--out", "/dev/null"], 2, "not a file that could be replaced"),
        (["savedmodel", "--out", "workspace"], 2, "holds something else than an earlier export"),
        (["savedmodel", "--out", MODEL], 2, "not a folder"),
        (["onnx", "--workspace", "nowhere"], 1, "segments.json: not there yet. Make it with `clientage run FILE`."),
    ],
)
def test_an_export_that_cannot_be_made(shop, capsys, arguments, code, said):
    before = {path for path in shop.rglob("*") if path.is_file()}
    found = called(capsys, *arguments)
    assert found[:2] == (code, "")
    assert said in found[2]
    assert {path for path in shop.rglob("*") if path.is_file()} == before


def test_an_earlier_file_stays_where_the_model_is_bad(shop):
    (shop / "a.onnx").write_text("earlier", encoding="utf-8")
    (shop / MODEL).write_text("{", encoding="utf-8")
    with pytest.raises(InputError):
        portable.write_onnx(load(), out=shop / "a.onnx")
    assert (shop / "a.onnx").read_text(encoding="utf-8") == "earlier"


def altered(text, path, value):
    """The document with one thing changed."""
    found = json.loads(text)
    *outer, last = path.split(".")
    at = found
    for name in outer:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[int(last) if isinstance(at, list) else last] = value
    return json.dumps(found)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["centroids", "grid"])
def test_a_model_that_was_cut_is_refused(shop, models, kind, share):
    text = document.dumps(models[kind])
    (shop / MODEL).write_text(text[: int(share * len(text))], encoding="utf-8")
    with pytest.raises(InputError, match=r"the model cannot be read .* Train again"):
        portable.write_sql(load(), "duckdb")


@pytest.mark.parametrize(
    ("kind", "path", "value", "said"),
    [
        ("centroids", "format", 99, "format 99, not 2"),
        ("centroids", "kind", "forest", "altered after it was made"),
        ("centroids", "space.fill.0", float("nan"), "altered"),
        ("centroids", "space.matrix", [[1.0]], "altered"),
        ("centroids", "space.features.0", "recency", "altered"),
        ("centroids", "centroids.0.0", 1.5, "altered"),
        ("centroids", "segments.0.name", "Others", "altered"),
        ("centroids", "ended", [], None),
        ("grid", "cuts.monetary", [4.0, 3.0, 2.0, 1.0], "altered"),
        ("grid", "segments.0.name", "Champignons", "altered"),
    ],
)
def test_a_model_that_was_altered_is_refused(shop, models, kind, path, value, said):
    (shop / MODEL).write_text(altered(document.dumps(models[kind]), path, value), encoding="utf-8")
    if said is None:  # the same as before
        assert portable.write_sql(load(), "duckdb")
        return
    with pytest.raises(InputError, match=said):
        portable.write_sql(load(), "duckdb")


def test_a_model_that_is_no_text_is_refused(shop):
    (shop / MODEL).write_bytes(b"\xff\xfe\x00model")
    with pytest.raises(WorkspaceError, match="not a text"):
        portable.write_sql(load(), "duckdb")


@pytest.mark.parametrize(("name", "verb"), [("onnx", "onnx"), ("tensorflow", "savedmodel")])
def test_a_missing_library_is_told_in_a_sentence(shop, capsys, monkeypatch, name, verb):
    monkeypatch.setitem(sys.modules, name, None)
    code, out, err = called(capsys, verb)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert f"Install it: pip install 'clientage[{name}]'." in err


def test_every_export_is_a_verb_with_help(capsys):
    for command in cli_export.export.registered_commands:
        code, out, _ = called(capsys, command.callback.__name__, "--help")
        assert code == 0
        assert "Usage: clientage export" in out
