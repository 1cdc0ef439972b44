"""Ship predictions from the log to where they are kept, in a process of its own.

At least once: lines are read, handed over, and only then counted as shipped. What keeps them knows those it has, so
that each is there once. As long as it does not take them, everything waits, and is tried again ever more rarely.
"""

import contextlib
import io
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from clientage.errors import ClientageError, SinkError, WorkspaceError
from clientage.serving import spool
from clientage.serving.logs import say
from clientage.serving.rows import table, without
from clientage.serving.sinks import Sink, open_sink

MOST_BYTES = 4 * 2**20  # of lines handed over at once
ROUND, LAST, LONGEST_WAIT = 10.0, 10.0, 30.0  # seconds
ONE = ".shipper"  # held by the one who ships

Forgotten = Callable[[Iterable[str]], set[str]]


class Stop(Protocol):
    """What says when to stop, such as `threading.Event`."""

    def is_set(self) -> bool:
        """Whether it is time."""

    def wait(self, timeout: float) -> bool:
        """Wait for it, so many seconds at most."""


class Shipper:
    """Who ships the files of a folder.

    Attributes:
        folder: Of the log.
        sink: What keeps the predictions.
    """

    def __init__(
        self,
        folder: Path,
        sink: Sink,
        forgotten: Forgotten = lambda _: set(),
        *,
        every: float = 5,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Nothing is read yet.

        Args:
            folder: Of the log.
            sink: What keeps the predictions.
            forgotten: Told customers, those of them who were forgotten: their predictions are dropped.
            every: Seconds from the end of one round to the next.
            most_bytes: Of lines handed over at once, unless one line is longer.
        """
        self.folder, self.sink = folder, sink
        self._forgotten, self._every, self._most_bytes = forgotten, every, most_bytes
        self._done: dict[str, int] = {}
        self._now = spool.State()

    def once(self, go_on: Callable[[], bool] = lambda: True) -> int:
        """Ship what waits, file by file.

        Args:
            go_on: Asked before each step.

        Returns:
            How many predictions were shipped.

        Raises:
            ClientageError: Not all was taken; the rest waits.
        """
        with spool.locked(self.folder, seconds=ROUND):
            files = spool.files(self.folder)
            known = spool.offsets(self.folder)
            places = {path.name: max(known.get(path.name, 0), self._done.get(path.name, 0)) for path in files}
            self._done = {name: place for name, place in places.items() if place}
            self._now = spool.state(self.folder)
            before = self._now.shipped
            try:
                for path in files:
                    self._file(path, go_on)
                self._now.reason = ""
            except (ClientageError, OSError) as error:
                self._now.failures += 1
                self._now.reason = _kind(error)
                raise _told(self.folder, error) from error
            finally:
                with contextlib.suppress(OSError):
                    spool.save_state(self.folder, self._now)
            return self._now.shipped - before

    def run(self, stop: Stop) -> None:
        """Ship round after round until told to stop, then what is left, as far as that is soon done."""
        with contextlib.ExitStack() as alone:
            while True:
                with contextlib.suppress(WorkspaceError):  # another one ships: wait
                    alone.enter_context(spool.locked(self.folder, ONE, seconds=1))
                    break
                if stop.is_set():
                    return
            wait = 0.0
            while not stop.wait(wait):
                wait = self._every if self._round(ROUND, stop) else min(max(2 * wait, 1), LONGEST_WAIT)
            self._round(LAST)

    def _round(self, seconds: float, stop: Stop | None = None) -> bool:
        """Ship for so long at most, so that others get at the folder; whether all was well."""
        end = time.monotonic() + seconds
        before = spool.state(self.folder).reason
        try:
            self.once(lambda: time.monotonic() < end and not (stop and stop.is_set()))
        except ClientageError as error:
            say("not shipped", reason=_kind(error), told=str(error), waiting=spool.backlog(self.folder).bytes)
            return False
        if before:
            say("shipping again", waiting=spool.backlog(self.folder).bytes)
        return True

    def _file(self, path: Path, go_on: Callable[[], bool]) -> None:
        """Ship what a file has by now; remove it where no more will follow."""
        try:
            opened = path.open("rb")
        except FileNotFoundError:  # its writer took back all that it wrote
            return
        with opened:
            file, start = opened.fileno(), self._done.get(path.name, 0)
            over, size = spool.abandoned(file), os.fstat(file).st_size
            while start < size and go_on() and (text := spool.whole_lines(file, start, self._most_bytes)):
                self._step(path, start, text)
                start += len(text)
            if over and not spool.whole_lines(file, start, self._most_bytes):
                if start < size:
                    say("torn line dropped", file=path.name)  # its writer died before it answered
                path.unlink()
                self._done.pop(path.name, None)
                self._save()

    def _step(self, path: Path, start: int, text: bytes) -> None:
        """Hand lines over, then count them as shipped."""
        rows, unreadable = table(io.BytesIO(text))
        ids = {customer for customer in rows["customer_id"].to_pylist() if customer is not None}
        rows = without(rows, self._forgotten(ids))
        refused = (self.sink.write(f"{path.stem}-{start:012}", rows) if len(rows) else None) or []
        if refused:
            spool.keep_unreadable(self.folder, refused)
            say("refused predictions put aside", file=path.name, rows=len(refused))
        if unreadable:
            spool.keep_unreadable(self.folder, unreadable)
            say("unreadable lines put aside", file=path.name, lines=len(unreadable))
        self._done[path.name] = start + len(text)
        self._save()
        self._now.shipped += len(rows) - len(refused)
        self._now.last_shipped = time.time()

    def _save(self) -> None:
        """Keep how far files were shipped; where the disk is full, the next process ships some of them again."""
        with contextlib.suppress(OSError):
            spool.save_offsets(self.folder, self._done)


class Asked:
    """Told to stop by a signal, or by the end of the parent."""

    def __init__(self, parent_pid: int) -> None:
        self._parent_pid, self._asked, self._now = parent_pid, False, False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)
        signal.signal(spool.NOW, self._hurry)

    def is_set(self) -> bool:
        """Whether it is time."""
        return self._asked or os.getppid() != self._parent_pid

    def wait(self, timeout: float) -> bool:
        """Wait for it, so many seconds at most, and not at all where there is a round to do now."""
        end = time.monotonic() + timeout
        while not self.is_set() and not self._now and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        self._now = False
        return self.is_set()

    def _ask(self, *_: object) -> None:
        self._asked = True  # no lock: whatever holds one may have been interrupted

    def _hurry(self, *_: object) -> None:
        self._now = True


def ship(
    folder: Path,
    sink_address: str,
    every: float,
    parent_pid: int,
    forgotten: Forgotten = lambda _: set(),
) -> None:
    """Ship until a signal comes or the parent is gone, then what is left; for a process of its own.

    Args:
        folder: Of the log.
        sink_address: See `clientage.serving.sinks.open_sink`.
        every: Seconds between rounds.
        parent_pid: Whose child this is.
        forgotten: Told customers, those of them who were forgotten.

    Raises:
        SettingsError: The address is none.
        SinkError: The library it needs is not installed.
    """
    stop = Asked(parent_pid)
    with contextlib.closing(open_sink(sink_address)) as sink:
        say("shipping", waiting=spool.backlog(folder).bytes)
        Shipper(folder, sink, forgotten, every=every).run(stop)
        say("shipping ended", waiting=spool.backlog(folder).bytes)


def _kind(error: Exception) -> str:
    if isinstance(error, SinkError):
        return error.kind
    return "workspace" if isinstance(error, ClientageError) else "log"


def _told(folder: Path, error: Exception) -> ClientageError:
    if isinstance(error, ClientageError):
        return error
    text = getattr(error, "strerror", None) or type(error).__name__
    return WorkspaceError(f"{folder}: the log of predictions cannot be used ({text}). Make room there, or mend it.")
