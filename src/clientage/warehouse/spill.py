"""Where an engine puts what does not fit into memory: off the workspace, which may be small, slow or copied."""

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from clientage.errors import WorkspaceError

_NAME = "clientage-spill-{}-"


def folder(within: str = "") -> "tempfile.TemporaryDirectory[str]":
    """A folder of this process, that goes away with it; what killed ones left is removed.

    Args:
        within: Where; empty: with the machine's temporary files.

    Raises:
        WorkspaceError: Nothing can be put there.
    """
    base = Path(within or tempfile.gettempdir())
    try:
        _remove_left(base)
        return tempfile.TemporaryDirectory(prefix=_NAME.format(os.getpid()), dir=base, ignore_cleanup_errors=True)
    except OSError as error:
        raise WorkspaceError(
            f"{base}: what does not fit into memory cannot be put there ({error.strerror}). Give another folder: "
            "--set warehouse.spill=/disk."
        ) from error


def _remove_left(base: Path) -> None:
    """Remove folders of ours whose process is no more."""
    for path in base.glob(_NAME.format("*") + "*"):
        process = re.match(_NAME.format(r"(\d+)"), path.name)
        with contextlib.suppress(OSError):  # somebody else removes it too
            if process and path.stat().st_uid == os.getuid() and not _lives(int(process[1])):
                shutil.rmtree(path)


def _lives(process: int) -> bool:
    """Whether there is a process of this number, be it somebody else's."""
    with contextlib.suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True
