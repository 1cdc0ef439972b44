"""Planted shifts: what changes in the simulated shop from a day on, for those who must notice.

A shift changes lines after they were made, and asks chance by their keys (order, shopper, product) alone. So lines that
arrive before its day are those of the shop without it, an order and its returns meet the same fate wherever the blocks
end, and every shift can be had with every other.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np

from clientage.transactions.simulation.catalogue import Catalogue, Floats, Ints, with_successors
from clientage.transactions.simulation.orders import returned_lines
from clientage.transactions.simulation.shop import Lines, Shop
from clientage.transactions.simulation.shoppers import COUNTRIES, ELSEWHERE

_WRITTEN = re.compile(r"(?P<kind>[^=@]+)(=(?P<size>[^@]+))?@(?P<day>.+)")


@dataclass(frozen=True)
class Shift:
    """A change of the shop from a day on.

    Attributes:
        kind: A name in `KINDS`.
        day: First day of the change.
        size: How much changes, as the kind has it; unless given, as much as is usual for the kind.
    """

    kind: str
    day: date
    size: float | None = None

    def __str__(self) -> str:
        """As it is written for the command: `kind=size@day`."""
        return f"{self.kind}{'' if self.size is None else f'={self.size:g}'}@{self.day}"

    @property
    def much(self) -> float:
        """The size, or what is usual."""
        return KINDS[self.kind].usual if self.size is None else self.size


class Kind(NamedTuple):
    """A kind of shift.

    Attributes:
        meaning: What changes.
        size: What its size counts.
        usual: The size unless another is given.
        least: The smallest size.
        most: The largest size.
        since: What must have been on the day or later: that a line was `bought`, or the `minute` that it arrives.
        change: What becomes of such lines; None for returns, which are drawn anew instead.
    """

    meaning: str
    size: str
    usual: float
    least: float
    most: float
    since: str
    change: Callable[[Shop, Shift, Lines], Lines] | None


def _priced(_: Shop, shift: Shift, lines: Lines) -> Lines:
    price = lines["price"]
    lines["price"] = np.where(price > 0, np.maximum(np.round(price * (1 + shift.much), 2), 0.01), price)
    return lines


def _fewer(shop: Shop, shift: Shift, lines: Lines) -> Lines:
    """First orders stay, so that everybody in the truth has ordered and as many come as before."""
    shopper = lines["shopper"]
    came = shop.calendar.day(shop.shoppers.joined[shopper]) == lines["bought"] // 1440
    first = came & (shopper < shop.shoppers.customers)
    kept: Lines = lines[first | (_chance(shop, shift, _order(lines)) >= shift.much)]
    return kept


def _succeeded(shop: Shop, shift: Shift, lines: Lines) -> Lines:
    product, catalogue = lines["product"], shop.catalogue
    gone = (product < catalogue.goods) & (_chance(shop, shift, product) < shift.much)
    lines["product"] = np.where(gone, len(catalogue.price) - catalogue.goods + product, product)
    return lines


def _abroad(shop: Shop, shift: Shift, lines: Lines) -> Lines:
    """Shoppers move, each to one country."""
    shopper = lines["shopper"]
    moved = (lines["country"] >= 0) & (_chance(shop, shift, shopper) < shift.much)
    lines["country"] = np.where(moved, len(COUNTRIES) + shopper % len(ELSEWHERE), lines["country"])
    return lines


def _untold(shop: Shop, shift: Shift, lines: Lines) -> Lines:
    line = _order(lines) * 2**14 + lines["product"]
    lines["country"] = np.where(_chance(shop, shift, line) < shift.much, -1, lines["country"])
    return lines


KINDS: Mapping[str, Kind] = {
    "price": Kind("unit prices rise", "by this share (below zero: they fall)", 0.15, -0.9, 10.0, "bought", _priced),
    "frequency": Kind(
        "customers order less; who is new still comes", "share of orders not made", 0.45, 0.0, 1.0, "bought", _fewer
    ),
    "assortment": Kind(
        "a new range takes the place of old products", "share of products replaced", 0.3, 0.0, 1.0, "bought", _succeeded
    ),
    "returns": Kind("more is taken back", "so many times as often", 4.0, 0.0, 100.0, "bought", None),
    "country": Kind(
        "sales move to countries that never bought", "share of customers there", 0.25, 0.0, 1.0, "bought", _abroad
    ),
    "missing": Kind("lines come without their country", "share of lines", 0.6, 0.0, 1.0, "minute", _untold),
}


def understood(shifts: Iterable[Shift | str]) -> tuple[list[Shift], list[str]]:
    """Shifts in the order they take effect, those written as text read, and what is wrong with any of them.

    Args:
        shifts: Shifts, or texts such as `price@2024-07-29` and `price=0.15@2024-07-29`.
    """
    good: list[Shift] = []
    problems: list[str] = []
    for given in shifts:
        shift = _read(given) if isinstance(given, str) else given
        wrong = shift if isinstance(shift, str) else _wrong(shift, good)
        if isinstance(shift, Shift) and not wrong:
            good.append(replace(shift, size=shift.much))
        else:
            problems.append(f"shift {given}: {wrong}")
    return sorted(good, key=lambda shift: (shift.day, list(KINDS).index(shift.kind))), problems


def _read(text: str) -> Shift | str:
    """The shift that is written, or what is wrong with it."""
    parts = _WRITTEN.fullmatch(text.strip())
    if not parts:
        return "write kind@day or kind=size@day, such as price=0.15@2024-07-29."
    try:
        day = date.fromisoformat(parts["day"].strip())
    except ValueError:
        return f"{parts['day']} is no day. Write it as in price@2024-07-29."
    try:
        return Shift(parts["kind"].strip(), day, float(parts["size"]) if parts["size"] else None)
    except ValueError:
        return f"{parts['size']} is no number. Write the size as in price=0.15@2024-07-29."


def _wrong(shift: Shift, others: Sequence[Shift]) -> str:
    """What is wrong with a shift, beside those before it."""
    kind = KINDS.get(shift.kind)
    if not kind:
        return f"there is no kind {shift.kind}. Take one of {', '.join(KINDS)}."
    if not kind.least <= shift.much <= kind.most:
        return f"its size goes from {kind.least:g} to {kind.most:g}: {kind.size}."
    if any((other.kind, other.day) == (shift.kind, shift.day) for other in others):
        return "there is one of this kind on that day already. Leave one of them out."
    return ""


def outside(shifts: Iterable[Shift], start: np.datetime64, end: np.datetime64) -> list[str]:
    """What is wrong with the days of shifts, given the first day of the shop and that after its last."""
    said = f"the shop is looked at from {start} to {end - 1}. Take a day between them."
    return [f"shift {shift}: {said}" for shift in shifts if not start <= np.datetime64(shift.day, "D") < end]


def stocked(catalogue: Catalogue, shifts: Iterable[Shift]) -> Catalogue:
    """The catalogue with what the shifts bring into it."""
    return with_successors(catalogue) if any(shift.kind == "assortment" for shift in shifts) else catalogue


def shifted(shop: Shop, shifts: Iterable[Shift], lines: Lines) -> Lines:
    """Lines as the shifts leave them; those from before a shift stay as they are."""
    for shift in shifts:
        kind = KINDS[shift.kind]
        if kind.change:
            since = lines[kind.since] >= _minute(shop, shift)
            lines = np.concatenate([lines[~since], kind.change(shop, shift, lines[since])])
    return lines


def taken_back(shop: Shop, shifts: Iterable[Shift], block: int, bought: Lines, returned: Lines) -> Lines:
    """What is taken back of a block's purchases: for those since a shift of returns, drawn anew."""
    for shift in shifts:
        if shift.kind == "returns":
            rng = np.random.default_rng([*_seed(shop, shift), block])
            day = _minute(shop, shift)
            again = returned_lines(rng, shop, bought[bought["bought"] >= day], shift.much)
            returned = np.concatenate([returned[returned["bought"] < day], again])
    return returned


def _minute(shop: Shop, shift: Shift) -> int:
    """The minute from the start that the shift takes effect."""
    return int((np.datetime64(shift.day, "D") - shop.calendar.start).astype(np.int64)) * 1440


def _order(lines: Lines) -> Ints:
    """The order that lines belong to; returns to that of their purchase."""
    return np.where(lines["order"] < 0, ~lines["order"], lines["order"])


def _seed(shop: Shop, shift: Shift) -> list[int]:
    """A stream of chance for each kind and day."""
    return [shop.seed, 3, shift.day.toordinal(), *shift.kind.encode()]


def _chance(shop: Shop, shift: Shift, keys: Ints) -> Floats:
    """A number from 0 to below 1 for each key, the same wherever the key turns up.

    SplitMix64 (Steele, Lea & Flood 2014) of the keys, from where the shift's own seed begins.
    """
    begin = np.random.SeedSequence(_seed(shop, shift)).generate_state(1, np.uint64)
    z = begin + keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 2.0**53)
