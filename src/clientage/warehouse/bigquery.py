"""Tables in a dataset of BigQuery, documents in a workspace folder.

A run writes tables under names of its own. When it is done, `tables.json` of the workspace says which they are, in one
step with the documents; then views named like the tables show them to everybody else, and what they showed before goes
away in a day, so that whoever reads it can come to an end. What a run that failed or died left goes away by itself.

Where the workspace is the copy of one in a bucket, what everybody goes by is published later, or never: so views, and
what goes away, follow then (`settle`). All tables of a workspace have its id in their names, by which those that no
`tables.json` names any more are found: a publication that failed leaves nothing for good. A workspace that was copied
to another place gets an id of its own, so that what it lets go of is never the other's.
"""

import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from clientage.cloud import stored
from clientage.cloud.engine import Engine, Spent
from clientage.errors import CloudError, WorkspaceError
from clientage.expressions import on_days
from clientage.tables import SPECS, check
from clientage.warehouse import following
from clientage.warehouse.base import Days, Warehouse
from clientage.warehouse.following import SHOWN, Living, Place
from clientage.warehouse.workspace import COMPLETE, LIVING, SCRATCH, STAGING, explained

LOG = logging.getLogger(__name__)


class BigQueryWarehouse(Warehouse):
    """Tables in a dataset.

    Attributes:
        engine: Computes expressions there.
        views: Whether views named like the tables show them.
        published: Where the workspace is published, after which `settle` is called; empty: at the end of a transaction.
    """

    near = False

    def __init__(
        self,
        workspace: Path,
        local: ibis.BaseBackend,
        engine: Engine,
        *,
        wait: float = 0,
        views: bool = True,
        published: str = "",
    ) -> None:
        super().__init__(workspace, local, wait)
        self.engine, self.views, self.published = engine, views, published
        self._run = self._id = ""
        self._before: Mapping[str, str] = {}
        self._now: dict[str, str] = {}
        self._made: list[str] = []
        self._written: list[str] = []
        self._way: dict[str, ir.Table] = {}
        self._held: dict[str, ir.Table] = {}
        self._cleared = ""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Path]:
        """All writes inside appear together at the end, or not at all; see `Workspace.transaction`."""
        try:
            with super().transaction() as scratch:
                stored.require(self.engine.dataset)
                self._require_names()
                known, here = following.documents(self.workspace), Place.of(self.workspace, self.published)
                self._id = self._found_before(known, here) or secrets.token_hex(4)
                self._run = f"{self._id}_{datetime.now(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(3)}"
                self._before = self._published()
                self._now = dict(self._before)
                yield scratch
                self._keep(set(self._now.values()) - set(self._before.values()))
                self.write_text(LIVING, self._told(known, here).dumps())
        finally:
            whole = (self.workspace / STAGING / COMPLETE).exists()  # which the next one puts into place
            left = {*self._made, *self.engine.brought, *([] if whole else self._written)}
            left -= set(self._published().values())
            self._run, self._now, self._made, self._way, self._held = "", {}, [], {}, {}
            self._cleared = ""
            self._written, self.engine.brought = [], []
            for table in sorted(left):
                with contextlib.suppress(CloudError):  # it goes away in a day
                    stored.remove(self.engine.dataset, table)

    def settle(self) -> None:
        """Let views show the tables of the workspace, and let go of those that nothing names any more.

        Raises:
            CloudError: BigQuery refuses. What is left to do, the next transaction does.
            WorkspaceError: Another run holds the workspace.
        """
        with contextlib.nullcontext() if self._run else self.alone():
            self._settle(set())

    def spent(self) -> dict[str, float]:
        """What was read since the last look."""
        found, self.engine.spent = self.engine.spent, Spent()
        return {"statements": found.statements, "gigabytes": round(found.read / 1e9, 6)}

    def leave_nothing(self) -> None:
        """What this transaction takes the place of goes at once; BigQuery keeps it for its days of time travel."""
        self._cleared = datetime.now(UTC).isoformat()

    def elsewhere(self) -> tuple[str, ...]:
        """Tables in the dataset that other workspaces made, or this one where it could not be known again."""
        own = [self._id, *following.ids(following.documents(self.workspace), Place.of(self.workspace, self.published))]
        found = following.others(stored.tables(self.engine.dataset), own)
        return tuple(f"{self.engine.dataset.address}/*_{each}_*" for each in found)

    def exists(self, name: str) -> bool:
        """Whether a table was written, now or by an earlier run."""
        return name in (self._now if self._run else self._published())

    def drop(self, name: str) -> None:
        """Remove a table at the end of the transaction, unless it is written again."""
        self._now.pop(name, None)

    def read(self, name: str) -> ir.Table:
        """A named table as an expression, held against its promise.

        Raises:
            WorkspaceError: The table has not been written yet.
            TableError: It is not what `clientage.tables` promises.
        """
        place = (self._now if self._run else self._published()).get(name)
        if place is None:
            where = self.engine.dataset.name
            raise WorkspaceError(f"{where}: there is no table {name} yet. Make it with `clientage run FILE`.")
        if place not in self._held:
            self._held[place] = check(name, self.engine.table(place))
        return self._held[place]

    def write(self, name: str, table: ir.Table) -> int:
        """Write a named table within a transaction, by the day of its time where it has one, sorted by customer.

        Returns:
            The number of rows.
        """
        if not self._run:
            raise WorkspaceError(f"{name}: written outside a transaction. Wrap the writes in `Warehouse.transaction`.")
        place, kept = f"{name}_{self._run}", self._now.pop(name, None)
        if kept == place:  # written twice in a run
            stored.remove(self.engine.dataset, place)
            self._held.pop(place, None)
        day = next((column for column, of in SPECS[name].columns.items() if of.kind == "time"), "")
        checked = check(name, _unordered(table))
        self._written.append(place)
        if self._is_local(table):
            path = self.workspace / SCRATCH / f"{place}.parquet"
            with explained(self.workspace):
                self.local.to_parquet(checked, path)
            self.engine.load(place, [path], day=day, cluster=("customer_id",))
        else:
            self.engine.make(place, checked, day=day, cluster=("customer_id",))
        self._now[name] = place
        return stored.rows(self.engine.dataset, place)

    def adopt_table(self, name: str, source: Self) -> None:
        """Take a table of another workspace: both read the same one, until that one has a newer."""
        self._now[name] = source._published()[name]

    def collect(self, table: ir.Table) -> pa.Table:
        """A small result, out of the engine."""
        with explained(self.workspace):
            return (self.local if self._is_local(table) else self.engine).to_pyarrow(table)

    def batches(self, table: ir.Table) -> pa.RecordBatchReader:
        """A large result, batch by batch."""
        with explained(self.workspace):
            return (self.local if self._is_local(table) else self.engine).to_pyarrow_batches(table)

    def kept(self, table: ir.Table, name: str) -> ir.Table:
        """An expression computed once, into a table that goes away after the transaction."""
        self._way[name] = self.engine.make(self._on_the_way(name), _unordered(table))
        return self._way[name]

    def recalled(self, name: str) -> ir.Table:
        """What was kept under a name."""
        return self._way[name]

    def taken(self, files: Path | Sequence[Path]) -> ir.Table:
        """Parquet files as a table that goes away after the transaction."""
        paths = [files] if isinstance(files, Path) else list(files)
        return self.engine.load(self._on_the_way(paths[0].stem), paths)

    def on_days(
        self, table: ir.Table, days: Mapping[int, Days], name: str, progress: Callable[[float], None]
    ) -> ir.Table:
        """An expression as of other days, all of them in one table that goes away after the transaction."""
        statement, place = self.engine.statement(table), self._on_the_way(name)
        schema = ibis.schema({**table.schema(), "window": "int64"})
        for done, (number, instead) in enumerate(days.items(), 1):
            asked = on_days(statement, {day: f"'{other}'" for day, other in instead.items()}, "bigquery")
            part = f"SELECT *, CAST({number} AS INT64) AS `window` FROM ({asked})"  # noqa: S608 - all of it ours
            self._way[name] = self.engine.append(place, part, schema)
            progress(done / len(days))
        return self._way[name]

    def _published(self) -> Mapping[str, str]:
        path = self.workspace / LIVING
        return Living.loads(path.read_text(encoding="utf-8")).tables if path.exists() else {}

    def _keep(self, tables: Collection[str]) -> None:
        """Let tables stay that would have gone away in a day.

        Raises:
            CloudError: One has: a set that names it would be broken for good.
        """
        if gone := [table for table in sorted(tables) if not stored.lasting(self.engine.dataset, table, None)]:
            raise CloudError(
                f"{self.engine.dataset.name}: {', '.join(gone)} was gone before the run ended. A run may take a day; "
                "the tables are those of before. Run again.",
                "not found",
            )

    def _is_local(self, table: ir.Table) -> bool:
        return self.engine not in table._find_backends()[0]

    def _on_the_way(self, name: str) -> str:
        place = f"way_{self._run}_{len(self._made)}_{name.replace('-', '_').replace('.', '_')}"
        self._made.append(place)
        return place

    def _follow(self) -> None:
        """Where everybody goes by this folder, all else follows before another run may begin."""
        if not self.published:
            self._settle(set(self._before.values()) - set(self._now.values()))

    def _settle(self, ended: Collection[str]) -> None:
        """The same, with tables that a transaction took the place of."""
        try:
            here = Place.of(self.workspace, self.published)
            following.follow(self.engine.dataset, self.workspace, here, ended, views=self.views)
        except CloudError as error:
            left = "The tables are those of this run; views of them, and what goes away, follow with the next one."
            raise CloudError(f"{error} {left}", error.kind) from error

    def _require_names(self) -> None:
        """See that what views are to be called is not what tables are called, before anything is paid for."""
        if not self.views:
            return
        if taken := sorted(
            name for name, found in stored.tables(self.engine.dataset).items() if name in SHOWN and not found.is_view
        ):
            raise CloudError(
                f"{self.engine.dataset.name}: {', '.join(taken)} are tables there, such as `clientage export bigquery` "
                "makes, where a run shows its own. Give another dataset, or --set warehouse.views=false.",
                "another shape",
            )

    def _found_before(self, known: Sequence[Living], here: Place) -> str:
        """What tells the tables of this workspace, and of those around and within it, from all others; empty for none.

        Where it is taken for another one than they were made by, it is said: nobody may be left to let go of them.
        """
        if own := following.ids(known, here):
            return own[0]
        if former := [each for each in known if each.tables]:
            names = {name for each in former for name in ([f"*_{each.id}_*"] if each.id else each.tables.values())}
            LOG.warning(
                "%s: its tables in %s were made by a workspace in %s, and stay there when newer ones take their place. "
                "If that one is no more, remove them when the run is done: %s",
                *(self.workspace, self.engine.dataset.address, former[0].home or "another place"),
                ", ".join(sorted(names)),
            )
        return ""

    def _told(self, known: Sequence[Living], here: Place) -> Living:
        """What is said of the tables from now on."""
        where, last = self.engine.dataset.address, following.cleared_last(known)
        cleared = (self._cleared, sorted(self._now.values())) if self._cleared else (last.cleared, last.kept)
        return Living(where, self._now, here.home, here.folder, self._id, *cleared)


def _unordered(table: ir.Table) -> ir.Table:
    """The same without an order: tables of BigQuery have none, and making one costs."""
    node = table.op()
    while isinstance(node, ops.Sort):
        node = node.parent
    return node.to_expr()
