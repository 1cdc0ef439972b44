"""Customers: their features, looking back from a day, and what to expect of them."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from clientage.context import Run
from clientage.customers.features import customer_features, products_bought
from clientage.customers.lifetime import History, fit_lifetime, purchases
from clientage.errors import InputError
from clientage.expressions import sampled
from clientage.transactions import checks


def features(run: Run) -> None:
    """One row per customer, looking back from `as_of`."""
    lines = run.read("lines")
    last = run.rows(lines.agg(last=lines.invoiced_at.max().date()))[0]["last"]
    if last is None:
        raise InputError("no line has a date. Set lines without one aside: --set clean.incomplete=true.")
    orders = run.read("baskets").hour_at.name("invoiced_at").as_table()
    if run.settings.as_of is None and (end := run.rows(checks.usual_last(orders))[0])["usual"] is not None:
        checks.require_plausible_end(end["last"], end["usual"])
    as_of = run.settings.as_of or last + timedelta(days=1)
    if late := checks.late(as_of, last):
        run.manifest.warn("features", late)
    products = _products(run, lines, as_of, counts_all=as_of > last)
    customers = customer_features(run.read("baskets"), as_of, run.settings.shop.home_country, products=products)
    expected = _expected(run, as_of)
    if expected is not None:
        joined = customers.left_join(expected, "customer_id").drop("customer_id_right")
        customers = joined.mutate(**{name: joined[name].fill_null(0.0) for name in EXPECTED}).order_by("customer_id")
    run.write("customers", customers)
    run.manifest.as_of = as_of
    if not run.manifest.tables["customers"]:
        raise InputError(f"no customer has an order line before {as_of}. Give a later --as-of.")


def _products(run: Run, lines: ir.Table, as_of: date, *, counts_all: bool) -> ir.Table | None:
    """The different products of each customer; of those who have lines that were added they are counted again."""
    grown = run.grown("lines") if counts_all and run.growth.counted else None
    run.growth.counted = counts_all
    if grown is None or "product" not in lines.columns:
        return products_bought(lines, as_of)
    theirs = grown[1].select("customer_id").distinct()
    counted = run.read("customers").select("customer_id", "products")
    again = products_bought(lines.semi_join(theirs, "customer_id"), as_of)
    return ibis.union(counted.anti_join(theirs, "customer_id"), again)


EXPECTED = ("expected_orders", "expected_spend")


def _expected(run: Run, as_of: date) -> ir.Table | None:
    """customer_id, expected_orders and expected_spend; None, and a warning, where they cannot be told."""
    bought = run.warehouse.kept(purchases(run.read("baskets"), as_of), "purchases")
    count = run.rows(bought.agg(count=bought.count()))[0]["count"]
    model, why = fit_lifetime(history(run.warehouse.collect(sampled(bought, count, run.settings.segments.sample))))
    if model is None:
        run.manifest.warn("features", f"expected orders and spend are left out: {why}.")
        return None
    pairs = run.warehouse.collect(bought.select("repeats", "age").distinct().order_by("repeats", "age"))
    repeats, age = (pairs[name].to_numpy() for name in ("repeats", "age"))
    growth = pa.array(model.growth(repeats, age, run.settings.evaluate.horizon_days))
    return model.forecast(bought, ibis.memtable(pairs.append_column("growth", growth)))


def history(found: pa.Table) -> History:
    """The columns of `purchases` as a fit takes them."""
    return History(*(np.asarray(found[name], float) for name in ("repeats", "last", "age", "worth")))
