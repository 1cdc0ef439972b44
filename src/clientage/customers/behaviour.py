"""How a customer buys: width of the basket, units, variety, country.

`baskets` has one row per customer, invoice and hour; `bought` one per customer and product; `lived` one per customer
and country.
"""

import ibis
import ibis.expr.types as ir

from clientage.customers.rfm import frequency
from clientage.expressions import total


def lines_per_basket(baskets: ir.Table) -> ir.FloatingScalar:
    """Lines in a completed order, on average; 0 for a customer who only returned."""
    orders = frequency(baskets)
    return ibis.ifelse(orders > 0, baskets.lines.sum(where=~baskets.cancelled) / orders.cast("float64"), 0.0)


def units_per_line(baskets: ir.Table) -> ir.FloatingScalar:
    """Units in a completed line, on average; 0 for a customer who only returned."""
    lines = baskets.lines.sum(where=~baskets.cancelled)
    return ibis.ifelse(lines > 0, total(baskets.units, ~baskets.cancelled) / lines.cast("float64"), 0.0)


def units(baskets: ir.Table) -> ir.FloatingScalar:
    """Units bought less units returned."""
    return total(baskets.units)


def products(bought: ir.Table) -> ir.IntegerScalar:
    """Different products, returned ones included."""
    return bought["product"].count()


def main_country(lived: ir.Table) -> ir.Table:
    """The country of most of each customer's lines; ties go to the first in the alphabet."""
    order = ibis.row_number().over(group_by="customer_id", order_by=[lived.lines.desc(), lived.country])
    ranked = lived.mutate(place=order)
    return ranked.filter(ranked.place == 0).select("customer_id", "country")


def home_country(lived: ir.Table) -> ir.StringScalar:
    """The country of most of the shop's lines; ties go to the first in the alphabet."""
    shop = lived.group_by("country").agg(lines=lived.lines.sum())
    return shop.order_by([shop.lines.desc(), shop.country]).limit(1).country.as_scalar()
