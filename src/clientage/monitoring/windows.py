"""Windows of time: whole days, side by side, the same for everybody who counts them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

MONDAY = date(1970, 1, 5)


@dataclass(frozen=True)
class Windows:
    """Windows of some days each, counted from a Monday.

    Attributes:
        days: Length of each.
    """

    days: int = 7

    def number(self, moment: ir.TimestampValue) -> ir.IntegerValue:
        """Which window a moment lies in."""
        return (moment.date().delta(ibis.date(MONDAY), unit="day") // self.days).cast("int64")

    def numbered(self, day: date) -> int:
        """Which window a day lies in."""
        return (day - MONDAY).days // self.days

    def first(self, number: int) -> date:
        """First day of a window; that of the next is the day after its last."""
        return MONDAY + timedelta(days=number * self.days)

    def between(self, since: date, until: date) -> range:
        """The windows that lie wholly from one day to the day before another."""
        return range(-((MONDAY - since).days // self.days), self.numbered(until))

    def named(self, numbers: range) -> Iterator[date]:
        """First days of windows."""
        return (self.first(number) for number in numbers)
