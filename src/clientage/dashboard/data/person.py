"""One customer: features, segment, orders, products, what to offer, and the way from segment to segment."""

from dataclasses import dataclass

import ibis

from clientage.dashboard.data.source import Row, Shop
from clientage.expressions import exact_sum

ORDERS, PRODUCTS = 100, 15


@dataclass(frozen=True)
class Person:
    """A customer.

    Attributes:
        features: The row of the table `customers`.
        segment: The row of the table `segments`; empty where there is none.
        orders: The latest first: `invoice`, `day`, `lines`, `amount`.
        months: Amount of each month with a line.
        products: Those that most was spent on.
        offers: What to offer, the best first.
        journey: Segments since when, the first one first.
        total: How many orders there are in all.
    """

    features: Row
    segment: Row
    orders: list[Row]
    months: list[Row]
    products: list[Row]
    offers: list[Row]
    journey: list[Row]
    total: int


def person(shop: Shop, customer: str) -> Person | None:
    """A customer by the id; None where there is none."""
    own = _of(shop, "customers", customer)
    if not own:
        return None
    orders, total = _orders(shop, customer)
    return Person(
        own[0],
        next(iter(_of(shop, "segments", customer)), {}),
        orders,
        _months(shop, customer),
        _products(shop, customer),
        _offers(shop, customer),
        sorted(_of(shop, "journeys", customer), key=lambda row: row["since"]),
        total,
    )


def _of(shop: Shop, name: str, customer: str) -> list[Row]:
    if name not in shop.tables:
        return []
    table = shop.tables[name]
    return shop.rows(table.filter(table.customer_id == customer))


def _offers(shop: Shop, customer: str) -> list[Row]:
    """What to offer, and by its name what speaks for it."""
    found = sorted(_of(shop, "recommendations", customer), key=lambda row: row["rank"])
    codes = [row["because"] for row in found if row["because"]]
    if not codes or "products" not in shop.tables or "description" not in shop.tables["products"].columns:
        return found
    products = shop.tables["products"]
    named = shop.rows(products.filter(products["product"].isin(codes)).select("product", "description"))
    names = {row["product"]: row["description"] for row in named if row["description"]}
    return [row | {"because": names.get(row["because"], row["because"])} for row in found]


def _orders(shop: Shop, customer: str) -> tuple[list[Row], int]:
    lines = shop.tables["lines"]
    own = lines.filter(lines.customer_id == customer)
    each = own.group_by("invoice").agg(
        day=own.invoiced_at.min().date(), lines=own.count(), amount=exact_sum(own.amount)
    )
    total = int(shop.rows(each.agg(rows=each.count()))[0]["rows"])
    return shop.rows(each.order_by(ibis.desc("day"), ibis.desc("invoice")).limit(ORDERS)), total


def _months(shop: Shop, customer: str) -> list[Row]:
    lines = shop.tables["lines"]
    own = lines.filter(lines.customer_id == customer)
    month = own.invoiced_at.truncate("M").date()
    return shop.rows(own.group_by(month=month).agg(amount=exact_sum(own.amount)).order_by("month"))


def _products(shop: Shop, customer: str) -> list[Row]:
    lines = shop.tables["lines"]
    if "product" not in lines.columns:
        return []
    own = lines.filter(lines.customer_id == customer, lines["product"].notnull())
    names = {"description": own.description.max()} if "description" in own.columns else {}
    each = own.group_by("product").agg(
        **names, orders=own.invoice.nunique(), amount=exact_sum(own.amount), last=own.invoiced_at.max().date()
    )
    return shop.rows(each.order_by(ibis.desc("amount"), "product").limit(PRODUCTS))
