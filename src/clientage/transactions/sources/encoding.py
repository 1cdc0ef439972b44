"""Text in UTF-8, whatever it came in: UTF-16, cp1252, or several encodings in one file."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from clientage.errors import InputError
from clientage.transactions.sources.files import File, opened, safe

_HEAD = 1 << 16
_CHUNK = 1 << 22
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def utf8(file: File, scratch: Path) -> tuple[Path, str]:
    """The file's text as UTF-8, and the encoding it came in; a copy is made only where it is needed.

    Raises:
        InputError: The file is no text.
    """
    with opened(file.path) as source:
        head = source.read(_HEAD)
    mark = next((mark for mark in _MARKS if head.startswith(mark)), None)
    if mark is None and _BINARY.search(head):
        raise InputError(f"{file.name}: is not text, nor Excel, Parquet or zip. Export the order lines again.")
    if mark is None and _is_utf8(file.path):
        return safe(file.path, scratch), "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    target = scratch / f"text-{len(list(scratch.iterdir())):05d}.csv"
    if mark:
        _recode(file, target, _MARKS[mark])
        return target, _MARKS[mark]
    mixed = _recode_lines(file.path, target)
    return target, "utf-8 and cp1252 mixed" if mixed else "cp1252"


def _chunks(path: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line."""
    with opened(path) as source:
        while chunk := source.read(_CHUNK):
            yield chunk + source.readline()


def _is_utf8(path: Path) -> bool:
    return all(chunk.isascii() or _decodes(chunk) for chunk in _chunks(path))


def _decodes(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _recode(file: File, target: Path, encoding: str) -> None:
    with file.path.open(encoding=encoding, newline="") as source, target.open("w", encoding="utf-8", newline="") as out:
        try:
            while text := source.read(_CHUNK):
                out.write(text)
        except UnicodeError as error:
            raise InputError(
                f"{file.name}: is not the {encoding} it says it is ({error}). Save it as UTF-8."
            ) from error


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
