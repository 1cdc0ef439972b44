"""Archives unpacked: what could harm is refused, what really comes out is counted."""

import gzip
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from clientage.errors import InputError
from clientage.transactions.sources import files

_CHUNK = 1 << 20


def unpacked(path: Path, name: str, scratch: Path, max_bytes: int, progress: files.Progress) -> Iterator[files.File]:
    """The files of order lines in a file: itself, or what it holds when it is an archive.

    Raises:
        InputError: The archive is damaged, encrypted, too large, holds another archive or nothing of use.
    """
    kind = files.kind_of(path, name)
    if kind == "zip":
        for inside, target, left in _from_zip(path, name, scratch, max_bytes, progress):
            if files.kind_of(target, inside) == "zip":
                raise _nested(inside)
            yield from unpacked(target, inside, scratch, left, progress)
    elif kind == "gz":
        target = files.fresh(scratch, name.removesuffix(".gz"))
        with gzip.open(path) as packed:
            _copy(packed, target, name, max_bytes)
        if (kind := files.kind_of(target, name)) in ("zip", "gz"):
            raise _nested(name)
        yield files.File(target, name, kind)
    else:
        yield files.File(path, name, kind)


def _nested(name: str) -> InputError:
    return InputError(f"{name}: is an archive inside an archive. Unpack the outer one first.")


def _from_zip(
    path: Path, name: str, scratch: Path, max_bytes: int, progress: files.Progress
) -> Iterator[tuple[str, Path, int]]:
    """Name and place of each member, and how much may still come."""
    with files.archive(path, name) as packed:
        members = sorted(_members(packed, name), key=lambda member: member.filename)
        files.check_size(sum(member.file_size for member in members), name, max_bytes)
        left = max_bytes
        for member in members:
            progress(f"unpacking {member.filename}", None)
            target = files.fresh(scratch, member.filename)
            try:
                with packed.open(member) as content:
                    left -= _copy(content, target, name, left)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
                raise InputError(f"{name}: {member.filename} cannot be unpacked ({error}). Make it again.") from error
            yield f"{name}/{member.filename}", target, left


def _members(packed: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The members to read; what could harm is refused, what is beside the point passed over."""
    members = []
    for member in packed.infolist():
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or re.match(r"^[A-Za-z]:", member.filename):
            raise InputError(
                f"{name}: holds the path {member.filename!r}, which leads outside. Make the archive again."
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"{name}: {member.filename} is a link, not a file. Put the file itself into the archive.")
        if member.is_dir() or not files.is_data(inside):
            continue
        if inside.suffix.lower() == ".zip":
            raise _nested(f"{name}/{member.filename}")
        if member.flag_bits & 1:
            raise InputError(f"{name}: {member.filename} is encrypted. Unpack it with its password first.")
        members.append(member)
    if not members:
        raise InputError(
            f"{name}: holds no order lines. Put files into it that end in {', '.join(files.SUFFIXES[:-2])}."
        )
    return members


def _copy(packed: IO[bytes] | gzip.GzipFile, target: Path, name: str, max_bytes: int) -> int:
    """Unpack to disk, counting what really comes out rather than what the archive says."""
    written = 0
    try:
        with target.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                files.check_size(written, name, max_bytes)
                file.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name}: the archive is damaged ({error}). Download or make it again.") from error
    return written
