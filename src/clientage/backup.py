"""Back-ups: all that a workspace keeps, in one file that is checked to the last byte before it is used.

What can be made again at once stays out: drafts, and what runs leave on the way. What lies elsewhere is not in it: the
registry on a server, predictions in a database, and tables in BigQuery.
"""

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from clientage import contents
from clientage.context import DRAFTS, opened
from clientage.errors import InputError, WorkspaceError, joined
from clientage.forget import forget
from clientage.forgotten import FOLDER, remembered
from clientage.manifest import installed
from clientage.settings import Settings
from clientage.tables import SPECS
from clientage.warehouse import Warehouse, explained

FORMAT = 1
CONTENTS = "contents.json"
CHUNK = 1 << 20
NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that fits: the same workspace gives the same bytes
PACKED = (".parquet",)  # already


@dataclass(frozen=True)
class Kept:
    """What a back-up holds.

    Attributes:
        path: The back-up.
        files: How many.
        size: Of all of them, in bytes.
        replaced: Where the workspace is that was there before; none where there was none.
        forgotten: Customers who were forgotten after the back-up, and again in it.
        elsewhere: Where the tables live that are not in it; empty where they are.
    """

    path: Path
    files: int
    size: int
    replaced: Path | None = None
    forgotten: int = 0
    elsewhere: str = ""


def backup(settings: Settings, path: Path, *, overwrite: bool = False) -> Kept:
    """Keep a workspace in one file, as it is between two runs; the file appears whole or not at all.

    Args:
        settings: All of them.
        path: The file to write.
        overwrite: Whether one that is there may be replaced.

    Raises:
        WorkspaceError: There is nothing to keep, the file is there or in the workspace, or a disk refuses.
    """
    workspace = settings.workspace.absolute()
    if not workspace.is_dir() or not (names := _names(workspace)):
        raise WorkspaceError(
            f"{settings.workspace}: there is nothing to back up. Make tables with `clientage run FILE`."
        )
    if path.absolute().is_relative_to(workspace):
        raise WorkspaceError(f"{path}: lies in the workspace itself. Write the back-up elsewhere.")
    if path.exists() and not overwrite:
        raise WorkspaceError(f"{path}: is there already. Give another name, or --overwrite.")
    draft = path.with_name(f".{path.name}.part")
    with opened(settings).transaction() as scratch, explained(path.parent):
        try:
            with zipfile.ZipFile(draft, "w", allowZip64=True) as archive:
                listed = {name: _put(archive, name, contents.still(workspace / name, scratch)) for name in names}
                told = {"format": FORMAT, "versions": installed(), "files": listed}
                archive.writestr(_entry(CONTENTS), json.dumps(told, indent=1) + "\n")
            with draft.open("rb") as written:
                os.fsync(written.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return Kept(path, len(listed), sum(each["size"] for each in listed.values()), elsewhere=contents.lives(workspace))


def restore(settings: Settings, path: Path, *, replace: bool = False) -> Kept:
    """Make a back-up the workspace; one that is there is kept beside it, and whom it forgot stays forgotten.

    One whose tables live elsewhere is never replaced: the next run would let go of them, as nothing in the restored one
    names them.

    Args:
        settings: All of them.
        path: The back-up.
        replace: Whether a workspace that is there may be replaced.

    Raises:
        InputError: The file is no whole back-up: every problem. The workspace is as it was.
        WorkspaceError: A workspace is there, or the disk refuses. It is as it was.
    """
    workspace = settings.workspace.absolute()
    there = workspace.exists() and any(workspace.iterdir())
    former = workspace.with_name(f"{workspace.name}.before-restore")
    if there and not replace:
        raise WorkspaceError(
            f"{settings.workspace}: is not empty. Give another --workspace, or --replace: it becomes {former.name}."
        )
    if there and (where := contents.lives(workspace)):
        raise WorkspaceError(
            f"{settings.workspace}: its tables live in {where}, are in no back-up, and would end with the next run. "
            "Restore into another --workspace, and make its tables there: clientage run FILE --keep-model."
        )
    if there and former.exists():
        raise WorkspaceError(f"{former}: is there from the last time. Move it away first.")
    place = workspace.with_name(f".{workspace.name}.restored")
    with opened(settings).alone() if there else contextlib.nullcontext(), explained(workspace.parent):
        try:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            listed = _unpack(path, place)
            again = _forget_again(settings, place) if there else 0
            if there:
                workspace.rename(former)
            elif workspace.exists():
                workspace.rmdir()
            place.rename(workspace)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    size = sum(each["size"] for each in listed.values())
    return Kept(path, len(listed), size, former if there else None, again, contents.lives(workspace))


def _names(workspace: Path) -> list[str]:
    """Files that are kept, by their names in the workspace, in order."""
    return [name for name in contents.names(workspace) if not name.startswith(f"{DRAFTS}/")]


def _put(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    """Add a file: its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as target:
        for chunk in _chunks(source):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, NO_TIME)
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(PACKED) else zipfile.ZIP_DEFLATED
    return entry


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _unpack(path: Path, place: Path) -> dict[str, Any]:
    """All files of a back-up into a folder, each held against what the back-up says of it.

    Raises:
        InputError: Every problem.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listed = _contents(archive)
            entries = sorted(entry.filename for entry in archive.infolist())
            if problems := [*_unfit(listed), *_different(sorted([*listed, CONTENTS]), entries)]:
                raise ValueError(joined(problems))
            if problems := [name for name in listed if not _take(archive, name, listed[name], place / name)]:
                raise ValueError(joined(f"{name} was altered" for name in problems))
    except (OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        if isinstance(error, OSError) and not isinstance(
            error, FileNotFoundError | IsADirectoryError | PermissionError
        ):
            raise  # of the disk that is written to
        known = isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError)
        reason = str(error) if known else getattr(error, "strerror", "") or "it is cut short, or something else"
        raise InputError(
            f"{path}: no whole back-up: {reason}. Take another one; the workspace is as it was."
        ) from error
    return listed


def _contents(archive: zipfile.ZipFile) -> dict[str, Any]:
    told = json.loads(archive.read(CONTENTS))
    if told["format"] != FORMAT:
        raise ValueError(f"its format is {told['format']}, this Clientage reads {FORMAT}")
    return {
        str(name): {"size": int(each["size"]), "sha256": str(each["sha256"])} for name, each in told["files"].items()
    }


def _unfit(names: dict[str, Any]) -> list[str]:
    """Names that would lead out of the workspace, or to what runs use."""
    parts = {name: PurePosixPath(name).parts for name in names}
    return [
        f"{name!r} is no name of a workspace"
        for name, each in parts.items()
        if not each or name.startswith((".", "/")) or "\\" in name or ".." in each or str(PurePosixPath(name)) != name
    ]


def _different(told: list[str], found: list[str]) -> list[str]:
    missing = [f"{name} is missing" for name in told if name not in found]
    return missing + [f"{name} is not of it" for name in sorted(set(found)) if found.count(name) > told.count(name)]


def _take(archive: zipfile.ZipFile, name: str, told: dict[str, Any], target: Path) -> bool:
    """Whether a file came out as it went in; never more of it than that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(name) as source, target.open("wb") as written:
            for chunk in _chunks(source):
                digest.update(chunk)
                size += len(chunk)
                if size > told["size"]:
                    return False
                written.write(chunk)
            written.flush()
            os.fsync(written.fileno())
    except (zipfile.BadZipFile, EOFError, zlib.error):
        return False
    return (size, digest.hexdigest()) == (told["size"], told["sha256"])


def _forget_again(settings: Settings, place: Path) -> int:
    """Whom the workspace forgot since the back-up, the back-up forgets too: how many it still had.

    Raises:
        WorkspaceError: Receipts of the one mean nothing to the other.
    """
    known, theirs = remembered(settings.workspace), remembered(place)
    if not known.digests:
        return 0
    if theirs.digests and theirs.salt != known.salt:
        raise WorkspaceError(
            f"{settings.workspace}: forgot customers whom the back-up cannot know, as it is of another workspace. "
            "Restore it into another --workspace."
        )
    (place / FOLDER).mkdir(exist_ok=True)
    for receipt in (settings.workspace / FOLDER).iterdir():
        shutil.copyfile(receipt, place / FOLDER / receipt.name)
    within = settings.model_copy(update={"workspace": place})
    customers = _still_there(opened(within))
    for customer in customers:
        forget(within, customer)
    return len(customers)


def _still_there(warehouse: Warehouse) -> list[str]:
    """Customers of tables who were forgotten."""
    known, found = remembered(warehouse.workspace), set()
    for name, spec in SPECS.items():
        if "customer_id" in spec.columns and warehouse.exists(name):
            table = warehouse.read(name)
            theirs = table.filter(known.among(table.customer_id)).select("customer_id").distinct()
            found |= set(warehouse.collect(theirs)["customer_id"].to_pylist())
    return sorted(found)
