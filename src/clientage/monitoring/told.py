"""What was told to whom, and what waits: a document of the workspace without an address in it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from clientage.errors import WorkspaceError
from clientage.monitoring.episodes import Episode
from clientage.monitoring.notices import Kind


@dataclass(frozen=True)
class Told:
    """What a target knows of an episode.

    Attributes:
        last: First day of the last window with drift that was known.
        said: The last notice that it took; None before the first.
        at: When it took that.
        waits: The notice that it is to get; None where it knows all.
        why: Why that waits; empty before the first try.
        tries: How many runs tried in vain.
    """

    last: date
    said: Kind | None = None
    at: str | None = None
    waits: Kind | None = None
    why: str = ""
    tries: int = 0


@dataclass(frozen=True)
class Listener:
    """What a target knows.

    Attributes:
        scheme: How it is spoken to.
        through: First day of the last window that was judged when notices were last sent; None before the first.
        episodes: What it knows of each, by the day that it opened.
    """

    scheme: str
    through: date | None = None
    episodes: Mapping[date, Told] = field(default_factory=dict)

    def hears(self, episodes: Sequence[Episode], through: date | None) -> "Listener":
        """The same with what is due now: that an episode opened, or that it is over.

        An episode is known again by its days, for late lines may change when it opened. Where it ended before the first
        notice of it went, only its end is told. One that was over before this target was first seen, or that late lines
        make up in the past, is not told of; one that was told and is no more, is withdrawn.

        Args:
            episodes: All there are, in order.
            through: First day of the last window that was judged.
        """
        rest, due = dict(self.episodes), {}
        for episode in episodes:
            same = [day for day, told in rest.items() if day <= episode.last and episode.opened <= told.last]
            before = [rest.pop(day) for day in sorted(same)]
            news = episode.resolved is None or (self.through is not None and episode.opened > self.through)
            if before or news:
                due[episode.opened] = _due(before[-1] if before else Told(episode.last), episode)
        due |= {day: _wants(told, "resolved") for day, told in rest.items() if told.said == "opened"}
        return replace(
            self, through=max(filter(None, (self.through, through)), default=None), episodes=dict(sorted(due.items()))
        )

    def due(self) -> list[tuple[date, Kind]]:
        """The notices that wait, the oldest episode first."""
        return [(day, told.waits) for day, told in self.episodes.items() if told.waits]

    def took(self, opened: date, now: datetime) -> "Listener":
        """The same after it took the notice that waited."""
        told, at = self.episodes[opened], now.isoformat(timespec="seconds")
        return self._with(opened, replace(told, said=told.waits, at=at, waits=None, why="", tries=0))

    def missed(self, opened: date) -> "Listener":
        """The same after it did not take the notice that waits."""
        told = self.episodes[opened]
        return self._with(opened, replace(told, tries=told.tries + 1))

    def waiting(self, why: str) -> "Listener":
        """The same, with a reason for all that waits."""
        return replace(self, episodes={day: replace(t, why=why) if t.waits else t for day, t in self.episodes.items()})

    def _with(self, opened: date, told: Told) -> "Listener":
        return replace(self, episodes={**self.episodes, opened: told})


def _due(told: Told, episode: Episode) -> Told:
    """What is to be told of an episode to one who knows so much."""
    return replace(_wants(told, "resolved" if episode.resolved else "opened"), last=episode.last)


def _wants(told: Told, kind: Kind) -> Told:
    if told.said == kind:
        return replace(told, waits=None, why="", tries=0)
    return told if told.waits == kind else replace(told, waits=kind, why="", tries=0)


Listeners = dict[str, Listener]
"""By the mark of a target."""


def read(path: Path) -> Listeners:
    """What was told so far; nothing where there is no such file.

    Raises:
        WorkspaceError: It cannot be read.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {mark: _listener(**said) for mark, said in document["targets"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read ({error.strerror}). Mend its permissions.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"{path}: not what alerts wrote. Remove it: what goes on is then told once more."
        ) from error


def write(path: Path, listeners: Listeners) -> None:
    """Write what was told, whole or not at all; a file that says so already is left alone.

    Raises:
        WorkspaceError: It cannot be written.
    """
    text = json.dumps({"targets": dict(map(_plain, sorted(listeners.items())))}, indent=1, default=str) + "\n"
    draft = path.with_name(f".{path.name}.draft")  # always the same name: what a killed run left is overwritten
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be written ({error.strerror}). Make room, or mend the folder.") from error


def _plain(item: tuple[str, Listener]) -> tuple[str, dict[str, Any]]:
    mark, listener = item
    return mark, asdict(listener) | {
        "episodes": {str(day): asdict(told) for day, told in sorted(listener.episodes.items())}
    }


def _listener(scheme: str, through: str | None, episodes: Mapping[str, Any]) -> Listener:
    told = {date.fromisoformat(day): _told(**said) for day, said in episodes.items()}
    return Listener(str(scheme), date.fromisoformat(through) if through else None, told)


def _told(last: str, said: Kind | None, at: str | None, waits: Kind | None, why: str, tries: int) -> Told:
    if {said, waits} - {None, "opened", "resolved"}:
        raise ValueError("no notice of that name")
    return Told(date.fromisoformat(last), said, at, waits, str(why), int(tries))
