"""The simulated shop: order lines as a real shop would hand them over, with the planted truth beside them.

Orders, returns and dirty lines are made block by block, in time order, so memory does not grow with their number.
What the shop sells, when it is busy, who comes, what is dirty and what shifts are in the folder `simulation`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from clientage.transactions.simulation.calendar import end_of, make_calendar
from clientage.transactions.simulation.catalogue import Ints, make_catalogue
from clientage.transactions.simulation.dirt import IMPOSSIBLE, counted, soiled
from clientage.transactions.simulation.orders import bought_lines, returned_lines
from clientage.transactions.simulation.shifts import Shift, outside, shifted, stocked, taken_back, understood
from clientage.transactions.simulation.shop import LINE, Lines, Shop
from clientage.transactions.simulation.shoppers import COUNTRIES, ELSEWHERE, PLANTED, make_shoppers, settled

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
        shifts: What was planted, in the order it takes effect, with sizes.
    """

    lines_path: Path
    truth_path: Path
    lines: int
    customers: int
    dirty: Mapping[str, int]
    shifts: Sequence[Shift] = ()


def simulate(
    customers: int = 5_000,
    *,
    out: Path,
    truth: Path | None = None,
    seed: int = 7,
    start: date = date(2024, 1, 1),
    months: int = 12,
    steady: bool = False,
    shifts: Iterable[Shift | str] = (),
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
        steady: No seasons, and customers of every kind come and go evenly, as if the shop had long been open.
        shifts: What changes from a day on; or as it is written for the command, such as `price=0.15@2024-07-29`. Lines
            before the day are those of the shop without the shift.
        progress: Called with the share done, in [0, 1].

    Raises:
        InputError: An argument is out of range; all of them are named.
        OSError: A file cannot be written.
    """
    truth = truth or out.with_name(f"{out.stem}_truth.parquet")
    planted, problems = understood(shifts)
    _check(customers, seed, start, months, planted, problems)
    if out.resolve() == truth.resolve():
        raise InputError(f"{out}: lines and truth cannot be the same file. Give another one for the truth.")
    shop = _open_shop(customers, seed, start, months, steady, planted)
    dirty: Counter[str] = Counter()
    written = 0
    with _replacing(out) as lines_file, _replacing(truth) as truth_file:
        with pq.ParquetWriter(lines_file, SCHEMA, compression="zstd") as writer:
            for done, table, dirt in _blocks(shop, planted):
                writer.write_table(table, row_group_size=ROW_GROUP)
                written += len(table)
                dirty += dirt
                if progress:
                    progress(done)
        pq.write_table(_truth(shop), truth_file, compression="zstd")
    return Simulated(out, truth, written, customers, dict(dirty), planted)


def _check(
    customers: int, seed: int, start: date, months: int, shifts: Sequence[Shift], problems: Sequence[str]
) -> None:
    """Name every argument that does not fit, and the problems found before."""
    last_year = start.year + (start.month + months - 1 - (start.day == 1)) // 12
    checks = {
        f"customers is {customers}: simulate at least 1.": customers < 1,
        f"seed is {seed}: give a whole number from 0.": seed < 0,
        f"months is {months}: simulate at least 1.": months < 1,
        f"{months} months from {start}: stay within 1970 to 2099.": start.year < 1970 or last_year > 2099,
    }
    wrong = [text for text, wrong in checks.items() if wrong] + [*problems]
    if months >= 1:
        wrong += outside(shifts, np.datetime64(start, "D"), end_of(start, months))
    if wrong:
        raise InputError(joined(wrong))


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


def _open_shop(customers: int, seed: int, start: date, months: int, steady: bool, shifts: Sequence[Shift]) -> Shop:
    """Calendar, catalogue and shoppers; each has a random stream of its own."""
    calendar = make_calendar(start, months, steady=steady)
    shoppers = make_shoppers(np.random.default_rng([seed, 1]), customers, calendar.years)
    if steady:
        shoppers = settled(np.random.default_rng([seed, 4]), shoppers)
    catalogue = stocked(make_catalogue(np.random.default_rng([seed, 0]), steady=steady), shifts)
    ids = pc.cast(pa.array(np.arange(customers) + FIRST_CUSTOMER), pa.string())
    return Shop(seed, calendar, catalogue, shoppers, ids)


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


def _blocks(shop: Shop, shifts: Sequence[Shift]) -> Iterator[tuple[float, pa.Table, Counter[str]]]:
    """Share done, lines and number of dirty lines, block after block; returns wait for their day."""
    edges = _edges(shop)
    waiting = np.empty(0, LINE)
    orders, invoice = 0, FIRST_INVOICE
    for number, (first, end) in enumerate(pairwise(edges)):
        rng = np.random.default_rng([shop.seed, 2, number])
        bought = bought_lines(rng, shop, orders, shop.calendar.clock[first], shop.calendar.clock[end])
        orders = bought["order"].max(initial=orders - 1) + 1
        back = taken_back(shop, shifts, number, bought, returned_lines(rng, shop, bought))
        returned = np.concatenate([waiting, shifted(shop, shifts, back)])
        due = returned["minute"] < end * 1440
        waiting = returned[~due]
        lines = shifted(shop, shifts, soiled(rng, shop, bought, impossible=IMPOSSIBLE if number == 0 else 0))
        table, invoice = _table(shop, np.concatenate([lines, returned[due]]), invoice)
        yield end / edges[-1], table, counted(lines)


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
        pa.array([*COUNTRIES, *ELSEWHERE]).take(pa.array(lines["country"], mask=lines["country"] < 0)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA), invoice + len(numbers)
