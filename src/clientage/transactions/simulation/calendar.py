"""When the simulated shop is busy: season, weekday, hour, closed days."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from clientage.transactions.simulation.catalogue import Floats, Ints

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


def end_of(start: date, months: int) -> np.datetime64:
    """The day after the last."""
    month: np.datetime64 = (np.datetime64(start, "M") + months).astype("M8[D]")
    return month + np.timedelta64(start.day - 1, "D")


def make_calendar(start: date, months: int, *, steady: bool = False) -> Calendar:
    """The days, busy in autumn and closed at Christmas; where it is steady, every week is like the others."""
    first = np.datetime64(start, "D")
    days = np.arange(first, end_of(start, months))
    month = days.astype("M8[M]").astype(np.int64) % 12
    busy = WEEKDAYS[(days.astype(np.int64) + 3) % 7]
    if not steady:
        busy = MONTHS[month] * busy
        busy[_closed(days, month)] = 0.0
    clock = np.concatenate([[0.0], np.cumsum(busy)])
    return Calendar(first, clock / clock[-1], month)


def _closed(days: NDArray[np.datetime64], month: Ints) -> NDArray[np.bool_]:
    """Days that the shop is closed."""
    day = (days - days.astype("M8[M]")).astype(np.int64) + 1
    return np.isin(month * 100 + day, [(month - 1) * 100 + day for month, day in CLOSED])
