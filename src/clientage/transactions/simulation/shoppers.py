"""Who comes to the simulated shop.

Customers buy as in the NBD model (Ehrenberg 1959): Poisson orders at a personal rate, rates gamma-distributed within
each planted segment. They come at different times and stay for an exponential lifetime (Pareto/NBD: Schmittlein,
Morrison & Colombo 1987). Basket width, units and with them spend have gamma-distributed personal levels (compare the
gamma-gamma model: Fader, Hardie & Lee 2005).
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clientage.transactions.simulation.catalogue import TASTES, Floats, Ints


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
ELSEWHERE = ("United States", "Sweden", "Italy", "Japan")  # nobody is there until sales move to it


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


def settled(rng: np.random.Generator, s: Shoppers) -> Shoppers:
    """The same shoppers in a shop that has long been open, so that as many come as leave, of every kind.

    Who joined before the first day is as likely, against who joins later, as the mean lifetime makes it, times the
    chance of an order while the shop is looked at; `joined` is then the first order seen. Lifetimes have no memory, so
    what is left of them is distributed as the whole.
    """
    life = np.array([planted.life for planted in (*PLANTED, GUEST)])[s.segment]
    leaving = s.rate + 1 / life  # towards the next order, or away
    before = s.rate / leaving * -np.expm1(-leaving) * life
    first = -np.log1p(rng.random(len(life)) * np.expm1(-leaving)) / leaving
    later = rng.random(len(life)) * (1 + before) >= before
    joined = np.where(later, rng.random(len(life)), first.clip(max=np.nextafter(1.0, 0)))
    return replace(s, joined=joined, leaves=joined + rng.exponential(life))
