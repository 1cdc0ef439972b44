"""Ways of doing the same work, each in a process of its own, in turns; what each of them took.

Nothing heavy is imported here: a new process starts with the peak memory of the one that made it.
"""

import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.goals import Goal

ROOT = Path(__file__).resolve().parents[1]
MAXRSS = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss

Work = Callable[[], object]


@dataclass(frozen=True)
class Way:
    """One way of doing the work.

    Attributes:
        name: As the table shows it.
        command: The process to start.
        whole: Whether the process counts as a whole, its start and imports too; else it reports the figures itself.
        rounds: At most so many rounds of it.
        seconds: Give up after so long.
    """

    name: str
    command: tuple[str, ...]
    whole: bool = False
    rounds: int = 100
    seconds: float = 600


@dataclass(frozen=True)
class Benchmark:
    """The same work done in several ways, ours first.

    Attributes:
        key: Short name that stays.
        title: As the table shows it.
        ways: What is compared.
        rounds: At most so many rounds.
        notes: What was left out, and why.
        before: What is run once before them, and does not count.
        leaves: Patterns of files and folders that it leaves behind and nobody else needs: too large to keep.
        goals: What is to be reached.
    """

    key: str
    title: str
    ways: tuple[Way, ...]
    rounds: int = 100
    notes: tuple[str, ...] = ()
    before: tuple[Way, ...] = ()
    leaves: tuple[str, ...] = ()
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True)
class Took:
    """What one process took: seconds of processor and clock, and its peak memory in bytes."""

    cpu: float
    wall: float
    peak: int


class GaveUp(Exception):  # noqa: N818 - not an error of the benchmark
    """A way took longer than it may."""


def way(
    name: str,
    prepare: Callable[..., Work],
    arguments: Mapping[str, object],
    *,
    rounds: int = 100,
    seconds: float = 600,
) -> Way:
    """A way given by a function that prepares (imports, opens) and returns the work to be measured."""
    module = inspect.getmodule(prepare)
    if module is None or module.__spec__ is None:
        raise TypeError(f"{prepare} is in no module that a new process could import")
    call = (module.__spec__.name, prepare.__name__, json.dumps(arguments))
    return Way(name, (sys.executable, "-m", "benchmarks.worker", *call), rounds=rounds, seconds=seconds)


def in_turns(benchmark: Benchmark, rounds: int, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure all ways of a benchmark in turns.

    Args:
        benchmark: What to measure.
        rounds: How often, unless the benchmark or the way allows less.
        folder: Where the processes run.
        tell: Told what is being done.

    Returns:
        The benchmark for JSON: medians, single figures, and each way's ratio to the first.

    Raises:
        RuntimeError: A way failed; its last words.
    """
    took: dict[str, list[Took]] = {way.name: [] for way in benchmark.ways}
    notes = list(benchmark.notes)
    given_up: set[str] = set()
    try:
        for each in benchmark.before:
            tell(f"{benchmark.title}: preparing")
            measure(each, folder)
        for turn in range(min(rounds, benchmark.rounds)):
            for each in benchmark.ways:
                if turn < each.rounds and each.name not in given_up:
                    tell(f"{benchmark.title}, round {turn + 1}: {each.name}")
                    try:
                        took[each.name].append(measure(each, folder))
                    except GaveUp:
                        given_up.add(each.name)
                        notes.append(f"{each.name} left out: more than {each.seconds:g} s")
    finally:
        for path in (path for pattern in benchmark.leaves for path in folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    about = {"key": benchmark.key, "title": benchmark.title, "goals": [asdict(goal) for goal in benchmark.goals]}
    return about | {"ways": list(_summed_up(took)), "notes": notes}


def _summed_up(took: Mapping[str, Sequence[Took]]) -> Iterator[dict[str, Any]]:
    first = next(iter(took.values()))
    for name, times in took.items():
        if times:
            paired = [a.cpu / b.cpu for a, b in zip(times, first, strict=False)]
            yield {
                "way": name,
                "rounds": len(times),
                "cpu_s": median(t.cpu for t in times),
                "wall_s": median(t.wall for t in times),
                "peak_mb": median(t.peak for t in times) / 1e6,
                "ratio": median(paired),
                "ratio_low": min(paired),
                "ratio_high": max(paired),
                "cpu_all_s": [t.cpu for t in times],
            }


def measure(each: Way, folder: Path) -> Took:
    """Run a way once.

    Raises:
        GaveUp: It took too long.
        RuntimeError: It failed; its last words.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(each.command, cwd=folder, env=environment(), stdout=out, stderr=err)
        late = threading.Timer(each.seconds, process.kill)
        late.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:  # such as Ctrl-C: leave nothing running
            process.kill()
            raise
        finally:
            wall, over = time.perf_counter() - began, late.finished.is_set()
            late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            if over:
                raise GaveUp(each.name)
            err.seek(0)
            raise RuntimeError(f"{each.name} failed: {err.read().decode(errors='replace')[-2000:]}")
        out.seek(0)
        figures = {"cpu": used.ru_utime + used.ru_stime, "wall": wall} if each.whole else json.loads(out.read())
        return Took(figures["cpu"], figures["wall"], used.ru_maxrss * MAXRSS)


def environment() -> dict[str, str]:
    """Ours, without settings of the shop that happens to be configured here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTAGE_")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
