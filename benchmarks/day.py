"""A day that is added to a year of order lines, which come as a file a day."""

# ruff: noqa: PLC0415 - each way imports only what it measures
import os
import shutil
from pathlib import Path

from benchmarks.data import Data
from benchmarks.goals import Goal
from benchmarks.runner import Benchmark, Work, way

DAYS, BEFORE = "days", "workspace-before"
ALL = "clientage, all days anew"


def benchmarks(data: Data) -> list[Benchmark]:
    """Reading, cleaning and features of the large shop: of the last day, and of all."""
    last = {"many": data.many}
    ways = (way("clientage, the last day added", added, {}), way(ALL, anew, {}))
    title = f"a day added to a year of {data.lines * data.copies:,} lines"
    before, goals = (way("days", prepare, last, seconds=3600),), (Goal(ALL, "ratio", least=10),)
    return [
        Benchmark("day", title, ways, rounds=3, before=before, leaves=(DAYS, "inbox-*", "workspace-*"), goals=goals)
    ]


def prepare(many: str) -> Work:
    """A CSV file for each day, and the tables of all but the last."""
    import duckdb

    def work() -> None:
        engine = duckdb.connect()
        engine.sql(f"CREATE TABLE lines AS SELECT * EXCLUDE unreadable FROM '{many}'")
        days = [day for (day,) in engine.sql("SELECT DISTINCT invoiced_at::DATE FROM lines ORDER BY ALL").fetchall()]
        Path(DAYS).mkdir()
        for day in days:
            engine.sql(f"COPY (FROM lines WHERE invoiced_at::DATE = '{day}') TO '{DAYS}/{day}.csv'")
        _stages(_inbox(everything=False), BEFORE)()

    return work


def added() -> Work:
    """What the last day costs where the tables of the others are there."""
    inbox, workspace = _inbox(everything=True), f"workspace-{os.getpid()}"
    shutil.copytree(BEFORE, workspace)
    return _stages(inbox, workspace)


def anew() -> Work:
    """What all days cost."""
    return _stages(_inbox(everything=True), f"workspace-{os.getpid()}")


def _inbox(*, everything: bool) -> str:
    """A folder with the days, or with all but the last."""
    folder = Path(f"inbox-{os.getpid()}-{everything}")
    folder.mkdir()
    paths = sorted(Path(DAYS).iterdir())
    for path in paths if everything else paths[:-1]:
        (folder / path.name).hardlink_to(path)
    return str(folder)


def _stages(inbox: str, workspace: str) -> Work:
    from clientage import pipeline
    from clientage.growth import GROWING
    from clientage.settings import load

    settings = load(overrides=[f"workspace={workspace}"])
    return lambda: pipeline.step(settings, list(GROWING), inbox)
