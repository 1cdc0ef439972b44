"""One customer's or one product's recommendations, from the tables of the workspace."""

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clientage.context import opened
from clientage.errors import InputError, WorkspaceError
from clientage.pipeline import ledger
from clientage.recommendations.offers import NOBODY, offers, similar
from clientage.recommendations.popularity import Popularity
from clientage.recommendations.purchases import binary, gathered, kept
from clientage.recommendations.weights import Weights
from clientage.settings import Settings
from clientage.warehouse import Warehouse

Rows = list[dict[str, Any]]


def for_customer(settings: Settings, customer: str, top: int, *, repeat: bool) -> Rows:
    """What to offer to a customer.

    Args:
        settings: All of them.
        customer: The id, as it came.
        top: How many products at most.
        repeat: Whether what was bought before may be recommended again.

    Returns:
        For each product rank, product, description (where there are names), score and because.

    Raises:
        ClientageError: There is no such customer, with the nearest id, or nothing was recommended yet.
    """
    warehouse = opened(settings)
    segments, products = warehouse.read("segments"), _products(warehouse)
    own = warehouse.collect(segments.filter(segments.customer_id == customer).select("segment_id"))
    if not len(own):
        raise InputError(f"there is no customer {customer}. {_nearest(warehouse, segments.customer_id, customer)}")
    codes = products["product"].combine_chunks()
    lines = warehouse.read("lines")
    day = ledger(warehouse).manifest().day
    pairs = kept(lines.filter(lines.customer_id == customer), day)
    bought = binary(gathered(warehouse.batches(pairs), pa.array([customer]), codes))
    weights = _weights(warehouse, codes) if warehouse.exists("affinities") else None
    popularity = Popularity.of_table(warehouse.collect(warehouse.read("popularity")), codes)
    fallback = popularity.fallback(own["segment_id"].to_numpy())
    (block,) = offers(bought, weights, fallback, top, offered=products["offered"].to_numpy(), repeat=repeat)
    places = [place for place in range(block.product.shape[1]) if block.product[0, place] != NOBODY]
    return [
        {"rank": place + 1}
        | _told(products, int(block.product[0, place]))
        | {"score": float(block.score[0, place]), "because": _name(products, int(block.because[0, place]))}
        for place in places
    ]


def of_product(settings: Settings, product: str, top: int) -> dict[str, Rows]:
    """What goes with a product, and what is like it.

    Args:
        settings: All of them.
        product: Its code.
        top: How many products each at most.

    Returns:
        `together`: what those who bought it may be offered; `similar`: what the same purchases speak for.

    Raises:
        ClientageError: There is no such product, with the nearest code, or no weights were made.
    """
    warehouse = opened(settings)
    products = _products(warehouse)
    codes = products["product"].to_pylist()
    if product not in codes:
        table = warehouse.read("products")
        raise InputError(f"there is no product {product}. {_nearest(warehouse, table['product'], product)}")
    if not warehouse.exists("affinities"):
        raise InputError(
            "products were not related to each other: the model in use is popular. "
            "Choose another: clientage step recommend --set recommendations.model=ease."
        )
    weights, number = _weights(warehouse, products["product"].combine_chunks()), codes.index(product)
    together = weights.matrix().tocsr()[[number]].toarray().ravel()
    found = {"together": together, "similar": similar(weights, number)}
    return {what: _ranked(products, scores, top) for what, scores in found.items()}


def _products(warehouse: Warehouse) -> pa.Table:
    """The table `products`.

    Raises:
        WorkspaceError: Nothing was recommended yet.
    """
    if not warehouse.exists("products"):
        raise WorkspaceError(
            f"{warehouse.workspace}: there are no recommendations yet. Make them with `clientage step recommend`; "
            "the order lines need a product."
        )
    return warehouse.collect(warehouse.read("products"))


def _weights(warehouse: Warehouse, codes: pa.Array) -> Weights:
    return Weights.of_table(warehouse.collect(warehouse.read("affinities").order_by("product", "bought")), codes)


def _ranked(products: pa.Table, scores: NDArray[np.float32], top: int) -> Rows:
    order = np.argsort(-scores, kind="stable")[:top]
    return [
        {"rank": rank} | _told(products, int(i)) | {"score": float(scores[i])}
        for rank, i in enumerate(order, 1)
        if scores[i] > 0
    ]


def _told(products: pa.Table, number: int) -> dict[str, str]:
    names = [name for name in ("product", "description") if name in products.column_names]
    return {name: products[name][number].as_py() for name in names}


def _name(products: pa.Table, number: int) -> str | None:
    if number == NOBODY:
        return None
    told = _told(products, number)
    return told.get("description") or told["product"]


def _nearest(warehouse: Warehouse, column: ir.StringColumn, wanted: str) -> str:
    """The value that is most like what was asked for."""
    table = column.as_table().distinct()
    value = table[column.get_name()]
    near = (
        table.filter(value.notnull())
        .order_by([value.levenshtein(ibis.literal(wanted)), ~value.startswith(wanted), value])
        .limit(1)
    )
    found = warehouse.collect(near)[column.get_name()].to_pylist()
    return f"Did you mean {found[0]}?" if found else "There are none at all."
