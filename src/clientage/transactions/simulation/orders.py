"""What is bought in the simulated shop, and what of it is taken back."""

import numpy as np

from clientage.transactions.simulation.catalogue import Floats, Ints
from clientage.transactions.simulation.shop import LINE, Lines, Shop
from clientage.transactions.simulation.shoppers import Shoppers


def bought_lines(rng: np.random.Generator, shop: Shop, first_order: int, since: float, until: float) -> Lines:
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
    lines["order"], lines["shopper"] = first_order + order, who[order]
    lines["minute"] = lines["bought"] = minute[order]
    lines["product"], lines["named"], lines["country"] = product, True, s.country[who[order]]
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


def returned_lines(rng: np.random.Generator, shop: Shop, bought: Lines, times: float = 1.0) -> Lines:
    """Lines taken back, at least in part, at once or weeks later; what comes after the end never happens.

    One cancellation per order: its key is the complement of the order's, so it is below zero.

    Args:
        rng: Where chance comes from.
        shop: The shop.
        bought: Purchases.
        times: So many times as often as the shoppers are used to.
    """
    back = bought[rng.random(len(bought)) < shop.shoppers.returns[bought["shopper"]] * times]
    _, first, of = np.unique(back["order"], return_index=True, return_inverse=True)
    clock, minute = shop.calendar.clock, back["minute"][first]
    at = clock[minute // 1440] + rng.exponential(10 / len(clock), len(first))
    later = np.maximum(shop.calendar.minute(rng, np.minimum(at, np.nextafter(1.0, 0))), minute + 5)
    back["order"], back["minute"] = ~back["order"], later[of]
    share = rng.uniform(1e-9, 2, len(back)).clip(max=1)  # half of them are taken back whole
    back["quantity"] = -np.ceil(back["quantity"] * share)
    kept: Lines = back[(at < 1)[of]]
    return kept
