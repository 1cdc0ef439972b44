"""The simulated shop: order lines as a real shop would hand them over, with the planted truth beside them.

Orders, returns and dirty lines are made block by block, in time order, so memory does not grow with their number.
What the shop sells, when it is busy, who comes and what is dirty are in the folder `simulation`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clientage.errors import InputError, joined
from clientage.transactions.simulation.calendar import make_calendar
from clientage.transactions.simulation.catalogue import Floats, Ints, make_catalogue
from clientage.transactions.simulation.dirt import IMPOSSIBLE, LINE, Lines, Shop, soiled
from clientage.transactions.simulation.shoppers import COUNTRIES, PLANTED, Shoppers, make_shoppers

BLOCK = 400_000  # lines to aim at
ROW_GROUP = 131_072
FIRST_CUSTOMER, FIRST_INVOICE = 12_346, 536_365
SCHEMA = pa.schema(
    {
        "InvoiceNo": pa.string(),
        "StockCode": pa.string(),
        "Description": pa.string(),
        "Quantity": pa.int64(),
        "InvoiceDate": pa.timestamp("us"),
        "UnitPrice": pa.float64(),
        "CustomerID": pa.string(),
        "Country": pa.string(),
    }
)


@dataclass(frozen=True)
class Simulated:
    """What was simulated.

    Attributes:
        lines_path: Parquet file of order lines.
        truth_path: Parquet file of customer_id, segment (planted) and wholesale.
        lines: Number of order lines, dirty ones included.
        customers: Number of customers with an id.
        dirty: Lines that cleaning sets aside, by the rule that does it.
    """

    lines_path: Path
    truth_path: Path
    lines: int
    customers: int
    dirty: Mapping[str, int]


def simulate(
    customers: int = 5_000,
    *,
    out: Path,
    truth: Path | None = None,
    seed: int = 7,
    start: date = date(2024, 1, 1),
    months: int = 12,
    progress: Callable[[float], None] | None = None,
) -> Simulated:
    """Write a shop's order lines, in time order, and who of its customers was meant to be what.

    The same arguments give the same bytes, with the same NumPy and PyArrow. Either file appears complete or not at all.

    Args:
        customers: Customers with an id; every one of them completes an order.
        out: Parquet file of order lines to write.
        truth: Parquet file of the planted truth to write; beside the lines, `<stem>_truth.parquet`, unless given.
        seed: Seed of everything random.
        start: First day.
        months: Length of the simulated time.
        progress: Called with the share done, in [0, 1].

    Raises:
        InputError: An argument is out of range; all of them are named.
        OSError: A file cannot be written.
    """
    truth = truth or out.with_name(f"{out.stem}_truth.parquet")
    _check(customers, seed, start, months)
    if out.resolve() == truth.resolve():
        raise InputError(f"{out}: lines and truth cannot be the same file. Give another one for the truth.")
    shop = _open_shop(customers, seed, start, months)
    dirty: Counter[str] = Counter()
    written = 0
    with _replacing(out) as lines_file, _replacing(truth) as truth_file:
        with pq.ParquetWriter(lines_file, SCHEMA, compression="zstd") as writer:
            for done, table, dirt in _blocks(shop):
                writer.write_table(table, row_group_size=ROW_GROUP)
                written += len(table)
                dirty += dirt
                if progress:
                    progress(done)
        pq.write_table(_truth(shop), truth_file, compression="zstd")
    return Simulated(out, truth, written, customers, dict(dirty))


def _check(customers: int, seed: int, start: date, months: int) -> None:
    """Name every argument that does not fit."""
    last_year = start.year + (start.month + months - 1 - (start.day == 1)) // 12
    problems = {
        f"customers is {customers}: simulate at least 1.": customers < 1,
        f"seed is {seed}: give a whole number from 0.": seed < 0,
        f"months is {months}: simulate at least 1.": months < 1,
        f"{months} months from {start}: stay within 1970 to 2099.": start.year < 1970 or last_year > 2099,
    }
    if any(problems.values()):
        raise InputError(joined(text for text, wrong in problems.items() if wrong))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _open_shop(customers: int, seed: int, start: date, months: int) -> Shop:
    """Calendar, catalogue and shoppers; each has a random stream of its own."""
    calendar = make_calendar(start, months)
    shoppers = make_shoppers(np.random.default_rng([seed, 1]), customers, calendar.years)
    ids = pc.cast(pa.array(np.arange(customers) + FIRST_CUSTOMER), pa.string())
    return Shop(seed, calendar, make_catalogue(np.random.default_rng([seed, 0])), shoppers, ids)


def _truth(shop: Shop) -> pa.Table:
    """The planted truth, one row per customer."""
    shoppers, n = shop.shoppers, shop.shoppers.customers
    names = pa.array([planted.name for planted in PLANTED])
    segment = names.take(pa.array(shoppers.segment[:n]))
    return pa.table({"customer_id": shop.ids, "segment": segment, "wholesale": shoppers.wholesale[:n]})


def _edges(shop: Shop) -> Ints:
    """First days of the blocks, and the end: about `BLOCK` lines each, whole days."""
    s = shop.shoppers
    expected = np.sum((1 + s.rate * np.clip(np.minimum(s.leaves, 1) - s.joined, 0, None)) * s.width)
    cuts = np.linspace(0, 1, int(np.ceil(expected / BLOCK)) + 1)[1:-1]
    days = len(shop.calendar.month)
    return np.unique(np.concatenate([[0], np.searchsorted(shop.calendar.clock, cuts), [days]]))


def _blocks(shop: Shop) -> Iterator[tuple[float, pa.Table, Counter[str]]]:
    """Share done, lines and number of dirty lines, block after block; returns wait for their day."""
    edges = _edges(shop)
    waiting = np.empty(0, LINE)
    orders, invoice = 0, FIRST_INVOICE
    for number, (first, end) in enumerate(pairwise(edges)):
        rng = np.random.default_rng([shop.seed, 2, number])
        bought = _bought(rng, shop, orders, shop.calendar.clock[first], shop.calendar.clock[end])
        orders = bought["order"].max(initial=orders - 1) + 1
        returned = np.concatenate([waiting, _returned(rng, shop, bought)])
        due = returned["minute"] < end * 1440
        waiting = returned[~due]
        lines, dirt = soiled(rng, shop, bought, impossible=IMPOSSIBLE if number == 0 else 0)
        table, invoice = _table(shop, np.concatenate([lines, returned[due]]), invoice)
        yield end / edges[-1], table, dirt


def _bought(rng: np.random.Generator, shop: Shop, first_order: int, since: float, until: float) -> Lines:
    """Purchases between two clock times, sorted by order; no product stands twice in an order."""
    s, calendar = shop.shoppers, shop.calendar
    who, at = _orders(rng, s, since, until)
    minute = calendar.minute(rng, at)
    order = np.repeat(np.arange(len(who)), 1 + rng.poisson(s.width[who] - 1))
    shopper = who[order]
    month = calendar.month[calendar.day(at)]
    product = shop.catalogue.choose(rng, s.taste[shopper], month[order], s.premium[shopper])
    order, product = np.divmod(_distinct(order * shop.catalogue.goods + product), shop.catalogue.goods)
    lines = np.zeros(len(order), LINE)
    lines["order"], lines["shopper"], lines["minute"] = first_order + order, who[order], minute[order]
    lines["product"], lines["named"] = product, True
    lines["quantity"] = _quantity(rng, s.units[who[order]])
    lines["price"] = _bulk_price(shop.catalogue.price[product], lines["quantity"])
    return lines


def _distinct(keys: Ints) -> Ints:
    """`np.unique`, which takes three times as long."""
    keys.sort()
    distinct: Ints = keys[np.diff(keys, prepend=-1) != 0]
    return distinct


def _orders(rng: np.random.Generator, s: Shoppers, since: float, until: float) -> tuple[Ints, Floats]:
    """Who orders, and when on the clock: the first order on joining, then a Poisson process until dropping out."""
    begin = np.maximum(s.joined, since)
    exposure = np.clip(np.minimum(s.leaves, until) - begin, 0, None)
    again = np.repeat(np.arange(len(begin)), rng.poisson(s.rate * exposure))
    at = begin[again] + rng.random(len(again)) * exposure[again]
    new = np.flatnonzero((s.joined >= since) & (s.joined < until))
    when = np.minimum(np.concatenate([s.joined[new], at]), np.nextafter(until, 0))  # sums may round up to `until`
    return np.concatenate([new, again]), when


def _quantity(rng: np.random.Generator, mean: Floats) -> Ints:
    """Geometric units of the given mean; many units come in packs of six."""
    units = 1 + np.floor(rng.exponential(-1 / np.log1p(-1 / mean))).astype(np.int64)
    return np.where(units < 10, units, (units + 3) // 6 * 6)


def _bulk_price(price: Floats, quantity: Ints) -> Floats:
    """15% less from 24 units on."""
    return np.where(quantity < 24, price, np.round(price * 0.85, 2))


def _returned(rng: np.random.Generator, shop: Shop, bought: Lines) -> Lines:
    """Lines taken back, at least in part, at once or weeks later; what comes after the end never happens.

    One cancellation per order: its key is the complement of the order's, so it is below zero.
    """
    back = bought[rng.random(len(bought)) < shop.shoppers.returns[bought["shopper"]]]
    _, first, of = np.unique(back["order"], return_index=True, return_inverse=True)
    clock, minute = shop.calendar.clock, back["minute"][first]
    at = clock[minute // 1440] + rng.exponential(10 / len(clock), len(first))
    later = np.maximum(shop.calendar.minute(rng, np.minimum(at, np.nextafter(1.0, 0))), minute + 5)
    back["order"], back["minute"] = ~back["order"], later[of]
    share = rng.uniform(1e-9, 2, len(back)).clip(max=1)  # half of them are taken back whole
    back["quantity"] = -np.ceil(back["quantity"] * share)
    kept: Lines = back[(at < 1)[of]]
    return kept


def _table(shop: Shop, lines: Lines, invoice: int) -> tuple[pa.Table, int]:
    """The lines as they are handed over, in time order, and the next free invoice number."""
    lines = lines[np.lexsort((lines["order"], lines["minute"]))]
    begins = np.diff(lines["order"], prepend=np.iinfo(np.int64).min) != 0
    position = np.cumsum(begins) - 1
    numbers = pc.cast(pa.array(invoice + np.arange(begins.sum())), pa.string())
    cancelled = pa.array(lines["order"][begins] < 0)
    numbers = pc.if_else(cancelled, pc.binary_join_element_wise("C", numbers, ""), numbers)
    columns = [
        numbers.take(pa.array(position)),
        shop.catalogue.codes.take(pa.array(lines["product"])),
        shop.catalogue.names.take(pa.array(lines["product"], mask=~lines["named"])),
        pa.array(lines["quantity"]),
        pa.array((shop.calendar.start + lines["minute"].astype("m8[m]")).astype("M8[us]")),
        pa.array(lines["price"], mask=np.isnan(lines["price"])),
        shop.ids.take(pa.array(lines["shopper"], mask=lines["shopper"] >= shop.shoppers.customers)),
        pa.array(list(COUNTRIES)).take(pa.array(shop.shoppers.country[lines["shopper"]])),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA), invoice + len(numbers)
