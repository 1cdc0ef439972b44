"""A list as a file that other tools open: CSV or Parquet, whole or not at all."""

import contextlib
import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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
    if out and out.is_dir():
        raise SettingsError(f"--out {out}: a folder. Give a file.")
    if out and (str(out) == "-" or (out.exists() and not out.is_file())):
        raise SettingsError(f"--out {out}: not a file that could be replaced. Give the name of one.")
    suffix = out.suffix.lower().removeprefix(".") if out else ""
    chosen = form or (suffix if suffix in FORMATS else "csv")
    if chosen not in FORMATS:
        raise SettingsError(f"--format {chosen}: not known. Give {' or '.join(FORMATS)}.")
    if suffix in FORMATS and suffix != chosen:
        raise SettingsError(f"--format {chosen}: {out} says otherwise. Leave out --format, or give another --out.")
    return out.resolve() if out and out.is_symlink() else out or Path(f"{name}.{chosen}"), chosen


def write(path: Path, form: str, batches: pa.RecordBatchReader) -> int:
    """Write a list, batch by batch; what stood in the file is there until all is written.

    Returns:
        The number of rows.

    Raises:
        WorkspaceError: The file cannot be written.
    """
    draft = path.with_name(f".{path.name}.draft")  # always the same: what a killed export left is overwritten
    try:
        draft.unlink(missing_ok=True)
        rows = FORMATS[form](draft, batches)
        draft.replace(path)
        return rows
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be written ({error.strerror or error}). Give another --out.") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _write_csv(path: Path, batches: pa.RecordBatchReader) -> int:
    """UTF-8 with a header, quoted as in RFC 4180; no text is left that a spreadsheet would take for a formula."""
    rows = 0
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(batches.schema.names)
        for batch in batches:
            writer.writerows(zip(*(map(_harmless, column.to_pylist()) for column in batch.columns), strict=True))
            rows += batch.num_rows
    return rows


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _write_parquet(path: Path, batches: pa.RecordBatchReader) -> int:
    rows = 0
    with path.open("xb") as file, pq.ParquetWriter(file, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


FORMATS: Mapping[str, Callable[[Path, pa.RecordBatchReader], int]] = {"csv": _write_csv, "parquet": _write_parquet}
