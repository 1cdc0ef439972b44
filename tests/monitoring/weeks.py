"""Windows for tests: what was seen in them, made up."""

import numpy as np

from clientage.monitoring.compared import ITEMS, PRICED, PRICES, SEGMENTS, SOLD, Compared
from clientage.monitoring.features import Range
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Observed

ORDERS, RETURNED, REVENUE = Key("volume", "orders"), Key("orders", "returned"), Key("volume", "revenue")
SPEND = Key("customers", "psi", "monetary")
KNOWN = {"monetary": Range((10.0, 20.0, 30.0), 0.0, 100.0)}


def compared(key, values, chances=()):
    """Windows of which one thing is known."""
    return [
        Compared({key: float(value)}, {key: float(chance)} if chances else {})
        for value, chance in zip(values, chances or values, strict=True)
    ]


def seen(count=12, first=100, seed=0):
    """Windows of a shop where nothing happens, with all kinds of figures and counts in them."""
    rng, usual = np.random.default_rng(seed), (100, 80, 60, 10)

    def counted(*names):
        return Counts(
            (*names, "all others"), rng.poisson(usual[: len(names) + 1], (count, len(names) + 1)).astype(float)
        )

    items = counted("11", "22", "33")
    counts = {
        ITEMS: items,
        SOLD: counted("11", "22", "33"),
        PRICED: items,
        PRICES: Counts(items.categories, items.counts * np.log([2.0, 5.0, 9.0, 1.0])),
        SEGMENTS: counted("1", "2"),
        SPEND: Counts(("≤ 10", "≤ 20", "≤ 30", "more"), rng.poisson(50, (count, 4)).astype(float)),
    }
    figures = {
        ORDERS: rng.normal(100, 3, count),
        RETURNED: rng.normal(0.05, 0.002, count),
        Key("missing", "empty", "country"): np.zeros(count),
        Key("customers", "median", "monetary"): rng.normal(20, 1, count),
    }
    return Observed(tuple(range(first, first + count)), figures, {"volume": np.full(count, 500.0)}, counts)
