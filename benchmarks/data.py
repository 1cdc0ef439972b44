"""The order lines to measure on, in every form a benchmark needs; made once, by a process of its own."""

# ruff: noqa: PLC0415 - the process that starts the others must stay small, see `runner`
import json
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.runner import ROOT, Work, measure, way

if TYPE_CHECKING:
    import duckdb

PUBLIC_NAME = "Online Retail (UCI)"
PUBLIC = ROOT.parent / "shared" / "data" / "online_retail.zip"
NEEDED = ("invoice", "product", "description", "quantity", "unit_price", "country")


@dataclass(frozen=True)
class Data:
    """Order lines and what was made of them.

    Attributes:
        source: What they are, in words.
        lines: Number of order lines.
        customers: Number of customers after cleaning.
        as_of: Day after the last clean line.
        copies: Copies of the shop in `many`.
        assigned: Customers in `crowd`.
        spreadsheet: A workbook, perhaps in a zip; None where the lines do not fit on a sheet.
        csv: The same as text.
        raw: The table `transactions`.
        many: Copies of it, each with customers and invoices of its own.
        features: The table `customers`.
        model: A segment model fitted to it.
        crowd: Many customers much like them.
    """

    source: str
    lines: int
    customers: int
    as_of: str
    copies: int
    assigned: int
    spreadsheet: str | None
    csv: str
    raw: str
    many: str
    features: str
    model: str
    crowd: str


def prepared(location: Path | None, folder: Path, *, customers: int, copies: int, assigned: int) -> Data:
    """Make everything that is measured on.

    Args:
        location: Order lines in a file; None for a simulated shop.
        folder: Where it goes.
        customers: Of the simulated shop.
        copies: Copies of the shop in the large one.
        assigned: Customers to assign to segments.
    """
    source = PUBLIC_NAME if location == PUBLIC else "order lines given" if location else "a simulated shop"
    place = str(location.resolve()) if location else ""
    given = {"location": place, "folder": str(folder), "customers": customers, "copies": copies, "assigned": assigned}
    measure(way("data", prepare, given, seconds=3600), folder)
    return replace(Data(**json.loads((folder / "data.json").read_text(encoding="utf-8"))), source=source)


def prepare(location: str, folder: str, customers: int, copies: int, assigned: int) -> Work:
    """The process that makes it; notes what it made in `data.json`."""
    import duckdb

    from clientage.transactions.simulate import simulate

    def work() -> None:
        out = Path(folder)
        engine = duckdb.connect()
        if not location:
            simulate(customers, out=out / "simulated.parquet")
        facts = _tables(location or str(out / "simulated.parquet"), out) | {"copies": copies, "assigned": assigned}
        copy(engine, f"{out}/raw.parquet", f"{out}/many.parquet", copies)
        _crowded(engine, out, assigned)
        engine.sql(f"COPY (FROM '{out}/raw.parquet' SELECT * EXCLUDE unreadable) TO '{out}/lines.csv'")
        facts |= {name: f"{out}/{name}.parquet" for name in ("raw", "many", "features", "crowd")}
        facts |= {"csv": f"{out}/lines.csv", "model": f"{out}/model.json"}
        data = Data(source="", spreadsheet=_spreadsheet(engine, location, out), **facts)
        (out / "data.json").write_text(json.dumps(asdict(data)), encoding="utf-8")

    return work


def _tables(location: str, out: Path) -> dict[str, Any]:
    """Transactions, customers and a model, by Clientage itself."""
    import ibis
    import numpy as np

    from clientage.customers.features import baskets, customer_features, products_bought
    from clientage.segments import document, fit
    from clientage.segments.space import RECIPES
    from clientage.transactions import source
    from clientage.transactions.clean import clean

    engine = ibis.duckdb.connect()
    received = source.load(location, engine, scratch=out / "scratch", cache=out / "cache").transactions
    if missing := [name for name in NEEDED if name not in received.columns]:
        raise SystemExit(f"the benchmarks need {', '.join(missing)} too. Give order lines that have them.")
    engine.to_parquet(received, out / "raw.parquet", compression="zstd")
    shutil.rmtree(out / "scratch")
    lines = clean(engine.read_parquet(out / "raw.parquet"))["lines"]
    as_of = engine.to_pyarrow(lines.invoiced_at.max().date()).as_py() + timedelta(days=1)
    customers = engine.to_pyarrow(customer_features(baskets(lines), as_of, products=products_bought(lines, as_of)))
    engine.to_parquet(ibis.memtable(customers), out / "features.parquet")
    numbers = {name: np.asarray(customers[name].to_numpy(), float) for name in customers.column_names[3:]}
    model = fit.fit_centroids(RECIPES["behaviour"], numbers, 5)
    (out / "model.json").write_text(document.dumps(model), encoding="utf-8")
    total = engine.to_pyarrow(engine.read_parquet(out / "raw.parquet").count()).as_py()
    return {"lines": total, "customers": len(customers), "as_of": str(as_of)}


def copied(raw: str, target: str, copies: int) -> Work:
    """The process that makes another shop many times over."""
    import duckdb

    engine = duckdb.connect(config={"memory_limit": "4GB", "preserve_insertion_order": "false"})  # so that it streams
    return lambda: copy(engine, raw, target, copies)


def copy(engine: "duckdb.DuckDBPyConnection", raw: str, target: str, copies: int) -> None:
    """The shop many times over, each copy with its own customers and invoices."""
    engine.sql(
        f"""COPY (SELECT * EXCLUDE copy REPLACE (
                         invoice || '-' || copy AS invoice, customer_id || '-' || copy AS customer_id)
                  FROM '{raw}', range({copies}) copies(copy))
            TO '{target}' (COMPRESSION zstd)"""
    )


def _crowded(engine: "duckdb.DuckDBPyConnection", out: Path, assigned: int) -> None:
    """Customers much like the real ones, each a little different."""
    engine.sql(
        f"""COPY (SELECT * EXCLUDE (copy, bend) REPLACE (
                         customer_id || '-' || copy AS customer_id, recency_days + copy % 30 AS recency_days,
                         monetary * bend AS monetary, units_per_line * bend AS units_per_line)
                  FROM (SELECT *, 0.5 + hash(customer_id, copy) % 1000 / 1000.0 AS bend
                        FROM '{out}/features.parquet',
                             range(1 + {assigned} // (SELECT count(*) FROM '{out}/features.parquet')) copies(copy))
                  LIMIT {assigned})
            TO '{out}/crowd.parquet' (COMPRESSION zstd)"""
    )


def _spreadsheet(engine: "duckdb.DuckDBPyConnection", location: str, out: Path) -> str | None:
    """The workbook that was given, else one of the same lines; without cells that a spreadsheet cannot hold."""
    from benchmarks import workbook

    if location.lower().endswith((".zip", ".xlsx")):
        return location
    lines = engine.sql(
        f"""FROM '{out}/raw.parquet' SELECT * EXCLUDE unreadable
            WHERE isfinite(unit_price) AND invoiced_at >= '1970-01-01' LIMIT {workbook.ROWS + 1}"""
    ).to_arrow_table()
    if len(lines) > workbook.ROWS:
        return None
    path = out / "lines.xlsx"
    workbook.write(path, lines.column_names, lines.to_pylist())
    return str(path)
