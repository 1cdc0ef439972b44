"""Workspaces in buckets: a copy on this machine, brought up to date before a verb and published after it.

Only `clientage.shared`, which is around a verb, and those who follow know that it is one. The copy is brought up to
date by a transaction of its warehouse, so that whoever reads it sees no half of a set; and it is published as a whole
(see `clientage.cloud.publications`). What belongs to a machine stays there: predictions and their log, models that the
service fetched. Where publishing fails, the copy keeps what was made for as long as nobody else publishes.
"""

import contextlib
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import filelock
import platformdirs

from clientage import contents
from clientage.cloud import publications
from clientage.cloud.publications import File, GoneError, Progress, Publication
from clientage.cloud.storage import SCHEME, Folder
from clientage.errors import ClientageError, WorkspaceError
from clientage.settings import Settings

STATE, PLACE = "clientage-copy.json", "workspace"
OWN = ("serving", "predictions")  # folders of a workspace that belong to a machine
FORGOTTEN = "forgotten/"  # begins the names of receipts (see `clientage.forgotten`, which loads an engine)
PATIENCE = 30.0  # seconds to wait for whoever only brings the copy up to date
TRIES = 5

Files = Mapping[str, File]
Sign = tuple[int, int, int]


class Copy:
    """A copy of what is published.

    Attributes:
        folder: Where it is published.
        workspace: Where the copy is.
        base: The publication that the copy comes from.
        pending: Whether somebody worked in it since.
    """

    def __init__(
        self, address: str, workspace: Path, state: Path, choose: Callable[[Files], Files] = lambda all_: all_
    ):
        self.folder, self.workspace, self._state, self._choose = Folder(address), workspace, state, choose
        self._load()

    @contextlib.contextmanager
    def alone(self, patience: float) -> Iterator[None]:
        """Nobody else on this machine changes or publishes the copy meanwhile.

        Raises:
            WorkspaceError: Somebody does, and goes on for longer than these seconds.
        """
        from clientage.warehouse import held  # noqa: PLC0415 - with the engine, which starts threads: not before a fork

        busy = f"{self.folder.address}: another run is using this workspace. Wait for it, or give another --workspace."
        with held(self._state.with_suffix(".lock"), busy, patience):
            self._load()
            yield

    def fetch(self, progress: Progress = lambda share: None) -> int:
        """Make the copy what is published, unless it has what waits to be published and nobody else has published.

        Returns:
            The number of files that changed.

        Raises:
            WorkspaceError: It cannot be fetched; the copy is as it was.
        """
        for _ in range(TRIES):
            now = publications.current(self.folder, self.base)
            if self.base.number and not now.number:
                raise WorkspaceError(
                    f"{self.folder.address}: publication {self.base.number} was there, and now there is none. Restore "
                    f"current.json there, or remove {self._state} to begin anew."
                )
            if self.pending and now.generation == self.base.generation:
                return 0
            with contextlib.suppress(GoneError):
                return self._become(now, progress)
        raise WorkspaceError(f"{self.folder.address}: is published all the time. Try again in a minute.")

    def is_published(self) -> bool:
        """Whether anything is.

        Raises:
            WorkspaceError: That cannot be known.
        """
        return publications.current(self.folder, self.base).number > 0

    def follow(self) -> bool:
        """Fetch what was published since, unless a verb is at work in the copy; whether anything was.

        Raises:
            WorkspaceError: It cannot be fetched; the copy is as it was.
        """
        self._load()
        if publications.current(self.folder, self.base).generation == self.base.generation:
            return False
        with unless_busy(), self.alone(0):
            self.fetch()
            return True
        return False

    def begin(self) -> None:
        """Note that somebody works in the copy."""
        self.pending = True
        self._save()

    def publish(self, keep: int, progress: Progress = lambda share: None) -> str:
        """Publish the copy, where it has changed; with nothing of before, where somebody was forgotten.

        Args:
            keep: Publications to keep, this one among them.
            progress: Told the share that is done.

        Returns:
            What was published, in words; empty for nothing.

        Raises:
            WorkspaceError: It cannot be published; what is published is as it was.
        """
        from clientage.warehouse import explained  # noqa: PLC0415 - as above

        with explained(self.workspace), tempfile.TemporaryDirectory(dir=self._state.parent) as scratch:
            found = self._found(Path(scratch))
            files = {name: file for name, (_, file) in found.items()}
            if files == dict(self.base.files):
                self._became(self.base)
                return ""
            forgot = any(name.startswith(FORGOTTEN) for name in files.keys() - self.base.files.keys())
            sent = {file.sha256: file.size for file in files.values() if file.sha256 not in self.base.objects}
            self._became(publications.publish(self.folder, self.base, found, 1 if forgot else keep, progress))
        moved = f"{len(sent):,} of {len(files):,} files, {sum(sent.values()) / 1e6:,.1f} MB"
        return f"{self.folder.address} · publication {self.base.number:,} · {moved}"

    def _become(self, now: Publication, progress: Progress) -> int:
        from clientage.warehouse import Workspace, explained  # noqa: PLC0415 - as above

        wanted = self._choose(now.files)
        with explained(self.workspace), tempfile.TemporaryDirectory(dir=self._state.parent) as scratch:
            found = self._found(Path(scratch))
        there = {name: file for name, (_, file) in found.items()}
        changed = {name: file for name, file in wanted.items() if there.get(name) != file}
        gone = there.keys() - wanted.keys()
        if changed or gone:
            own = Workspace(self.workspace, PATIENCE)
            with own.transaction() as place:
                paths = {file.sha256: path for path, file in found.values() if path.is_relative_to(self.workspace)}
                missing = [file for file in changed.values() if file.sha256 not in paths]
                paths |= publications.fetch(self.folder, missing, place, progress)
                for name in gone:
                    own.remove(name)
                for name, file in changed.items():
                    own.adopt(name, paths[file.sha256])
            _remove_empty(self.workspace)
        for name, file in wanted.items():
            self._seen[name] = (_sign(self.workspace / name), file)
        self._became(now)
        return len(changed) + len(gone)

    def _found(self, scratch: Path) -> dict[str, tuple[Path, File]]:
        """Files of the copy by their names; digests of those that did not change since are known."""
        found = {}
        for number, name in enumerate(contents.names(self.workspace)):
            if name.partition("/")[0] in OWN:
                continue
            path = self.workspace / name
            sign, (known, file) = _sign(path), self._seen.get(name, (None, None))
            if known != sign or file is None or (path.suffix == ".db" and file.sha256 not in self.base.objects):
                (own := scratch / str(number)).mkdir()
                path = contents.still(path, own)
                file = File(publications.digest(path), path.stat().st_size)
                self._seen[name] = (sign, file)
            found[name] = (path, file)
        return found

    def _became(self, base: Publication) -> None:
        self.base, self.pending = base, False
        self._save()

    def _load(self) -> None:
        """What is known of the copy; nothing, where it is not there."""
        self.base, self.pending, self._seen = Publication(), False, {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            told = json.loads(self._state.read_text(encoding="utf-8"))
            seen = {name: (tuple(sign), File(**file)) for name, (sign, file) in told["seen"].items()}
            self.base = Publication.loads(told["publication"], told["generation"])
            self.pending, self._seen = told["pending"], seen

    def mark(self) -> None:
        """Note where the copy is from, before anything is fetched.

        Raises:
            WorkspaceError: Its folder cannot be written.
        """
        with self._writing(), contextlib.suppress(FileExistsError):
            self._state.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._state.parent) as scratch:
                (draft := Path(scratch, STATE)).write_text(json.dumps(self._told()), encoding="utf-8")
                self._state.hardlink_to(draft)

    def _save(self) -> None:
        with self._writing():
            draft = self._state.with_suffix(".draft")
            draft.write_text(json.dumps(self._told()), encoding="utf-8")
            draft.replace(self._state)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            raise WorkspaceError(
                f"{self._state.parent}: the copy of {self.folder.address} cannot be written ({error.strerror}). Make "
                "room there, or name another folder: --set warehouse.copies=…"
            ) from error

    def _told(self) -> dict[str, object]:
        return {
            "address": self.folder.address,
            "pending": self.pending,
            "generation": self.base.generation,
            "publication": self.base.dumps(),
            "seen": {name: (sign, asdict(file)) for name, (sign, file) in self._seen.items()},
        }


def address_of(workspace: Path) -> str:
    """The address of a workspace in a bucket, or of which a folder is the copy; empty for a folder of its own."""
    if workspace.parts[:1] == ("gs:",):  # a path drops slashes
        return SCHEME + "/".join(workspace.parts[1:])
    state = workspace.parent / STATE
    if workspace.name != PLACE or not state.is_file():
        return ""
    return str(json.loads(state.read_text(encoding="utf-8"))["address"])


def around(workspace: Path) -> str:
    """The address of a workspace in a bucket that a folder is the copy of, or lies within; empty for none."""
    return next(filter(None, map(address_of, (workspace, *workspace.parents[:2]))), "")


def copy_of(settings: Settings, address: str) -> Copy:
    """The copy of a workspace in a bucket on this machine.

    Raises:
        ClientageError: It is no address, or the library for it is not installed.
    """
    root = Path(settings.warehouse.copies or platformdirs.user_cache_path("clientage") / "workspaces")
    name = re.sub(r"[^a-z0-9]+", "-", address.removeprefix(SCHEME).lower()).strip("-")[-60:]
    home = root.expanduser().absolute() / f"{name}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    return Copy(address, home / PLACE, home / STATE)


def of(workspace: Path) -> Copy | None:
    """The copy that a folder is; None where it is a workspace of its own."""
    address = address_of(workspace)
    return Copy(address, workspace, workspace.parent / STATE) if address else None


def is_published(workspace: Path, name: str) -> bool:
    """Whether everybody has a file as it is here; always where the workspace is a folder of its own."""
    if not (copy := of(workspace)):
        return True
    known = copy.base.files.get(name)
    return known is not None and publications.digest(workspace / name) == known.sha256


def told(workspace: Path) -> str:
    """A workspace as people know it: the address that it is a copy of, or the folder."""
    return address_of(workspace) or str(workspace)


def keep(workspace: Path, seconds: float, wait: Callable[[float], bool]) -> None:
    """Follow what is published, where a folder is the copy of it, until told to end; what fails is tried again.

    Args:
        workspace: The folder.
        seconds: From one look to the next.
        wait: Waits for so many seconds, and tells whether to end.
    """
    copy = of(workspace)
    while copy and not wait(seconds):
        with contextlib.suppress(ClientageError):
            copy.follow()


@contextlib.contextmanager
def unless_busy() -> Iterator[None]:
    """Leave it out where somebody else is at work in a copy."""
    try:
        yield
    except WorkspaceError as error:
        if not isinstance(error.__cause__, filelock.Timeout):
            raise


def _sign(path: Path) -> Sign:
    """Changes whenever a file does."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _remove_empty(workspace: Path) -> None:
    """Folders that nothing is left in: a draft without files is none."""
    for folder in sorted((path for path in workspace.rglob("*") if path.is_dir()), reverse=True):
        parts = folder.relative_to(workspace).parts
        if parts[0] not in OWN and not parts[0].startswith("."):
            with contextlib.suppress(OSError):
                folder.rmdir()
