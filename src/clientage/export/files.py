"""Files and folders for other tools, whole or not at all; lists as CSV or Parquet."""

import contextlib
import csv
import io
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from clientage.errors import SettingsError, WorkspaceError

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would run


def target(out: Path | None, form: str | None, name: str) -> tuple[Path, str]:
    """Where a list goes, and in which format.

    Args:
        out: The file, where one was named.
        form: The format, where one was named; else the suffix of the file decides, else it is CSV.
        name: What to call a file that was not named.

    Raises:
        SettingsError: The format is not known, it and the suffix do not agree, or `out` is no file.
    """
    path = file(out) if out else None
    suffix = out.suffix.lower().removeprefix(".") if out else ""
    chosen = form or (suffix if suffix in FORMATS else "csv")
    if chosen not in FORMATS:
        raise SettingsError(f"--format {chosen}: not known. Give {' or '.join(FORMATS)}.")
    if suffix in FORMATS and suffix != chosen:
        raise SettingsError(f"--format {chosen}: {out} says otherwise. Leave out --format, or give another --out.")
    return path or Path(f"{name}.{chosen}"), chosen


def file(out: Path) -> Path:
    """The file that an `--out` names; links are followed.

    Raises:
        SettingsError: It is something else.
    """
    if out.is_dir():
        raise SettingsError(f"--out {out}: a folder. Give a file.")
    if str(out) == "-" or (out.exists() and not out.is_file()):
        raise SettingsError(f"--out {out}: not a file that could be replaced. Give the name of one.")
    return out.resolve() if out.is_symlink() else out


def folder(out: Path, is_ours: Callable[[Path], bool]) -> Path:
    """The folder that an `--out` names; links are followed.

    Args:
        out: The folder.
        is_ours: Whether a folder is an earlier export.

    Raises:
        SettingsError: It is something else, or a folder with something else in it.
    """
    if str(out) == "-" or (out.exists() and not out.is_dir()):
        raise SettingsError(f"--out {out}: not a folder. Give the name of one.")
    if out.is_dir() and any(out.iterdir()) and not is_ours(out):
        raise SettingsError(f"--out {out}: holds something else than an earlier export. Give another folder.")
    return out.resolve() if out.is_symlink() or out.name in {"", ".."} else out


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Write a file or a folder; what stood there is there until all is written.

    Yields:
        Where to write it; not there yet.

    Raises:
        WorkspaceError: It cannot be written.
    """
    # always the same names: what a killed export left is overwritten
    draft, before = (path.with_name(f".{path.name}.{what}") for what in ("draft", "before"))
    try:
        _clear(path, draft, before)
        yield draft
        if path.is_dir():
            path.replace(before)
        draft.replace(path)
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be written ({error.strerror or error}). Give another --out.") from error
    finally:
        with contextlib.suppress(OSError):
            _clear(path, draft, before)


def _clear(path: Path, draft: Path, before: Path) -> None:
    """Put back what was moved aside and not replaced; leave nothing else beside the path."""
    if before.exists() and not path.exists():
        before.replace(path)
    _remove(draft)
    _remove(before)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        WorkspaceError: It cannot be written.
    """
    with replaced(path) as draft:
        draft.write_bytes(content)


def write(path: Path, form: str, batches: pa.RecordBatchReader, formats: Mapping[str, "Writer"] | None = None) -> int:
    """Write a list, batch by batch; what stood in the file is there until all is written.

    Args:
        path: The file.
        form: Its format.
        batches: The list.
        formats: How each format is written, where it is not as lists are (see `FORMATS`).

    Returns:
        The number of rows.

    Raises:
        WorkspaceError: The file cannot be written.
    """
    with replaced(path) as draft:
        return (formats or FORMATS)[form](draft, batches)


def write_csv(path: Path, batches: pa.RecordBatchReader, *, numbers: bool = False) -> int:
    """UTF-8 with a header, quoted as in RFC 4180; no text is left that a spreadsheet would take for a formula.

    Args:
        path: The file, not there yet.
        batches: The list.
        numbers: Whether a text that is a number and nothing else, such as -1.5, stays as it is.
    """
    rows, cell = 0, _number_or_harmless if numbers else _harmless
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(_harmless, batches.schema.names) if numbers else batches.schema.names)
        for batch in batches:
            writer.writerows(zip(*(map(cell, column.to_pylist()) for column in batch.columns), strict=True))
            rows += batch.num_rows
    return rows


def csv_lines(batches: pa.RecordBatchReader) -> Iterator[str]:
    """A list as CSV, text by text as its batches come, as harmless as with `write_csv`."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(batches.schema.names)
    for batch in batches:
        writer.writerows(zip(*(map(_harmless, column.to_pylist()) for column in batch.columns), strict=True))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _number_or_harmless(cell: Any) -> Any:
    safe = _harmless(cell)
    return cell if safe is not cell and _NUMBER.fullmatch(cell) else safe


_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?")


def write_parquet(path: Path, batches: pa.RecordBatchReader) -> int:
    """Compressed, a row group for each batch.

    Args:
        path: The file, not there yet.
        batches: The list.
    """
    rows = 0
    with path.open("xb") as file, pq.ParquetWriter(file, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


Writer: TypeAlias = Callable[[Path, pa.RecordBatchReader], int]

FORMATS: Mapping[str, Writer] = {"csv": write_csv, "parquet": write_parquet}
