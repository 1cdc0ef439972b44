"""What the parts of the simulated shop share: its fixed things, and a line in the making."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clientage.transactions.simulation.calendar import Calendar
from clientage.transactions.simulation.catalogue import Catalogue
from clientage.transactions.simulation.shoppers import Shoppers

Lines = NDArray[np.void]

_WHOLE = ("order", "shopper", "minute", "bought", "product", "quantity")
LINE = np.dtype(
    [*((name, "i8") for name in _WHOLE), ("price", "f8"), ("country", "i1"), ("named", "?"), ("dirt", "i1")]
)
"""A line in the making: order key (below zero: a return), position of shopper, minutes from the start until it arrives
and until its goods were bought, position of the product, units, currency, position of the country (below zero: not
told), whether it has a description, and position of what is dirty about it (0: nothing)."""


@dataclass(frozen=True)
class Shop:
    """What stays the same through the simulated time."""

    seed: int
    calendar: Calendar
    catalogue: Catalogue
    shoppers: Shoppers
    ids: pa.Array
