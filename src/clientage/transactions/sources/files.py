"""The files behind a location: one file, a folder, a glob; what each is, and what is known of it before it is read."""

import difflib
import hashlib
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Literal

import pyarrow as pa

from clientage.errors import InputError

Kind = Literal["csv", "spreadsheet", "parquet", "zip", "gz"]
Progress = Callable[[str, float | None], None]

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet", ".pq", ".zip", ".gz")
_KINDS: Mapping[bytes, Kind] = {
    b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gz", b"PAR1": "parquet",
    b"\xd0\xcf\x11\xe0": "spreadsheet",
}  # fmt: skip
_OTHERS = {
    b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "Zstandard", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR",
    b"%PDF": "PDF", b"SQLite format 3": "SQLite",
}  # fmt: skip
VALUE = re.compile(r"\w+='")  # what could not be read is a value of some column, not a line that has not its columns
_LONGEST = 60  # signs of a value that are told
_ASIDE = re.compile(r"^(readme|licen[cs]e|notice|changelog|about)\b.*\.txt$", re.IGNORECASE)


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


def shortened(unreadable: str) -> str:
    """What could not be read, fit to be told anywhere: of a line only what is wrong with it, not whom it names."""
    if not VALUE.match(unreadable):
        return unreadable.partition(":")[0]
    return unreadable if len(unreadable) <= _LONGEST else f"{unreadable[:_LONGEST]}…"


@dataclass(frozen=True)
class Spoilt:
    """A file of which some lines cannot be read.

    Attributes:
        name: How messages call it.
        unreadable: How many.
        lines: Of how many.
        example: What stood in one of them, shortened.
    """

    name: str
    unreadable: int
    lines: int
    example: str

    @property
    def share(self) -> float:
        """Of its lines, those that cannot be read."""
        return self.unreadable / self.lines


@dataclass(frozen=True)
class Part:
    """A file or sheet before its rows are read.

    Attributes:
        name: How messages call it.
        kind: What it is.
        columns: Its columns, as they are called there; of text blanks are named and repeated names numbered.
        content: What its rows are read from: a file, of text one in UTF-8, or the cells.
        empty: Whether it has no rows.
        delimiter: Sign between fields, of text.
        encoding: Encoding of text as it came.
        skipped: Lines above the header, of text.
        zones: Those of its times, by column (DuckDB reads them as UTC and forgets).
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    content: Path | pa.Table
    empty: bool = False
    delimiter: str = ""
    encoding: str = ""
    skipped: int = 0
    zones: tuple[tuple[str, str], ...] = ()

    @property
    def alike(self) -> Hashable:
        """Parts with an equal mark are laid out alike and can be read in one go."""
        own = id(self) if self.kind == "spreadsheet" else None
        return self.kind, self.columns, self.delimiter, self.skipped, self.zones, own


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
    base = path if path.is_dir() else next(folder for folder in path.parents if not _is_pattern(folder))
    inside = base.rglob("*") if base == path else base.glob(str(path.relative_to(base)))
    found = sorted(file for file in inside if _wanted(file, base))
    if not found:
        raise InputError(f"{location}: no order lines there. Give files that end in {', '.join(SUFFIXES)}.")
    return found


def require_settled(paths: Iterable[Path], seconds: float) -> None:
    """Stop where somebody may still be writing.

    Args:
        paths: Files.
        seconds: For how long a file that is complete has not been changed.

    Raises:
        InputError: Some were changed less than that ago.
    """
    now = time.time()
    if late := [path.name for path in paths if 0 <= now - path.stat().st_mtime < seconds]:
        raise InputError(
            f"{', '.join(late)}: changed less than {seconds:g} s ago, and may still be written. Wait until it is "
            "complete, or --set source.settle_seconds=0."
        )


def _near(path: Path) -> str:
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, 1)
    return f"Did you mean {path.parent / near[0]}?" if near else "Check the path."


def _is_pattern(path: Path) -> bool:
    return any(sign in str(path) for sign in "*?[")


def _wanted(file: Path, base: Path) -> bool:
    """Whether a file is one of order lines, and not one of a workspace that lies among them."""
    inside = file.relative_to(base)
    tables = next((folder for folder in file.parents[:2] if folder.name == "tables"), None)
    made = tables and ((tables.parent / "run.json").exists() or (tables.parent / "facts").is_dir())
    return file.is_file() and is_data(PurePosixPath(*inside.parts)) and not made


def is_data(name: PurePosixPath) -> bool:
    """Whether a file beside others is one of order lines, going by its name."""
    hidden = any(part.startswith((".", "_", "~$")) for part in name.parts)
    return not hidden and name.suffix.lower() in SUFFIXES and not _ASIDE.match(name.name)


def fingerprint(digests: Iterable[str]) -> str:
    """SHA-256 of the file's content; of several files, that of their digests in order of their names."""
    first, *others = digests
    return hashlib.sha256("".join([first, *others]).encode()).hexdigest() if others else first


def sign(path: Path) -> tuple[int, ...]:
    """What the file system says of a file: as long as it is the same, so is the content.

    The time of the last change of any kind is part of it, which cannot be set back as that of the content can.
    """
    seen = path.stat()
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


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
    for magic, other in _OTHERS.items():
        if start.startswith(magic):
            raise InputError(f"{name}: is a {other} file, not order lines. Give CSV, Excel, Parquet, or a zip of them.")
    kind: Kind = next((kind for magic, kind in _KINDS.items() if start.startswith(magic)), "csv")
    if kind != "zip":
        return kind
    with archive(path, name) as packed:
        inside = packed.namelist()
    return "spreadsheet" if "mimetype" in inside or any(n.startswith("xl/workbook.") for n in inside) else "zip"


def archive(path: Path, name: str) -> zipfile.ZipFile:
    """A zip, opened.

    Raises:
        InputError: It is damaged.
    """
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{name}: the archive is damaged ({error}). Download or make it again.") from error


def fresh(scratch: Path, name: str) -> Path:
    """A new place in scratch under a name of our own: what an archive calls its members decides no path."""
    scratch.mkdir(parents=True, exist_ok=True)
    suffix = PurePosixPath(name).suffix.lower()
    return scratch / f"file-{len(list(scratch.iterdir())):05d}{suffix if suffix in SUFFIXES else ''}"


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
