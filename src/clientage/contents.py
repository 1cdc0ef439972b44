"""Which files make up a workspace, and how they are read while somebody may be at work."""

import contextlib
import json
import sqlite3
from pathlib import Path

LIVING = "tables.json"  # says where tables are that live elsewhere
PASSING = (".lock", "-journal", "-wal", "-shm")  # of whoever is at work


def names(workspace: Path) -> list[str]:
    """Files of a workspace by their names in it, in order; without what is only there while somebody is at work."""
    found = (path.relative_to(workspace) for path in workspace.rglob("*") if path.is_file())
    lasting = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    return sorted(path.as_posix() for path in lasting if not path.name.endswith(PASSING))


def lives(workspace: Path) -> str:
    """Where tables of a workspace live that are not in its folder; empty where they are, or where there are none."""
    pointer = workspace / LIVING
    return str(json.loads(pointer.read_text(encoding="utf-8"))["dataset"]) if pointer.is_file() else ""


def still(path: Path, scratch: Path) -> Path:
    """A file as it is at one moment; a database may be written to meanwhile by whom the lock does not hold off."""
    if path.suffix != ".db":
        return path
    copy = scratch / path.name
    with contextlib.closing(sqlite3.connect(path)) as given, contextlib.closing(sqlite3.connect(copy)) as taken:
        given.backup(taken)
    return copy
