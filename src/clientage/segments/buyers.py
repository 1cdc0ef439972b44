"""The kind of buyer: who buys for themselves, who in bulk, and who to sell on.

Two signs of trade, each against the shop's usual customer (geometric mean): units a line, and what an order is worth.
One of them makes a bulk buyer, both of them and a second order a reseller.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np

from clientage.segments.kmeans import Floats

KINDS = ("personal", "bulk", "reseller")


@dataclass(frozen=True)
class BuyerLimits:
    """From where on a customer buys like a trader; None where the shop's data do not tell.

    Attributes:
        units: Units a line.
        order: Spend less returns per completed order, in currency.
    """

    units: float | None = None
    order: float | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of `customers` that tell it."""
        return ("frequency", "monetary", *(["units_per_line"] if self.units is not None else []))

    def flags(self, customers: ir.Table) -> tuple[ir.BooleanColumn, ir.StringColumn]:
        """The columns `wholesale` and `buyer`."""
        return self.wholesale(customers), self.kind(customers)

    def wholesale(self, customers: ir.Table) -> ir.BooleanColumn:
        """Whether a customer buys many more units a line than the usual one."""
        if self.units is None:
            return ibis.literal(False).name("wholesale")
        return (customers.units_per_line >= self.units).fill_null(False).name("wholesale")

    def kind(self, customers: ir.Table) -> ir.StringColumn:
        """personal, bulk or reseller."""
        many = self.wholesale(customers)
        worth = self.order if self.order is not None else float("inf")
        large = (customers.monetary >= customers.frequency * worth) & (customers.frequency > 0)
        both = (many & large) if self.units is not None else large
        kinds = ((both & (customers.frequency > 1), "reseller"), (many | large, "bulk"))
        return ibis.cases(*kinds, else_="personal").name("buyer")

    def told(self, currency: str = "") -> dict[str, str]:
        """The rule for each kind but personal, in the shop's units."""
        signs = [f"{_short(self.units)} units a line"] if self.units is not None else []
        signs += [f"{currency}{_short(self.order)} an order"] if self.order is not None else []
        if not signs:
            return {}
        return {
            "bulk": f"at least {' or '.join(signs)}",
            "reseller": f"at least {' and '.join(signs)}, and two orders or more",
        }


UNLIMITED = BuyerLimits()


def buyer_limits(customers: Mapping[str, Floats], units_ratio: float, order_ratio: float) -> BuyerLimits:
    """Limits that are so many times the usual customer's.

    Args:
        customers: Columns of the table `customers`, (n,) each.
        units_ratio: For units a line.
        order_ratio: For the worth of an order.
    """
    units = customers.get("units_per_line", np.zeros(0))
    bought = customers["frequency"] > 0
    return BuyerLimits(
        _times(units_ratio, units), _times(order_ratio, customers["monetary"][bought] / customers["frequency"][bought])
    )


def _short(value: float) -> str:
    """Three digits, as people would remember it."""
    return f"{float(f'{value:.3g}'):,.10g}"


def _times(ratio: float, values: Floats) -> float | None:
    positive = values[values > 0]
    return ratio * float(np.exp(np.log(positive).mean())) if len(positive) else None
