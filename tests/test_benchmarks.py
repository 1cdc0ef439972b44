"""The benchmarks run, and the plain way they compare with gives the same customers."""

import importlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import ibis
import pytest

from clientage.transactions.clean import clean
from clientage.transactions.simulate import simulate
from clientage.transactions.source import load

ROOT = Path(__file__).resolve().parents[1]
KEYS = [
    "read-spreadsheet",
    "read-csv",
    "features",
    "features-many",
    "sweep",
    "sweep-grid",
    "run",
    "assign",
    "recommend",
    "recommend-many",
]

pytest.importorskip("pandas")


@pytest.fixture
def part(monkeypatch, tmp_path):
    """A module of the benchmarks, which are no part of the package and write where they stand."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "lines.parquet"
    simulate(300, out=path)
    return path


def received(location, folder):
    """The table `transactions` as a file, and the day after the last clean line."""
    engine = ibis.duckdb.connect()
    path = folder / "raw.parquet"
    transactions = load(str(location), engine, scratch=folder, cache=folder).transactions
    engine.to_parquet(transactions, path)
    last = engine.to_pyarrow(clean(engine.read_parquet(path))["lines"].invoiced_at.max().date()).as_py()
    return {"raw": str(path), "as_of": str(last + timedelta(days=1))}


def test_pandas_agrees_on_a_simulated_shop(part, shop, tmp_path):
    part("features").check(**received(shop, tmp_path))()


@pytest.mark.real
def test_pandas_agrees_on_the_public_data_set(part, real, tmp_path):
    part("features").check(**received(real, tmp_path))()


def test_disagreement_is_told(part, shop, tmp_path, monkeypatch):
    right = part("plain").features
    monkeypatch.setattr(part("plain"), "features", lambda lines, as_of: right(lines, as_of).assign(spend=1.0))
    with pytest.raises(AssertionError, match="spend"):
        part("features").check(**received(shop, tmp_path))()


@pytest.mark.slow
def test_every_benchmark_runs_on_a_tiny_shop(shop, tmp_path):
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--data", str(shop), "--json", str(figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text())
    assert found["machine"]["cores"] > 0
    assert found["data"]["customers"] > 250
    assert [benchmark["key"] for benchmark in found["benchmarks"]] == KEYS
    for benchmark in found["benchmarks"]:
        assert benchmark["title"] in done.stdout
        assert len(benchmark["ways"]) >= (1 if benchmark["key"] == "recommend-many" else 2)
        for way in benchmark["ways"]:
            assert min(way[figure] for figure in ("cpu_s", "wall_s", "peak_mb", "ratio")) > 0, way
    assert str(tmp_path) not in done.stdout + figures.read_text()


def test_a_way_that_takes_too_long_is_left_out(part, tmp_path):
    runner = part("runner")
    quick = runner.Way("quick", (sys.executable, "-c", "sum(range(10**6))"), whole=True)
    endless = runner.Way("endless", (sys.executable, "-c", "while True: pass"), whole=True, seconds=0.3)
    found = runner.in_turns(runner.Benchmark("sums", "sums", (quick, endless)), 2, tmp_path, lambda _: None)
    assert [(way["way"], way["rounds"], way["ratio"]) for way in found["ways"]] == [("quick", 2, 1.0)]
    assert found["notes"] == ["endless left out: more than 0.3 s"]


def test_a_way_that_fails_says_why(part, tmp_path):
    runner = part("runner")
    wrong = runner.Way("wrong", (sys.executable, "-c", "raise ValueError('no such shop')"), whole=True)
    with pytest.raises(RuntimeError, match=r"(?s)wrong failed.*no such shop"):
        runner.in_turns(runner.Benchmark("sums", "sums", (wrong,)), 1, tmp_path, lambda _: None)
