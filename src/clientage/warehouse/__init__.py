"""Where tables live and are computed: a workspace folder with DuckDB or Spark, or a dataset of BigQuery.

A warehouse reads and writes named tables (see `clientage.tables`); a set of writes appears whole or not at all.
"""

import weakref
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from clientage.contents import lives
from clientage.errors import CloudError, SettingsError, WorkspaceError
from clientage.forms import is_spark
from clientage.warehouse import spill
from clientage.warehouse.base import Warehouse
from clientage.warehouse.parquet import PARQUET, ParquetWarehouse, place
from clientage.warehouse.workspace import COMPLETE, LIVING, STAGING, Workspace, explained, finish, held

if TYPE_CHECKING:
    from clientage.spark.engine import Engine

__all__ = [
    "COMPLETE",
    "LIVING",
    "PARQUET",
    "STAGING",
    "Warehouse",
    "Workspace",
    "connect",
    "explained",
    "held",
    "place",
]


def connect(
    workspace: Path,
    *,
    url: str = "",
    memory: str = "",
    threads: int = 0,
    wait: float = 0,
    most_bytes: int = 10**11,
    views: bool = True,
    published: str = "",
    spark: Mapping[str, str] | None = None,
    spill_in: str = "",
) -> Warehouse:
    """Open a workspace with an engine of its own; nothing is created or reached before the first transaction.

    Args:
        workspace: The folder.
        url: Where tables live, or what computes them: `bigquery://project/dataset`, `spark://host:port` or `local[*]`;
            empty: in the folder, with DuckDB.
        memory: Memory limit, such as `4GB`.
        threads: Threads; 0 for all cores.
        wait: Seconds that a transaction waits for another run.
        most_bytes: That one statement may be billed for, where tables live elsewhere.
        views: Whether views named like the tables show them there.
        published: Where the folder is published as a whole, by somebody who calls `settle` after that.
        spark: Options of Spark, by their names.
        spill_in: Folder for what does not fit into memory; empty: with the machine's temporary files.

    Raises:
        SettingsError: The address is none.
        CloudError: What it needs is not installed.
        WorkspaceError: The path is a file, its tables live elsewhere, or a limit is not one the engine knows.
    """
    if workspace.as_posix().startswith("gs:/"):
        raise WorkspaceError(f"{workspace}: an address, not a folder. Open it with `clientage.shared.local` first.")
    if workspace.exists() and not workspace.is_dir():
        raise WorkspaceError(f"{workspace}: a file, not a folder. Give another --workspace.")
    spilled = spill.folder(spill_in)
    options = {"temp_directory": spilled.name, "memory_limit": memory, "threads": threads}
    with explained(workspace):
        local = ibis.duckdb.connect(**{name: value for name, value in options.items() if value})
        local.raw_sql("SET enable_progress_bar = false")
        weakref.finalize(local, spilled.cleanup)
        finish(workspace)
    if not url:
        _require(workspace, "")
        return ParquetWarehouse(workspace, local, wait)
    if is_spark(url):
        from clientage.warehouse.spark import SparkWarehouse  # noqa: PLC0415 - what is not used is not waited for

        _require(workspace, "")
        start = partial(_spark, url, memory=memory, threads=threads, options=spark)
        return SparkWarehouse(workspace, local, start, wait=wait)
    if not url.startswith("bigquery://"):
        raise SettingsError(
            f"warehouse.url: {url!r} is no address of an engine. Write bigquery://project/dataset, spark://host:port "
            "or local[*]; leave it out for DuckDB in the workspace."
        )
    from clientage.cloud import engine  # noqa: PLC0415
    from clientage.cloud.bigquery import Dataset  # noqa: PLC0415 - what is not used is not waited for
    from clientage.warehouse.bigquery import BigQueryWarehouse  # noqa: PLC0415

    dataset = Dataset(url, setting="warehouse.url", again="", raised=CloudError)
    _require(workspace, dataset.address)
    return BigQueryWarehouse(
        workspace, local, engine.Engine(dataset, most_bytes), wait=wait, views=views, published=published
    )


def _spark(url: str, *, memory: str, threads: int, options: Mapping[str, str] | None) -> "Engine":
    from clientage.spark.engine import Engine  # noqa: PLC0415
    from clientage.spark.session import session  # noqa: PLC0415

    return Engine(url, session(url, memory=memory, threads=threads, options=options))


def _require(workspace: Path, url: str) -> None:
    """See that the tables of a workspace, where it has any, live where they are looked for.

    Raises:
        WorkspaceError: They live elsewhere: what is there would be mixed with what is made here.
    """
    if where := lives(workspace):
        if where != url:
            raise WorkspaceError(
                f"{workspace}: its tables live in {where}. Name it: --set warehouse.url={where}, or in clientage.toml; "
                "for tables elsewhere give another --workspace."
            )
    elif url and any(workspace.glob(place("*"))):
        raise WorkspaceError(
            f"{workspace}: its tables live in this folder. For those of {url} give another --workspace."
        )
