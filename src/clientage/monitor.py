"""Monitoring: the windows since the model was made, held against those it was made in, and judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from pathlib import Path

import ibis.expr.types as ir
import numpy as np

from clientage import pipeline
from clientage.context import MODEL, Run, opened
from clientage.errors import ClientageError, SettingsError, WorkspaceError
from clientage.monitoring import alerts, targets
from clientage.monitoring.alerts import Delivered, Post, Quiet
from clientage.monitoring.alerts import notify as tell_of
from clientage.monitoring.episodes import Episode
from clientage.monitoring.measures import MEASURES
from clientage.monitoring.notices import Sender
from clientage.monitoring.observed import Observed
from clientage.monitoring.reference import Reference
from clientage.monitoring.targets import Target
from clientage.monitoring.verdict import DRIFT, LOOKED_BACK
from clientage.monitoring.windows import Windows
from clientage.pipeline import Tell
from clientage.segments import document
from clientage.settings import Settings
from clientage.stages.watch import answers, orders, outcomes, people
from clientage.stages.watch.found import drift_rows, keep_drift, keep_episodes
from clientage.stages.watch.journeys import all_changes, before
from clientage.stages.watch.usual import REFERENCE, columns, items, kept, made
from clientage.stages.watch.watch import Watch
from clientage.warehouse import held

ALERTS, TELLING = "monitor/alerts.json", ".telling"
PATIENCE = 60.0  # seconds that one run waits while another tells
AHEAD = 53  # windows, after the last line to use, in which lines that are all set aside are looked for
SILENT = 13  # windows, after the one of the last line to use, that are judged: a longer silence tells nothing new
NEEDS = ("transactions", "lines", "rejected", "baskets", "customers", "model")


@dataclass(frozen=True)
class Judged:
    """The verdict on a window.

    Attributes:
        window: Its first day.
        verdict: ok, watch, drift or unknown.
        because: What moved, in words.
        score: How far the worst measure is from the usual, 1 at the limit; None where that is not known.
        reference: Whether the model was made in it.
    """

    window: date
    verdict: str
    because: str
    score: float | None
    reference: bool


@dataclass(frozen=True)
class Monitored:
    """What monitoring found.

    Attributes:
        windows: Those that were judged, in order, after those of the reference.
        days: Length of a window.
        model: The day that the model was made for.
    """

    windows: tuple[Judged, ...]
    days: int
    model: date

    @property
    def new(self) -> tuple[Judged, ...]:
        """The windows after the reference."""
        return tuple(each for each in self.windows if not each.reference)

    @property
    def drifts(self) -> bool:
        """Whether the last window drifts."""
        return bool(self.new) and self.new[-1].verdict == DRIFT


def monitor(
    settings: Settings,
    *,
    since: date | None = None,
    until: date | None = None,
    renew: bool = False,
    tell: Tell = lambda *_: None,
) -> Monitored:
    """Judge the windows since the model was made, and keep what was found.

    Windows are computed anew from the lines that are there: what came late counts, and doing it twice changes nothing.

    Args:
        settings: All of them.
        since: Leave out windows before this day; what was found of them earlier stays.
        until: Leave out windows that end after this day; the same.
        renew: Whether to learn what is usual once more.
        tell: Told of progress.

    Raises:
        ClientageError: What the user can mend.
    """
    known = [f"{area}.{name}" for area, of in MEASURES.items() for name in of if of[name].least is not None]
    if unknown := sorted(set(settings.monitor.limits) - set(known)):
        raise SettingsError(
            f"monitor.limits: nothing is judged as {', '.join(unknown)}. The names are area.measure, as in "
            "docs/monitoring.md, such as volume.orders."
        )
    if since and until and since > until:
        raise SettingsError(f"since {since} lies after until {until}: no window is between. Exchange the two.")
    warehouse = opened(settings)
    nothing = WorkspaceError(f"{settings.workspace}: there are no tables yet. Make them with `clientage run FILE`.")
    if not settings.workspace.is_dir():
        raise nothing
    with warehouse.transaction() as scratch:
        told = pipeline.ledger(warehouse)
        ready = pipeline.ready(told)
        missing = [name for name in NEEDS if name not in ready]
        if missing == [*NEEDS]:
            raise nothing
        if missing:
            raise WorkspaceError(
                f"{settings.workspace}: there is no {' and no '.join(missing)} to look at. Make it with "
                "`clientage run FILE`."
            )
        run = Run(settings, warehouse, told.manifest(), scratch=scratch, progress=lambda share: tell("progress", share))
        return _monitor(run, since, until, renew=renew)


def _monitor(run: Run, since: date | None, until: date | None, *, renew: bool) -> Monitored:
    windows, text = Windows(run.settings.monitor.days), run.warehouse.read_text(MODEL)
    watch = Watch(run, document.loads(text), windows, {}, {})
    reference, changes = kept(run, text, renew=renew), None
    if reference is None:
        reference, changes = made(watch, text)
        run.warehouse.write_text(REFERENCE, reference.dumps())
    watch = replace(
        watch, ranges=reference.ranges, inputs=reference.inputs, items=items(reference), columns=columns(reference)
    )
    end = _end(watch, reference)
    numbers = windows.between(max(reference.day, since or reference.day), min(end, until or end))
    around = _around(windows, numbers, reference.day)
    seen, journeys = _looked(watch, around, reference, changes)
    asked = range(len(around) - len(numbers), len(around))
    judged = reference.judge(reference.compare(seen))[asked.start :]
    rows = drift_rows(run, reference, reference.observed, reference.judge_left_out(), learned=True)
    rows += drift_rows(run, reference, seen.taken(asked), judged, learned=False)
    keep_drift(run, rows, windows.days, end)
    if journeys is not None:
        run.write("journeys", journeys.order_by("customer_id", "since"))
    keep_episodes(run)
    told = [row for row in rows if row["area"] == "all"]
    found = (Judged(row["window"], row["verdict"], row["because"], row["score"], row["reference"]) for row in told)
    return Monitored(tuple(found), windows.days, reference.day)


def _end(watch: Watch, reference: Reference) -> date:
    """The day up to which windows are judged.

    It is that of the last line to use, and the windows after it count too while lines come in as ever and all are set
    aside: whoever sends lines without products or customers shall hear of it. Where tables look back from a later day
    it is that, up to a quarter after the last line: the years since a shop closed are not judged week by week.
    """
    run, windows, usual = watch.run, watch.windows, reference.observed.behind["missing"]
    number, lines = windows.numbered(run.today), run.read("lines")
    if not run.settings.as_of:
        received = orders.received(watch, range(number, number + AHEAD))
        plenty = received >= np.median(usual) / 2
        over = np.logical_and.accumulate(plenty[:-1] & (received[1:] > 0))  # the next has begun
        if over[0]:
            return windows.first(number + int(over.sum()))
    last = run.rows(lines.agg(day=lines.invoiced_at.max().date()))[0]["day"]
    return min(run.today, windows.first(windows.numbered(last) + 1 + SILENT)) if last else run.today


def _around(windows: Windows, numbers: range, day: date) -> range:
    """The windows, and those after the reference that tell whether one of them is in watch for the second time."""
    first = windows.between(day, day).start
    return range(max(numbers.start - LOOKED_BACK, first), numbers.stop) if len(numbers) else numbers


def _looked(
    watch: Watch, numbers: range, reference: Reference, changes: ir.Table | None
) -> tuple[Observed, ir.Table | None]:
    """What was seen in windows, and every change of segment."""
    run = watch.run
    known = changes if changes is not None else run.read("journeys") if run.warehouse.exists("journeys") else None
    if not len(numbers):
        return Observed(()), known
    wider = range(numbers.start - 1, numbers.stop)  # who moved is known even where the window before was left out
    seen, moves = people.in_segments(watch, wider, before(watch, wider.start, known))
    every = all_changes(watch, wider, known, moves)
    parts = [look(watch, numbers) for look in (orders.look, people.bought_lately, answers.look)]
    if moves is not None:
        parts += [people.refits(watch, numbers), outcomes.outcomes(watch, every, numbers, reference.expected)]
    return reduce(Observed.joined, parts, seen.taken(range(1, len(wider)))), every


def notify(settings: Settings, whom: Sequence[Target], now: datetime) -> Delivered:
    """Tell targets what they do not know yet of episodes; with no target, nothing is done.

    Nobody else tells meanwhile; the workspace is free for others. What goes wrong is no error: it is told beside what
    was found.

    Args:
        settings: All of them.
        whom: The targets of the environment.
        now: The time, with a zone: quiet hours go by its clock.
    """
    if not whom:
        return Delivered()
    path = settings.workspace / ALERTS
    busy = f"{path}: another run is sending notices. What waits goes out with the next `clientage monitor`."
    try:
        with held(path.with_name(TELLING), busy, PATIENCE):
            return _told(settings, whom, now, path)
    except ClientageError as problem:
        return Delivered(problem=str(problem))


def _told(settings: Settings, whom: Sequence[Target], now: datetime, path: Path) -> Delivered:
    warehouse, wanted = opened(settings), settings.alerts
    drift = warehouse.read("drift")  # before the episodes: where a run writes both meanwhile, more is told, not less
    through = warehouse.collect(drift.agg(last=drift.window.max()))["last"][0].as_py()
    known = [Episode(**row) for row in warehouse.collect(warehouse.read("episodes")).to_pylist()]
    quiet = Quiet.of(wanted.quiet_from, wanted.quiet_until)
    post = Post(_sender(settings), quiet, wanted.retries, wanted.pause_seconds)
    return tell_of(known, path, whom, now, through=through, post=post)


def probe(settings: Settings) -> list[tuple[str, bool]]:
    """Send a test notice to each target of the environment: its name, and whether it took the notice.

    Raises:
        ClientageError: There is none, or one is no address.
    """
    return alerts.announce(targets.of_environment(), _sender(settings).test())


def announce(settings: Settings, subject: str, text: str) -> list[tuple[str, bool]]:
    """Send words to each target of the environment: its name, and whether it took them; to nobody where it has none.

    Args:
        settings: All of them.
        subject: In a line.
        text: The last lines of it are sent.

    Raises:
        ClientageError: One is no address.
    """
    whom = targets.of_environment()
    return alerts.announce(whom, _sender(settings).says(subject, text.splitlines())) if whom else []


def _sender(settings: Settings) -> Sender:
    return Sender(settings.shop.name, settings.alerts.dashboard_url)
