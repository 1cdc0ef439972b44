"""Assigning customers to the segments of a model that is there."""

# ruff: noqa: PLC0415 - each way imports only what it measures
from pathlib import Path

from benchmarks.data import Data
from benchmarks.runner import Benchmark, Work, way


def benchmarks(data: Data) -> list[Benchmark]:
    """From customers in Parquet to their segments in memory."""
    given: dict[str, object] = {"customers": data.crowd, "model": data.model}
    ways = (
        way("clientage, the segment", clientage, given | {"full": False}),
        way("clientage, with distances, runner-up and what would move", clientage, given | {"full": True}),
        way("scikit-learn, the segment", scikit_learn, given),
    )
    return [Benchmark("assign", f"assigning {data.assigned:,} customers", ways)]


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
        return engine.to_pyarrow_batches(wanted).read_all()

    return work


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
