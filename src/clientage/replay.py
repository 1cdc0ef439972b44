"""Replay: days of the past played as if live, in a workspace of their own, and what came of them as a story.

On each day there are the order lines before it and no others: they arrive, are cleaned, become customers, are scored by
the model in use and monitored; where the shop drifts, a challenger is trained and sent through the gate. The tables of
the workspace itself, its model and its registry are left alone.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from clientage import pipeline
from clientage.arrivals import Arrivals, arrive, received, to_play
from clientage.context import REPLAY, opened, store
from clientage.errors import SettingsError, TrackingError
from clientage.manifest import Facts, Manifest
from clientage.monitor import Judged, monitor
from clientage.monitoring.verdict import DRIFT, OK, UNKNOWN, WATCH
from clientage.pipeline import Tell
from clientage.report.story import render
from clientage.retraining import Retrained, challenge, retrain
from clientage.segments.gate import Check
from clientage.settings import Settings
from clientage.tables import arrow_schema
from clientage.tracking.store import loaded
from clientage.warehouse import explained, held

PAGE, TABLE = "replay.html", "story"
SOURCE, PLAYING = "source", ".playing"
STAGES = ("clean", "features", "segment")
WORSE = (UNKNOWN, OK, WATCH, DRIFT)
FORCED = "a replay begins with a champion"

Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What is to be played.

    Attributes:
        since: The first day.
        every: Days from one to the next.
        until: The last day at most; None for the day after the last order line.
        retrain: Whether models are trained where the shop drifts.
    """

    since: date
    every: int = 7
    until: date | None = None
    retrain: bool = True


@dataclass(frozen=True)
class Replayed:
    """What was played.

    Attributes:
        workspace: Where: a workspace like any other, as it was on the last day.
        page: The story as a page.
        story: Rows of the table `story`.
    """

    workspace: Path
    page: Path
    story: tuple[Row, ...]


def play(settings: Settings, wanted: Wanted, location: str = "", *, tell: Tell = lambda *_: None) -> Replayed:
    """Play days, and keep the story as the table `story` and as a page.

    It appears at the end: one that is interrupted leaves the story before as it was, and is played anew. A process
    plays once in a workspace, as MLflow holds on to the registry that it saw there first.

    Args:
        settings: All of them.
        wanted: What is to be played.
        location: Where the order lines are; those of the workspace where empty.
        tell: Told of each day (`day`, its row of `story`) and of progress.

    Raises:
        ClientageError: What the user can mend.
    """
    if settings.warehouse.elsewhere:
        raise SettingsError(
            "warehouse.url: days are played on this machine, not in BigQuery. Leave it out, and give the order lines: "
            "clientage replay FILE --set warehouse.url= --workspace FOLDER."
        )
    with _alone(settings) as folder:
        place = _stage(settings, folder)
        loaded(store(place).address)  # what is missing is said before the work is done
        arrivals = received(settings, folder / SOURCE, location)
        days = to_play(place, arrivals, wanted.since, wanted.every, wanted.until)
        _empty(folder)
        story: list[Row] = []
        for day in days:
            row = _day(place.model_copy(update={"as_of": day}), arrivals, story, retraining=wanted.retrain)
            story.append(row)
            tell("day", row)
            tell("progress", len(story) / len(days))
        _keep(settings, story, arrivals.facts)
    return Replayed(folder, settings.workspace / PAGE, tuple(story))


@contextmanager
def _alone(settings: Settings) -> Iterator[Path]:
    """The folder to play in; nobody else plays in it meanwhile, and no copy of the order lines stays."""
    folder = settings.workspace / REPLAY
    with held(folder / PLAYING, f"{folder}: another replay is under way here. Wait for it."):
        shutil.rmtree(folder / SOURCE, ignore_errors=True)  # of one that died
        try:
            yield folder
        finally:
            shutil.rmtree(folder / SOURCE, ignore_errors=True)


def _empty(folder: Path) -> None:
    """Make room: of the replay before, nothing stays but the story."""
    with explained(folder):
        for each in folder.iterdir():
            if each.name not in (PLAYING, SOURCE):
                shutil.rmtree(each) if each.is_dir() else each.unlink()


def _stage(settings: Settings, folder: Path) -> Settings:
    """The settings of the days: a workspace and a registry of their own, and nothing that the story does not tell."""
    changes = {
        "workspace": folder,
        "tracking": settings.tracking.model_copy(update={"uri": ""}),
        "evaluate": settings.evaluate.model_copy(update={"cutoffs": ()}),
        "recommendations": settings.recommendations.model_copy(update={"model": "popular"}),
    }
    return settings.model_copy(update=changes)


def _day(today: Settings, arrivals: Arrivals, story: list[Row], *, retraining: bool) -> Row:
    """A day as if live: its row of the story."""
    judged: tuple[Judged, ...] = ()
    arrive(today, arrivals)
    if not story:
        pipeline.step(today, list(STAGES[:2]))
        came = challenge(today, force=FORCED)
        if not came.promoted:
            raise TrackingError(came.why)
        monitor(today)  # learns what is usual
    else:
        pipeline.step(today, list(STAGES))
        found = monitor(today, since=story[-1]["day"] - timedelta(days=today.monitor.days - 1))  # not over by then
        judged = found.new
        came = retrain(today, found) if retraining else Retrained()
    before = story[-1] if story else {"customers": None, "champion": came.version}
    return _row(today, pipeline.looking(today).manifest, judged, came, before)


def _row(today: Settings, known: Manifest, judged: Sequence[Judged], came: Retrained, before: Mapping[str, Any]) -> Row:
    customers = known.tables["customers"]
    worst = max(judged, key=lambda each: (WORSE.index(each.verdict), each.score or 0), default=None)
    return {
        "day": today.as_of,
        "lines": known.tables["transactions"],
        "customers": customers,
        "new_customers": None if before["customers"] is None else customers - before["customers"],
        "windows": len(judged),
        "drifting": sum(each.verdict == DRIFT for each in judged),
        "window": worst.window if worst else None,
        "verdict": worst.verdict if worst else None,
        "score": worst.score if worst else None,
        "because": worst.because if worst else "",
        "retrained": came.trained,
        "promoted": came.promoted,
        "gate": _gate(came),
        "champion": came.version if came.promoted else before["champion"],
        **{f"{name}_before": value for name, value in asdict(came.before).items()},
        **{f"{name}_after": value for name, value in asdict(came.after).items()},
    }


def _gate(came: Retrained) -> str:
    """What the gate said, in words."""
    failed: list[Check] = [check for check in came.checks if not check.passed]
    told = " · ".join(f"{check.name}: {check.found}" for check in failed)
    if came.promoted:
        return f"overruled, {FORCED}: {told}" if failed else "passed"
    return f"refused: {told}" if failed else came.why if came.trained else ""


def _keep(settings: Settings, story: list[Row], facts: Facts) -> None:
    """The table and the page, in the workspace itself."""
    table, source = pa.Table.from_pylist(story, arrow_schema(TABLE)), facts.get("source", {})
    warehouse = opened(settings)
    with warehouse.transaction():
        warehouse.write(TABLE, ibis.memtable(table))
        warehouse.write_text(PAGE, render(story, source.get("shop") or ""))
