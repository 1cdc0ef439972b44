"""The files behind a location: one file, a folder, a glob, an archive, an address."""

import difflib
import gzip
import hashlib
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from clientage.errors import InputError

Kind = Literal["csv", "spreadsheet", "parquet", "zip", "gz"]
Progress = Callable[[str, float | None], None]

_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet", ".pq", ".zip", ".gz")
_KINDS: Mapping[bytes, Kind] = {
    b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gz", b"PAR1": "parquet",
    b"\xd0\xcf\x11\xe0": "spreadsheet",
}  # fmt: skip
_OTHERS = {
    b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "Zstandard", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR",
    b"%PDF": "PDF", b"SQLite format 3": "SQLite",
}  # fmt: skip
_ASIDE = re.compile(r"^(readme|licen[cs]e|notice|changelog|about)\b.*\.txt$", re.IGNORECASE)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class File:
    """One file of order lines on disk.

    Attributes:
        path: Where it is.
        name: How messages call it; inside an archive, with the archive's name before it.
        kind: What it is in truth, by its first bytes rather than its name.
    """

    path: Path
    name: str
    kind: Kind


def find(location: str) -> list[Path]:
    """The files a path, folder or glob stands for, in order of their names.

    Raises:
        InputError: There is nothing there.
    """
    path = Path(location).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir() and not _is_pattern(path):
        raise InputError(f"{location}: there is no such file or folder. {_near(path)}")
    base = next(folder for folder in (path, *path.parents) if not _is_pattern(folder))
    inside = path.rglob("*") if base == path else base.glob(str(path.relative_to(base)))
    found = sorted(file for file in inside if _wanted(file, base))
    if not found:
        raise InputError(f"{location}: no order lines there. Give files that end in {', '.join(_SUFFIXES)}.")
    return found


def _near(path: Path) -> str:
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, 1)
    return f"Did you mean {path.parent / near[0]}?" if near else "Check the path."


def _is_pattern(path: Path) -> bool:
    return any(sign in str(path) for sign in "*?[")


def _wanted(file: Path, base: Path) -> bool:
    """Whether a file is one of order lines, and not one of a workspace that lies among them."""
    inside = file.relative_to(base)
    workspace = file.parent.parent
    made = file.parent.name == "tables" and ((workspace / "run.json").exists() or (workspace / "facts").is_dir())
    return file.is_file() and is_data(PurePosixPath(*inside.parts)) and not made


def is_data(name: PurePosixPath) -> bool:
    """Whether a file beside others is one of order lines, going by its name."""
    hidden = any(part.startswith((".", "_", "~$")) for part in name.parts)
    return not hidden and name.suffix.lower() in _SUFFIXES and not _ASIDE.match(name.name)


def fingerprint(paths: list[Path]) -> str:
    """SHA-256 of the file's content; of several files, that of their digests in order of their names."""
    digests = [digest(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def opened(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        InputError: It cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}). Check its permissions.") from error


def kind_of(path: Path, name: str) -> Kind:
    """What a file is, by its first bytes.

    Raises:
        InputError: It is something that holds no order lines.
    """
    with opened(path) as file:
        start = file.read(16)
    for magic, packed in _OTHERS.items():
        if start.startswith(magic):
            raise InputError(
                f"{name}: is a {packed} file, not order lines. Give CSV, Excel, Parquet, or a zip of them."
            )
    kind: Kind = next((kind for magic, kind in _KINDS.items() if start.startswith(magic)), "csv")
    if kind != "zip":
        return kind
    with _archive(path, name) as archive:
        inside = archive.namelist()
    return "spreadsheet" if "mimetype" in inside or any(n.startswith("xl/workbook.") for n in inside) else "zip"


def _archive(path: Path, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{name}: the archive is damaged ({error}). Download or make it again.") from error


def unpacked(path: Path, name: str, scratch: Path, max_bytes: int, progress: Progress) -> Iterator[File]:
    """The files of order lines in a file: itself, or what it holds when it is an archive.

    Raises:
        InputError: The archive is damaged, encrypted, too large, holds another archive or nothing of use.
    """
    kind = kind_of(path, name)
    if kind == "zip":
        for inside, target, left in _from_zip(path, name, scratch, max_bytes, progress):
            if kind_of(target, inside) == "zip":
                raise _nested(inside)
            yield from unpacked(target, inside, scratch, left, progress)
    elif kind == "gz":
        inside = name.removesuffix(".gz")
        target = fresh(scratch, inside)
        with gzip.open(path) as packed:
            _copy(packed, target, name, max_bytes)
        if (kind := kind_of(target, inside)) in ("zip", "gz"):
            raise _nested(inside)
        yield File(target, inside, kind)
    else:
        yield File(path, name, kind)


def _nested(name: str) -> InputError:
    return InputError(f"{name}: is an archive inside an archive. Unpack the outer one first.")


def fresh(scratch: Path, name: str) -> Path:
    """A new place in scratch under a name of our own: what an archive calls its members decides no path."""
    scratch.mkdir(parents=True, exist_ok=True)
    suffix = PurePosixPath(name).suffix.lower()
    return scratch / f"file-{len(list(scratch.iterdir())):05d}{suffix if suffix in _SUFFIXES else ''}"


def _from_zip(
    path: Path, name: str, scratch: Path, max_bytes: int, progress: Progress
) -> Iterator[tuple[str, Path, int]]:
    """Name and place of each member, and how much may still come."""
    with _archive(path, name) as archive:
        members = sorted(_members(archive, name), key=lambda member: member.filename)
        check_size(sum(member.file_size for member in members), name, max_bytes)
        left = max_bytes
        for member in members:
            progress(f"unpacking {member.filename}", None)
            target = fresh(scratch, member.filename)
            try:
                with archive.open(member) as packed:
                    left -= _copy(packed, target, name, left)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
                raise InputError(f"{name}: {member.filename} cannot be unpacked ({error}). Make it again.") from error
            yield f"{name}/{member.filename}", target, left


def _members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The members to read; what could harm is refused, what is beside the point passed over."""
    members = []
    for member in archive.infolist():
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or re.match(r"^[A-Za-z]:", member.filename):
            raise InputError(
                f"{name}: holds the path {member.filename!r}, which leads outside. Make the archive again."
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"{name}: {member.filename} is a link, not a file. Put the file itself into the archive.")
        if member.is_dir() or not is_data(inside):
            continue
        if inside.suffix.lower() == ".zip":
            raise _nested(f"{name}/{member.filename}")
        if member.flag_bits & 1:
            raise InputError(f"{name}: {member.filename} is encrypted. Unpack it with its password first.")
        members.append(member)
    if not members:
        raise InputError(f"{name}: holds no order lines. Put files into it that end in {', '.join(_SUFFIXES[:-2])}.")
    return members


def check_size(size: int, name: str, max_bytes: int) -> None:
    """Refuse what is larger than allowed.

    Raises:
        InputError: It is.
    """
    if size > max_bytes:
        raise InputError(
            f"{name}: holds more than {max_bytes / 1e9:,.3g} GB. "
            f"If that is right, allow it: --set source.max_gigabytes={max(1, -(-size // 10**9))}"
        )


def _copy(packed: IO[bytes] | gzip.GzipFile, target: Path, name: str, max_bytes: int) -> int:
    """Unpack to disk, counting what really comes out rather than what the archive says."""
    written = 0
    try:
        with target.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                check_size(written, name, max_bytes)
                file.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name}: the archive is damaged ({error}). Download or make it again.") from error
    return written


def safe(path: Path, scratch: Path) -> Path:
    """The same file under a path without glob signs, which DuckDB would take for a pattern."""
    if not _is_pattern(path):
        return path
    link = fresh(scratch, path.name)
    try:
        link.symlink_to(path.resolve())
    except OSError:
        shutil.copyfile(path, link)
    return link
