"""Features: cleaning and one row per customer, from the raw order lines."""

# ruff: noqa: PLC0415 - each way imports only what it measures
import os
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from benchmarks.data import Data, copied
from benchmarks.goals import Goal
from benchmarks.runner import Benchmark, Way, Work, way

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

OURS, POLARS, SQL, PANDAS = "clientage", "Polars", "DuckDB, plain SQL", "pandas"
BY_CUSTOMER = "pandas, a function a customer"
LINES, BASKETS = "lines.parquet", "baskets.parquet"
LINE = 600  # bytes of memory that pandas takes for an order line, about
MOST, MEMORY = 10, "4 GB"  # times as many lines as the many, and what DuckDB may hold of them
MANY_GOALS = (
    Goal(OURS, "cpu_s", most=6),
    Goal(OURS, "peak_mb", most=1_500),
    Goal(POLARS, "ratio", least=1 / 0.9),  # ours takes at most nine tenths
    Goal(SQL, "ratio", least=1 / 0.5),  # ours takes at most half
)


def benchmarks(data: Data) -> list[Benchmark]:
    """The shop, many of it, and so many that the others would not fit."""
    given = {"raw": data.raw, "as_of": data.as_of}
    ways = (*_ways(data.raw, data.as_of), way(BY_CUSTOMER, by_customer, given))
    goals = (Goal(BY_CUSTOMER, "ratio", least=20),)
    return [Benchmark("features", "cleaning and features", ways, goals=goals), _many(data), _most(data)]


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
        return Benchmark("features-many", title, ways, rounds=3, goals=MANY_GOALS)
    notes = ("pandas left out: too little memory",)
    return Benchmark("features-many", title, ways[:-1], rounds=3, notes=notes, goals=MANY_GOALS)


def _most(data: Data) -> Benchmark:
    """Ours alone, in little memory."""
    raw, copies = "most.parquet", MOST * data.copies
    made = way("copies", copied, {"raw": data.raw, "target": raw, "copies": copies}, seconds=3600)
    ours = way(OURS, clientage, {"raw": raw, "as_of": data.as_of, "memory": MEMORY}, seconds=3600)
    return Benchmark(
        "features-most",
        f"cleaning and features × {copies}, DuckDB in {MEMORY}",
        (ours,),
        rounds=1,
        before=(made,),
        leaves=(raw, LINES, BASKETS),
        goals=(Goal(OURS, "cpu_s", most=12, of="features-many"),),
    )


def clientage(raw: str, as_of: str, memory: str = "") -> Callable[[], "pa.Table"]:
    """The expressions of the package, run by DuckDB; clean lines and baskets lie in files between, as in a run.

    Args:
        raw: The table `transactions`.
        as_of: Day to look back from.
        memory: What DuckDB may hold, with the rest in files of the folder; empty for its own choice.
    """
    import ibis

    from clientage.customers.features import baskets, customer_features, products_bought
    from clientage.transactions.clean import clean
    from clientage.warehouse import PARQUET

    engine = ibis.duckdb.connect()
    engine.raw_sql("SET enable_progress_bar = false")
    if memory:
        engine.raw_sql(f"SET memory_limit = '{memory}'; SET temp_directory = 'spilled'")

    def work() -> "pa.Table":
        engine.to_parquet(clean(engine.read_parquet(raw))["lines"], LINES, **PARQUET)
        lines = engine.read_parquet(LINES)
        engine.to_parquet(baskets(lines), BASKETS, **PARQUET)
        day = date.fromisoformat(as_of)
        bought = products_bought(lines, day)
        customers = customer_features(engine.read_parquet(BASKETS), day, products=bought)
        return engine.to_pyarrow_batches(customers).read_all()

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

    from benchmarks import by_pandas

    return lambda: by_pandas.features(by_pandas.clean(pd.read_parquet(raw)), pd.Timestamp(as_of))


def by_customer(raw: str, as_of: str) -> Callable[[], "pd.DataFrame"]:
    """The same with pandas and a function for each customer."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401 - loaded before the clock starts

    from benchmarks import by_customer, by_pandas

    return lambda: by_customer.features(by_pandas.clean(pd.read_parquet(raw)), pd.Timestamp(as_of))
