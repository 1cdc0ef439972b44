"""The benchmarks run, and the ways they compare give the same customers."""

import contextlib
import importlib
import io
import json
import os
import shutil
import sys
import threading
from dataclasses import asdict
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shops import free_port

from clientage.transactions.clean import clean
from clientage.transactions.simulate import simulate
from clientage.transactions.source import load

ROOT = Path(__file__).resolve().parents[1]
KEYS = [
    "read-spreadsheet",
    "read-csv",
    "features",
    "features-many",
    "features-most",
    "day",
    "sweep",
    "sweep-grid",
    "run",
    "assign",
    "recommend",
    "recommend-many",
]
SERVED = ["serve", "serve-many"]

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
    simulate(300, out=path, months=6)
    return path


def received(location, folder):
    """The table `transactions` as a file, and the day after the last clean line."""
    engine = ibis.duckdb.connect()
    path = folder / "raw.parquet"
    transactions = load(str(location), engine, scratch=folder, cache=folder).transactions
    engine.to_parquet(transactions, path)
    last = engine.to_pyarrow(clean(engine.read_parquet(path))["lines"].invoiced_at.max().date()).as_py()
    return {"raw": str(path), "as_of": str(last + timedelta(days=1))}


def test_all_ways_agree_on_a_simulated_shop(part, shop, tmp_path):
    part("features").check(**received(shop, tmp_path))()


@pytest.mark.real
def test_all_ways_agree_on_the_public_data_set(part, real, tmp_path):
    part("features").check(**received(real, tmp_path))()


@pytest.mark.parametrize("way", ["polars", "sql", "pandas", "by_customer"])
def test_disagreement_of_a_way_is_told(way, part, shop, tmp_path, monkeypatch):
    features, given = part("features"), received(shop, tmp_path)
    right = features.clientage(**given)()
    wrong = right.set_column(right.column_names.index("spend"), "spend", [pa.array(np.ones(len(right)))])
    for name in ("polars", "sql", "pandas", "by_customer"):

        def stand_in(raw, as_of, found=wrong if name == way else right):
            return lambda: found

        stand_in.__name__ = name
        monkeypatch.setattr(features, name, stand_in)
    with pytest.raises(AssertionError, match=rf"(?s)^{way} differs.*spend"):
        features.check(**given)()


@pytest.fixture(scope="module")
def measured(shop, tmp_path_factory):
    """Measured as a person does it, but for less of what is large: what was printed, the folder of what was written.

    The service is measured with the others, so that all is prepared once.
    """
    folder, printed = tmp_path_factory.mktemp("measured"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.syspath_prepend(str(ROOT))
        main = importlib.import_module("benchmarks.__main__")
        patch.setattr(main, "QUICK", main.Size(customers=0, copies=2, assigned=10_000, bootstraps=2, seconds=1))
        keys = [*KEYS, *(SERVED if shutil.which("wrk") else [])]
        files = ["--json", str(folder / "figures.json"), "--page", str(folder / "page.md")]
        main.main(["--quick", "--data", str(shop), *files, "--only", *keys])
    return printed.getvalue(), folder


def test_every_key_is_run_by_a_test(part):
    assert sorted(part("__main__").KEYS) == sorted([*KEYS, *SERVED, "monitor"])


@pytest.mark.slow
def test_every_benchmark_runs_on_a_tiny_shop(measured, shop):
    printed, folder = measured
    figures = (folder / "figures.json").read_text()
    found = json.loads(figures)
    assert found["machine"]["cores"] > 0
    assert found["data"]["customers"] > 200
    assert [benchmark["key"] for benchmark in found["benchmarks"]][: len(KEYS)] == KEYS
    assert not any(benchmark["goals"] for benchmark in found["benchmarks"]), "they are for the public data"
    for benchmark in found["benchmarks"][: len(KEYS)]:
        assert benchmark["title"] in printed
        assert len(benchmark["ways"]) >= (1 if benchmark["key"] in ("recommend-many", "features-most") else 2)
        for way in benchmark["ways"]:
            assert min(way[figure] for figure in ("cpu_s", "wall_s", "peak_mb", "ratio")) > 0, way
    page = (folder / "page.md").read_text()
    assert all(f"| {way['way']} | " in page for benchmark in found["benchmarks"] for way in benchmark["ways"])
    for told in (printed, figures, page):
        assert str(folder) not in told
        assert str(shop.parent) not in told


def test_what_comes_before_the_ways_is_run_once_and_does_not_count(part, tmp_path):
    runner = part("runner")
    before = runner.Way("before", (sys.executable, "-c", "open('made', 'x')"), whole=True)  # a second time fails
    after = runner.Way("after", (sys.executable, "-c", "open('made')"), whole=True)
    found = runner.in_turns(runner.Benchmark("files", "files", (after,), before=(before,)), 2, tmp_path, lambda _: None)
    assert [(way["way"], way["rounds"]) for way in found["ways"]] == [("after", 2)]


def test_what_is_too_large_to_keep_is_removed_even_where_a_way_fails(part, tmp_path):
    runner = part("runner")
    before = runner.Way("before", (sys.executable, "-c", "open('large', 'x'); open('small', 'x')"), whole=True)
    wrong = runner.Way("wrong", (sys.executable, "-c", "raise ValueError('too large')"), whole=True)
    benchmark = runner.Benchmark("files", "files", (wrong,), before=(before,), leaves=("large", "never made"))
    with pytest.raises(RuntimeError, match="too large"):
        runner.in_turns(benchmark, 1, tmp_path, lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


@pytest.mark.slow
def test_monitoring_is_measured_and_pandas_finds_the_same_in_the_log(part, tmp_path):
    simulate(600, out=tmp_path / "lines.parquet", months=8)
    prepared = received(tmp_path / "lines.parquet", tmp_path)
    rng, n = np.random.default_rng(3), 500
    names = ("recency_days", "frequency", "monetary", "lines_per_basket", "units_per_line")
    pq.write_table(pa.table({name: rng.exponential(40, n) for name in names}), tmp_path / "crowd.parquet")
    monitor = part("monitor")
    (benchmark,) = monitor.benchmarks(SimpleNamespace(**prepared, crowd=str(tmp_path / "crowd.parquet"), assigned=n))
    found = part("runner").in_turns(benchmark, 1, tmp_path, lambda _: None)
    assert len(found["ways"]) == 3
    assert all(way["cpu_s"] > 0 for way in found["ways"])
    day = str(monitor.week_of(date.fromisoformat(prepared["as_of"])))
    ours, plain = monitor.clientage(day)(), monitor.pandas(day)()
    assert 480 < ours["service predictions "] <= 500
    assert set(ours) == set(plain)
    for name, value in ours.items():
        assert plain[name] == pytest.approx(value, abs=1e-6), name


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


# Goals, the page, and what has become slower


def timed(key, *ways, goals=()):
    """A benchmark of a document: ways by name, CPU seconds and ratio."""
    known = {"wall_s": 1.0, "peak_mb": 900.0, "ratio_low": 0.9, "ratio_high": 99.0}
    listed = [{"way": name, "cpu_s": cpu, "ratio": ratio, **known} for name, cpu, ratio in ways]
    return {"key": key, "title": f"doing {key}", "ways": listed, "notes": [], "goals": [asdict(goal) for goal in goals]}


def document(*benchmarks, quick=False, lines=100):
    machine = {"cpu": "a processor", "cores": 2, "memory_gb": 8.0, "system": "Linux", "python": "3.11.7"}
    data = {"source": "a shop", "lines": lines, "customers": 9}
    return {
        "machine": machine | {"libraries": {"polars": "2.1.0"}},
        "quick": quick,
        "data": data,
        "benchmarks": list(benchmarks),
    }


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        ({"figure": "cpu_s", "most": 6}, "CPU ≤ 6 s: met"),
        ({"figure": "cpu_s", "most": 4.9}, "CPU ≤ 4.9 s: not met"),
        ({"figure": "peak_mb", "most": 900}, "memory ≤ 900 MB: met"),
        ({"figure": "peak_mb", "most": 899}, "memory ≤ 899 MB: not met"),
        ({"figure": "ratio", "least": 15}, "ratio ≥ 15: not met"),
        ({"figure": "ratio", "least": 1 / 0.9}, "ratio ≥ 1.11: met"),
        ({"figure": "cpu_s", "most": 5, "of": "less"}, "CPU ≤ 5 × less: met"),
        ({"figure": "cpu_s", "most": 4, "of": "less"}, "CPU ≤ 4 × less: not met"),
        ({"figure": "cpu_s", "most": 4, "of": "elsewhere"}, "CPU ≤ 4 × elsewhere: not measured"),
        ({"figure": "cpu_s", "most": 6, "way": "left out"}, "CPU ≤ 6 s: not measured"),
    ],
)
def test_a_goal_is_met_or_not(part, goal, told):
    goals = part("goals")
    given = goals.Goal(**({"way": "clientage"} | goal))
    found = document(timed("less", ("clientage", 1, 1)), timed("more", ("clientage", 5, 1.2), goals=[given]))
    assert list(goals.judged(found["benchmarks"][1], found)) == [(given.way, told)]
    assert told in part("show").table(found["benchmarks"][1], found)
    assert told in part("page").text(found, "chart.svg")


def test_goals_are_for_ways_that_are_there(part):
    data = SimpleNamespace(
        **dict.fromkeys(("spreadsheet", "csv", "raw", "many", "features", "model", "crowd"), "file"),
        lines=1,
        customers=1,
        as_of="2024-01-01",
        copies=2,
        assigned=1,
    )
    main = part("__main__")
    for benchmark in main._benchmarks(data, main.FULL):
        assert {goal.way for goal in benchmark.goals} <= {way.name for way in benchmark.ways}
        assert {goal.of for goal in benchmark.goals} <= {"", *main.KEYS}
    for benchmark in part("serve").BENCHMARKS:
        assert {goal.way for goal in benchmark.goals} <= set(benchmark.ways)


def test_the_same_figures_give_the_same_page(part, tmp_path):
    found = document(timed("less", ("clientage", 1, 1), ("Polars", 2, 2)))
    written = []
    for place in ("once", "again"):
        (tmp_path / place).mkdir()
        part("page").write(found, tmp_path / place / "page.md")
        written.append([(tmp_path / place / name).read_bytes() for name in ("page.md", "page.svg")])
    assert written[0] == written[1]
    assert b"CPU seconds" in written[0][1]


def test_the_committed_page_is_of_the_committed_figures(part, tmp_path):
    figures, page = ROOT / "benchmarks" / "figures.json", ROOT / "docs" / "benchmarks.md"
    if not figures.exists():
        pytest.skip("no figures yet: make bench")
    part("page").main([str(figures), str(tmp_path / page.name)])
    for path in (page, page.with_suffix(".svg")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), f"{path.name}: python -m benchmarks.page"


@pytest.fixture
def against(part, tmp_path, monkeypatch, capsys):
    """What is said of a run against an earlier one."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def said(found, before):
        main = part("__main__")
        monkeypatch.setattr(main, "run", lambda asked, folder: found)
        (tmp_path / "before.json").write_text(json.dumps(before))
        main.main(["--quick", "--against", str(tmp_path / "before.json")])
        return capsys.readouterr().out.splitlines()

    return said


def test_a_ratio_that_is_worse_by_a_fifth_is_told(against, monkeypatch):
    ways = {"clientage": (1, 1), "clientage, more": (1, 9), "Polars": (2, 2), "pandas": (9, 9), "scan": (0.09, 9)}
    later = ways | {"clientage, more": (1, 1), "Polars": (2, 1.6), "pandas": (9, 7.3), "scan": (0.09, 1)}
    before, now = (document(timed("less", *((name, *of) for name, of in each.items()))) for each in (ways, later))
    assert against(now, before) == ["warning: less, Polars: ratio 1.60, was 2.00"]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert against(now, before) == ["::warning::less, Polars: ratio 1.60, was 2.00"]
    assert against(before, now) == []


@pytest.mark.parametrize("other", [{"quick": True}, {"lines": 101}])
def test_other_work_is_not_compared(against, other):
    less = timed("less", ("clientage", 1, 1), ("Polars", 2, 2))
    (said,) = against(document(less), document(less, **other))
    assert said == "warning: nothing compared: there are no earlier figures of the same work"


def test_without_earlier_figures_nothing_is_compared(part):
    assert "nothing compared" in next(part("compare").worse(document(), {}))


# The service under load


@pytest.fixture
def wrk():
    """Skips where the program that makes the load is missing; continuous integration has it."""
    if not shutil.which("wrk"):
        reason = "wrk is not installed: the Debian package wrk has it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.mark.slow
def test_the_service_is_measured_under_load(wrk, measured):
    pytest.importorskip("flask")
    printed, folder = measured
    one, many = json.loads((folder / "figures.json").read_text())["benchmarks"][-2:]
    assert [len(one["ways"]), len(many["ways"])] == [3, 2]
    for benchmark in (one, many):
        assert f"{benchmark['unit']}/s" in printed
        for way in benchmark["ways"]:
            assert way["way"] in printed
            assert min(way[figure] for figure in ("per_s", "p50_ms", "cpu_us", "ratio")) > 0, way
            assert way["p99_ms"] >= way["p50_ms"]
            assert way["ratio"] == pytest.approx(benchmark["ways"][0]["per_s"] / way["per_s"])  # of one round
    assert one["ways"][0]["beside_us"] > 0, "the shipper did nothing"


@pytest.fixture
def answering():
    """A service in this process that answers with each of these statuses in turns; its address."""
    servers = []

    def start(*statuses):
        turns = {"next": 0}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                status = statuses[turns["next"] % len(statuses)]
                turns["next"] += 1
                self.send_response(status)
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write(b"so\nso\n")

            def log_message(self, *_):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/predict"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def asked(part, tmp_path):
    """Load on an address for a second."""
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text('{"instances": [1]}\n{"instances": [2]}\n')
    return lambda address: part("load").load(address, {"Content-Type": "application/json"}, bodies, 1)


def test_load_is_counted(wrk, asked, answering):
    found = asked(answering(200, 204))
    assert found.requests > 0
    assert found.seconds > 0.5
    assert 0 < found.p50 <= found.p99


@pytest.mark.parametrize("status", [302, 429, 500])
def test_one_kind_of_answer_that_is_none_fails_the_load(wrk, asked, answering, status):
    with pytest.raises(RuntimeError, match=rf"requests \d[\d,]* were refused and 0 lost. The first: {status} so so"):
        asked(answering(200, 200, 200, status))


def test_where_nobody_answers_the_load_fails(wrk, asked):
    with pytest.raises(RuntimeError, match=r"wrk failed on .*/predict"):
        asked(f"http://127.0.0.1:{free_port()}/predict")


def test_a_service_that_does_not_start_says_why(part, tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such shop')", "{port}"]
    with (
        part("services").started("ours", command, tmp_path, {}) as service,
        pytest.raises(RuntimeError, match=r"(?s)ours answers nothing.*no such shop"),
    ):
        service.wait("/predict", b"{}")
    assert service.process.returncode == 1


def test_a_service_leaves_no_process_behind(part, tmp_path):
    script = "import signal, subprocess, sys; subprocess.run([sys.executable, '-c', 'import signal; signal.pause()'])"

    def alive():
        return [pid for pid, stat in service._processes().items() if stat[0] != b"Z"]  # a zombie is for init to bury

    with part("services").started("ours", [sys.executable, "-c", script], tmp_path, {}) as service:
        assert any(len(alive()) == 2 for _ in range(10_000))
    assert any(not alive() for _ in range(10_000))


def test_workers_are_the_youngest_processes_of_a_service_and_as_many_as_asked_for(part, tmp_path):
    pause = "[sys.executable, '-c', 'import signal; signal.pause()']"
    script = f"import subprocess, sys; [each.wait() for each in [subprocess.Popen({pause}) for _ in range(%d)]]"
    services = part("services")
    with services.started("two", [sys.executable, "-c", script % 2], tmp_path, {}) as service:
        assert any(len(service._processes()) == 3 for _ in range(10_000))
        assert len(service.workers()) == 2
        assert service.process.pid not in service.workers()
    with services.started("three", [sys.executable, "-c", script % 3], tmp_path, {}) as service:
        assert any(len(service._processes()) == 4 for _ in range(10_000))
        with pytest.raises(RuntimeError, match="three has 3 workers, not 2"):
            service.workers()


def answers(segments, status=401):
    """Stands for a service that answers these segments, and this status where there is no key."""

    def ask(path, body, headers=None):
        if headers is not None:
            return status, b""
        return 200, json.dumps({"predictions": [{"segment_id": segment} for segment in segments]}).encode()

    return SimpleNamespace(ask=ask)


@pytest.fixture
def check(part, tmp_path):
    """Check our service, with these answers, against a plain one that says 1 and 2."""
    (tmp_path / "serve-many.jsonl").write_text("{}\n")
    serve = part("serve")
    return lambda ours: serve._check({serve.OURS: ours, serve.PLAIN: answers([1, 2])}, tmp_path)


def test_both_ways_must_find_the_same_segments(check):
    check(answers([1, 2]))
    with pytest.raises(AssertionError, match="1 of 2 segments differ"):
        check(answers([1, 3]))


def test_our_service_must_ask_for_a_key(check):
    with pytest.raises(RuntimeError, match="answers 200 without a key"):
        check(answers([1, 2], status=200))


def test_predictions_that_are_not_shipped_are_told(part, monkeypatch):
    serve = part("serve")
    monkeypatch.setattr(serve, "PATIENCE", 0)
    metrics = b"# TYPE clientage_log_shipped_total counter\nclientage_log_shipped_total 41.0\n"
    service = SimpleNamespace(name="ours", ask=lambda path: (200, metrics))
    serve._kept(service, 41)
    with pytest.raises(RuntimeError, match="ours shipped 41 predictions of 42"):
        serve._kept(service, 42)


def test_without_wrk_it_is_said_before_anything_is_made(part, monkeypatch, capsys):
    monkeypatch.setattr(part("serve").shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="2"):
        part("__main__").main(["--only", "serve"])
    assert "the Debian package wrk has it" in capsys.readouterr().err
