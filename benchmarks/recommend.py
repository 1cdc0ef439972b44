"""Recommendations: fitted to all purchases, and the ten best products for every customer."""

# ruff: noqa: PLC0415 - each way imports only what it measures
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from benchmarks.data import Data
from benchmarks.runner import Benchmark, Work, way

if TYPE_CHECKING:
    import ibis

TOP, PENALTY = 10, 500.0
LINES = "lines.parquet"


def benchmarks(data: Data) -> list[Benchmark]:
    """The shop, and many of it."""
    one, many = ({"raw": raw, "as_of": data.as_of} for raw in (data.raw, data.many))
    ways = (way("clientage", clientage, one), way("NumPy, dense", dense, one))
    title = "recommendations"
    return [
        Benchmark("recommend", title, ways),
        Benchmark("recommend-many", f"{title} × {data.copies}", (way("clientage", clientage, many),), rounds=3),
    ]


def clientage(raw: str, as_of: str) -> Work:
    """From clean lines to ten products for each customer, each with what led to it."""
    import numpy as np

    from clientage.recommendations.ease import ease
    from clientage.recommendations.offers import offers
    from clientage.recommendations.popularity import Popularity
    from clientage.recommendations.purchases import binary, catalogue, gathered, kept

    engine, day = _clean(raw), date.fromisoformat(as_of)
    table = engine.read_parquet(LINES)

    def work() -> int:
        pairs = engine.create_table("pairs", kept(table, day), temp=True, overwrite=True)
        found = catalogue(table, pairs, day, offered_days=90, recent_days=28, most=10_000)
        products = engine.to_pyarrow_batches(found).read_all()
        customers = engine.to_pyarrow_batches(table.select("customer_id").distinct().order_by("customer_id")).read_all()
        ids = (customers["customer_id"].combine_chunks(), products["product"].combine_chunks())
        bought = binary(gathered(engine.to_pyarrow_batches(pairs), *ids))
        segments = np.ones(bought.shape[0], np.int64)
        fallback = Popularity.of(bought, segments, 100).fallback(segments)
        offered = products["offered"].to_numpy()
        return sum(len(block.product) for block in offers(bought, ease(bought), fallback, TOP, offered=offered))

    return work


def dense(raw: str, as_of: str) -> Callable[[], int]:
    """The same model as its paper prints it, with dense matrices; without reasons and popular products."""
    import numpy as np
    import pandas as pd

    _clean(raw)
    until = pd.Timestamp(as_of)

    def work() -> int:
        bought = pd.read_parquet(LINES, columns=["customer_id", "product", "quantity", "invoiced_at"])
        net = bought[bought["invoiced_at"] < until].groupby(["customer_id", "product"])["quantity"].sum()
        matrix = (net[net > 0].unstack("product").notna()).to_numpy(float)
        inverse = np.linalg.inv(matrix.T @ matrix + PENALTY * np.eye(matrix.shape[1]))
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        scores = np.where(matrix > 0, -np.inf, matrix @ weights)
        return len(np.argsort(-scores, axis=1)[:, :TOP])

    return work


def _clean(raw: str) -> "ibis.BaseBackend":
    """An engine, and clean lines in a file: made before the clock starts."""
    import ibis

    from clientage.transactions.clean import clean

    engine = ibis.duckdb.connect()
    engine.raw_sql("SET enable_progress_bar = false")
    engine.to_parquet(clean(engine.read_parquet(raw))["lines"], LINES)
    return engine
