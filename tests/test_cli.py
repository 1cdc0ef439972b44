"""The command: what people type, see, and get told when it goes wrong."""

import csv
import json
import re
import shutil
import subprocess
import sys

import pytest

from clientage import pipeline
from clientage.cli import app, main
from clientage.warehouse import connect

HEAVY = {
    "ibis",
    "duckdb",
    "numpy",
    "pyarrow",
    "pandas",
    "sklearn",
    "plotly",
    "fastexcel",
    "jinja2",
    "pydantic",
    "fsspec",
    "sqlglot",
    "onnx",
    "tensorflow",
}


def test_help_comes_without_heavy_modules():
    code = "import atexit, sys; from clientage.cli import main; atexit.register(lambda: print(*sys.modules)); main()"
    found = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True).stdout
    assert "Order lines in" in found
    assert not HEAVY & set(found.splitlines()[-1].split())


@pytest.mark.parametrize("verb", [command.callback.__name__ for command in app.registered_commands])
def test_every_verb_explains_itself(verb, command):
    found = command(verb, "--help")
    assert found.returncode == 0
    assert "Usage: clientage" in found.stdout


def test_a_run_tells_its_story_and_where_the_report_is(command, tmp_path):
    found = command("run", "sample", "--workspace", "ws", "--k", "4")
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    said = found.stdout
    words = [
        "read ",
        "lines from sample",
        "cleaned ",
        "set aside: ",
        "customers ",
        "segments ",
        "4, as set",
        "buys again",
    ]
    assert [word for word in words if word not in said] == []
    assert "ws/report.html" in said
    assert (tmp_path / "ws/report.html").exists()


def test_json_is_one_document_on_standard_output(command):
    found = command("run", "sample", "--k", "4", "--json", "--recipe", "rfm", "--as-of", "2024-11-01")
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    assert set(said["choice"].pop("buyers")) == {"bulk", "reseller"}
    assert said["choice"] == {"recipe": "rfm", "k": 4, "reason": "as set", "limits": {}, "as_of": "2024-11-01"}
    assert said["recommender"] == {"model": "ease", "reason": "the default"}
    assert said["as_of"] == "2024-11-01"


def test_shifts_are_planted_and_told(command, tmp_path):
    shop = ("simulate", "--customers", "40", "--steady")
    shifts = ("--shift", "returns=3@2024-09-02", "--shift", "price@2024-07-29")
    made = command(*shop, *shifts, "--json", "--out", "changed.parquet")
    assert json.loads(made.stdout)["shifts"] == ["price=0.15@2024-07-29", "returns=3@2024-09-02"]
    assert "price=0.15@2024-07-29, returns=3@2024-09-02" in command(*shop, *shifts, "--out", "again.parquet").stdout
    assert "shift" not in command(*shop, "--out", "plain.parquet").stdout
    changed, again, plain = ((tmp_path / f"{name}.parquet").read_bytes() for name in ("changed", "again", "plain"))
    assert changed == again != plain


def test_simulate_then_doctor_then_steps_then_evaluate(command, tmp_path):
    made = command("simulate", "--customers", "800", "--seed", "3", "--out", "lines.parquet", "--json")
    assert json.loads(made.stdout)["customers"] == 800
    looked = command("doctor", "lines.parquet", "--json")
    assert json.loads(looked.stdout)["columns"]["customer_id"].startswith("CustomerID")
    assert not (tmp_path / "workspace").exists()
    for stage in (["read", "lines.parquet"], ["clean"], ["features"], ["train"], ["segment"], ["profile"], ["report"]):
        found = command("step", *stage, "--k", "4")
        assert found.returncode == 0, found.stderr
    judged = command("evaluate", "--cutoff", "2024-07-01", "--json", "--set", "segments.bootstraps=2")
    assert judged.returncode == 0, judged.stderr
    found = json.loads(judged.stdout)
    assert set(found) == {"evaluation", "values", "recommenders"}
    assert {row["cutoff"] for rows in found.values() for row in rows} == {"2024-07-01"}
    shown = command("evaluate", "--cutoff", "2024-07-01", "--set", "segments.bootstraps=2")
    assert "quintiles" in shown.stdout
    assert "recommends best" in shown.stdout
    assert "last horizon" in shown.stdout
    assert "doctor" in command("--help").stdout


def test_doctor_without_a_source_looks_at_the_set_up(command):
    found = command("doctor")
    assert found.returncode == 0
    assert "workspace" in found.stdout


def test_help_names_every_stage(command):
    shown = " ".join(command("step", "--help").stdout.split())
    assert all(stage.name in shown for stage in pipeline.STAGES)


def test_version(command):
    assert command("--version").stdout.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "absent.csv"], 1, "absent.csv"),
        (["run", "sample", "--k", "1"], 2, "segments.k"),
        (["run", "sample", "--recipe", "magic"], 2, "segments.recipe"),
        (["run", "sample", "--set", "segments.kk=1"], 2, "did you mean segments.k?"),
        (["run", "sample", "--config", "absent.toml"], 2, "absent.toml"),
        (["run", "sample", "--as-of", "someday"], 2, "as_of"),
        (["run", "sample", "--as-of", "1999-01-01"], 1, "no customer has an order line before 1999-01-01"),
        (["run"], 2, "Missing argument"),
        (["fly"], 2, "No such command"),
        (["run", "sample", "--recipe", "quintiles", "--k", "4"], 2, "quintiles has its own number of segments"),
        (["step", "wash"], 2, "there is no stage wash"),
        (["step", "clean"], 1, "the stage clean needs transactions"),
        (["evaluate"], 1, "clientage run"),
        (["simulate", "--customers", "0"], 2, "customers"),
        (["simulate", "--shift", "price@2024-07-29", "--shift", "prise@2024-07-29"], 2, "no kind prise"),
    ],
)
def test_errors_are_a_sentence_with_the_right_code(command, arguments, code, said):
    found = command(*arguments)
    assert found.returncode == code, found.stderr
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_what_to_know_before_acting_is_said(command, tmp_path):
    rows = [f"c{i % 5},2024-01-{i % 27 + 1:02},{i % 5 * 10 + i}" for i in range(1, 60)]
    path = tmp_path / "few orders.csv"
    path.write_text("customer,date,total\n" + "\n".join(rows) + "\n", encoding="utf-8")
    found = command("run", str(path), "--k", "2", "--as-of", "2026-01-01", "--workspace", str(tmp_path / "my ws"))
    assert found.returncode == 0, found.stderr
    assert "warning: only 5 customers bought" in found.stdout
    assert "warning: 2026-01-01 is 705 days after the last order line" in found.stdout
    assert f"clientage evaluate --workspace '{tmp_path}/my ws'" in found.stdout
    page = (tmp_path / "my ws" / "report.html").read_text(encoding="utf-8")
    assert "<li>only 5 customers bought" in page
    looked = command("doctor", str(path))
    assert looked.stdout.endswith(f"next: clientage run '{path}'\n")


def test_doctor_shows_what_it_understood_of_lines_that_cannot_be_used(command, tmp_path):
    path = write(tmp_path / "orders.csv", lines(date=lambda i: f"2024-01-{i % 9 + 10}" if i % 2 else "soon"))
    looked = command("doctor", str(path))
    assert looked.returncode == 1
    assert re.search(r"customer_id +customer \(common names\)", looked.stdout)
    assert re.search(r"unreadable +20", looked.stdout)
    assert "next:" not in looked.stdout
    said = "20 of 40 lines (50%) cannot be read, such as invoiced_at='soon' in orders.csv. Mend them, give the format"
    assert looked.stderr.startswith(f"error: {said}")
    found = command("doctor", str(path), "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["lines"]["error"].startswith(said)
    allowed = command("doctor", str(path), "--set", "source.max_unreadable=0.5")
    assert allowed.returncode == 0
    assert "orders.csv: 20 of 40 lines cannot be read" in " ".join(allowed.stdout.split())


def test_debug_shows_the_traceback(command):
    assert "Traceback" in command("run", "absent.csv", "--debug").stderr


def lines(count=40, **changes):
    """Rows of a small shop, as a person would export them."""
    rows = []
    for i in range(count):
        row = {
            "order": f"{1000 + i}",
            "date": f"2024-{1 + i % 9:02}-{13 + i % 15:02} 10:00",
            "customer": f"c{i % 12}",
            "sku": f"{22000 + i % 7}",
            "name": f"Thing {i % 7}",
            "qty": str(1 + i % 5),
            "price": f"{1 + i % 11}.50",
        }
        rows.append(row | {key: value(i) if callable(value) else value for key, value in changes.items()})
    return rows


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("rows", "arguments", "said"),
    [
        (lines(customer=""), [], "no line is left after cleaning"),
        (lines(customer="only one"), ["--k", "3"], "1 customer"),
        (lines(date="2024-05-13 10:00", qty="1", price="2.00", sku="22001"), ["--k", "3"], "differ"),
        (lines(24), ["--k", "20"], "20 segments need at least 20 customers that differ"),
        (lines(qty="many"), [], "cannot be read"),
        (lines(date="31/31/2024"), [], "date"),
        (lines(price="inf"), [], "no line is left after cleaning"),
        (lines(qty="99999999999999"), [], "no line is left after cleaning"),
        ([{"a": "1", "b": "2"}], [], "customer"),
        (lines(200, date=lambda i: "2098-01-13 10:00" if i == 3 else f"2024-0{1 + i % 9}-15 10:00"), [], "2098-01-13"),
    ],
)
def test_bad_order_lines_are_a_sentence_and_leave_the_workspace(command, tmp_path, sample_run, rows, arguments, said):
    shutil.copytree(sample_run[0].workspace, tmp_path / "ws")
    before = {path: path.read_bytes() for path in (tmp_path / "ws").rglob("*") if path.is_file()}
    found = command("run", str(write(tmp_path / "orders.csv", rows)), "--workspace", "ws", *arguments)
    assert found.returncode == 1, found.stdout + found.stderr
    assert said in found.stderr
    assert "Traceback" not in found.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "ws").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("rows", "arguments"),
    [
        (lines(), []),
        (lines(), ["--k", "2"]),
        (lines(60, price=lambda i: "" if i == 3 else "2.50"), []),
        (lines(60, qty=lambda i: "oops" if i == 3 else "2"), []),
        (lines(customer=lambda i: f"c{i % 3}"), ["--k", "2"]),
        ([{key: row[key] for key in ("customer", "date", "qty", "price")} for row in lines()], ["--k", "3"]),
        ([{"customer": row["customer"], "date": row["date"], "total": row["price"]} for row in lines()], ["--k", "3"]),
    ],
)
def test_small_and_partly_bad_shops_still_get_segments(command, tmp_path, rows, arguments):
    found = command("run", str(write(tmp_path / "orders.csv", rows)), *arguments, "--json")
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    assert said["tables"]["lines"] + said["tables"]["rejected"] == len(rows)
    assert said["tables"]["segments"] == said["tables"]["customers"] > 0


def test_stock_codes_that_are_words_are_products(command, tmp_path):
    found = command(
        "run", str(write(tmp_path / "orders.csv", lines(sku=lambda i: f"shirt-{'abc'[i % 3]}"))), "--k", "3"
    )
    assert found.returncode == 0, found.stderr
    assert "40 used · stock codes are words" in found.stdout


def test_two_runs_at_once_in_one_workspace(command, tmp_path):
    with connect(tmp_path / "ws").transaction():
        found = command("run", "sample", "--workspace", "ws", "--k", "3")
    assert found.returncode == 1
    assert "another run is using this workspace" in found.stderr


def test_main_returns_in_process(capsys):
    with pytest.raises(SystemExit) as left:
        main(["run", "absent.csv"])
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")
