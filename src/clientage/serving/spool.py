"""The folder in which predictions wait: which lines there are, how far they were shipped, and who still writes.

Beside the files of `clientage.serving.log` lie `shipped.json` (how far each was shipped), `shipper.json` (how shipping
goes) and `unreadable.jsonl` (lines that are no predictions, kept to be looked at).
"""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock

from clientage.errors import WorkspaceError

FOLDER, SINK = "serving/log", "predictions"  # of a workspace: where they wait, and where they go unless told otherwise
SHIPPED, STATE, SINKS = "shipped.json", "shipper.json", "sinks.json"
UNREADABLE, LOCK = "unreadable.jsonl", ".lock"
NOW = signal.SIGUSR1  # tells who ships not to wait for the next round

BUSY = "predictions are being shipped, or a customer is being forgotten. Try again in a minute."


@dataclass(frozen=True)
class Backlog:
    """What waits to be shipped.

    Attributes:
        bytes: Of lines.
        files: That have such lines.
    """

    bytes: int
    files: int


@dataclass
class State:
    """How shipping goes.

    Attributes:
        shipped: Predictions, since the folder was made.
        failures: Times that the sink did not take them.
        last_shipped: When it last did, in seconds since 1970; None for never.
        reason: Kind of the last failure, empty when all is well.
    """

    shipped: int = 0
    failures: int = 0
    last_shipped: float | None = None
    reason: str = ""


def files(folder: Path) -> list[Path]:
    """Files of predictions, the oldest first."""
    return sorted(path for path in folder.glob("*.jsonl") if path.name != UNREADABLE)


def backlog(folder: Path) -> Backlog:
    """What waits, by the lengths of the files alone; any process may ask."""
    done = offsets(folder)
    waiting = [left for path in files(folder) if (left := _size(path) - done.get(path.name, 0)) > 0]
    return Backlog(sum(waiting), len(waiting))


def offsets(folder: Path) -> dict[str, int]:
    """How many bytes of each file were shipped; where that cannot be read, all is shipped again."""
    return {name: place for name, place in _document(folder / SHIPPED).items() if isinstance(place, int)}


def save_offsets(folder: Path, done: Mapping[str, int]) -> None:
    """Keep how far files were shipped, so that it outlives a power cut."""
    _save(folder / SHIPPED, done)


def state(folder: Path) -> State:
    """How shipping goes; as if nothing had been shipped where that cannot be read."""
    try:
        return State(**_document(folder / STATE))
    except TypeError:
        return State()


def save_state(folder: Path, now: State) -> None:
    """Keep how shipping goes."""
    _save(folder / STATE, asdict(now))


def known_sinks(folder: Path) -> list[str]:
    """Every place that predictions of a folder were ever shipped to, so that nobody is forgotten in one alone."""
    return sorted(_document(folder / SINKS))


def sinks(workspace: Path, wanted: str) -> list[str]:
    """Where predictions of a workspace are, or may be, kept: its own folder if it is there, what is set, what was.

    Args:
        workspace: Its folder.
        wanted: The sink that is set; empty for none.
    """
    folder, waiting = workspace / SINK, workspace / FOLDER
    own = [str(folder)] * (folder.exists() or waiting.exists()) + [wanted] * bool(wanted)
    return list(dict.fromkeys([*own, *known_sinks(waiting)]))


def remember_sink(folder: Path, address: str) -> None:
    """Note where predictions are shipped to."""
    if address not in (known := _document(folder / SINKS)):
        _save(folder / SINKS, known | {address: True})


def whole_lines(file: int, start: int, most_bytes: int) -> bytes:
    """Whole lines from a place on: about as many bytes as asked for, at least one line; empty where there is none."""
    while True:
        found = os.pread(file, most_bytes, start)
        end = found.rfind(b"\n") + 1
        if end or len(found) < most_bytes:
            return found[:end]
        most_bytes *= 2


def abandoned(file: int) -> bool:
    """Whether the writer of a file is gone; if so, the file is this process's own until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def keep_unreadable(folder: Path, lines: list[bytes]) -> None:
    """Put lines aside that are no predictions, or that the sink will never take."""
    with (folder / UNREADABLE).open("ab") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def locked(folder: Path, name: str = LOCK, seconds: float = 60, busy: str = BUSY) -> Iterator[None]:
    """Be the only one who ships or removes.

    Args:
        folder: Where the lock is.
        name: Of the lock.
        seconds: How long to wait for it.
        busy: What to say when that was too short.

    Raises:
        WorkspaceError: Somebody else goes on doing so.
    """
    lock = filelock.FileLock(folder / name, timeout=seconds)
    try:
        lock.acquire()
    except filelock.Timeout as timeout:
        raise WorkspaceError(f"{folder}: {busy}") from timeout
    try:
        yield
    finally:
        lock.release()


def replaced(path: Path, data: bytes) -> None:
    """Put a file in place of another, whole and on the disk."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _save(path: Path, document: Mapping[str, Any]) -> None:
    replaced(path, json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # shipped meanwhile
        return 0
