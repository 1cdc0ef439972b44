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
    import polars as pl
    import pyarrow as pa

OURS, POLARS, SQL, PANDAS = "clientage", "Polars", "DuckDB, plain SQL", "pandas"
BY_CUSTOMER = "pandas, a function a customer"
LINE = 600  # bytes of memory that pandas takes for an order line, about


def benchmarks(data: Data) -> list[Benchmark]:
    """The shop, and many of it."""
    given = {"raw": data.raw, "as_of": data.as_of}
    ways = (*_ways(data.raw, data.as_of), way(BY_CUSTOMER, by_customer, given))
    return [Benchmark("features", "cleaning and features", ways), _many(data)]


def check(raw: str, as_of: str) -> Work:
    """All give the same customers, to a millionth, or an `AssertionError` says where not."""
    import pandas as pd

    def work() -> None:
        ours = _frame(clientage(raw, as_of)()).drop(columns="as_of")
        for other in (polars, sql, pandas, by_customer):
            theirs = _frame(other(raw, as_of)())[ours.columns].sort_index()
            try:
                pd.testing.assert_frame_equal(
                    ours, theirs, check_dtype=False, check_index_type=False, rtol=1e-6, atol=1e-6
                )
            except AssertionError as error:
                raise AssertionError(f"{other.__name__} differs: {error}") from None

    return work


def _frame(found: "pa.Table | pl.DataFrame | pd.DataFrame") -> "pd.DataFrame":
    """Customers of any way, by number."""
    import pandas as pd

    return found if isinstance(found, pd.DataFrame) else found.to_pandas().set_index("customer_id")


def _ways(raw: str, as_of: str) -> tuple[Way, ...]:
    given = {"raw": raw, "as_of": as_of}
    return (
        way(OURS, clientage, given),
        way(POLARS, polars, given),
        way(SQL, sql, given),
        way(PANDAS, pandas, given),
    )


def _many(data: Data) -> Benchmark:
    """Pandas only where the lines fit into memory."""
    title = f"cleaning and features × {data.copies}"
    ways = _ways(data.many, data.as_of)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    if data.lines * data.copies * LINE < memory:
        return Benchmark("features-many", title, ways, rounds=3)
    return Benchmark("features-many", title, ways[:-1], rounds=3, notes=("pandas left out: too little memory",))


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


def polars(raw: str, as_of: str) -> Callable[[], "pl.DataFrame"]:
    """The same with Polars."""
    from benchmarks import by_polars

    return lambda: by_polars.features(raw, date.fromisoformat(as_of))


def sql(raw: str, as_of: str) -> Callable[[], "pa.Table"]:
    """The same with plain SQL in DuckDB."""
    import duckdb

    from benchmarks import by_sql

    engine = duckdb.connect()
    engine.execute("SET enable_progress_bar = false")
    return lambda: engine.execute(by_sql.FEATURES, {"raw": raw, "as_of": as_of}).to_arrow_table()


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
