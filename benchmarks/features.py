"""Features: cleaning and one row per customer, from the raw order lines."""

# ruff: noqa: PLC0415 - each way imports only what it measures
import os
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from benchmarks.data import Data
from benchmarks.runner import Benchmark, Way, Work, way

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

LINE = 600  # bytes of memory that pandas takes for an order line, about


def benchmarks(data: Data) -> list[Benchmark]:
    """The shop, and many of it."""
    given = {"raw": data.raw, "as_of": data.as_of}
    ways = (*_ways(data.raw, data.as_of), way("pandas, a function a customer", by_customer, given))
    return [Benchmark("features", "cleaning and features", ways), _many(data)]


def check(raw: str, as_of: str) -> Work:
    """All give the same customers, to a millionth, or an `AssertionError` says where not."""
    import pandas as pd

    def work() -> None:
        ours = clientage(raw, as_of)().to_pandas().set_index("customer_id").drop(columns="as_of")
        for other in (pandas, by_customer):
            theirs = other(raw, as_of)()[ours.columns].sort_index()
            pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_index_type=False, rtol=1e-6, atol=1e-6)

    return work


def _ways(raw: str, as_of: str) -> tuple[Way, ...]:
    given = {"raw": raw, "as_of": as_of}
    return way("clientage", clientage, given), way("pandas", pandas, given)


def _many(data: Data) -> Benchmark:
    """Pandas only where the lines fit into memory."""
    title = f"cleaning and features × {data.copies}"
    ways = _ways(data.many, data.as_of)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    if data.lines * data.copies * LINE < memory:
        return Benchmark("features-many", title, ways, rounds=3)
    return Benchmark("features-many", title, ways[:1], rounds=3, notes=("pandas left out: too little memory",))


def clientage(raw: str, as_of: str) -> Callable[[], "pa.Table"]:
    """The expressions of the package, run by DuckDB; clean lines lie in a file between, as in a run."""
    import ibis

    from clientage.customers.features import customer_features
    from clientage.transactions.clean import clean
    from clientage.warehouse import PARQUET

    engine = ibis.duckdb.connect()
    engine.raw_sql("SET enable_progress_bar = false")

    def work() -> "pa.Table":
        engine.to_parquet(clean(engine.read_parquet(raw))["lines"], "lines.parquet", **PARQUET)
        lines = engine.read_parquet("lines.parquet")
        return engine.to_pyarrow_batches(customer_features(lines, date.fromisoformat(as_of))).read_all()

    return work


def pandas(raw: str, as_of: str) -> Callable[[], "pd.DataFrame"]:
    """The same with pandas."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401 - loaded before the clock starts

    from benchmarks import plain

    return lambda: plain.features(plain.clean(pd.read_parquet(raw)), pd.Timestamp(as_of))


def by_customer(raw: str, as_of: str) -> Callable[[], "pd.DataFrame"]:
    """The same with pandas and a function for each customer."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401 - loaded before the clock starts

    from benchmarks import by_customer, plain

    return lambda: by_customer.features(plain.clean(pd.read_parquet(raw)), pd.Timestamp(as_of))
