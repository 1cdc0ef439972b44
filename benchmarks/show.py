"""What the terminal shows of a run."""

from collections.abc import Mapping
from typing import Any

from benchmarks.goals import judged

MEANING = "Medians; ratio: CPU seconds over those of the first line, in the same round (lowest to highest round)."


def heading(found: Mapping[str, Any]) -> str:
    """Machine, libraries and data."""
    about = found["machine"]
    machine = f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}"
    return "\n".join([machine, f"Python {about['python']} · {libraries(found)}", data(found), MEANING])


def libraries(found: Mapping[str, Any]) -> str:
    """Their versions."""
    return " · ".join(f"{name} {version}" for name, version in found["machine"]["libraries"].items())


def data(found: Mapping[str, Any]) -> str:
    """What was measured on."""
    about = found["data"]
    return f"{about['source']}: {about['lines']:,} order lines, {about['customers']:,} customers"


def table(measured: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A benchmark; of one under load our number over the others', where theirs is over ours elsewhere."""
    loaded = "unit" in measured
    lines = _loaded(measured) if loaded else _timed(measured)
    lines += [f"  ({way}: goal {goal})" for way, goal in judged(measured, found)]
    lines += [f"  (CPU of workers, and of processes beside them, for each of the {measured['unit']})"] if loaded else []
    return "\n".join(lines + [f"  ({note})" for note in measured["notes"]])


def ratio(way: Mapping[str, Any]) -> str:
    """The median, and the lowest and highest where they differ."""
    spread = f" ({way['ratio_low']:.2f} to {way['ratio_high']:.2f})" if way["ratio_low"] < way["ratio_high"] else ""
    return f"{way['ratio']:.2f}{spread}"


def _timed(measured: Mapping[str, Any]) -> list[str]:
    return [f"\n{measured['title']:58}{'CPU s':>9}{'clock s':>9}{'peak MB':>9}  ratio"] + [
        f"  {way['way']:56}{way['cpu_s']:9.2f}{way['wall_s']:9.2f}{way['peak_mb']:9,.0f}  {ratio(way)}"
        for way in measured["ways"]
    ]


def _loaded(measured: Mapping[str, Any]) -> list[str]:
    heads = f"{measured['unit'] + '/s':>14}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}{'beside':>9}  ours/this"
    return [f"\n{measured['title']:38}{heads}"] + [
        f"  {way['way']:36}{way['per_s']:14,.0f}{way['p50_ms']:9.2f}{way['p99_ms']:9.2f}{way['cpu_us']:9,.1f}"
        f"{way['beside_us']:9,.1f}  {ratio(way)}"
        for way in measured["ways"]
    ]
