"""The service under load, against a Flask that only says hello and against the plain way.

All of them run under gunicorn, set up alike, all the time; they are asked in turns. Ours checks keys and limits, counts
for its metrics, writes every prediction down and ships it; the others do none of that.
"""

import contextlib
import hashlib
import json
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.data import Data
from benchmarks.goals import Goal
from benchmarks.load import Load, load
from benchmarks.runner import Way, Work, measure, way
from benchmarks.services import HOST, PATIENCE, WORKERS, Service, started
from benchmarks.whole import COMMAND

THREADS, KEEP_ALIVE = 4, 75
ROUTE = "/predict"
BODIES = {"serve": (1_000, 1), "serve-many": (10, 1_000)}  # how many, and instances of each
OURS, HELLO, PLAIN = "clientage", "Flask that says hello", "pandas and scikit-learn in Flask"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Benchmark:
    """One kind of request.

    Attributes:
        key: Short name that stays.
        title: As the table shows it.
        unit: What is counted.
        ways: Names of the services that are asked, ours first.
        goals: What is to be reached.
    """

    key: str
    title: str
    unit: str
    ways: tuple[str, ...]
    goals: tuple[Goal, ...]


@dataclass(frozen=True)
class Turn:
    """What came of asking one service once.

    Attributes:
        load: The answers.
        cpu: Seconds of processor of the workers.
        beside: Those of its other processes, until they were done.
    """

    load: Load
    cpu: float
    beside: float


FOUR_TIMES = Goal(PLAIN, "ratio", least=4)
BENCHMARKS = (
    Benchmark(
        "serve",
        "one instance a request",
        "requests",
        (OURS, HELLO, PLAIN),
        (Goal(HELLO, "ratio", least=0.65), FOUR_TIMES),
    ),
    Benchmark(
        "serve-many",
        "1,000 instances a request",
        "predictions",
        (OURS, PLAIN),
        (Goal(OURS, "per_s", least=100_000), FOUR_TIMES),
    ),
)


def lacking() -> str:
    """Why the service cannot be measured here; empty where it can."""
    if not sys.platform.startswith("linux"):
        return "the service is measured on Linux alone"
    return "" if shutil.which("wrk") else "wrk is not installed: the Debian package wrk has it"


def measured(data: Data, keys: Sequence[str], rounds: int, seconds: int, folder: Path, tell: Tell) -> Iterator[Any]:
    """Measure those asked for.

    Args:
        data: The shop.
        keys: Of benchmarks.
        rounds: How often each service is asked.
        seconds: How long each time, and before the first.
        folder: Where everything goes.
        tell: Told what is being done.

    Yields:
        Each benchmark for JSON: medians, single figures, and our number over that of each service.

    Raises:
        RuntimeError: A request was not answered with 2xx, or a prediction was not kept.
        AssertionError: The plain way finds other segments.
    """
    wanted = [each for each in BENCHMARKS if each.key in keys]
    if not wanted:
        return
    tell("preparing the service")
    _prepare(data, folder)
    with contextlib.ExitStack() as running:
        services = {each.name: each for each in _services(folder, running)}
        _check(services, folder)
        answered = 0
        for each in wanted:
            turns = _in_turns(each, services, rounds + 1, seconds, folder, tell)
            answered += sum(turn.load.requests for turn in turns[OURS]) * BODIES[each.key][1]
            _kept(services[OURS], answered)
            yield _summed_up(each, {name: taken[1:] for name, taken in turns.items()})  # the first warms up


def _prepare(data: Data, folder: Path) -> None:
    """A workspace by a run, and bodies of requests."""
    command = (sys.executable, "-c", COMMAND, "run", data.raw, "--workspace", "served", "--recipe", "behaviour")
    measure(Way("run", (*command, "--k", "5"), whole=True), folder)
    measure(way("bodies", bodies, {"customers": data.crowd, "folder": str(folder)}), folder)


def bodies(customers: str, folder: str) -> Work:
    """The process that writes bodies of requests, one a line, each with other customers."""
    import duckdb  # noqa: PLC0415 - the process that starts the others must stay small, see `runner`

    def work() -> None:
        features = "recency_days, frequency, monetary, lines_per_basket, units_per_line"
        found = duckdb.sql(f"FROM '{customers}' SELECT {features} ORDER BY hash(customer_id), customer_id LIMIT 10_000")
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
        for key, (many, instances) in BODIES.items():
            parts = (rows[start * instances : (start + 1) * instances] for start in range(many))
            lines = [json.dumps({"instances": part}) + "\n" for part in parts]
            _bodies(Path(folder), key).write_text("".join(lines), encoding="utf-8")

    return work


def _services(folder: Path, running: contextlib.ExitStack) -> Iterator[Service]:
    """All of them, started and answering."""
    key, json_ = secrets.token_urlsafe(32), {"Content-Type": "application/json"}
    gunicorn = [sys.executable, "-m", "gunicorn", "--workers", f"{WORKERS}", "--threads", f"{THREADS}"]
    gunicorn += ["--worker-class", "gthread", "--keep-alive", f"{KEEP_ALIVE}", "--no-control-socket"]
    gunicorn += ["--log-level", "warning", "--bind", f"{HOST}:{{port}}"]
    model = folder / "served" / "model" / "segments.json"
    # shipped every second, so that each turn pays for what it logs; a data frame of one row gains nothing by threads
    ours = [sys.executable, "-c", COMMAND, "serve", "--workspace", "served", "--port", "{port}"]
    ours += ["--workers", f"{WORKERS}", "--set", f"serve.threads={THREADS}", "--set", "serve.ship_seconds=1"]
    ours += ["--set", "serve.requests_per_minute=1000000000"]
    keys = f"benchmark:{hashlib.sha256(key.encode()).hexdigest()}"
    ways = (
        started(OURS, ours, folder, json_ | {"Authorization": f"Bearer {key}"}, CLIENTAGE_SERVE_KEYS=keys),
        started(HELLO, [*gunicorn, "benchmarks.apps:hello()"], folder, json_),
        started(PLAIN, [*gunicorn, f"benchmarks.apps:plain({str(model)!r})"], folder, json_, OMP_NUM_THREADS="1"),
    )
    for each in ways:
        service = running.enter_context(each)
        service.wait(ROUTE, _body(folder, "serve"))
        yield service


def _check(services: Mapping[str, Service], folder: Path) -> None:
    """That ours asks for a key, and that both ways find the same segments."""
    body, ours = _body(folder, "serve-many"), services[OURS]
    if (status := ours.ask(ROUTE, body, {"Content-Type": "application/json"})[0]) != 401:
        raise RuntimeError(f"{OURS} answers {status} without a key")
    found = json.loads(ours.ask(ROUTE, body)[1])["predictions"]
    plain = json.loads(services[PLAIN].ask(ROUTE, body)[1])["predictions"]
    differing = sum(a["segment_id"] != b["segment_id"] for a, b in zip(found, plain, strict=True))
    assert not differing, f"{differing} of {len(found):,} segments differ between {OURS} and {PLAIN}"


def _in_turns(
    benchmark: Benchmark, services: Mapping[str, Service], rounds: int, seconds: int, folder: Path, tell: Tell
) -> dict[str, list[Turn]]:
    """All turns by service."""
    turns: dict[str, list[Turn]] = {name: [] for name in benchmark.ways}
    for number in range(rounds):
        for name in benchmark.ways:
            tell(f"{benchmark.title}, round {number}: {name}")
            turns[name].append(_turn(services[name], _bodies(folder, benchmark.key), seconds))
    return turns


def _turn(service: Service, bodies: Path, seconds: int) -> Turn:
    """Ask a service, and let it finish what it does afterwards, so that the next has the machine for itself."""
    beside, before = _beside(service), service.workers()
    found = load(f"http://{HOST}:{service.port}{ROUTE}", service.headers, bodies, seconds)
    after = service.workers()
    if after.keys() != before.keys():
        raise RuntimeError(f"a worker of {service.name} died: {service.last_words()}")
    service.rest()
    return Turn(found, sum(after.values()) - sum(before.values()), _beside(service) - beside)


def _beside(service: Service) -> float:
    """Seconds of processor of those that do not answer, to what the kernel counts in."""
    return round(service.used() - sum(service.workers().values()), 2)


def _kept(service: Service, answered: int) -> None:
    """That every prediction was logged and shipped, soon after the last was answered."""
    end = time.monotonic() + PATIENCE
    while (shipped := _shipped(service.ask("/metrics")[1])) < answered:
        if time.monotonic() > end:
            raise RuntimeError(f"{service.name} shipped {shipped:,.0f} predictions of {answered:,}")
        time.sleep(0.2)


def _shipped(metrics: bytes) -> float:
    told = re.search(rb"^clientage_log_shipped_total (\S+)$", metrics, re.MULTILINE)
    return float(told[1]) if told else 0


def _summed_up(benchmark: Benchmark, turns: Mapping[str, Sequence[Turn]]) -> dict[str, Any]:
    ours = turns[OURS]
    each = BODIES[benchmark.key][1]
    about = {"key": benchmark.key, "title": benchmark.title, "unit": benchmark.unit, "notes": []}
    goals = [asdict(goal) for goal in benchmark.goals]
    return about | {"goals": goals, "ways": [_way(name, taken, ours, each) for name, taken in turns.items()]}


def _way(name: str, turns: Sequence[Turn], ours: Sequence[Turn], each: int) -> dict[str, Any]:
    """Figures of a service; `each` is what a request counts for."""
    rates = [turn.load.requests * each / turn.load.seconds for turn in turns]
    over = [o.load.requests * each / o.load.seconds / rate for o, rate in zip(ours, rates, strict=True)]
    return {
        "way": name,
        "rounds": len(turns),
        "per_s": median(rates),
        "p50_ms": median(turn.load.p50 for turn in turns) * 1e3,
        "p99_ms": median(turn.load.p99 for turn in turns) * 1e3,
        "cpu_us": median(turn.cpu / turn.load.requests / each for turn in turns) * 1e6,
        "beside_us": median(turn.beside / turn.load.requests / each for turn in turns) * 1e6,
        "ratio": median(over),
        "ratio_low": min(over),
        "ratio_high": max(over),
        "per_s_all": rates,
    }


def _bodies(folder: Path, key: str) -> Path:
    return folder / f"{key}.jsonl"


def _body(folder: Path, key: str) -> bytes:
    with _bodies(folder, key).open("rb") as file:
        return file.readline()
