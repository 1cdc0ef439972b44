"""What a stage has at hand: settings, tables, and customers as columns of numbers."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clientage import copies
from clientage.customers.features import customer_features, products_bought
from clientage.expressions import sampled
from clientage.growth import Growth
from clientage.manifest import Manifest
from clientage.segments.document import SegmentModel
from clientage.segments.kmeans import Floats
from clientage.segments.outcomes import outcomes
from clientage.settings import Settings
from clientage.tables import arrow_schema
from clientage.tracking.store import Store
from clientage.transactions.clean import RULES
from clientage.warehouse import Warehouse, connect

Columns = dict[str, Floats]

MODEL = "model/segments.json"
TRACKING = "tracking"
CHALLENGER = "challenger"  # the folder where a challenger is tried, a workspace in the workspace
REPLAY = "replay"  # the folder where days are played, another one
DRAFTS = "drafts"  # the folder of drafts, each another one


@dataclass(frozen=True)
class Lineage:
    """Where a new model comes from.

    Attributes:
        previous: The model to keep numbers and names of; None for a fresh start.
        last_number: The highest number that any model gave to a segment.
    """

    previous: SegmentModel | None = None
    last_number: int = 0


FRESH = Lineage()


@dataclass
class Run:
    """A run under way.

    Attributes:
        settings: All of them.
        warehouse: Where tables live.
        manifest: What is said of the run.
        location: Where the order lines are, for the stage `read`.
        lineage: The model to keep numbers and names of, and to tell who moved from.
        scratch: A folder that goes away after the run.
        progress: Told the share that is done of long work.
        growth: What the tables that are there were made of.
        former: What the facts of the stage under way say of when it ran last, if it would make the same of the same
            lines; else empty.
        noted: What the stage under way says beside its cost: rows that were `added` to the first of its tables, and why
            all was read `anew` where files were added.
    """

    settings: Settings
    warehouse: Warehouse
    manifest: Manifest
    location: str = ""
    lineage: Lineage = FRESH
    scratch: Path = Path()
    progress: Callable[[float], None] = lambda share: None
    growth: Growth = field(default_factory=Growth)
    former: dict[str, Any] = field(default_factory=dict)
    noted: dict[str, Any] = field(default_factory=dict)
    _snapshots: dict[tuple[date, bool], Columns] = field(default_factory=dict)

    def read(self, name: str) -> ir.Table:
        """A named table."""
        return self.warehouse.read(name)

    def write(self, name: str, table: ir.Table | list[dict[str, Any]] | pa.Table) -> int:
        """Write a named table, from an expression, an Arrow table or rows, and note how many rows it has."""
        if isinstance(table, list):
            table = pa.Table.from_pylist(table, arrow_schema(name))
        expression = ibis.memtable(table) if isinstance(table, pa.Table) else table
        self.manifest.tables[name] = self.warehouse.write(name, expression)
        return self.manifest.tables[name]

    def grow(self, name: str, table: ir.Table) -> int:
        """Add rows to a named table; note how many it has, and return how many were added."""
        self.manifest.tables[name], added = self.warehouse.grow(name, table)
        self.noted.setdefault("added", added)
        return added

    def grown(self, name: str) -> tuple[ir.Table, ir.Table] | None:
        """A table as it was when the stage under way ran last, and the rows that were added since.

        None where more than that changed, so that all is to be made anew.
        """
        if not self.former or self.former["data"] != self.growth.since:
            return None
        return self.warehouse.grown(name)

    def stream(self, name: str, tables: Iterable[pa.Table]) -> ir.Table | None:
        """Arrow tables that come one after the other as one expression, so that they need not fit into memory."""
        path, writer = self.scratch / f"{name}.parquet", None
        for table in tables:
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        if writer is None:
            return None
        writer.close()
        return self.warehouse.taken(path)

    def drop(self, name: str) -> None:
        """Remove a table that an earlier run wrote, unless this one writes it again."""
        self.warehouse.drop(name)
        self.manifest.tables.pop(name, None)

    def rows(self, table: ir.Table) -> list[dict[str, Any]]:
        """A small result."""
        found: list[dict[str, Any]] = self.warehouse.collect(table).to_pylist()
        return found

    def sample(self, customers: ir.Table) -> ir.Table:
        """All customers, or as many as may be collected, picked by hashed id; in order of their id."""
        return sampled(customers, self.manifest.tables.get("customers", 0), self.settings.segments.sample)

    def columns(self, customers: ir.Table) -> Columns:
        """The features of customers (see `sample`) as columns of doubles, NaN where missing."""
        names = [name for name, kind in customers.schema().items() if kind.is_numeric() or kind.is_boolean()]
        collected = self.warehouse.collect(self.sample(customers).select(names))
        return {name: np.asarray(collected[name].cast(pa.float64()).to_numpy(), float) for name in names}

    @property
    def today(self) -> date:
        """The day that all is judged from: as asked for, else that of the table `customers`."""
        return self.settings.as_of or self.manifest.day

    def first_day(self) -> date:
        """The day of the first order line."""
        lines = self.read("lines")
        first: date = self.rows(lines.agg(first=lines.invoiced_at.min().date()))[0]["first"]
        return first

    def customers_at(self, day: date, needs: Collection[str]) -> ir.Table:
        """Customers with their features before a day, as an expression.

        Args:
            day: The day to look back from.
            needs: Features that are asked for: `products`, which costs as much as all others, only where it is one.
        """
        bought = products_bought(self.read("lines"), day) if "products" in needs else None
        return customer_features(self.read("baskets"), day, self.settings.shop.home_country, products=bought)

    def snapshot(self, day: date, needs: Collection[str]) -> Columns:
        """Buyers from before a day as columns, with the `outcomes` of the horizon after it; computed once.

        Args:
            day: The day to look back from.
            needs: Features that are asked for, see `customers_at`.
        """
        asked = day, "products" in needs
        if asked not in self._snapshots:
            customers = self.customers_at(day, needs)
            after = outcomes(self.read("baskets"), day, self.settings.evaluate.horizon_days)
            both = customers.left_join(after, "customer_id").drop("customer_id_right")
            known = {name: both[name].fill_null(0.0) for name in ("next_spend", "next_net")}
            self._snapshots[asked] = buyers(self.columns(both.mutate(**known)))
        return self._snapshots[asked]


def rules_in_use(settings: Settings, *, words: bool) -> list[str]:
    """The cleaning rules that are on, in order.

    Args:
        settings: All of them.
        words: Whether the shop's stock codes are words, so that one without digits is a product all the same.
    """
    on = settings.clean.model_dump()
    return [name for name in RULES if on[name.replace(" ", "_")] and not (words and name == "service code")]


def store(settings: Settings) -> Store:
    """Where experiments and models of the settings are kept."""
    wanted = settings.tracking
    return Store(wanted.uri, wanted.experiment, wanted.model, settings.workspace / TRACKING, wanted.artifacts)


def opened(settings: Settings, *, computing: bool = False) -> Warehouse:
    """The workspace of the settings, with an engine that may use what they allow.

    Args:
        settings: All of them.
        computing: Whether stages run in it; who only looks at tables in a folder, or takes some out, needs no Spark.
    """
    limits = settings.warehouse
    return connect(
        settings.workspace,
        url=limits.url if computing or not limits.is_spark else "",
        memory=limits.memory,
        threads=limits.threads,
        wait=limits.wait_seconds,
        most_bytes=limits.most_bytes,
        views=limits.views,
        published=copies.around(settings.workspace),
        spark=limits.spark,
        spill_in=limits.spill,
    )


def buyers(customers: Mapping[str, Floats]) -> Columns:
    """Those who completed an order: who only returned belongs to a segment, but does not shape it."""
    bought = customers["frequency"] > 0
    return {name: values[bought] if bought.any() else values for name, values in customers.items()}


def enough(customers: Mapping[str, Floats], k: int) -> bool:
    """Whether there are enough customers to speak of k segments."""
    return len(customers["frequency"]) >= 20 * k
