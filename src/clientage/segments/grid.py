"""The classic grid of recency against frequency and spend, with its usual names (Hughes 1994)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np

from clientage.segments.buyers import UNLIMITED, BuyerLimits
from clientage.segments.kmeans import Floats, Integers
from clientage.segments.model import Places, Segment, named

AXES = ("recency_days", "frequency", "monetary")

# by score of recency (rows, 1 long ago to 5 just now) and of frequency and spend (columns, 1 little to 5 much)
NAMES = (
    ("Hibernating", "Hibernating", "At risk", "At risk", "Can't lose"),
    ("Hibernating", "Hibernating", "At risk", "At risk", "Can't lose"),
    ("About to sleep", "About to sleep", "Need attention", "Loyal", "Loyal"),
    ("Promising", "Potential loyalists", "Potential loyalists", "Loyal", "Loyal"),
    ("New", "Potential loyalists", "Potential loyalists", "Champions", "Champions"),
)

ACTIONS = {
    "Champions": "keep: early access, ask for reviews",
    "Loyal": "grow: bundles, loyalty reward",
    "Potential loyalists": "grow: next-order voucher, membership",
    "New": "welcome: help with the second order",
    "Promising": "welcome back: show what fits the first order",
    "Need attention": "remind: limited offer on what they buy",
    "About to sleep": "remind: what is new, popular products",
    "At risk": "win back now: personal offer",
    "Can't lose": "win back now: call, ask what went wrong",
    "Hibernating": "let rest: seasonal mailing only",
}


@dataclass(frozen=True)
class GridModel:
    """Segments as cells of a grid.

    Attributes:
        recipe: Name of the recipe.
        cuts: For each of `AXES` four ascending limits, in the feature's unit.
        segments: The names in order of revenue.
        buyers: From where on a customer buys like a trader.
        ended: Segments that models before it had; their numbers are not given again.
    """

    recipe: str
    cuts: Mapping[str, tuple[float, ...]]
    segments: tuple[Segment, ...]
    buyers: BuyerLimits = UNLIMITED
    ended: tuple[Segment, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Features that a customer must have, as columns of `customers`."""
        return AXES

    def predict(self, customers: Mapping[str, Floats]) -> Integers:
        """Segment numbers (n,) of customers given as columns of their features; NaN lies above every limit."""
        recency, frequency, monetary = (
            np.searchsorted(np.array(self.cuts[axis]), customers[axis], side="left") for axis in AXES
        )
        ids = np.array(self.cells())
        return np.asarray(ids[4 - recency, (frequency + monetary + 1) // 2])

    def find(self, values: Floats | Sequence[Sequence[float]]) -> Places:
        """Where customers belong whose values (n, 3) are those of `needs`, in that order."""
        return Places(self.predict(dict(zip(AXES, np.asarray(values).T, strict=True))).tolist())

    def assign(self, customers: ir.Table) -> ir.Table:
        """The table `segments` for the table `customers`, computed by the engine."""
        return self.locate(customers)

    def locate(self, customers: ir.Table, *beside: str) -> ir.Table:
        """The same, with columns of the customers beside."""
        scored = customers.mutate(
            **{
                f"{axis}_above": sum(
                    (ibis.ifelse(customers[axis] <= float(cut), 0, 1) for cut in self.cuts[axis]), start=ibis.literal(0)
                )
                for axis in AXES
            }
        )
        row = 4 - scored.recency_days_above
        column = ((scored.frequency_above + scored.monetary_above + 1) / 2).floor().cast("int64")
        scored = scored.mutate(cell=row * 5 + column)
        cells = [id_ for row in self.cells() for id_ in row]
        table = scored.mutate(segment_id=ibis.cases(*((scored.cell == i, id_) for i, id_ in enumerate(cells))))
        table = table.mutate(segment_id=table.segment_id.cast("int64"))
        return table.select(
            "customer_id",
            "segment_id",
            named(table.segment_id, self.segments),
            *self.buyers.flags(table),
            *beside,
        )

    def cells(self) -> list[list[int]]:
        """Segment numbers by row (recency, from long ago) and column (frequency and spend, from little)."""
        ids = {segment.name: segment.segment_id for segment in self.segments}
        return [[ids[name] for name in row] for row in NAMES]


def fit_cuts(customers: Mapping[str, Floats], given: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    """Four limits an axis: the given ones, else the quintiles."""
    shares = (0.2, 0.4, 0.6, 0.8)
    return {
        axis: given.get(axis) or tuple(float(value) for value in np.quantile(customers[axis], shares)) for axis in AXES
    }
