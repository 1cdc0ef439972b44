"""Tables that live in a dataset, as files beside a model: who answers requests reads files alone."""

import hashlib
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from clientage.context import opened
from clientage.serving.place import RUN, WATCHED
from clientage.settings import Settings
from clientage.tables import SPECS
from clientage.warehouse import LIVING, Warehouse, explained

DECIDING = (RUN, LIVING)  # documents of a workspace that change with its tables


def carry(settings: Settings, folder: Path) -> None:
    """Write the tables that a service reads, and what was said of their run, into an empty folder: all of one run.

    A run that ends meanwhile leaves the tables before it for a day, so that they can be read to the end.

    Args:
        settings: All of them; the warehouse is not the workspace.
        folder: Where to.

    Raises:
        ClientageError: They cannot be read.
    """
    warehouse, seen = opened(settings), ""
    while seen != (seen := signature(settings.workspace)):
        with explained(folder):
            shutil.rmtree(folder / "tables", ignore_errors=True)
            (folder / "tables").mkdir(parents=True)
            if (settings.workspace / RUN).is_file():
                shutil.copyfile(settings.workspace / RUN, folder / RUN)
        for name in WATCHED:
            if warehouse.exists(name):
                _write(warehouse, name, folder / "tables" / f"{name}.parquet")


def signature(workspace: Path) -> str:
    """Changes whenever a run has written other tables."""
    there = [workspace / name for name in DECIDING]
    return hashlib.sha256(b"\n".join(path.read_bytes() for path in there if path.is_file())).hexdigest()


def _write(warehouse: Warehouse, name: str, path: Path) -> None:
    """Rows in the order of their keys, so that the same table gives the same file; sorted here, where it costs less."""
    draft, batches = path.with_suffix(".draft"), warehouse.batches(warehouse.read(name))
    with explained(path.parent):
        with pq.ParquetWriter(draft, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        rows = warehouse.local.read_parquet(draft)
        warehouse.local.to_parquet(rows.order_by(*SPECS[name].key), path)
        draft.unlink()
