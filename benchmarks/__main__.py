"""Measure and print a table.

`python -m benchmarks [--quick] [--rounds N] [--only KEY …] [--data PATH] [--json FILE] [--page FILE] [--against FILE]`
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    assign,
    compare,
    day,
    features,
    grid,
    machine,
    monitor,
    reading,
    recommend,
    serve,
    show,
    sweep,
    whole,
)
from benchmarks.data import PUBLIC, PUBLIC_NAME, Data, prepared
from benchmarks.runner import Benchmark, in_turns, measure, way

SERVED = tuple(benchmark.key for benchmark in serve.BENCHMARKS)
KEYS = (
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
    "monitor",
    *SERVED,
)
LONG = ("features-most", "day", "sweep-grid", "recommend-many", "monitor", *SERVED)  # not in a quick run, unless named


@dataclass(frozen=True)
class Size:
    """How much there is to do.

    Attributes:
        customers: Of the shop that is simulated where there is no other.
        copies: Of the shop, in the large one.
        assigned: Customers who are assigned to segments; as many predictions are monitored, up to a million.
        bootstraps: Of a sweep.
        seconds: Of load on the service, each time.
    """

    customers: int
    copies: int
    assigned: int
    bootstraps: int
    seconds: int


FULL, QUICK = Size(2_000, 20, 5_000_000, 25, 4), Size(1_000, 4, 100_000, 2, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, and write down what came of it."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if set(SERVED) & set(asked.only or ()) and (reason := serve.lacking()):
        parser.error(reason)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        found = run(asked, Path(folder))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if asked.page:
        from benchmarks import page  # noqa: PLC0415 - what draws is large: see `runner`

        page.write(found, asked.page)
    if asked.against:
        warn(found, asked.against)


def run(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All benchmarks asked for, printed as they come, and as a document."""
    size = QUICK if asked.quick else FULL
    found: dict[str, Any] = {"machine": machine.describe(), "quick": asked.quick}
    _tell("preparing")
    public = PUBLIC if PUBLIC.exists() and not asked.quick else None
    data = prepared(asked.data or public, folder, customers=size.customers, copies=size.copies, assigned=size.assigned)
    measure(way("check", features.check, {"raw": data.raw, "as_of": data.as_of}), folder)
    found["data"] = {"source": data.source, "lines": data.lines, "customers": data.customers}
    _tell("")
    print(show.heading(found))
    found["benchmarks"] = []
    for measured in _measured(asked, data, size, folder):
        if asked.quick or data.source != PUBLIC_NAME:
            measured["goals"] = []  # they are set for the public data
        found["benchmarks"].append(measured)
        _tell("")
        print(show.table(measured, found), flush=True)
    return found


def warn(found: dict[str, Any], earlier: Path) -> None:
    """Print what is worse than in a file of figures, as GitHub shows it where it runs this."""
    before = json.loads(earlier.read_text(encoding="utf-8")) if earlier.exists() else {}
    for line in compare.worse(found, before):
        print(f"{'::warning::' if os.environ.get('GITHUB_ACTIONS') else 'warning: '}{line}")


def _measured(asked: argparse.Namespace, data: Data, size: Size, folder: Path) -> Iterator[dict[str, Any]]:
    """Each benchmark asked for."""
    keys = asked.only or [key for key in KEYS if not (asked.quick and key in LONG)]
    rounds = 1 if asked.quick else asked.rounds
    for benchmark in _benchmarks(data, size):
        if benchmark.key in keys:
            yield in_turns(benchmark, rounds, folder, _tell)
    served = [key for key in SERVED if key in keys]
    if served and (reason := serve.lacking()):
        print(f"\nservice left out: {reason}")
        return
    yield from serve.measured(data, served, rounds, size.seconds, folder, _tell)


def _benchmarks(data: Data, size: Size) -> list[Benchmark]:
    return [
        *reading.benchmarks(data),
        *features.benchmarks(data),
        *day.benchmarks(data),
        *sweep.benchmarks(data, size.bootstraps),
        *grid.benchmarks(data),
        *whole.benchmarks(data),
        *assign.benchmarks(data),
        *recommend.benchmarks(data),
        *monitor.benchmarks(data),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Clientage against the plain way.")
    parser.add_argument(
        "--quick", action="store_true", help=f"one round each, of a simulated shop; without {', '.join(LONG)}"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, the slow ones three at most (default 5)")
    parser.add_argument("--only", nargs="+", choices=KEYS, metavar="KEY", help=f"some of {', '.join(KEYS)}")
    parser.add_argument(
        "--data", type=Path, help="order lines; default: the public data set, a simulated shop where it is missing"
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--page", type=Path, help="write a page of them to this file, and its chart beside it")
    parser.add_argument("--against", type=Path, help="warn of ratios that are worse than in this file of figures")
    return parser


def _tell(doing: str) -> None:
    """What is being done, on one line, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{doing}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
