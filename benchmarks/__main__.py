"""Measure and print a table.

`python -m benchmarks [--quick] [--rounds N] [--only KEY …] [--data PATH] [--json FILE]`
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import assign, features, grid, machine, monitor, reading, recommend, serve, sweep, whole
from benchmarks.data import Data, prepared
from benchmarks.runner import Benchmark, in_turns, measure, way

KEYS = (
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
    "monitor",
    *(benchmark.key for benchmark in serve.BENCHMARKS),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if {each.key for each in serve.BENCHMARKS} & set(asked.only or ()) and (reason := serve.lacking()):
        parser.error(reason)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        found = run(asked, Path(folder))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def run(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All benchmarks asked for, printed as they come, and as a document."""
    copies, assigned, bootstraps = (4, 100_000, 2) if asked.quick else (20, 1_000_000, 25)
    found: dict[str, Any] = {"machine": machine.describe()}
    _tell("preparing")
    data = prepared(asked.data, folder, copies=copies, assigned=assigned)
    measure(way("check", features.check, {"raw": data.raw, "as_of": data.as_of}), folder)
    found["data"] = {"source": data.source, "lines": data.lines, "customers": data.customers}
    _tell("")
    print(_heading(found))
    found["benchmarks"] = []
    for measured, table in _measured(asked, data, bootstraps, folder):
        _tell("")
        print(table(measured), flush=True)
        found["benchmarks"].append(measured)
    return found


def _measured(
    asked: argparse.Namespace, data: Data, bootstraps: int, folder: Path
) -> Iterator[tuple[dict[str, Any], Callable[[dict[str, Any]], str]]]:
    """Each benchmark asked for, and what shows it."""
    keys, rounds = asked.only or KEYS, 1 if asked.quick else asked.rounds
    for benchmark in _benchmarks(data, bootstraps):
        if benchmark.key in keys:
            yield in_turns(benchmark, rounds, folder, _tell), _table
    if not asked.only and (reason := serve.lacking()):
        print(f"\nservice left out: {reason}")
        return
    for measured in serve.measured(data, keys, rounds, 1 if asked.quick else 4, folder, _tell):
        yield measured, _load_table


def _benchmarks(data: Data, bootstraps: int) -> list[Benchmark]:
    return [
        *reading.benchmarks(data),
        *features.benchmarks(data),
        *sweep.benchmarks(data, bootstraps),
        *grid.benchmarks(data),
        *whole.benchmarks(data),
        *assign.benchmarks(data),
        *recommend.benchmarks(data),
        *monitor.benchmarks(data),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Clientage against the plain way.")
    parser.add_argument("--quick", action="store_true", help="one round each, and less of what is large")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, the slow ones three at most (default 5)")
    parser.add_argument("--only", nargs="+", choices=KEYS, metavar="KEY", help=f"some of {', '.join(KEYS)}")
    parser.add_argument("--data", type=Path, help="order lines; default: the public data set, else a simulated shop")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser


def _heading(found: dict[str, Any]) -> str:
    about, data = found["machine"], found["data"]
    libraries = " · ".join(f"{name} {version}" for name, version in about["libraries"].items())
    return "\n".join(
        [
            f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}",
            f"Python {about['python']} · {libraries}",
            f"{data['source']}: {data['lines']:,} order lines, {data['customers']:,} customers",
            "Medians; ratio: CPU seconds over those of the first line, in the same round (lowest to highest round).",
        ]
    )


def _table(measured: dict[str, Any]) -> str:
    rows = [f"\n{measured['title']:58}{'CPU s':>9}{'clock s':>9}{'peak MB':>9}  ratio"]
    rows += [
        f"  {way['way']:56}{way['cpu_s']:9.2f}{way['wall_s']:9.2f}{way['peak_mb']:9,.0f}  {_ratio(way)}"
        for way in measured["ways"]
    ]
    return "\n".join([*rows, *(f"  ({note})" for note in measured["notes"])])


def _load_table(measured: dict[str, Any]) -> str:
    """Of a benchmark under load; our number over the others', where theirs is over ours above."""
    unit = measured["unit"]
    rows = [f"\n{measured['title']:38}{unit + '/s':>14}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}{'beside':>9}  ours/this"]
    rows += [
        f"  {way['way']:36}{way['per_s']:14,.0f}{way['p50_ms']:9.2f}{way['p99_ms']:9.2f}{way['cpu_us']:9,.1f}"
        f"{way['beside_us']:9,.1f}  {_ratio(way)}{_goal(way['goal'])}"
        for way in measured["ways"]
    ]
    rows += [f"  (goal: {measured['goal']:,} {unit}/s)"] if measured["goal"] else []
    return "\n".join([*rows, f"  (CPU of workers, and of processes beside them, for each of the {unit})"])


def _goal(goal: float | None) -> str:
    return f", goal {goal:g}" if goal else ""


def _ratio(way: dict[str, Any]) -> str:
    spread = f" ({way['ratio_low']:.2f} to {way['ratio_high']:.2f})" if way["ratio_low"] < way["ratio_high"] else ""
    return f"{way['ratio']:.2f}{spread}"


def _tell(doing: str) -> None:
    """What is being done, on one line, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{doing}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
