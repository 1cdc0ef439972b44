"""The simulated shop before its first order: what it sells, when it is busy, and who comes.

Customers buy as in the NBD model (Ehrenberg 1959): Poisson orders at a personal rate, rates gamma-distributed within
each planted segment. They come at different times and stay for an exponential lifetime (Pareto/NBD: Schmittlein,
Morrison & Colombo 1987). Basket width, units and with them spend have gamma-distributed personal levels (compare the
gamma-gamma model: Fader, Hardie & Lee 2005).
"""

from dataclasses import dataclass
from datetime import date
from itertools import product as combinations
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Category(NamedTuple):
    """A shelf of the shop.

    Attributes:
        price: Median price of its everyday products, in currency.
        peak: Month its season peaks in, 1 to 12; 0 sells alike all year.
        nouns: What lies on it.
    """

    price: float
    peak: int
    nouns: tuple[str, ...]


CATEGORIES = (
    Category(2.4, 0, ("Mug", "Teacup", "Milk Jug", "Teapot", "Egg Cup")),
    Category(1.6, 0, ("Candle", "T-Light Holder", "Candlestick", "Tea Light Set", "Wax Melt")),
    Category(3.2, 0, ("Lunch Bag", "Shopper", "Tote", "Wash Bag", "Purse")),
    Category(1.1, 12, ("Bauble", "Tree Decoration", "Advent Calendar", "Stocking", "Wreath")),
    Category(2.9, 6, ("Plant Pot", "Watering Can", "Bird Feeder", "Garden Sign", "Herb Marker")),
    Category(3.6, 7, ("Picnic Basket", "Parasol", "Cool Bag", "Drinks Bottle", "Picnic Rug")),
    Category(4.1, 12, ("Hot Water Bottle", "Hand Warmer", "Bed Socks", "Throw", "Scarf")),
    Category(0.8, 12, ("Gift Wrap", "Gift Tag Set", "Ribbon", "Tissue Paper", "Gift Box")),
    Category(1.2, 9, ("Notebook", "Pencil Tin", "Ruler", "Sticker Sheet", "Address Book")),
    Category(2.2, 0, ("Tea Towel", "Apron", "Oven Glove", "Recipe Box", "Cake Tin")),
    Category(1.4, 6, ("Bunting", "Paper Plates", "Party Cups", "Garland", "Balloon Set")),
    Category(4.8, 0, ("Photo Frame", "Wall Clock", "Mirror", "Door Plaque", "Print")),
    Category(1.9, 0, ("Necklace", "Bracelet", "Hair Clip", "Brooch", "Key Ring")),
    Category(5.5, 11, ("Table Lamp", "Lantern", "Fairy Lights", "Night Light", "Lampshade")),
    Category(2.0, 0, ("Soap", "Bath Bomb", "Hand Cream", "Scented Sachet", "Sponge")),
    Category(3.0, 11, ("Jigsaw", "Skittles", "Playing Cards", "Spinning Top", "Board Game")),
    Category(6.2, 0, ("Cushion", "Quilt", "Doormat", "Bed Throw", "Curtain Tie")),
    Category(2.6, 0, ("Storage Tin", "Peg Bag", "Drawer Knob", "Coat Hook", "Basket")),
    Category(1.0, 4, ("Easter Egg", "Chick Decoration", "Bunny", "Egg Hunt Kit", "Spring Wreath")),
    Category(2.1, 2, ("Greeting Card", "Love Heart", "Rose Box", "Chocolate Box", "Photo Locket")),
)
STYLES = ("Vintage", "Nordic", "Retro", "Rustic", "Pastel", "Classic", "Little", "Country", "Bright", "Antique")
MOTIFS = ("Heart", "Star", "Rose", "Bird", "Spotty", "Striped", "Daisy", "Owl", "Paisley", "Lace", "Gingham", "Fox")

SERVICE_CODES = (
    ("POST", "Postage", 18.0),
    ("DOT", "Dotcom Postage", 29.0),
    ("C2", "Carriage", 50.0),
    ("M", "Manual", 12.5),
    ("D", "Discount", 8.5),
    ("S", "Samples", 3.0),
    ("BANK CHARGES", "Bank Charges", 15.0),
    ("B", "Adjust Bad Debt", -75.0),
)
"""Stock codes that are no goods (fewer than two digits), what they say, and their price."""

SERVICE_NAMES = (("23444", "Next Day Carriage", 15.0), ("23702", "High Resolution Image", 0.85))
"""Services under stock codes like those of goods; only the name tells."""

TASTES = 8
CELL = 75  # products of one category and price tier
TIERS = (1.0, 2.6)  # everyday, premium: factors of a category's median price


@dataclass(frozen=True)
class Catalogue:
    """All there is to sell, and how shoppers pick from it.

    Products are numbered through: goods first, in cells of one category and price tier, then `SERVICE_CODES`, then
    `SERVICE_NAMES`.

    Attributes:
        codes: Stock code of each product.
        names: Name of each product.
        price: Price of one unit, in currency.
        goods: Number of goods; services have numbers from here on.
        by_taste: Stacked cumulative shares of the categories, a row for each taste and month.
        by_cell: Stacked cumulative shares of the products, a row for each cell.
    """

    codes: pa.Array
    names: pa.Array
    price: Floats
    goods: int
    by_taste: Floats
    by_cell: Floats

    def choose(self, rng: np.random.Generator, taste: Ints, month: Ints, premium: Floats) -> Ints:
        """One product for each line.

        Args:
            rng: Where chance comes from.
            taste: Taste group of the shopper, from 0.
            month: Month of the order, from 0.
            premium: Probability of the premium tier.
        """
        row = taste * 12 + month
        category = _draw(rng, self.by_taste, row) - row * len(CATEGORIES)
        tier = rng.random(len(row)) < premium
        return _draw(rng, self.by_cell, category * len(TIERS) + tier)


def make_catalogue(rng: np.random.Generator) -> Catalogue:
    """Stock the shop: power-law popularity (Zipf-Mandelbrot) within cells, log-normal prices ending in 5 or 9."""
    cells = len(CATEGORIES) * len(TIERS)
    goods = cells * CELL
    services = SERVICE_CODES + SERVICE_NAMES
    popularity = np.tile((np.arange(CELL) + 4.0) ** -1.1, (cells, 1))
    return Catalogue(
        codes=pa.array([*_codes(rng, goods), *(code for code, _, _ in services)]),
        names=pa.array([*_names(rng), *(name for _, name, _ in services)]),
        price=np.concatenate([_prices(rng), [price for _, _, price in services]]),
        goods=goods,
        by_taste=_stacked(_category_shares(rng)),
        by_cell=_stacked(popularity),
    )


def _stacked(weights: Floats) -> Floats:
    """Rows of weights as one rising array (row number + cumulative share), so that one search draws from any row."""
    cumulative = np.cumsum(weights, axis=1)
    return np.ravel(cumulative / cumulative[:, -1:] + np.arange(len(weights))[:, None])


def _draw(rng: np.random.Generator, stacked: Floats, row: Ints) -> Ints:
    """A position in `stacked` for each row number."""
    below_one = 1 - 2.0**-32  # or row + chance could round up into the next row
    return np.searchsorted(stacked, row + rng.random(len(row)) * below_one, side="right")


def _category_shares(rng: np.random.Generator) -> Floats:
    """Weight of each category, for each taste × month: four favourites take most, seasons lift the rest."""
    favourites = rng.permuted(np.tile(np.arange(len(CATEGORIES)), (TASTES, 1)), axis=1) < 4
    taste = rng.uniform(0.5, 1.5, len(CATEGORIES)) * np.where(favourites, 14.0, 1.0)
    peaks = np.array([category.peak for category in CATEGORIES])
    away = np.abs((np.arange(1, 13)[:, None] - peaks + 6) % 12 - 6)  # months from the peak, around the year
    season = np.where(peaks > 0, 0.4 + 3.0 * np.exp(-(away**2) / 3.0), 1.0)
    shares: Floats = (taste[:, None, :] * season).reshape(TASTES * 12, len(CATEGORIES))
    return shares


def _names(rng: np.random.Generator) -> list[str]:
    """Different readable names, cell after cell."""
    names: list[str] = []
    for category in CATEGORIES:
        words = [" ".join(parts) for parts in combinations(STYLES, MOTIFS, category.nouns)]
        names += [words[i] for i in rng.choice(len(words), CELL * len(TIERS), replace=False)]
    return names


def _codes(rng: np.random.Generator, goods: int) -> list[str]:
    """Different stock codes of five digits, some with a letter for the variant; none is a service's."""
    taken = [int(code) for code, _, _ in SERVICE_NAMES]
    free = np.setdiff1d(np.arange(20_000, 90_000), taken)
    numbers = np.sort(rng.choice(free, goods, replace=False))
    letters = rng.choice([*"ABC", *[""] * 17], goods)
    return [f"{number}{letter}" for number, letter in zip(numbers, letters, strict=True)]


def _prices(rng: np.random.Generator) -> Floats:
    """Log-normal prices around the median of category and tier, ending in .x5 or .x9."""
    medians = np.outer([category.price for category in CATEGORIES], TIERS).ravel().repeat(CELL)
    raw = medians * rng.lognormal(0.0, 0.45, len(medians))
    prices: Floats = np.round(np.floor(raw * 10) / 10 + rng.choice([0.05, 0.09], len(raw)), 2)
    return prices


MONTHS = np.array([0.70, 0.70, 0.80, 0.80, 0.90, 0.90, 0.85, 0.85, 1.10, 1.40, 1.80, 1.50])  # business a day
WEEKDAYS = np.array([1.0, 1.05, 1.1, 1.2, 0.95, 0.3, 0.6])  # from Monday
HOURS = np.array([0] * 7 + [0.2, 0.9, 1.5, 1.9, 2.1, 2.6, 2.4, 2.2, 2.0, 1.3, 0.8, 0.4, 0.2] + [0] * 4)
CLOSED = ((12, 25), (12, 26), (1, 1))  # month, day


@dataclass(frozen=True)
class Calendar:
    """The shop's time. Its clock runs from 0 to 1 and moves with the business a day brings.

    Attributes:
        start: First day.
        clock: The clock at the beginning of each day, and at the end of the last.
        month: Month of each day, from 0.
    """

    start: np.datetime64
    clock: Floats
    month: Ints

    @property
    def years(self) -> float:
        """Length in years."""
        return len(self.month) / 365.25

    def day(self, at: Floats) -> Ints:
        """Day a clock time falls on, from 0."""
        return np.searchsorted(self.clock[1:], at, side="right")

    def minute(self, rng: np.random.Generator, at: Floats) -> Ints:
        """A minute within opening hours on that day, counted from the start."""
        hour = np.searchsorted(np.cumsum(HOURS) / HOURS.sum(), rng.random(len(at)), side="right")
        minute: Ints = self.day(at) * 1440 + hour * 60 + rng.integers(60, size=len(at))
        return minute


def make_calendar(start: date, months: int) -> Calendar:
    """The days, busy in autumn and closed at Christmas."""
    first = np.datetime64(start, "D")
    end = np.datetime64(start, "M") + months
    days = np.arange(first, end.astype("M8[D]") + (start.day - 1))
    month = days.astype("M8[M]").astype(np.int64) % 12
    monthday = (days - days.astype("M8[M]")).astype(np.int64) + 1
    busy = MONTHS[month] * WEEKDAYS[(days.astype(np.int64) + 3) % 7]
    for closed_month, closed_day in CLOSED:
        busy[(month == closed_month - 1) & (monthday == closed_day)] = 0.0
    clock = np.concatenate([[0.0], np.cumsum(busy)])
    return Calendar(first, clock / clock[-1], month)


class Planted(NamedTuple):
    """A planted segment: how its customers behave on average.

    Attributes:
        name: Its name in the truth table.
        share: Share of customers.
        joins: Between which shares of the simulated time the first order falls.
        life: Mean lifetime after the first order, as a share of the simulated time.
        orders: Mean repeat orders a year while alive.
        width: Mean lines an order.
        units: Mean units a line.
        premium: Mean share of lines from the premium tier.
        wholesale: Share of wholesale buyers, who buy big quantities a line.
        returns: Share of lines that are taken back.
    """

    name: str
    share: float
    joins: tuple[float, float]
    life: float
    orders: float
    width: float
    units: float
    premium: float
    wholesale: float
    returns: float


PLANTED = (
    Planted("loyal regulars", 0.16, (0.00, 0.40), 12.0, 20.0, 7.5, 5.5, 0.40, 0.05, 0.025),
    Planted("bulk buyers", 0.16, (0.00, 0.55), 10.0, 8.0, 3.5, 13.0, 0.10, 0.10, 0.015),
    Planted("gift hunters", 0.22, (0.00, 0.60), 10.0, 5.0, 17.0, 1.6, 0.30, 0.01, 0.030),
    Planted("lapsed", 0.24, (0.00, 0.35), 0.06, 7.0, 4.5, 4.0, 0.20, 0.02, 0.020),
    Planted("newcomers", 0.22, (0.86, 1.00), 3.0, 4.0, 3.5, 3.5, 0.20, 0.01, 0.015),
)
GUEST = Planted("guest", 0.0, (0.00, 1.00), 1.0, 0.0, 9.0, 2.2, 0.30, 0.00, 0.000)
GUESTS_A_YEAR = 0.75  # guest orders for each customer
RATE_SHAPE, WIDTH_SHAPE, UNITS_SHAPE, PREMIUM_SHAPE = 10.0, 12.0, 12.0, 4.0
WHOLESALE_UNITS = 30.0  # that many units a line and more

COUNTRIES = {
    "United Kingdom": 0.86,
    "Germany": 0.03,
    "France": 0.03,
    "Ireland": 0.02,
    "Netherlands": 0.015,
    "Belgium": 0.01,
    "Spain": 0.01,
    "Switzerland": 0.01,
    "Portugal": 0.005,
    "Norway": 0.005,
    "Australia": 0.005,
}


@dataclass(frozen=True)
class Shoppers:
    """Everyone who orders, one entry each: customers first, then guests, who order once.

    Attributes:
        customers: How many of them are customers.
        segment: Position in `PLANTED`; one past it for guests.
        joined: Clock time of the first order.
        leaves: Clock time of dropping out.
        rate: Repeat orders while the clock runs once around.
        width: Mean lines an order.
        units: Mean units a line.
        premium: Probability of the premium tier.
        returns: Probability of taking a line back.
        wholesale: Whether they buy for resale.
        taste: Taste group.
        country: Position in `COUNTRIES`; 0 is home.
    """

    customers: int
    segment: Ints
    joined: Floats
    leaves: Floats
    rate: Floats
    width: Floats
    units: Floats
    premium: Floats
    returns: Floats
    wholesale: NDArray[np.bool_]
    taste: Ints
    country: Ints


def make_shoppers(rng: np.random.Generator, customers: int, years: float) -> Shoppers:
    """Draw everyone's personal levels around those of the segment."""
    guests = round(customers * years * GUESTS_A_YEAR)
    drawn = rng.choice(len(PLANTED), customers, p=[planted.share for planted in PLANTED])
    segment = np.concatenate([drawn, np.full(guests, len(PLANTED))])
    n = len(segment)

    def mean(field: str) -> Any:
        return np.array([getattr(planted, field) for planted in (*PLANTED, GUEST)])[segment]

    def level(field: str, shape: float) -> Floats:
        return np.asarray(mean(field) * rng.gamma(shape, 1 / shape, n))

    joined = rng.uniform(*mean("joins").T)
    wholesale = rng.random(n) < mean("wholesale")
    units = np.where(wholesale, WHOLESALE_UNITS * (1 + rng.gamma(1.5, 0.6, n)), level("units", UNITS_SHAPE))
    return Shoppers(
        customers=customers,
        segment=segment,
        joined=joined,
        leaves=joined + rng.exponential(mean("life")),
        rate=level("orders", RATE_SHAPE) * years,
        width=np.maximum(level("width", WIDTH_SHAPE), 1.0),
        units=np.maximum(units, 1.05),
        premium=level("premium", PREMIUM_SHAPE),
        returns=mean("returns"),
        wholesale=wholesale,
        taste=rng.integers(TASTES, size=n),
        country=rng.choice(len(COUNTRIES), n, p=list(COUNTRIES.values())),
    )
