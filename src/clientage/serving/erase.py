"""Take a customer out of what was predicted: out of where it is kept, and out of the lines that wait.

Lines are changed in place, since their writer may be alive, and appends only. What is left of a line is padded with
blanks to its length, so that every other line stays where it is. While this is done, nobody may ship (see
`clientage.serving.spool.locked`).
"""

import contextlib
import io
import os
from pathlib import Path

import orjson

from clientage.errors import WorkspaceError
from clientage.serving import spool
from clientage.serving.rows import SPOILT
from clientage.serving.sinks import open_sink

MOST_BYTES = 4 * 2**20  # at a time


def shipped(sink_address: str, customer_id: str) -> int:
    """Remove the predictions of a customer from where they are kept.

    Returns:
        How many there were.

    Raises:
        ClientageError: Some may be left.
    """
    with contextlib.closing(open_sink(sink_address)) as sink:
        return sink.forget(customer_id)


def waiting(folder: Path, customer_id: str) -> int:
    """Remove the predictions of a customer from the lines of a folder, and lines that name them and are none.

    Returns:
        How many there were that had not been shipped.

    Raises:
        WorkspaceError: Some may be left.
    """
    try:
        done = spool.offsets(folder)
        removed = sum(_from(path, customer_id, done.get(path.name, 0)) for path in spool.files(folder))
        if (unreadable := folder / spool.UNREADABLE).exists():
            lines = io.BytesIO(unreadable.read_bytes())
            spool.replaced(unreadable, b"".join(line for line in lines if orjson.dumps(customer_id) not in line))
    except OSError as error:
        raise WorkspaceError(
            f"{folder}: a customer cannot be removed from the log ({error.strerror}). Let this user write there."
        ) from error
    return removed


def _from(path: Path, customer_id: str, shipped: int) -> int:
    """Remove a customer from a file; what follows the place up to which it was shipped is counted."""
    place, removed, name = 0, 0, orjson.dumps(customer_id)
    with contextlib.suppress(FileNotFoundError), path.open("r+b") as opened:
        file = opened.fileno()
        while text := spool.whole_lines(file, place, MOST_BYTES):
            for line in io.BytesIO(text):
                if name in line:
                    kept, gone = _line(line, customer_id)
                    os.pwrite(file, kept, place)
                    removed += gone if place >= shipped else 0
                place += len(line)
        if spool.abandoned(file):
            os.ftruncate(file, place)  # of a line that was never answered
        os.fsync(file)
    return removed


def _line(line: bytes, customer_id: str) -> tuple[bytes, int]:
    """A line without a customer, as long as it was, and how many predictions went."""
    try:
        record = orjson.loads(line)
        before = sum(len(part["place"]) for part in record["parts"])
        for part in record["parts"]:
            stay = [i for i, theirs in enumerate(part["customer_id"] or part["place"]) if theirs != customer_id]
            columns = {name: column for name, column in part.items() if isinstance(column, list) and name != "names"}
            part.update({name: [column[i] for i in stay] for name, column in columns.items()})
        left = sum(len(part["place"]) for part in record["parts"])
    except SPOILT:
        return b"\n".rjust(len(line)), 0
    kept = orjson.dumps(record) if left or "refused" in record else b""
    return (kept if len(kept) < len(line) else b"").ljust(len(line) - 1) + b"\n", before - left
