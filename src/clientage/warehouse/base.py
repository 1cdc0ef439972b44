"""Named tables, wherever they live, and what stages may ask of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Self

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clientage.warehouse.workspace import Workspace

Days = Mapping[date, date]


class Warehouse(Workspace, ABC):
    """Named tables beside the documents of a workspace; a set of writes appears whole or not at all.

    Attributes:
        local: An engine on this machine, for files; its expressions can be written and collected like all others.
        near: Whether tables are on this machine too, so that all of them may be collected.
        grows: Whether rows can be added to tables; where they cannot, `grow` and `grown` are not to be asked for.
    """

    near = True
    grows = False

    def __init__(self, workspace: Path, local: ibis.BaseBackend, wait: float = 0) -> None:
        super().__init__(workspace, wait)
        self.local = local

    def spent(self) -> dict[str, float]:
        """What was asked of an engine that is paid for, since the last look: `statements` and `gigabytes`."""
        return {}

    def leave_nothing(self) -> None:
        """What this transaction takes the place of goes at once, not only when whoever reads it has come to an end."""

    def settle(self) -> None:
        """Let all else follow the documents of the workspace, once they are those that everybody goes by."""

    def elsewhere(self) -> tuple[str, ...]:
        """Where tables of other workspaces are that may have the same customers, which are not reached from here."""
        return ()

    def centroids(self, points: ir.Table, k: int, *, seed: int, restarts: int) -> NDArray[np.float64]:
        """The middles of k groups of all rows, (k, p), where the engine has a way of its own to find them.

        Args:
            points: A column for each of p coordinates.
            k: Number of groups.
            seed: Of what is random.
            restarts: Starts, of which the best is kept.

        Raises:
            NotImplementedError: It has none; settings that ask for it are refused before.
        """
        raise NotImplementedError

    def files(self, name: str) -> list[Path]:
        """The files of a table, in order of its rows, where tables are files; none where it was not written."""
        raise NotImplementedError

    def rows(self, name: str) -> int | None:
        """How many rows a table has, where tables are files; None where that cannot be told."""
        raise NotImplementedError

    def grow(self, name: str, table: ir.Table) -> tuple[int, int]:
        """Add rows to a table that an earlier transaction wrote.

        Returns:
            The number of rows that it has now, and of those that were added.
        """
        raise NotImplementedError

    def grown(self, name: str) -> tuple[ir.Table, ir.Table] | None:
        """A table as it was before rows were added to it last, and those rows; None where none were added."""
        raise NotImplementedError

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether a table was written, now or by an earlier run."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Remove a table at the end of the transaction, unless it is written again."""

    @abstractmethod
    def read(self, name: str) -> ir.Table:
        """A named table as an expression, held against its promise.

        Raises:
            WorkspaceError: The table has not been written yet.
            TableError: It is not what `clientage.tables` promises.
        """

    @abstractmethod
    def write(self, name: str, table: ir.Table) -> int:
        """Write a named table within a transaction.

        Returns:
            The number of rows.
        """

    @abstractmethod
    def adopt_table(self, name: str, source: Self) -> None:
        """Take a table from another workspace with the same engine, without a copy where that can be."""

    @abstractmethod
    def collect(self, table: ir.Table) -> pa.Table:
        """A small result, out of the engine."""

    @abstractmethod
    def batches(self, table: ir.Table) -> pa.RecordBatchReader:
        """A large result, batch by batch."""

    @abstractmethod
    def kept(self, table: ir.Table, name: str) -> ir.Table:
        """An expression computed once within a transaction, under a name, to be read more often than that."""

    @abstractmethod
    def recalled(self, name: str) -> ir.Table:
        """What was kept under a name."""

    @abstractmethod
    def taken(self, files: Path | Sequence[Path]) -> ir.Table:
        """Parquet files of this machine as an expression that can meet tables."""

    @abstractmethod
    def on_days(
        self, table: ir.Table, days: Mapping[int, Days], name: str, progress: Callable[[float], None]
    ) -> ir.Table:
        """An expression as of other days than those it was made with, kept under a name.

        Compiling costs more than a small table: what is asked for many days is compiled once.

        Args:
            table: The expression, made with days that stand for others.
            days: By the number of each part, what takes the place of those days in it.
            name: For `recalled`.
            progress: Told the share that is done.

        Returns:
            All parts, with the number of theirs as `window`.
        """
