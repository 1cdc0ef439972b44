"""What order lines say of windows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from clientage.monitoring import lines
from clientage.monitoring.compared import COUNTRIES, ITEMS, PRICED, PRICES, SOLD
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Floats, Observed
from clientage.stages.watch.watch import Watch
from clientage.transactions.clean import RULES

ITEMS_KEPT = 300
OTHERS = "all others"
Row = Mapping[str, Any]


def look(watch: Watch, numbers: range) -> Observed:
    """What order lines say of windows."""
    seen = Observed(tuple(numbers))
    for part in (_orders, _products, _countries, _missing):
        seen = seen.joined(part(watch, numbers))
    return seen


def received(watch: Watch, numbers: range) -> Floats:
    """How many lines came in, (windows,), those that were set aside too."""
    lines_in = watch.within("transactions", numbers)
    found = {row["window"]: row for row in watch.run.rows(lines_in.group_by("window").agg(received=lines_in.count()))}
    return _column(found, "received", numbers, 0.0)


def _orders(watch: Watch, numbers: range) -> Observed:
    found = {row["window"]: row for row in watch.run.rows(lines.orders(watch.within("lines", numbers)))}
    volume = {Key("volume", name): _column(found, name, numbers, 0.0) for name in ("orders", "customers", "revenue")}
    names = ("order value", "lines per order", "units per line", "returned")
    orders = {Key("orders", name): _column(found, name, numbers) for name in names}
    behind = _column(found, "lines", numbers, 0.0)
    return Observed(tuple(numbers), volume | orders, dict.fromkeys(("volume", "orders", "items"), behind))


def _products(watch: Watch, numbers: range) -> Observed:
    table = watch.within("lines", numbers)
    if "product" not in table.columns:
        return Observed(tuple(numbers))
    found = watch.run.warehouse.collect(lines.products(table))
    names = watch.items or _most(found, ITEMS_KEPT)
    every = tuple(sorted(set(found["category"].to_pylist())))
    counts = {ITEMS: _counted(found, "count", numbers, names), SOLD: _counted(found, "count", numbers, every)}
    if "price" in found.column_names:
        counts |= {PRICED: _counted(found, "priced", numbers, names), PRICES: _counted(found, "price", numbers, names)}
    return Observed(tuple(numbers), counts=counts)


def _countries(watch: Watch, numbers: range) -> Observed:
    table = watch.within("lines", numbers)
    if "country" not in table.columns:
        return Observed(tuple(numbers))
    found = watch.run.warehouse.collect(lines.countries(table))
    names = _most(found, ITEMS_KEPT)
    return Observed(tuple(numbers), counts={COUNTRIES: _counted(found, "count", numbers, names)})


def _missing(watch: Watch, numbers: range) -> Observed:
    """Shares of lines without a value, by column, of a column that is gone all of them; and of those set aside.

    A reason that set nothing aside in these windows may do so in others, and has its share of none.
    """
    received = watch.within("transactions", numbers)
    found = {row["window"]: row for row in watch.run.rows(lines.empty(received))}
    of = _column(found, "received", numbers, 0.0)
    columns = [name for name in lines.OFTEN_EMPTY if name in received.columns and name != "invoiced_at"]
    figures = {Key("missing", "empty", name): _column(found, name, numbers) for name in columns}
    gone = [name for name in watch.columns if name not in columns]
    figures |= {Key("missing", "empty", name): np.where(of > 0, 1.0, np.nan) for name in gone}
    aside = watch.run.warehouse.collect(lines.set_aside(watch.within("rejected", numbers)))
    with np.errstate(invalid="ignore", divide="ignore"):
        for reason in sorted({*RULES, *aside["category"].to_pylist()}):
            counted = _counted(aside, "count", numbers, (reason,)).counts[:, 0]
            figures[Key("missing", "set aside", reason)] = np.where(of > 0, counted / of, np.nan)
    return Observed(tuple(numbers), figures, {"missing": of})


def _column(found: Mapping[int, Row], name: str, numbers: range, empty: float = float("nan")) -> Floats:
    values = [found[number].get(name) if number in found else None for number in numbers]
    return np.array([empty if value is None else float(value) for value in values])


def _most(found: pa.Table, most: int) -> tuple[str, ...]:
    """The categories counted most often, ties by name; and all others."""
    sums = found.group_by("category").aggregate([("count", "sum")])
    order = sums.sort_by([("count_sum", "descending"), ("category", "ascending")])["category"].to_pylist()
    return tuple(order[:most])


def _counted(found: pa.Table, name: str, numbers: range, names: tuple[str, ...]) -> Counts:
    """Counts by window and category; what has no name here is counted last."""
    place = {category: i for i, category in enumerate(names)}
    columns = np.array([place.get(category, len(names)) for category in found["category"].to_pylist()], int)
    counts = np.zeros((len(numbers), len(names) + 1))
    rows = found["window"].to_numpy() - numbers.start
    values = np.nan_to_num(np.asarray(found[name].cast(pa.float64()).to_numpy(zero_copy_only=False), float))
    np.add.at(counts, (rows, columns), values)
    return Counts((*names, OTHERS), counts)
