"""A folder of documents and tables, in which a set of writes appears whole or not at all.

Writes of a transaction go to `WORKSPACE/.staging`. At its end a marker file says that the set is complete, the files
are renamed into place and the marker is removed. A process that dies before the marker leaves the tables as they
were; one that dies after it leaves a set that the next transaction finishes. One transaction at a time holds the
workspace's lock, which the operating system frees when its process ends. What is only needed on the way, and what the
engine cannot hold in memory, lies in `WORKSPACE/.scratch`; what a dead process left there, the next one removes.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import filelock

from clientage import contents
from clientage.errors import WorkspaceError

STAGING, COMPLETE, SCRATCH, LOCK = ".staging", "COMPLETE", ".scratch", ".lock"
LIVING = contents.LIVING


class Workspace:
    """Documents in a folder, such as the model and the report, and the transaction in which all is written.

    Attributes:
        workspace: The folder.
        wait: Seconds that a transaction waits for another run.
    """

    def __init__(self, workspace: Path, wait: float = 0) -> None:
        self.workspace = workspace
        self.wait = wait
        self._staging: Path | None = None
        self._dropped: set[str] = set()

    def remove(self, name: str) -> None:
        """Remove a file of the workspace at the end of the transaction, unless it is written again."""
        _remove(self._staged(name, made=False))
        self._dropped.add(name)

    def discard(self, name: str) -> None:
        """Remove a workspace within this one at the end of the transaction."""
        self._dropped.add(name)

    def read_text(self, name: str) -> str:
        """A document of the workspace, such as `model/segments.json`.

        Raises:
            WorkspaceError: It has not been written yet, or is no text.
        """
        path = self.path(name)
        if not path.exists():
            raise WorkspaceError(f"{path}: not there yet. Make it with `clientage run FILE`.")
        try:
            with explained(self.workspace):
                return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise WorkspaceError(f"{path}: not a text. Make it again with `clientage run FILE`.") from error

    def write_text(self, name: str, text: str) -> None:
        """Write a document within a transaction."""
        with explained(self.workspace):
            self._instead(name).write_text(text, encoding="utf-8")

    def adopt(self, name: str, path: Path) -> None:
        """Take a file from elsewhere, by a link where it can be: nobody writes into a file that is there."""
        with explained(self.workspace):
            target = self._instead(name)
            try:
                target.hardlink_to(path)
            except OSError:
                shutil.copyfile(path, target)

    def path(self, name: str) -> Path:
        """Where a file is read from: this transaction's version, else the published one."""
        staged = self._staging / name if self._staging else None
        return staged if staged and staged.exists() else self.workspace / name

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Path]:
        """All writes inside appear together at the end, or not at all.

        Yields:
            A scratch folder, removed at the end.

        Raises:
            WorkspaceError: Another run holds the workspace, or the disk is full.
        """
        scratch = self.workspace / SCRATCH
        with explained(self.workspace):
            self.workspace.mkdir(parents=True, exist_ok=True)
            lock = self._locked()
        try:
            with explained(self.workspace):
                _recover(self.workspace)
                scratch.mkdir(parents=True, exist_ok=True)
                self._staging = self.workspace / STAGING
                yield scratch
                _mark_complete(self.workspace, self._dropped)
                _publish(self.workspace)
                self._follow()
        finally:
            self._staging, self._dropped = None, set()
            if not _complete(self.workspace):
                shutil.rmtree(self.workspace / STAGING, ignore_errors=True)
            shutil.rmtree(scratch, ignore_errors=True)
            lock.release()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else works in the workspace meanwhile, and nothing is written by this.

        Raises:
            WorkspaceError: Another run holds it.
        """
        lock = self._locked()
        try:
            yield
        finally:
            lock.release()

    def _follow(self) -> None:
        """What follows a set that was put into place, while nobody else works here."""

    def _locked(self) -> filelock.BaseFileLock:
        lock = filelock.FileLock(self.workspace / LOCK, timeout=self.wait)
        try:
            lock.acquire()
        except filelock.Timeout as busy:
            raise WorkspaceError(
                f"{self.workspace}: another run is using this workspace. Wait for it, or give another --workspace."
            ) from busy
        return lock

    def _instead(self, name: str) -> Path:
        """Where a file goes that takes the place of what is there; a folder goes first."""
        path = self._staged(name)
        _remove(path)
        self._dropped.discard(name)
        if (self.workspace / name).is_dir():
            self._dropped.add(name)
        return path

    def _staged(self, name: str, *, made: bool = True) -> Path:
        if self._staging is None:
            raise WorkspaceError(f"{name}: written outside a transaction. Wrap the writes in `Warehouse.transaction`.")
        path = self._staging / name
        if made:
            path.parent.mkdir(parents=True, exist_ok=True)
        return path


def finish(workspace: Path) -> None:
    """Finish a set whose process died while it was put into place; where one holds the lock, it is alive."""
    if _complete(workspace):
        with contextlib.suppress(filelock.Timeout), filelock.FileLock(workspace / LOCK, timeout=0):
            _recover(workspace)


def _recover(workspace: Path) -> None:
    """Finish a set that was complete when its process died; drop one that was not, and all that it left."""
    if _complete(workspace):
        _publish(workspace)
    for name in (STAGING, SCRATCH):
        shutil.rmtree(workspace / name, ignore_errors=True)


def _complete(workspace: Path) -> bool:
    return (workspace / STAGING / COMPLETE).exists()


def _mark_complete(workspace: Path, dropped: Iterable[str]) -> None:
    """The point of no return: what is staged is on disk, and so is the list of files to remove."""
    staging = workspace / STAGING
    staging.mkdir(exist_ok=True)
    for path in _files(staging):
        _sync(path)
    _mark(staging, dropped)


def _mark(staging: Path, to_remove: Iterable[str]) -> None:
    draft = staging / f"{COMPLETE}.draft"
    draft.write_text("\n".join(sorted(to_remove)), encoding="utf-8")
    _sync(draft)
    draft.replace(staging / COMPLETE)


def _publish(workspace: Path) -> None:
    """Remove what is to go and move every staged file into place; can be repeated from any point."""
    staging = workspace / STAGING
    marker = staging / COMPLETE
    if gone := marker.read_text(encoding="utf-8").splitlines():
        for name in gone:
            _remove(workspace / name)
        _mark(staging, ())  # once: what is moved to such a place is not to go
    for path in _files(staging):
        if path != marker:
            target = workspace / path.relative_to(staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    marker.unlink()
    shutil.rmtree(staging)


def _remove(path: Path) -> None:
    """Remove a file or a folder, where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def held(path: Path, busy: str, patience: float = 0) -> Iterator[None]:
    """Nobody else holds a lock meanwhile; the operating system frees it when its process ends.

    Args:
        path: Its file, whose folder is made.
        busy: What to say where somebody does.
        patience: Seconds to wait for them first.

    Raises:
        WorkspaceError: Somebody does.
    """
    lock = filelock.FileLock(path, timeout=patience)
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except filelock.Timeout as taken:
            raise WorkspaceError(busy) from taken
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def explained(workspace: Path) -> Iterator[None]:
    """Say what the disk or the engine refused, in the user's words.

    Raises:
        WorkspaceError: In place of what they raised.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise WorkspaceError(_reason(workspace, error)) from error
    except RuntimeError as error:  # as the engine says it
        if "interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise


def _reason(workspace: Path, error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text:
        return f"{workspace}: the disk is full; the tables are as they were. Free some space and run again."
    if isinstance(error, PermissionError) or "Permission denied" in text:
        return f"{workspace}: no permission to write here. Give another --workspace."
    if isinstance(error, OSError) and not workspace.is_dir():
        return f"{workspace}: no folder can be made here ({error.strerror}). Give another --workspace."
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"{workspace}: not enough memory ({text}). Raise it with --set warehouse.memory=8GB."
    return f"{workspace}: {text}. The tables are as they were."
