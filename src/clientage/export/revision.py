"""Which version of the data a workspace was made of, as DVC noted it; DVC itself is not needed to tell."""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

TRANSACTIONS = "tables/transactions.parquet"


def dvc_revision(workspace: str | Path, location: str = "", data: str = "") -> dict[str, str] | None:
    """What DVC calls the order lines of a workspace.

    Only what lies there now and is what DVC noted counts: order lines that were changed since have no version yet.

    Args:
        workspace: The folder of the tables.
        location: Where the order lines came from, as `source.location` of the manifest.
        data: Fingerprint of their content, as `data` of the manifest; empty: not compared.

    Returns:
        `file` (the note: a `.dvc` file or `dvc.lock`), `path` (what it is about) and `md5`; None where there is none.
    """
    for note, path, md5 in _noted(Path(workspace) / TRANSACTIONS):
        if _md5(path) == md5:
            return _told(note, path, md5)
    for note, path, md5 in _noted(Path(location)) if location and Path(location).exists() else ():
        if _md5(path) == md5 and (not data or _fingerprint(path) == data):
            return _told(note, path, md5)
    return None


def _noted(wanted: Path) -> Iterator[tuple[Path, Path, str]]:
    """Notes about a file or folder: in `FILE.dvc` beside it, and in every `dvc.lock` of the folders above."""
    wanted = wanted.absolute()
    for note in (wanted.with_name(f"{wanted.name}.dvc"), *(folder / "dvc.lock" for folder in wanted.parents)):
        for entry in _entries(_read(note)) if note.is_file() and wanted.exists() else ():
            if (path := (note.parent / str(entry["path"])).resolve()) == wanted.resolve():
                yield note, path, str(entry["md5"])


def _entries(document: Any) -> Iterator[dict[str, Any]]:
    """Whatever has a path and an MD5, outputs before what they depend on."""
    for stage in [document, *(document.get("stages") or {}).values()]:
        entries = [entry for kind in ("outs", "deps") for entry in stage.get(kind) or []]
        yield from (entry for entry in entries if {"path", "md5"} <= {*entry})


def _read(note: Path) -> dict[str, Any]:
    """A note; empty where it is none, or nothing that reads YAML is installed."""
    try:
        import yaml  # noqa: PLC0415 - comes with DVC, and with what records trainings
    except ImportError:
        return {}
    try:
        document = yaml.safe_load(note.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}


def _md5(path: Path) -> str:
    """As DVC has it: of a file that of its content, of a folder that of the list of its files."""
    if path.is_file():
        return _digest(path, "md5")
    files = [{"md5": _digest(file, "md5"), "relpath": file.relative_to(path).as_posix()} for file in _files(path)]
    listed = json.dumps(sorted(files, key=lambda file: file["relpath"]), sort_keys=True)
    return hashlib.md5(listed.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _fingerprint(path: Path) -> str:
    """As the manifest has it."""
    digests = [_digest(file, "sha256") for file in ([path] if path.is_file() else _files(path))]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.new, kind, usedforsecurity=False)).hexdigest()


def _told(note: Path, path: Path, md5: str) -> dict[str, str]:
    return {"file": note.name, "path": path.relative_to(note.parent.resolve()).as_posix(), "md5": md5}
