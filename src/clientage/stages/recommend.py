"""What to offer to whom: the catalogue, the weights between products, and the best for every customer."""

from datetime import date

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from clientage.context import Run
from clientage.recommendations.cosine import cosine
from clientage.recommendations.ease import ease
from clientage.recommendations.evaluate import best
from clientage.recommendations.favourites import favourites
from clientage.recommendations.offers import NOBODY, Fallback, Offers, offers
from clientage.recommendations.popularity import Popularity
from clientage.recommendations.purchases import Bought, binary, catalogue, gathered, kept
from clientage.recommendations.scored import popular, scored
from clientage.recommendations.weights import Weights
from clientage.tables import arrow_schema

TABLES = ("products", "affinities", "popularity", "recommendations", "favourites")


def recommend(run: Run) -> None:
    """Recommendations for every customer, and what each segment buys more than the others."""
    lines = run.read("lines")
    for name in TABLES:
        run.drop(name)  # those of a shop that had products
    run.manifest.recommender = {}
    if "product" not in lines.columns:
        run.manifest.warn("recommend", "the order lines have no product, so nothing can be recommended.")
        return
    pairs = run.warehouse.kept(kept(lines, run.manifest.day), "kept")
    run.write("products", products_at(run, pairs, run.manifest.day))
    if not run.warehouse.near and run.manifest.tables["segments"] > run.settings.segments.sample:
        _where_tables_are(run, pairs)
    else:
        _here(run, pairs)
    run.write("favourites", favourites(pairs, run.read("segments"), run.read("products")))


def _where_tables_are(run: Run, pairs: ir.Table) -> None:
    """Offers for all customers, learned from as many as may be collected."""
    wanted, segments = run.settings.recommendations, run.read("segments")
    products = run.warehouse.collect(run.read("products").order_by("product"))
    ids = run.warehouse.collect(run.sample(segments).select("customer_id"))["customer_id"]
    sample = pairs.semi_join(run.sample(segments), "customer_id")
    weights = _weights(
        run, binary(gathered(run.warehouse.batches(sample), _ids(ids), _ids(products["product"]))), products
    )
    members = segments.select("customer_id", "segment_id")
    run.write("popularity", popular(pairs, members, run.read("products"), wanted.min_buyers))
    rows = scored(
        pairs,
        members,
        run.read("products"),
        run.read("affinities") if weights else None,
        run.read("popularity"),
        model=run.manifest.recommender["model"],
        top=wanted.top,
        repeat=wanted.repeat,
    )
    run.write("recommendations", rows)


def _here(run: Run, pairs: ir.Table) -> None:
    """Offers for all customers, whose purchases are collected."""
    wanted = run.settings.recommendations
    products = run.warehouse.collect(run.read("products").order_by("product"))
    members = run.warehouse.collect(run.read("segments").select("customer_id", "segment_id").order_by("customer_id"))
    bought = binary(gathered(run.warehouse.batches(pairs), _ids(members["customer_id"]), _ids(products["product"])))
    weights = _weights(run, bought, products)
    segments = members["segment_id"].to_numpy()
    popularity = Popularity.of(bought, segments, wanted.min_buyers)
    run.write("popularity", popularity.table(_ids(products["product"])))
    fallback = popularity.fallback(segments)
    blocks = offers(
        bought,
        weights,
        fallback,
        wanted.top,
        offered=products["offered"].to_numpy(),
        repeat=wanted.repeat,
    )
    model = run.manifest.recommender["model"]
    rows = run.stream("offers", (_rows(block, products, members, fallback, model) for block in blocks))
    if rows is not None:
        run.write("recommendations", rows)


def products_at(run: Run, pairs: ir.Table, day: date) -> ir.Table:
    """The catalogue before a day, as the settings say, from what was bought and kept before it."""
    wanted = run.settings.recommendations
    return catalogue(
        run.read("lines"),
        pairs,
        day,
        offered_days=wanted.offered_days,
        recent_days=wanted.recent_days,
        most=wanted.most_products,
    )


def _weights(run: Run, bought: Bought, products: pa.Table) -> Weights | None:
    """Those of the model in use; None where popular products are all there is."""
    wanted = run.settings.recommendations
    model: str = wanted.model
    reason = "as set"
    if model == "auto":
        model, reason = "ease", "the default"
        if run.warehouse.exists("recommenders"):
            model, reason = best(run.rows(run.read("recommenders"))), "the best of the last evaluation"
    if len(products) < 2:
        model, reason = "popular", f"there {'is one product only' if len(products) else 'are no products'}"
    run.manifest.recommender = {"model": model, "reason": reason}
    if model == "popular":
        return None
    weights = cosine(bought) if model == "cosine" else ease(bought, wanted.penalty, wanted.neighbours)
    run.write("affinities", weights.table(_ids(products["product"])))
    return weights


def _rows(block: Offers, products: pa.Table, members: pa.Table, fallback: Fallback, model: str) -> pa.Table:
    """Rows of the table `recommendations` for a block of customers."""
    row, place = np.nonzero(block.product != NOBODY)
    product, because = block.product[row, place], block.because[row, place]
    customer = block.first + row
    own = np.where(fallback.own[fallback.group[customer]], "segment", "popular")
    columns = {
        "customer_id": members["customer_id"].take(pa.array(customer)),
        "rank": pa.array(place + 1),
        "product": products["product"].take(pa.array(product)),
        "score": pa.array(block.score[row, place].astype(float)),
        "because": products["product"].take(pa.array(because, mask=because == NOBODY)),
        "model": pa.array(np.where(because == NOBODY, own, model)),
    }
    if "description" in products.column_names:
        columns["description"] = products["description"].take(pa.array(product))
    schema = arrow_schema("recommendations")
    return pa.table({name: columns[name] for name in schema.names if name in columns})


def _ids(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else found.chunk(0)
