"""Files of folders that predictions were shipped to, and reading all of them while others ship and merge."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from clientage.errors import WorkspaceError

MERGED = "-merged-"
TRIES = 10

Found = TypeVar("Found")


def steady(folders: Sequence[Path], read: Callable[[list[Path]], Found]) -> Found:
    """What is read from all files of folders; once more where files were merged meanwhile, so that none is missed.

    Args:
        folders: Of a `clientage.serving.folder.FolderSink` each; need not be there.
        read: Reads files; FileNotFoundError says that one of them has gone.

    Raises:
        WorkspaceError: They are merged without end.
    """
    for _ in range(TRIES):
        found = [path for folder in folders for path in files(folder)]
        with contextlib.suppress(FileNotFoundError):
            result = read(found)
            if _merged(found) == _merged(path for folder in folders for path in files(folder)):
                return result
    raise WorkspaceError(f"{folders[0]}: the predictions are being merged again and again. Try again in a minute.")


def files(folder: Path) -> list[Path]:
    """Files of predictions, those that are being written left out."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def unreadable(path: Path) -> WorkspaceError:
    """That a file is none of predictions."""
    return WorkspaceError(f"{path}: predictions that cannot be read. Restore the file, or remove it.")


def _merged(found: Iterable[Path]) -> list[Path]:
    """Files made of others. As long as none is added, nothing was missed while a folder was looked through."""
    return [path for path in found if MERGED in path.name]
