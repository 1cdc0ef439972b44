"""Predictions that were put aside, sent once more: those that are taken now leave the file, the others stay in it."""

import contextlib
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from clientage.serving import spool
from clientage.serving.rows import SCHEMA, SPOILT
from clientage.serving.sinks import open_sink


@dataclass(frozen=True)
class SentAgain:
    """What became of predictions that were put aside.

    Attributes:
        sent: Those that are kept now.
        left: Those that stay aside, by what is wrong with them.
        file: Where they lie.
    """

    sent: int
    left: dict[str, int]
    file: Path


def send_again(folder: Path, sink_address: str) -> SentAgain:
    """Send what a sink refused earlier once more.

    Args:
        folder: Of the log.
        sink_address: See `clientage.serving.sinks.open_sink`.

    Raises:
        ClientageError: They are not taken now; all stays as it was.
    """
    path = folder / spool.UNREADABLE
    if not path.exists():
        return SentAgain(0, {}, path)
    with spool.locked(folder), contextlib.closing(open_sink(sink_address)) as sink:
        lines = [line for line in io.BytesIO(path.read_bytes()) if line.strip()]
        read = [(line, _row(line)) for line in lines]
        rows = pa.Table.from_pylist([row for _, row in read if row], SCHEMA)
        refused = (sink.write("again", rows) if len(rows) else None) or []
        left = [line for line, row in read if row is None] + refused
        spool.replaced(path, b"".join(left))
    why = [_why(line) for line in left]
    return SentAgain(len(rows) - len(refused), {reason: why.count(reason) for reason in sorted(set(why))}, path)


def _row(line: bytes) -> dict[str, Any] | None:
    """A row as it was; None where it is none, such as a line of the log that could not be read."""
    try:
        found = orjson.loads(line)
        del found["refused"]
        row = {name: found[name] for name in SCHEMA.names} if found.keys() <= set(SCHEMA.names) else None
        if row:
            row["time"] = datetime.fromisoformat(row["time"]).replace(tzinfo=None)
            pa.Table.from_pylist([row], SCHEMA)
    except SPOILT:
        return None
    return row


def _why(line: bytes) -> str:
    try:
        return str(orjson.loads(line)["refused"])
    except SPOILT:
        return "unreadable"
