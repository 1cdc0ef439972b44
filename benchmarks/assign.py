"""Assigning customers to the segments of a model that is there."""

# ruff: noqa: PLC0415 - each way imports only what it measures
from pathlib import Path

from benchmarks.data import Data
from benchmarks.goals import Goal
from benchmarks.runner import Benchmark, Work, way

SCAN = "DuckDB, the scan alone"


def benchmarks(data: Data) -> list[Benchmark]:
    """From customers in Parquet to their segments in memory."""
    given: dict[str, object] = {"customers": data.crowd, "model": data.model}
    ways = (
        way("clientage, the segment", clientage, given | {"full": False}),
        way("clientage, with distances, runner-up and what would move", clientage, given | {"full": True}),
        way(SCAN, scan, given),
        way("scikit-learn, the segment", scikit_learn, given),
    )
    goals = (Goal(SCAN, "ratio", least=1 / 1.5),)  # ours takes at most half as much again
    return [Benchmark("assign", f"assigning {data.assigned:,} customers", ways, goals=goals)]


def clientage(customers: str, model: str, *, full: bool) -> Work:
    """By the engine."""
    import ibis

    from clientage.segments import document

    engine = ibis.duckdb.connect()
    engine.raw_sql("SET enable_progress_bar = false")
    loaded = document.loads(Path(model).read_text(encoding="utf-8"))

    def work() -> object:
        segments = loaded.assign(engine.read_parquet(customers))
        wanted = segments if full else segments.select("customer_id", "segment_id")
        return engine.to_pyarrow(wanted)

    return work


def scan(customers: str, model: str) -> Work:
    """The same columns read, and a number for each customer brought to memory: what no query can be faster than."""
    import duckdb

    from clientage.segments import document

    engine = duckdb.connect()
    needs = " + ".join(document.loads(Path(model).read_text(encoding="utf-8")).needs)
    return lambda: engine.sql(f"FROM '{customers}' SELECT customer_id, {needs}").to_arrow_table()


def scikit_learn(customers: str, model: str) -> Work:
    """The same model in a pipeline."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401 - loaded before the clock starts

    from benchmarks import plain
    from benchmarks.fitted import pipeline

    fitted = pipeline(model)

    def work() -> pd.DataFrame:
        table = pd.read_parquet(customers, columns=["customer_id", *plain.FEATURES])
        return pd.DataFrame({"customer_id": table["customer_id"], "segment_id": fitted.predict(table) + 1})

    return work
