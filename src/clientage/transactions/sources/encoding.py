"""Text in UTF-8, whatever it came in: UTF-16, cp1252, or several encodings in one file."""

import codecs
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from clientage.errors import InputError
from clientage.transactions.sources.files import File, fresh, opened, safe

_HEAD = 1 << 16
_CHUNK = 1 << 22
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def utf8(file: File, scratch: Path) -> tuple[Path, str]:
    """The file's text as UTF-8, and the encoding it came in; a copy is made only where it is needed.

    Raises:
        InputError: The file is no text.
    """
    with opened(file.path) as source:
        head = source.read(_HEAD)
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not marked and _BINARY.search(head):
        raise InputError(f"{file.name}: is not text, nor Excel, Parquet or zip. Export the order lines again.")
    if not marked and all(_decodes(chunk) for chunk in _chunks(file.path)):
        return safe(file.path, scratch), "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    target = fresh(scratch, "text.csv")
    if not marked:
        return target, "utf-8 and cp1252 mixed" if _recode_lines(file.path, target) else "cp1252"
    try:
        with (
            file.path.open(encoding="utf-16", newline="") as text,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            shutil.copyfileobj(text, out, _CHUNK)
    except UnicodeError as error:
        raise InputError(f"{file.name}: is not the UTF-16 it says it is ({error}). Save it as UTF-8.") from error
    return target, "utf-16"


def _chunks(path: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line."""
    with opened(path) as source:
        while chunk := source.read(_CHUNK):
            yield chunk + source.readline()


def _decodes(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _recode_lines(path: Path, target: Path) -> bool:
    """Decode line by line, UTF-8 where that fits, else cp1252; whether both occur."""
    both = False
    with target.open("wb") as out:
        for chunk in _chunks(path):
            for line in chunk.splitlines(keepends=True) if not _decodes(chunk) else [chunk]:
                good = line.isascii() or _decodes(line)
                both |= good and not line.isascii()
                out.write(line if good else _western(line).encode())
    return both


def _western(line: bytes) -> str:
    """cp1252, and Latin-1 for the five bytes it leaves undefined."""
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in line)
