"""Notices of episodes: each told once when it opens, and once when it is over."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as Clock  # noqa: N812 - a time of day
from pathlib import Path

from clientage.errors import SettingsError
from clientage.monitoring import told
from clientage.monitoring.episodes import Episode
from clientage.monitoring.notices import Kind, Sender
from clientage.monitoring.targets import TARGETS, Target, send
from clientage.monitoring.told import Listener

AWAY = "away, or it refused"


@dataclass(frozen=True)
class Quiet:
    """Hours of a day in which nothing is sent; they may go over midnight.

    Attributes:
        start: When they begin.
        until: When they end, which is no part of them.
    """

    start: Clock
    until: Clock

    @classmethod
    def of(cls, start: str, until: str) -> "Quiet | None":
        """From HH:MM to HH:MM; None where they are empty."""
        return cls(Clock.fromisoformat(start), Clock.fromisoformat(until)) if start and until else None

    def holds(self, now: datetime) -> bool:
        """Whether a moment is in them, by its own clock."""
        clock = now.time()
        if self.start <= self.until:
            return self.start <= clock < self.until
        return clock >= self.start or clock < self.until


@dataclass(frozen=True)
class Delivery:
    """A notice and a target.

    Attributes:
        target: Scheme and mark of the target, nothing of its address.
        kind: Of the notice.
        opened: When the episode opened.
        why: Why it waits; empty for one that went.
    """

    target: str
    kind: Kind
    opened: date
    why: str = ""


@dataclass(frozen=True)
class Delivered:
    """What came of it.

    Attributes:
        sent: Notices that targets took, as they went.
        waiting: Notices that wait for the next time, in order of targets and time.
        problem: Why nothing more was sent; empty where nothing stood in the way.
    """

    sent: tuple[Delivery, ...] = ()
    waiting: tuple[Delivery, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Post:
    """How notices are sent.

    Attributes:
        sender: Who writes.
        quiet: Hours in which nothing is sent; None for none.
        retries: How often targets that are away are tried again at once, all others having had their turn.
        pause: Seconds before the first of these; each next one is twice as long.
        wait: What waits so many seconds.
    """

    sender: Sender = field(default_factory=Sender)
    quiet: Quiet | None = None
    retries: int = 3
    pause: float = 2
    wait: Callable[[float], None] = time.sleep

    @property
    def pauses(self) -> list[float]:
        """Seconds before each time that those who were away are tried again."""
        return [self.pause * 2**retry for retry in range(self.retries)]


def notify(
    episodes: Sequence[Episode],
    path: Path,
    targets: Sequence[Target],
    now: datetime,
    *,
    through: date | None,
    post: Post | None = None,
) -> Delivered:
    """Tell the targets what they do not know yet.

    What a target took is recorded at once, so the same episodes again send nothing. A process that dies after sending
    and before recording sends that one notice again: each is told at least once. What a target does not take, or what
    falls into quiet hours, waits in the record for the next call. A target that leaves the list keeps its record.

    Args:
        episodes: All of the table, in order: one that is missing counts as withdrawn.
        path: The record, `monitor/alerts.json` in the workspace. The caller sees to it that nobody else tells.
        targets: Whom to tell; with none, nothing is done.
        now: The time, with a zone: quiet hours go by its clock.
        through: First day of the last window that was judged.
        post: How to send.

    Raises:
        WorkspaceError: The record cannot be read or written. Nothing was sent that it does not know, but for the one
            notice that it should have been written for.
        SettingsError: Apprise is not installed.
    """
    if not targets:
        return Delivered()
    post, known = post or Post(), told.read(path)
    why = f"quiet hours until {post.quiet.until:%H:%M}" if post.quiet and post.quiet.holds(now) else ""
    for target in targets:
        listener = known.get(target.mark, Listener(target.scheme)).hears(episodes, through)
        known[target.mark] = listener.waiting(why) if why else listener
    told.write(path, known)  # before anything goes out: what cannot be recorded would go out again and again
    by_day = {episode.opened: episode for episode in episodes}
    sent = [] if why else _tell_all(targets, by_day, path, known, now, post)
    return Delivered(tuple(sent), tuple(waits for target in targets for waits in _waiting(target, known)))


def probe(targets: Sequence[Target], sender: Sender | None = None) -> list[tuple[str, bool]]:
    """Send one test notice to each target, whatever the hour; nothing is recorded.

    Returns:
        For each its name, and whether it took the notice.

    Raises:
        SettingsError: There is no target, or Apprise is not installed.
    """
    if not targets:
        raise SettingsError(f"{TARGETS}: there is nobody to tell. Put addresses into it, see docs/alerts.md.")
    notice = (sender or Sender()).test()
    return [(target.name, send(target, notice)) for target in targets]


def _tell_all(
    targets: Sequence[Target],
    episodes: Mapping[date, Episode],
    path: Path,
    known: told.Listeners,
    now: datetime,
    post: Post,
) -> list[Delivery]:
    """Send all that is due, to each target once before any is waited for; `known` and the record follow."""
    sent: list[Delivery] = []
    away = list(targets)
    for pause in (0, *post.pauses):
        if pause and away:
            post.wait(pause)
        for target in away:
            sent += _tell(target, episodes, path, known, now, post.sender)
        away = [target for target in away if known[target.mark].due()]
    for target in away:
        listener = known[target.mark]
        known[target.mark] = listener.missed(listener.due()[0][0]).waiting(AWAY)
    told.write(path, known)
    return sent


def _tell(
    target: Target,
    episodes: Mapping[date, Episode],
    path: Path,
    known: told.Listeners,
    now: datetime,
    sender: Sender,
) -> Iterator[Delivery]:
    """Send a target what it is to get, the oldest first, until it does not take one."""
    for opened, kind in known[target.mark].due():
        if not send(target, sender.tells(kind, opened, episodes.get(opened))):
            return
        known[target.mark] = known[target.mark].took(opened, now)
        told.write(path, known)
        yield Delivery(target.name, kind, opened)


def _waiting(target: Target, known: told.Listeners) -> list[Delivery]:
    listener = known[target.mark]
    return [Delivery(target.name, kind, opened, listener.episodes[opened].why) for opened, kind in listener.due()]
