"""CSV files of any delimiter and encoding, read by DuckDB as text, no row lost."""

import codecs
import csv
import io
import re
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import duckdb
import ibis.expr.types as ir
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from clientage.errors import InputError
from clientage.transactions.sources.files import File, Part, fresh, opened, safe

_HEAD, _CHUNK = 1 << 16, 1 << 22
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_DELIMITERS = ",;\t|^~"
_OPEN_LINES = 100  # lines a quoted text may run over before its opening quote counts as a stray one
QUOTE = '"'
_STRAY = "\x1f"  # marks a line that is no good; no text file may hold it


def look(file: File, scratch: Path, delimiter: str = "") -> Part:
    """Find out how a CSV file is written.

    Raises:
        InputError: It is empty, or no text.
    """
    path, encoding = _utf8(file, scratch)
    with opened(path) as source:
        head = source.read(_HEAD).removeprefix(codecs.BOM_UTF8)
    whole = len(head) < _HEAD - 3
    text = head.decode("utf-8", "ignore").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n") if whole else text.split("\n")[:-1] or [text]
    skipped = 0
    if lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:  # a hint some spreadsheets write
        delimiter, skipped = delimiter or lines[0][4], 1
    while skipped < len(lines) and not lines[skipped].strip():
        skipped += 1
    if skipped == len(lines):
        raise InputError(f"{file.name}: is empty. Export the order lines again, or take it away.")
    delimiter = "\t" if delimiter == "\\t" else delimiter or _delimiter(lines[skipped:])
    rows = csv.reader(io.StringIO("\n".join(lines[skipped:])), delimiter=delimiter)
    header = next(rows)
    empty = whole and not any(any(row) for row in rows)
    return Part(file.name, "csv", _unique(header), path, empty, delimiter, encoding, skipped)


def _delimiter(lines: Sequence[str]) -> str:
    """The sign that splits the first lines into the most fields, the same number in each."""

    def score(delimiter: str) -> float:
        rows = [row for row in csv.reader(lines[:100], delimiter=delimiter) if row]
        return (len(rows[0]) - 1) * sum(len(row) == len(rows[0]) for row in rows) / len(rows)

    return max(_DELIMITERS, key=score)


def _unique(header: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for i, cell in enumerate(header, 1):
        name = cell.strip().removeprefix("\ufeff") or f"column {i}"
        while name.casefold() in {known.casefold() for known in names}:
            name += f" ({i})"
        names.append(name)
    return tuple(names)


def _utf8(file: File, scratch: Path) -> tuple[Path, str]:
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


def stage(engine: Backend, files: Sequence[Part], roles: Mapping[str, str], scratch: Path) -> ir.Table:
    """Read files of one layout, once, into Parquet: a column of text for each role, and `file`.

    Rows with another number of fields than the header become rows of nulls, with that number and the line itself in
    `unreadable`, a column that is there where such rows are. `file` is the path of what was read.
    """
    paths = _copied(engine, files, roles, scratch)
    if paths is None or not _all_there(paths, files):  # one by one, so that a stray quote changes no other file
        tried = paths if len(files) == 1 else None
        paths = [path for file in files for path in _copied_alone(engine, file, roles, scratch, tried)]
    return engine.read_parquet([str(path) for path in paths], union_by_name=True)


def _copied_alone(
    engine: Backend, file: Part, roles: Mapping[str, str], scratch: Path, paths: list[Path] | None
) -> list[Path]:
    """Staged rows of one file, and the malformed ones; `paths` are those of a first try.

    With stray quotes or mixed line ends DuckDB would lose the lines up to the next quote, so they are mended first.

    Raises:
        InputError: That is of no use.
    """
    paths = paths or _copied(engine, [file], roles, scratch)
    if paths is None or not (_all_there(paths, [file]) or _is_quoted_well(file)):
        paths = _copied(engine, [_mended(file, scratch)], roles, scratch, file.content)
    if paths is None:
        raise InputError(f"{file.name}: its quoting cannot be understood. Export the order lines again.")
    return paths


def _all_there(paths: Sequence[Path], files: Sequence[Part]) -> bool:
    """Whether every line became a row; after a stray quote DuckDB may lose some and not say so.

    Blank lines, and texts that run over several, make it fewer rows, too; in a plain file it can be blank lines alone.
    """
    counted = [_lines(file.content) for file in files]
    lines = sum(count - file.skipped - 1 for (count, _), file in zip(counted, files, strict=True))
    rows: int = sum(pq.read_metadata(path).num_rows for path in paths)
    return rows >= lines or all(plain for _, plain in counted)


def _lines(path: Path) -> tuple[int, bool]:
    """Lines of a file, whether the last one ends or not, and whether it is plain: no quotes, all ends alike."""
    lines, last, quoted, returns = 0, b"\n", False, 0
    with opened(path) as source:
        while chunk := source.read(_CHUNK):
            lines, last = lines + chunk.count(b"\n"), chunk[-1:]
            quoted, returns = quoted or QUOTE.encode() in chunk, returns + chunk.count(b"\r")
    return lines + (last != b"\n"), not quoted and returns in (0, lines)


def _is_quoted_well(file: Part) -> bool:
    """Whether every quote fits, so that a text may run over several lines."""
    with file.content.open(encoding="utf-8-sig") as source:
        return all(good for _, good in _records(source, file.delimiter))


def _literal(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _copied(
    engine: Backend, files: Sequence[Part], roles: Mapping[str, str], scratch: Path, origin: Path | None = None
) -> list[Path] | None:
    """Staged rows and the malformed ones; None where lines may have been swallowed by a stray quote.

    Of a mended copy, `origin` is the path that it is one of.
    """
    number = len(list(scratch.iterdir()))
    good, bad = scratch / f"rows-{number:05d}.parquet", scratch / f"malformed-{number:05d}.parquet"
    errors, scans = f"clientage_malformed_{uuid4().hex}", f"clientage_scans_{uuid4().hex}"
    chosen = ", ".join(f'c{files[0].columns.index(name)} AS "{role}"' for role, name in roles.items())
    named = _literal(origin) if origin else ""
    rows = f"SELECT {chosen}, {named or 'filename'} AS file FROM {_reader(files, errors, scans)}"  # noqa: S608
    lines = (
        f"SELECT scan_id, file_id, {named or 'any_value(file_path)'} AS file, line_byte_position AS place, "  # noqa: S608
        "if(any_value(error_type) = 'MISSING COLUMNS', min(column_idx), max(column_idx)) AS fields, "
        f"trim(any_value(csv_line), chr(10) || chr(13)) AS line FROM {errors} JOIN {scans} USING (scan_id, file_id) "
        "GROUP BY ALL ORDER BY ALL"
    )
    marked = f"'a stray quote: ' || replace(line[3:-2], '{QUOTE * 2}', '{QUOTE}')"
    counted = f"fields || ' fields instead of {len(files[0].columns)}: ' || line"
    said = f"CASE WHEN starts_with(line, '{QUOTE}{_STRAY}') THEN {marked} ELSE {counted} END"
    raw = f"SELECT file, {said} AS unreadable FROM"
    try:
        engine.con.execute(f"COPY ({rows}) TO {_literal(good)} (FORMAT parquet)")
        found = engine.con.execute(f"SELECT DISTINCT error_type FROM {errors}").fetchall()  # noqa: S608
        if not {kind for (kind,) in found} <= {"MISSING COLUMNS", "TOO MANY COLUMNS"}:
            return None
        if found:
            engine.con.execute(f"COPY ({raw} ({lines})) TO {_literal(bad)} (FORMAT parquet)")
    except duckdb.InvalidInputException:
        return None
    finally:
        engine.con.execute(f"DROP TABLE IF EXISTS {errors}; DROP TABLE IF EXISTS {scans}")
    return [good, bad] if found else [good]


def _reader(files: Sequence[Part], errors: str, scans: str) -> str:
    """The call of read_csv: every column as text, whatever does not fit kept aside."""
    first = files[0]
    paths = ", ".join(_literal(file.content) for file in files)
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(first.columns)))
    return (
        f"read_csv([{paths}], columns={{{types}}}, auto_detect=false, header=true, skip={first.skipped}, "
        f"delim={_literal(first.delimiter)}, quote='{QUOTE}', escape='{QUOTE}', nullstr='', store_rejects=true, "
        f"rejects_table='{errors}', rejects_scan='{scans}', rejects_limit=0)"
    )


def _mended(file: Part, scratch: Path) -> Part:
    """A copy in which a line with a stray quote stands as one marked field, and all lines end alike."""
    target = fresh(scratch, "mended.csv")
    with file.content.open(encoding="utf-8-sig") as source, target.open("w", encoding="utf-8", newline="\n") as out:
        for record, good in _records(source, file.delimiter):
            out.write(record if good else f'"{_STRAY}{record.replace(QUOTE, QUOTE * 2)}"')
            out.write("\n")
    return replace(file, content=target)


def _records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[str, bool]]:
    """Records of a CSV file; a line whose quotes do not fit is one of its own, and no good."""
    sign = re.escape(delimiter)
    quoted, plain = r'"(?:[^"]|"")*"', rf'(?:[^"{sign}\n][^{sign}\n]*)?'
    whole = re.compile(rf"(?:{quoted}|{plain})(?:{sign}(?:{quoted}|{plain}))*")
    unclosed = re.compile(rf'(?:(?:{quoted}|{plain}){sign})*"(?:[^"]|"")*')
    waiting: deque[str] = deque()
    rest = (line.rstrip("\n") for line in lines)

    def following() -> str | None:
        return waiting.popleft() if waiting else next(rest, None)

    while (line := following()) is not None:
        record, more = line, list[str]()
        while QUOTE in record and not whole.fullmatch(record):
            after = following() if len(more) < _OPEN_LINES and unclosed.fullmatch(record) else None
            if after is None:
                yield line, False
                waiting.extendleft(reversed(more))
                break
            more.append(after)
            record = f"{record}\n{after}"
        else:
            yield record, True
