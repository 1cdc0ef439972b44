"""What was bought and kept, and the catalogue: the input of every recommender."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TypeAlias

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from clientage.expressions import exact_sum

Bought: TypeAlias = sparse.csr_array
"""Customers × products, 1 where bought and kept."""


def kept(lines: ir.Table, as_of: date) -> ir.Table:
    """One row per customer and product that was bought before a day and not taken back, with how much of it.

    Args:
        lines: The table `lines`.
        as_of: The day.

    Returns:
        customer_id, product and net: units, or currency where the shop has no quantities.
    """
    before = _before(lines, as_of)
    worth = before.quantity if "quantity" in before.columns else before.amount
    sums = before.group_by("customer_id", "product").agg(net=exact_sum(worth))
    return sums.filter(sums.net > 0)


def catalogue(
    lines: ir.Table, pairs: ir.Table, as_of: date, *, offered_days: int, recent_days: int, most: int
) -> ir.Table:
    """The table `products`: what the shop sold, with how many customers bought it, in order of the product.

    Args:
        lines: The table `lines`.
        pairs: What was bought before the day and not taken back (see `kept`).
        as_of: The day to look back from.
        offered_days: A product not sold for so many days is not offered any more.
        recent_days: How far back the recent customers bought it.
        most: At most so many products, those with the most customers.
    """
    before = _before(lines, as_of)
    sold = before.filter(~before.cancelled)
    buyers = pairs.group_by("product").agg(customers=pairs.count())
    recent = sold.filter(sold.invoiced_at >= ibis.timestamp(str(as_of - timedelta(days=recent_days))))
    lately = recent.group_by("product").agg(recent_customers=recent.customer_id.nunique())
    parts = [buyers, lately, *([_names(sold)] if "description" in lines.columns else [])]
    found = sold.group_by("product").agg(last_sold=sold.invoiced_at.max().date())
    for part in parts:
        found = found.left_join(part, "product").drop("product_right")
    found = found.mutate(
        **{name: found[name].fill_null(0) for name in ("customers", "recent_customers")},
        offered=found.last_sold >= ibis.date(as_of - timedelta(days=offered_days)),
    )
    return found.order_by([found.customers.desc(), found["product"]]).limit(most).order_by("product")


def gathered(pairs: Iterable[pa.RecordBatch], customers: pa.Array, products: pa.Array) -> Bought:
    """Pairs of customer and product as a matrix; pairs of others are left out.

    Args:
        pairs: Batches with customer_id, product and, where it matters how much, net; each pair once.
        customers: Ids, (n,): the rows.
        products: Codes, (m,): the columns.

    Returns:
        Customers × products, net or 1, (n, m).
    """
    parts = [(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))]
    for batch in pairs:
        row, column = (
            pc.index_in(batch[name], ids) for name, ids in (("customer_id", customers), ("product", products))
        )
        known = pc.and_(row.is_valid(), column.is_valid()).to_numpy(zero_copy_only=False)
        net = batch["net"].to_numpy() if "net" in batch.schema.names else np.ones(len(batch))
        at = (index.fill_null(0).to_numpy()[known] for index in (row, column))
        parts.append((*at, net[known].astype(np.float32)))
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    found: Bought = sparse.csr_array((values, (rows, columns)), shape=(len(customers), len(products)))
    found.sort_indices()  # whatever the order of the pairs was
    return found


def binary(amounts: Bought) -> Bought:
    """The same with 1 wherever anything was bought."""
    found: Bought = sparse.csr_array((np.ones_like(amounts.data), amounts.indices, amounts.indptr), amounts.shape)
    return found


def _before(lines: ir.Table, as_of: date) -> ir.Table:
    day = ibis.timestamp(str(as_of))
    return lines.filter(lines.customer_id.notnull(), lines["product"].notnull(), lines.invoiced_at < day)


def _names(sold: ir.Table) -> ir.Table:
    """The most frequent name of each product; ties go to the first in the alphabet."""
    named = sold.filter(sold.description.notnull())
    counted = named.group_by("product", "description").agg(n=named.count())
    place = ibis.row_number().over(group_by="product", order_by=[counted.n.desc(), counted.description])
    ranked = counted.mutate(place=place)
    return ranked.filter(ranked.place == 0).select("product", "description")
