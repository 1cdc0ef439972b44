"""Where tables live: a workspace folder with DuckDB, or a dataset of BigQuery.

A warehouse reads and writes named tables (see `clientage.tables`); a set of writes appears whole or not at all.
"""

from pathlib import Path

import ibis

from clientage.errors import WorkspaceError
from clientage.warehouse.base import Warehouse
from clientage.warehouse.parquet import ParquetWarehouse, place
from clientage.warehouse.workspace import COMPLETE, SCRATCH, STAGING, Workspace, explained, finish, held

__all__ = ["COMPLETE", "STAGING", "Warehouse", "Workspace", "connect", "explained", "held", "place"]


def connect(workspace: Path, *, memory: str = "", threads: int = 0, wait: float = 0) -> Warehouse:
    """Open a workspace with an engine of its own; nothing is created on disk before the first transaction.

    Args:
        workspace: The folder.
        memory: Memory limit, such as `4GB`.
        threads: Threads; 0 for all cores.
        wait: Seconds that a transaction waits for another run.

    Raises:
        WorkspaceError: The path is a file, or a limit is not one the engine knows.
    """
    if workspace.exists() and not workspace.is_dir():
        raise WorkspaceError(f"{workspace}: a file, not a folder. Give another --workspace.")
    options = {"temp_directory": str(workspace / SCRATCH), "memory_limit": memory, "threads": threads}
    with explained(workspace):
        local = ibis.duckdb.connect(**{name: value for name, value in options.items() if value})
        local.raw_sql("SET enable_progress_bar = false")
        finish(workspace)
    return ParquetWarehouse(workspace, local, wait)
