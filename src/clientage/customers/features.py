"""The table `customers`: one row per customer, looking back from `as_of`.

Lines are aggregated once to `baskets` (customer, order and hour), and every feature comes from those, whatever day it
looks back from; only different products have to be counted from the lines.
"""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir

from clientage.customers import behaviour, returns, rfm, seasonality
from clientage.expressions import MILLIONTHS, millionths
from clientage.tables import TABLES

NEEDS = {
    "units": "quantity",
    "units_per_line": "quantity",
    "products": "product",
    "country": "country",
    "is_home_country": "country",
}


def customer_features(
    baskets: ir.Table, as_of: date, home_country: str = "", *, products: ir.Table | None = None
) -> ir.Table:
    """Everything known of each customer from the lines before `as_of`.

    Args:
        baskets: The table `baskets`.
        as_of: The day to look back from.
        home_country: The shop's own country; empty for the most frequent one.
        products: What `products_bought` gives, for the feature `products`, which costs as much as all others; None does
            without.

    Returns:
        The table `customers`, in order of `customer_id`. Features that need a column the shop does not have are
        absent: see `missing_features`.
    """
    baskets = _dated(baskets.filter(baskets.hour_at < ibis.timestamp(str(as_of))))
    parts = [_from_baskets(baskets, as_of), _favourites(baskets, "weekday"), _favourites(baskets, "hour")]
    parts.append(_from_months(baskets))
    if products is not None:
        parts.append(products)
    if "country" in baskets.columns:
        parts.append(_from_countries(baskets, home_country))
    customers = parts[0].mutate(as_of=ibis.date(as_of))
    for part in parts[1:]:
        customers = customers.join(part, "customer_id")
    order = [name for name in TABLES["customers"].columns if name in customers.columns]
    return customers.select(order).order_by("customer_id")


def products_bought(lines: ir.Table, as_of: date) -> ir.Table | None:
    """The different products of each customer: customer_id, products; None where lines have no product.

    Args:
        lines: The table `lines`.
        as_of: The day to look back from.
    """
    if "product" not in lines.columns:
        return None
    before = lines.filter(lines.customer_id.notnull(), lines.invoiced_at < ibis.timestamp(str(as_of)))
    bought = before.select("customer_id", "product").distinct()
    return bought.group_by("customer_id").agg(products=behaviour.products(bought))


def missing_features(lines_columns: tuple[str, ...]) -> dict[str, str]:
    """Features left out, with the column each would need."""
    return {feature: column for feature, column in NEEDS.items() if column not in lines_columns}


def baskets(lines: ir.Table) -> ir.Table:
    """The table `baskets`: all that lines of one customer, order and hour add up to, in whole millionths.

    Args:
        lines: The table `lines`.
    """
    known = lines.filter(lines.customer_id.notnull())
    keys = ["customer_id", "invoice", "cancelled", *(["country"] if "country" in lines.columns else [])]
    sums = {"amount": known.amount} | ({"units": known.quantity} if "quantity" in lines.columns else {})
    found = known.group_by(*keys, hour_at=known.invoiced_at.truncate("h")).agg(
        lines=known.count(), **{name: millionths(value).sum() for name, value in sums.items()}
    )
    return _narrowed(found, sums)


def together(baskets: ir.Table, others: ir.Table) -> ir.Table:
    """The table `baskets` of two sets of lines from that of each."""
    both = ibis.union(baskets, others.select(*baskets.columns).cast(dict(baskets.schema().items())))
    sums = [name for name in ("lines", "amount", "units") if name in both.columns]
    found = both.group_by(both.drop(*sums).columns).agg(**{name: both[name].sum() for name in sums})
    return _narrowed(found, sums).select(*baskets.columns)


def _narrowed(found: ir.Table, names: Iterable[str]) -> ir.Table:
    # sums are 128 bits wide in DuckDB, which Ibis takes for 64, so that it would drop a plain cast as needless; doubles
    # are exact for up to nine billion in one basket
    return found.mutate(**{name: found[name].cast("float64").cast("int64") for name in names})


def _dated(baskets: ir.Table) -> ir.Table:
    """With the day, weekday and hour of each."""
    at = baskets.hour_at
    return baskets.mutate(day=at.date(), weekday=at.day_of_week.index(), hour=at.hour())


def _from_baskets(baskets: ir.Table, as_of: date) -> ir.Table:
    features = {function.__name__: function(baskets, as_of) for function in (rfm.recency_days, rfm.tenure_days)}
    functions = [rfm.frequency, rfm.monetary, rfm.invoices, rfm.spend, rfm.spend_per_invoice]
    functions += [behaviour.lines_per_basket, returns.cancelled_invoices, returns.cancellation_rate]
    functions += [seasonality.days_between_purchases]
    if "units" in baskets.columns:
        functions += [behaviour.units, behaviour.units_per_line]
    features |= {function.__name__: function(baskets) for function in functions}
    return baskets.group_by("customer_id").agg(**features)


def _favourites(baskets: ir.Table, name: str) -> ir.Table:
    values = baskets.group_by("customer_id", name).agg(lines=baskets.lines.sum())
    return values.group_by("customer_id").agg(**{f"favourite_{name}": seasonality.favourite(values, name)})


def _from_months(baskets: ir.Table) -> ir.Table:
    months = baskets.group_by("customer_id", month=baskets.day.truncate("M")).agg(amount=baskets.amount.sum())
    customer = ibis.window(group_by="customer_id")
    months = months.mutate(
        number=ibis.row_number().over(group_by="customer_id", order_by="month"),
        of=months.count().over(customer),
        mean=months.amount.sum().over(customer).cast("float64") / months.count().over(customer),
    )
    deviation = (months.amount - months["mean"]) / MILLIONTHS
    months = months.mutate(square=deviation * deviation)
    functions = (seasonality.monthly_spend_mean, seasonality.monthly_spend_std, seasonality.monthly_spend_trend)
    return months.group_by("customer_id").agg(**{function.__name__: function(months) for function in functions})


def _from_countries(baskets: ir.Table, home_country: str) -> ir.Table:
    lived = baskets.group_by("customer_id", "country").agg(lines=baskets.lines.sum())
    home = ibis.literal(home_country) if home_country else behaviour.home_country(lived)
    main = behaviour.main_country(lived)
    return main.mutate(is_home_country=main.country == home)
