"""The log of predictions: every answer is written down before it is given.

A process appends to a file of its own, one line of JSON an answer, and holds the file's lock as long as it lives: the
kernel frees the lock however the process ends, so that others can tell whether a line may follow. Shipping the lines
elsewhere is the work of another process (see `clientage.serving.ship`); an answer never waits for it.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import orjson

from clientage.errors import WorkspaceError

MOST_BYTES = 32 * 2**20  # of one file
SUFFIX = ".jsonl"

_flush = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class PredictionLog:
    """Where the answers of this process are written down.

    Threads may share it. It may be made before a process forks: each process opens a file of its own when it first
    has something to write.
    """

    def __init__(self, folder: Path, *, sync: bool = False, most_bytes: int = MOST_BYTES) -> None:
        """Nothing is opened yet.

        Args:
            folder: Where the files are; made when it is not there.
            sync: Whether each line is on the disk, to survive a power cut, before `append` returns.
            most_bytes: A new file is begun when one has become as long.
        """
        self._folder, self._sync, self._most_bytes = folder, sync, most_bytes
        self._path, self._file, self._length = folder, -1, 0
        self._lock = threading.Lock()
        _LOGS.add(self)

    def append(self, record: dict[str, Any]) -> None:
        """Write an answer down; when this returns, the operating system has it, whatever happens to the process.

        Args:
            record: Of one request (see `clientage.serving.rows`); values may be NumPy arrays.

        Raises:
            WorkspaceError: The disk is full, or the folder cannot be written; nothing of the record is there.
            TypeError: The record is no JSON.
        """
        line = orjson.dumps(record, _plain, orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
        with self._lock:
            try:
                self._write(line)
            except OSError as error:
                self._undo()
                raise WorkspaceError(
                    f"{self._folder}: the prediction cannot be written down ({error.strerror}), and is not given. "
                    "Make room there, or give another --workspace."
                ) from error
            self._length += len(line)
            if self._length >= self._most_bytes:
                self._end()

    def close(self) -> None:
        """End the file; a later `append` begins another."""
        with self._lock:
            self._end()

    def _write(self, line: bytes) -> None:
        if self._file < 0:
            self._begin()
        if os.write(self._file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._sync:
            _flush(self._file)

    def _begin(self) -> None:
        """A file that nobody has removed between its making and its locking, as one without a writer."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._path = self._folder / f"{time.time_ns():020}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o660)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if os.fstat(self._file).st_nlink:
                break
            os.close(self._file)
        self._length = 0
        if self._sync:
            sync_folder(self._folder)

    def _undo(self) -> None:
        """Leave no part of a line; a new file follows, so that nothing is ever written where a part was."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._length)
                if not self._length:
                    self._path.unlink()
            self._end()

    def _end(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _let_go(self) -> None:
        """In a child: the parent's file stays the parent's, whose lock is held while anybody has it open."""
        self._lock = threading.Lock()  # a thread of the parent may have held it
        self._end()


_LOGS: weakref.WeakSet[PredictionLog] = weakref.WeakSet()


def _in_child() -> None:
    for log in _LOGS:
        log._let_go()


os.register_at_fork(after_in_child=_in_child)


def sync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _plain(value: Any) -> Any:
    """Arrays that are not laid out in a row."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")
