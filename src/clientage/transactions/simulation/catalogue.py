"""What the simulated shop sells: categories, names, prices, and which products go together."""

from dataclasses import dataclass, replace
from itertools import product as combinations
from typing import NamedTuple

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
SUCCESSORS = ("Modern", "Coastal", "Urban", "Alpine", "Neon", "Graphic", "Grand", "Tropical", "Matt", "Handmade")
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


def make_catalogue(rng: np.random.Generator, *, steady: bool = False) -> Catalogue:
    """Stock the shop: power-law popularity (Zipf-Mandelbrot) within cells, log-normal prices ending in 5 or 9.

    Args:
        rng: Where chance comes from.
        steady: Sell alike all year.
    """
    cells = len(CATEGORIES) * len(TIERS)
    goods = cells * CELL
    services = SERVICE_CODES + SERVICE_NAMES
    popularity = np.tile((np.arange(CELL) + 4.0) ** -1.1, (cells, 1))
    return Catalogue(
        codes=pa.array([*_codes(rng, goods), *(code for code, _, _ in services)]),
        names=pa.array([*_names(rng), *(name for _, name, _ in services)]),
        price=np.concatenate([_prices(rng), [price for _, _, price in services]]),
        goods=goods,
        by_taste=_stacked(_category_shares(rng, steady)),
        by_cell=_stacked(popularity),
    )


def with_successors(catalogue: Catalogue) -> Catalogue:
    """The catalogue with a new range after it: each product that is goods has a successor in another style, as dear."""
    style = dict(zip(STYLES, SUCCESSORS, strict=True))
    old = [name.partition(" ") for name in catalogue.names[: catalogue.goods].to_pylist()]
    names = [f"{style[first]} {rest}" for first, _, rest in old]
    codes = [str(90_000 + number) for number in range(catalogue.goods)]
    return replace(
        catalogue,
        codes=pa.concat_arrays([catalogue.codes, pa.array(codes)]),
        names=pa.concat_arrays([catalogue.names, pa.array(names)]),
        price=np.concatenate([catalogue.price, catalogue.price[: catalogue.goods]]),
    )


def _stacked(weights: Floats) -> Floats:
    """Rows of weights as one rising array (row number + cumulative share), so that one search draws from any row."""
    cumulative = np.cumsum(weights, axis=1)
    return np.ravel(cumulative / cumulative[:, -1:] + np.arange(len(weights))[:, None])


def _draw(rng: np.random.Generator, stacked: Floats, row: Ints) -> Ints:
    """A position in `stacked` for each row number."""
    below_one = 1 - 2.0**-32  # or row + chance could round up into the next row
    return np.searchsorted(stacked, row + rng.random(len(row)) * below_one, side="right")


def _category_shares(rng: np.random.Generator, steady: bool) -> Floats:
    """Weight of each category, for each taste × month: four favourites take most, seasons (if any) lift the rest."""
    favourites = rng.permuted(np.tile(np.arange(len(CATEGORIES)), (TASTES, 1)), axis=1) < 4
    taste = rng.uniform(0.5, 1.5, len(CATEGORIES)) * np.where(favourites, 14.0, 1.0)
    peaks = np.array([category.peak for category in CATEGORIES])
    away = np.abs((np.arange(1, 13)[:, None] - peaks + 6) % 12 - 6)  # months from the peak, around the year
    season = np.where((peaks > 0) & (not steady), 0.4 + 3.0 * np.exp(-(away**2) / 3.0), 1.0)
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
