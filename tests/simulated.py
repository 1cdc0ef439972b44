"""Simulated shops, cleaned, and what holds for every one of them."""

from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow.parquet as pq

from clientage.transactions.clean import clean
from clientage.transactions.simulate import simulate

NAMES = {
    "invoice": "InvoiceNo",
    "product": "StockCode",
    "description": "Description",
    "quantity": "Quantity",
    "invoiced_at": "InvoiceDate",
    "unit_price": "UnitPrice",
    "customer_id": "CustomerID",
    "country": "Country",
}


class Shop:
    """One simulated shop, cleaned, ready for questions."""

    def __init__(self, folder: Path, **arguments: Any):
        self.result = simulate(out=folder / "lines.parquet", **arguments)
        self.engine = ibis.duckdb.connect()
        self.engine.read_parquet(self.result.lines_path, table_name="raw")
        self.engine.read_parquet(self.result.truth_path, table_name="truth")
        raw = self.engine.table("raw").rename(NAMES)
        raw = raw.mutate(quantity=raw.quantity.cast("float64"), unreadable=ibis.null("string"))
        for name, table in clean(raw).items():
            self.engine.create_table(name, table)

    def ask(self, sql: str) -> list[Any]:
        return list(self.engine.con.sql(sql).fetchall())

    def one(self, sql: str) -> Any:
        ((value,),) = self.ask(sql)
        return value


def assert_sound(shop: Shop) -> None:
    """What holds for a shop of any size."""
    assert shop.ask("select reason, count(*) from rejected group by all order by 1") == sorted(
        (kind, count) for kind, count in shop.result.dirty.items() if count
    )
    assert shop.one("select count(*) from raw") == shop.result.lines
    assert shop.one("select count(*) - count(distinct customer_id) from truth") == 0
    assert shop.one("select count(*) from truth") == shop.result.customers
    assert set(shop.ask("from (select customer_id from truth)")) == set(
        shop.ask("select distinct CustomerID from raw where CustomerID is not null")
    )
    assert set(shop.ask("from (select customer_id from truth)")) == set(
        shop.ask("select distinct customer_id from lines where quantity > 0")
    )
    times = pq.read_table(shop.result.lines_path, columns=["InvoiceDate"])["InvoiceDate"].to_numpy()
    assert (np.diff(times) >= np.timedelta64(0)).all()
    assert shop.one("select count(*) from lines where cancelled <> (quantity < 0)") == 0
    assert shop.one("select count(*) from lines where (invoice like 'C%') <> cancelled") == 0
    unmatched = """
        select count(*) from lines r where r.cancelled and not exists (
            from lines b where not b.cancelled and b.customer_id = r.customer_id and b.product = r.product
            and b.invoiced_at < r.invoiced_at and b.quantity >= -r.quantity)"""
    assert shop.one(unmatched) == 0
