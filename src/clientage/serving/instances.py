"""What is asked for, from a file: CSV, Parquet or JSON lines, a batch at a time and every row of it."""

import csv
import math
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import TextIOWrapper
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from clientage.errors import InputError
from clientage.serving.batches import CUSTOMER, Batch, Instances, Wanted, dumped, readable
from clientage.serving.client import MOST_BYTES

LONGEST = 16_000_000  # bytes of a line; a service takes far less
DELIMITERS = ",;\t|"
LINES = pa.schema([("line", pa.int64()), (CUSTOMER, pa.string())])  # what is kept of JSON lines
KINDS = "give a file that ends in .csv, .tsv, .parquet or .jsonl"


def read(path: Path, wanted: Wanted) -> Instances:
    """Understand a file; its rows are read while they are asked for.

    Raises:
        InputError: It is not there, of no kind that can be read, or lacks a column.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: cannot be read: {KINDS}.")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file. Check the path.")
    with readable(path):
        return reader(path, wanted)


def _read_csv(path: Path, wanted: Wanted) -> Instances:
    with path.open("rb") as raw, _text(raw) as file:
        first = file.readline()
        file.seek(0)
        delimiter = max(DELIMITERS, key=first.count)
        names = [cell.strip() for cell in next(csv.reader(file, delimiter=delimiter, strict=True), [])]
    by, columns = wanted.columns(path, names)
    schema = pa.schema([(name, pa.string()) for name in names])
    return Instances(by, schema, _csv_batches(path, delimiter, schema, columns, wanted.most))


def _csv_batches(path: Path, delimiter: str, schema: pa.Schema, columns: Sequence[str], most: int) -> Iterator[Batch]:
    with readable(path), path.open("rb") as raw, _text(raw) as file:
        size = path.stat().st_size
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        next(rows)
        while chunk := list(islice(filter(None, rows), most)):
            yield _csv_batch(chunk, schema, columns, raw.tell() / size)


def _csv_batch(rows: list[list[str]], schema: pa.Schema, columns: Sequence[str], share: float) -> Batch:
    width = len(schema)
    wrong = {i: f"the row has {len(row)} cells, the header {width}." for i, row in enumerate(rows) if len(row) != width}
    whole = [(row + [""] * width)[:width] for row in rows]
    kept = pa.record_batch([pa.array(cells, pa.string()) for cells in zip(*whole, strict=True)], schema=schema)
    places = [(name, schema.names.index(name)) for name in columns]
    sent = [
        dumped({name: row[j] if name == CUSTOMER else _number(row[j]) for name, j in places})
        for i, row in enumerate(rows)
        if i not in wrong
    ]
    return Batch(kept, sent, wrong, share)


def _text(raw: BinaryIO) -> TextIOWrapper:
    return TextIOWrapper(raw, encoding="utf-8-sig", newline="")


def _number(cell: str) -> float | bool | str | None:
    """What a cell says: nothing, yes or no, a number; else the cell itself, which the service will name."""
    cell = cell.strip()
    if cell.lower() in _WORDS:
        return _WORDS[cell.lower()]
    try:
        return cell if "_" in cell else float(cell)
    except ValueError:
        return cell


_WORDS = {"": None, "true": True, "false": False}


def _read_parquet(path: Path, wanted: Wanted) -> Instances:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow.remove_metadata()
    by, columns = wanted.columns(path, schema.names)
    return Instances(by, schema, _parquet_batches(path, columns, wanted.most))


def _parquet_batches(path: Path, columns: Sequence[str], most: int) -> Iterator[Batch]:
    with readable(path), pq.ParquetFile(path) as file:
        done, rows = 0, file.metadata.num_rows
        for kept in file.iter_batches(batch_size=most):
            done += kept.num_rows
            values = [kept.column(name).to_pylist() for name in columns]
            if CUSTOMER in columns:
                values = [[_id(value) for value in values[0]]]
            sent = [dumped(dict(zip(columns, row, strict=True))) for row in zip(*values, strict=True)]
            yield Batch(kept, sent, {}, done / rows)


def _id(value: Any) -> str | None:
    """An id as text; a whole number that became a float, as beside missing ones, without its zero."""
    if isinstance(value, float):
        return None if math.isnan(value) else str(int(value) if value.is_integer() else value)
    return None if value is None else str(value)


def _read_lines(path: Path, wanted: Wanted) -> Instances:
    return Instances("instances", LINES, _line_batches(path, wanted))


def _line_batches(path: Path, wanted: Wanted) -> Iterator[Batch]:
    with readable(path), path.open("rb") as file:
        size = path.stat().st_size
        for chunk in _chunks(_lines(path, file), wanted.most):
            found = [_instance(line, by_id=wanted.by_id) for _, line in chunk]
            wrong = {i: "the line is not JSON." for i, (sent, _) in enumerate(found) if sent is None}
            numbers, ids = [number for number, _ in chunk], [customer for _, customer in found]
            kept = pa.record_batch([pa.array(numbers, pa.int64()), pa.array(ids, pa.string())], schema=LINES)
            yield Batch(kept, [sent for sent, _ in found if sent is not None], wrong, file.tell() / size)


def _lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers."""
    for number in count(1):
        line = file.readline(LONGEST + 1)
        if len(line) > LONGEST:
            raise InputError(f"{path}: line {number:,} is too long to be a customer. Write one on each line.")
        if not line:
            return
        if text := line.removeprefix(BOM_UTF8).strip():
            yield number, text


def _chunks(lines: Iterable[tuple[int, bytes]], most: int) -> Iterator[list[tuple[int, bytes]]]:
    """Lines together that fit in a request."""
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in lines:
        size += len(line)
        if chunk and (len(chunk) == most or size > MOST_BYTES):
            yield chunk
            chunk, size = [], len(line)
        chunk.append((number, line))
    if chunk:
        yield chunk


def _instance(line: bytes, *, by_id: bool) -> tuple[bytes | None, str | None]:
    """The instance on a line, None where it is none, and whose it is.

    Beside purchases or features an id only says whose they are; the service takes the one or the other.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(found, dict) or type(found.get(CUSTOMER)) not in (str, int):
        return line, None
    customer = str(found[CUSTOMER])
    others = {name: value for name, value in found.items() if name != CUSTOMER}
    return dumped(others if others and not by_id else {CUSTOMER: customer}), customer


_READERS: dict[str, Callable[[Path, Wanted], Instances]] = {
    ".csv": _read_csv, ".tsv": _read_csv, ".txt": _read_csv, ".parquet": _read_parquet,
    ".jsonl": _read_lines, ".ndjson": _read_lines,
}  # fmt: skip
