"""A small DuckDB of a worker: looks customers up, and computes features of purchases."""

import threading
from collections.abc import Mapping

import duckdb
import pyarrow as pa


class Engine:
    """A connection that threads take turns with.

    Args:
        memory: Most memory it may use.
    """

    def __init__(self, memory: str = "1GB") -> None:
        self._turn = threading.Lock()
        # one thread: beside it others answer, and a request is small; a cache of files gains nothing here and grows
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": memory})
        self._connection.execute("SET enable_external_file_cache = false")
        self._connection.execute("SET enable_progress_bar = false")

    def query(self, sql: str, values: Mapping[str, object] | None = None, **tables: pa.Table) -> pa.Table:
        """The result of a statement that is ours, with values and tables by name.

        Raises:
            duckdb.Error: A file is not there, or cannot be read.
        """
        with self._turn:
            for name, table in tables.items():
                self._connection.register(name, table)
            try:
                return self._connection.execute(sql, dict(values or {})).to_arrow_table()
            finally:
                for name in tables:
                    self._connection.unregister(name)
