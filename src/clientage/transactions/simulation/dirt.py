"""Dirty lines of every kind that cleaning knows, put in beside what was bought."""

from collections import Counter

import numpy as np

from clientage.transactions.simulation.catalogue import SERVICE_CODES, SERVICE_NAMES, Floats, Ints
from clientage.transactions.simulation.shop import Lines, Shop

DUPLICATE, NO_DESCRIPTION, INCOMPLETE, FREE, NEGATIVE = 0.013, 0.003, 0.0002, 0.0008, 0.0002  # shares of lines
SERVICE_HOME, SERVICE_ABROAD, SERVICE_NAME = 0.02, 0.35, 0.004  # shares of orders
IMPOSSIBLE = 3  # lines of each kind

KINDS = (
    "no description",
    "duplicate",
    "service code",
    "service description",
    "no price",
    "incomplete",
    "impossible value",
    "no customer",
)
"""What may be dirty about a line, by the rule that finds it; a line has the number of its kind, from 1."""


def soiled(rng: np.random.Generator, shop: Shop, bought: Lines, impossible: int) -> Lines:
    """Purchases with dirty lines put in beside them, each marked with what is dirty about it.

    Dirt is added and never replaces: what was bought survives cleaning.
    """
    guest = bought["shopper"] >= shop.shoppers.customers
    known = bought[~guest]
    dirt = {
        "no description": _unnamed(rng, known),
        "duplicate": _repeated(rng, known),
        "service code": _service_codes(rng, shop, known),
        "service description": _service_names(rng, shop, known),
        "no price": _unpriced(rng, known),
        "incomplete": _incomplete(rng, known),
        "impossible value": _impossible(rng, shop, known, impossible),
    }
    for kind, lines in dirt.items():
        lines["dirt"] = 1 + KINDS.index(kind)
    soiled = np.concatenate([bought, *dirt.values()])
    soiled["dirt"][np.flatnonzero(guest)] = 1 + KINDS.index("no customer")
    return soiled


def counted(lines: Lines) -> Counter[str]:
    """How many lines are dirty, by the rule that finds them."""
    counts = np.bincount(lines["dirt"], minlength=1 + len(KINDS))[1:]
    return Counter(dict(zip(KINDS, counts.tolist(), strict=True)))


def _some(rng: np.random.Generator, lines: Lines, share: float | Floats) -> Lines:
    """A copy of that share of the lines."""
    some: Lines = lines[rng.random(len(lines)) < share]
    return some


def _unnamed(rng: np.random.Generator, known: Lines) -> Lines:
    """The product name is missing."""
    lines = _some(rng, known, NO_DESCRIPTION)
    lines["named"] = False
    return lines


def _incomplete(rng: np.random.Generator, known: Lines) -> Lines:
    """No price given."""
    lines = _some(rng, known, INCOMPLETE)
    lines["price"] = np.nan
    return lines


def _repeated(rng: np.random.Generator, known: Lines) -> Lines:
    """The same lines again, a third of them at another price."""
    lines = _some(rng, known, DUPLICATE)
    factor = np.where(rng.random(len(lines)) < 1 / 3, rng.choice([0.8, 1.25], len(lines)), 1.0)
    lines["price"] = np.round(lines["price"] * factor, 2)
    return lines


def _unpriced(rng: np.random.Generator, known: Lines) -> Lines:
    """Free units beside those paid for, and corrections below zero; of another quantity, so not duplicates."""
    lines = _some(rng, known, FREE + NEGATIVE)
    corrected = rng.random(len(lines)) < NEGATIVE / (FREE + NEGATIVE)
    lines["quantity"] = np.where(lines["quantity"] == 1, 2, 1)
    lines["price"] = np.where(corrected, -lines["price"], 0.0)
    return lines


def _heads(known: Lines) -> Lines:
    """The first line of each order."""
    heads: Lines = known[np.diff(known["order"], prepend=-1) != 0]
    return heads


def _service_codes(rng: np.random.Generator, shop: Shop, known: Lines) -> Lines:
    """Postage on orders from abroad, fees and discounts on others, under codes that are no goods."""
    heads = _heads(known)
    abroad = shop.shoppers.country[heads["shopper"]] > 0
    chosen = rng.random(len(heads)) < np.where(abroad, SERVICE_ABROAD, SERVICE_HOME)
    any_service = rng.integers(1, len(SERVICE_CODES), size=chosen.sum())
    return _as_service(shop, heads[chosen], np.where(abroad[chosen], 0, any_service))


def _service_names(rng: np.random.Generator, shop: Shop, known: Lines) -> Lines:
    """Services that only their names give away."""
    lines = _some(rng, _heads(known), SERVICE_NAME)
    return _as_service(shop, lines, len(SERVICE_CODES) + rng.integers(len(SERVICE_NAMES), size=len(lines)))


def _as_service(shop: Shop, lines: Lines, service: Ints) -> Lines:
    """The lines turned into that service (position in `SERVICE_CODES`, then `SERVICE_NAMES`)."""
    discount = [code for code, _, _ in SERVICE_CODES].index("D")
    lines["product"] = shop.catalogue.goods + service
    lines["price"] = shop.catalogue.price[lines["product"]]
    lines["quantity"] = np.where(service == discount, -1, 1)
    return lines


def _impossible(rng: np.random.Generator, shop: Shop, known: Lines, each: int) -> Lines:
    """A few lines with an infinite price, an absurd quantity, or a date long before the shop."""
    lines = known[rng.integers(len(known), size=3 * each)] if len(known) else known
    price, quantity, time = np.array_split(np.arange(len(lines)), 3)
    lines["price"][price] = np.inf
    lines["quantity"][quantity] = 2_000_000_000
    long_ago = (np.datetime64("1900-01-01", "m") - shop.calendar.start).astype(np.int64)
    lines["minute"][time] = lines["bought"][time] = long_ago
    return lines
