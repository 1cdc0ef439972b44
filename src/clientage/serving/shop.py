"""The shop's tables as the service looks things up in them: customers, segments, and what to offer."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clientage.manifest import Manifest
from clientage.recommendations.offers import NOBODY, offers
from clientage.recommendations.popularity import Popularity
from clientage.recommendations.purchases import binary, gathered
from clientage.recommendations.weights import Weights
from clientage.serving.engine import Engine

Row = dict[str, Any]

TRIES = 5
FEW = 20  # ids that are looked for without a join


@dataclass(frozen=True)
class Shop:
    """The tables of a workspace.

    Attributes:
        folder: The workspace, or a copy of it.
        engine: Looks up single customers.
        repeat: Whether what was bought before may be recommended again.
    """

    folder: Path
    engine: Engine
    repeat: bool = False

    def path(self, table: str) -> Path:
        """Where a table lies."""
        return self.folder / "tables" / f"{table}.parquet"

    def has(self, table: str) -> bool:
        """Whether a table is there."""
        return self.path(table).exists()

    @cached_property
    def manifest(self) -> Manifest:
        """What was said of the run that made the tables; empty where that is not there."""
        path = self.folder / "run.json"
        return Manifest.loads(path.read_text(encoding="utf-8")) if path.exists() else Manifest()

    @cached_property
    def home_country(self) -> str:
        """The shop's own country as the features know it; empty where they do not."""
        if not self.has("customers") or not {"country", "is_home_country"} <= set(
            pq.read_schema(self.path("customers")).names
        ):
            return ""
        found = pq.read_table(self.path("customers"), columns=["country"], filters=pc.field("is_home_country"))
        return str(found["country"][0].as_py()) if len(found) else ""

    @cached_property
    def profiles(self) -> list[Row]:
        """The table `profiles`; empty where it is not there."""
        return pq.read_table(self.path("profiles")).to_pylist() if self.has("profiles") else []

    def customers(self, ids: Sequence[str]) -> dict[str, Row]:
        """Rows of the table `customers` by id; those that it does not have are left out."""
        return {row["customer_id"]: row for row in self._of("customers", ids)}

    def recommendations(self, ids: Sequence[str], top: int) -> dict[str, list[Row]]:
        """What the last run recommends to customers, the best first."""
        found: dict[str, list[Row]] = {}
        for row in sorted(self._of("recommendations", ids), key=lambda row: row["rank"]):
            if row["rank"] <= top:
                found.setdefault(row["customer_id"], []).append(row)
        return found

    def _of(self, table: str, ids: Sequence[str]) -> list[Row]:
        if not self.has(table):
            return []
        wanted = {"path": str(self.path(table)), "ids": list(ids)}
        statement = _OF_FEW if len(ids) <= FEW else _OF_MANY
        for _ in range(TRIES - 1):
            with suppress(duckdb.Error):  # a run put another table into its place meanwhile
                return list(self.engine.query(statement, wanted).to_pylist())
        return list(self.engine.query(statement, wanted).to_pylist())

    @cached_property
    def shelf(self) -> "Shelf | None":
        """What can be offered to customers that the last run did not know; None where there are no products."""
        if not (self.has("products") and self.has("popularity")):
            return None
        products = pq.read_table(self.path("products"))
        codes = products["product"].combine_chunks()
        weights = None
        if self.has("affinities"):
            table = pq.read_table(self.path("affinities")).sort_by([("product", "ascending"), ("bought", "ascending")])
            weights = Weights.of_table(table, codes)
        return Shelf(
            products, codes, weights, Popularity.of_table(pq.read_table(self.path("popularity")), codes), self.repeat
        )


# a join is faster with many ids; with few it is not, and DuckDB keeps some bytes of every join for long
_OF_FEW = "SELECT * FROM read_parquet($path) WHERE list_contains($ids::VARCHAR[], customer_id)"
_OF_MANY = "SELECT * FROM read_parquet($path) WHERE customer_id IN (SELECT unnest($ids::VARCHAR[]))"


@dataclass(frozen=True)
class Shelf:
    """What can be offered.

    Attributes:
        products: The table `products`, m rows.
        codes: Its products.
        weights: What speaks for what; None where popular products are all there is.
        popularity: What is popular, in each segment and with all customers.
        repeat: Whether what was bought before may be recommended again.
    """

    products: pa.Table
    codes: pa.Array
    weights: Weights | None
    popularity: Popularity
    repeat: bool

    def offers(self, bought: Sequence[Sequence[str]], segments: Sequence[int], top: int) -> list[list[Row]]:
        """Products for customers, the best first.

        Args:
            bought: Products of each, n of them.
            segments: Their segments, n of them.
            top: How many at most.
        """
        pairs = {(str(i), product) for i, products in enumerate(bought) for product in products}
        names = ("customer_id", "product")
        batch = pa.table({name: [pair[j] for pair in sorted(pairs)] for j, name in enumerate(names)}, _PAIRS)
        ids = pa.array([str(i) for i in range(len(bought))])
        matrix = binary(gathered(batch.to_batches(), ids, self.codes))
        fallback = self.popularity.fallback(segments)
        offered = self.products["offered"].to_numpy()
        found: list[list[Row]] = []
        for block in offers(matrix, self.weights, fallback, top, offered=offered, repeat=self.repeat):
            found += [
                [self._told(*place) for place in zip(*row, strict=True) if place[0] != NOBODY]
                for row in zip(block.product.tolist(), block.score.tolist(), block.because.tolist(), strict=True)
            ]
        return found

    def _told(self, product: int, score: float, because: int) -> Row:
        return self._rows[product] | {
            "score": score,
            "because": None if because == NOBODY else self._rows[because]["product"],
        }

    @cached_property
    def _rows(self) -> list[Row]:
        """What is told of each product."""
        names = [name for name in ("product", "description") if name in self.products.column_names]
        rows: list[Row] = self.products.select(names).to_pylist()
        return rows


_PAIRS = pa.schema([("customer_id", pa.string()), ("product", pa.string())])
