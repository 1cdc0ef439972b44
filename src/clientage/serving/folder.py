"""Predictions as Parquet files of a folder, many small ones merged into one now and then.

Every file appears whole or not at all. When files are merged, the merged one appears before its parts go, so that a
process that dies in between leaves some predictions twice and none lost: readers count each `prediction_id` once.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clientage.errors import SinkError, WorkspaceError
from clientage.serving.listed import MERGED, files, steady, unreadable
from clientage.serving.log import sync_folder
from clientage.serving.rows import SCHEMA, once, without

DRAFT = ".draft"
MANY, SMALL = 64, 4 * 2**20  # files of so many bytes


class FolderSink:
    """A folder on this machine, or one that is mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, rows: pa.Table) -> None:
        """Keep rows as the file of that name, in place of what it was.

        Raises:
            SinkError: The disk is full, or the folder cannot be written.
        """
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError, WorkspaceError):  # it can wait
                self._merge([path for path in files(self.folder) if path.stem != name])
            self._put(f"{name}.parquet", rows)

    def forget(self, customer_id: str) -> int:
        """Write every file again that has predictions of a customer, without them.

        Raises:
            SinkError: A file cannot be read or written.
        """
        ids: set[str] = set()
        with _explained(self.folder):
            (self.folder / DRAFT).unlink(missing_ok=True)
            for path in files(self.folder):
                rows = _read(path)
                theirs = rows.filter(pc.equal(rows["customer_id"], customer_id))
                if len(theirs):
                    self._replace(path, without(rows, [customer_id]))
                    ids.update(theirs["prediction_id"].to_pylist())
        return len(ids)

    def close(self) -> None:
        """Nothing is open."""

    def _replace(self, path: Path, rows: pa.Table) -> None:
        if len(rows):
            self._put(path.name, rows)
        else:
            path.unlink()

    def _merge(self, found: Sequence[Path]) -> None:
        """Make one of the small files, where they are many."""
        parts = [path for path in found if path.stat().st_size < SMALL]
        if len(parts) < MANY:
            return
        digest = hashlib.sha256("\n".join(path.name for path in parts).encode()).hexdigest()
        name = f"{parts[0].name.partition('-')[0]}{MERGED}{digest[:16]}.parquet"
        self._put(name, once(pa.concat_tables([_read(path) for path in parts])))
        for path in parts:
            path.unlink()
        pa.default_memory_pool().release_unused()  # it was all of them at once, and is rarely needed again

    def _put(self, name: str, rows: pa.Table) -> None:
        draft = self.folder / DRAFT
        try:
            pq.write_table(rows, draft, compression="zstd")
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(self.folder / name)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(self.folder)


def read_predictions(folder: Path, since: datetime | None = None, before: datetime | None = None) -> pa.Table:
    """Predictions in order of time, each once, while others may be shipping and merging.

    Args:
        folder: Of a `FolderSink`; need not be there.
        since: Leave out what was answered earlier, in UTC without zone.
        before: Leave out what was answered then or later.

    Raises:
        WorkspaceError: A file cannot be read.
    """
    limits = [(">=", since), ("<", before)]
    wanted = [("time", compared, limit) for compared, limit in limits if limit is not None]

    def read(found: Sequence[Path]) -> pa.Table:
        rows = once(pa.concat_tables([SCHEMA.empty_table(), *(_read(path, wanted) for path in found)]))
        return rows.sort_by([("time", "ascending"), ("prediction_id", "ascending")])

    return steady([folder], read)


def _read(path: Path, wanted: Sequence[tuple[str, str, datetime]] = ()) -> pa.Table:
    try:
        return pq.read_table(path, schema=SCHEMA, filters=list(wanted) or None, partitioning=None)
    except pa.ArrowInvalid as error:
        raise unreadable(path) from error


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = os.strerror(error.errno) if error.errno else "the disk refuses"
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        kind = "disk full" if full else "no permission" if isinstance(error, PermissionError) else "disk"
        raise SinkError(
            f"{folder}: predictions cannot be kept ({text}). Make room there, or let this user write.", kind
        ) from error
