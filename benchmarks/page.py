"""The page of a run, for the documentation, from its figures alone.

`python -m benchmarks.page FIGURES.json PAGE.md` renews it, and the chart beside it.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import chart, show
from benchmarks.goals import judged

TIMED = {"CPU s": "{cpu_s:,.2f}", "clock s": "{wall_s:,.2f}", "peak MB": "{peak_mb:,.0f}"}
LOADED = {
    "{unit} a second": "{per_s:,.0f}",
    "p50 ms": "{p50_ms:,.2f}",
    "p99 ms": "{p99_ms:,.2f}",
    "CPU µs": "{cpu_us:,.1f}",
    "CPU µs beside": "{beside_us:,.1f}",
}
OPENING = """\
# Benchmarks

What Clientage takes for its work, beside other ways to do the same. Written by `make bench`, which measures on your
machine; every way runs in a process of its own, in turns with the others. Ways that give customers or segments are
checked to give the same ones.
"""
READING = """\
## How to read it

- **CPU s**: seconds of processor, of all cores together. Time by the clock depends more on what else the machine does.
- **peak MB**: most memory that the process held.
- **ratio**: CPU seconds over those of the first line, in the same round, from the lowest round to the highest. Of the
  service it is our number over the other's. Above 1 the other takes more.
- **goal**: what the project has set itself for the public data, and whether these figures reach it.
- Under each heading stands the name of the benchmark: `python -m benchmarks --only NAME` measures it alone.
- Figures are medians. Unless a line says so, start and imports of the process do not count.
"""


def write(found: Mapping[str, Any], path: Path) -> None:
    """Write the page, and its chart under the same name.

    Args:
        found: Document of a run.
        path: Of the page.
    """
    picture = path.with_suffix(".svg")
    chart.draw(found, picture)
    path.write_text(text(found, picture.name), encoding="utf-8")


def text(found: Mapping[str, Any], picture: str) -> str:
    """The page.

    Args:
        found: Document of a run.
        picture: Name of the chart's file.
    """
    parts = [OPENING, _measured_on(found), READING, f"## All of them\n\n![What each way takes]({picture})\n"]
    return "\n".join([*parts, *(_section(measured, found) for measured in found["benchmarks"])])


def _measured_on(found: Mapping[str, Any]) -> str:
    about = found["machine"]
    goals = [goal for measured in found["benchmarks"] for _, goal in judged(measured, found)]
    met = sum(goal.endswith(": met") for goal in goals)
    rows = {
        "data": show.data(found),
        "machine": f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}",
        "software": f"Python {about['python']} · {show.libraries(found)}",
    } | ({"goals": f"{met} of {len(goals)} are met"} if goals else {})
    return "## Measured on\n\n" + _table(["what", "which"], [list(row) for row in rows.items()])


def _section(measured: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A benchmark."""
    unit = measured.get("unit", "")
    columns = LOADED if unit else TIMED
    goals = list(judged(measured, found))
    heads = ["way", *(head.format(unit=unit) for head in columns), "ours/this" if unit else "ratio", "goal"]
    rows = [
        [
            way["way"],
            *(cell.format(**way) for cell in columns.values()),
            show.ratio(way),
            "; ".join(goal for name, goal in goals if name == way["way"]),
        ]
        for way in measured["ways"]
    ]
    missing = {name for name, _ in goals} - {way["way"] for way in measured["ways"]}
    notes = [*measured["notes"], *(f"{name}: goal {goal}" for name, goal in goals if name in missing)]
    title = measured["title"][0].upper() + measured["title"][1:]
    return f"## {title}\n\n`{measured['key']}`\n\n{_table(heads, rows)}" + "".join(
        f"\n{note[0].upper()}{note[1:]}.\n" for note in notes
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in _lined(heads, rows))


def _lined(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Rows with the line under the heads; numbers stand to the right."""
    words = ("way", "what", "which", "goal")
    yield heads
    yield ["---" if head in words else "---:" for head in heads]
    yield from rows


def main(arguments: Sequence[str]) -> None:
    """Renew a page."""
    figures, page = map(Path, arguments)
    write(json.loads(figures.read_text(encoding="utf-8")), page)


if __name__ == "__main__":
    main(sys.argv[1:])
