"""The same offers as `offers`, computed where the tables are: for more customers than may be collected.

Scores are sums of weights over what a customer bought; what is popular fills the places that are left.
"""

import ibis
import ibis.expr.types as ir

from clientage.recommendations.popularity import ALL

FINE = 1e12  # parts of a score, so that sums are exact
MOST_POPULAR = 1_000  # products of a group that may fill places


def popular(pairs: ir.Table, members: ir.Table, products: ir.Table, fewest: int) -> ir.Table:
    """The table `popularity`, counted by distinct customers.

    Args:
        pairs: One row per customer and product bought and kept.
        members: customer_id and segment_id of all customers.
        products: The table `products`.
        fewest: Customers who bought, below which a segment has no figures of its own.
    """
    both = pairs.select("customer_id", "product").semi_join(products, "product").join(members, "customer_id")
    everybody = both.mutate(segment_id=ibis.literal(ALL, "int64"))
    groups = ibis.union(both, everybody)
    buyers = groups.group_by("segment_id").agg(buyers=groups.customer_id.nunique())
    buyers = buyers.filter((buyers.segment_id == ALL) | (buyers.buyers >= fewest))
    counts = groups.group_by("segment_id", "product").agg(customers=groups.count())
    found = counts.join(buyers, "segment_id")
    share = found.customers.cast("float64") / found.buyers.cast("float64")
    return found.select("segment_id", "product", share=share).order_by("segment_id", "product")


def scored(
    pairs: ir.Table,
    members: ir.Table,
    products: ir.Table,
    affinities: ir.Table | None,
    popularity: ir.Table,
    *,
    model: str,
    top: int,
    repeat: bool = False,
) -> ir.Table:
    """The table `recommendations`.

    Args:
        pairs: One row per customer and product bought and kept.
        members: customer_id and segment_id of all customers.
        products: The table `products`.
        affinities: The table of that name; None for popular products only.
        popularity: The table of that name.
        model: What the affinities are of.
        top: How many for each customer.
        repeat: Whether what was bought before may be recommended again.
    """
    offered = products.filter(products.offered).select("product")
    parts = [] if affinities is None else [_best(pairs, affinities, offered, model, top, repeat=repeat)]
    parts.append(_filled(pairs, members, offered, popularity, parts[0] if parts else None, top, repeat=repeat))
    found = ibis.union(*parts) if len(parts) > 1 else parts[0]
    if "description" in products.columns:
        found = found.left_join(products.select("product", "description"), "product").drop("product_right")
    return found.order_by("customer_id", "rank")


def _best(pairs: ir.Table, affinities: ir.Table, offered: ir.Table, model: str, top: int, *, repeat: bool) -> ir.Table:
    """What speaks for itself: the highest positive scores; ties go to the first product."""
    had = pairs.select("customer_id", bought="product")
    turn = ibis.row_number().over(group_by="product", order_by=[affinities.weight.desc(), affinities.bought])
    spoken = affinities.mutate(turn=turn).semi_join(offered, "product").join(had, "bought")
    part = (spoken.weight * FINE).round().cast("int64")
    score = part.sum().cast("float64") / FINE
    because = spoken.bought.argmin(spoken.turn)
    found = spoken.group_by("customer_id", "product").agg(score=score, because=because)
    found = found.filter(found.score > 0)
    if not repeat:
        found = found.anti_join(pairs.select("customer_id", "product"), ["customer_id", "product"])
    place = ibis.row_number().over(group_by="customer_id", order_by=[found.score.desc(), found["product"]])
    found = found.mutate(rank=place + 1, model=ibis.literal(model))
    return found.filter(found["rank"] <= top).select("customer_id", "rank", "product", "score", "because", "model")


def _filled(
    pairs: ir.Table,
    members: ir.Table,
    offered: ir.Table,
    popularity: ir.Table,
    best: ir.Table | None,
    top: int,
    *,
    repeat: bool,
) -> ir.Table:
    """What is popular with a customer's segment, or with all where it has no figures, in the places that are left."""
    own = popularity.select(group="segment_id").distinct()
    asked = members.left_join(own, members.segment_id == own.group)
    asked = asked.select("customer_id", group=ibis.coalesce(asked.group, ALL))
    if best is None:
        asked = asked.mutate(have=ibis.literal(0, "int64"))
    else:
        counts = best.group_by("customer_id").agg(have=best.count())
        asked = asked.left_join(counts, "customer_id").drop("customer_id_right")
        asked = asked.mutate(have=asked.have.fill_null(0))
    known = popularity.semi_join(offered, "product").filter(ibis._.share > 0)
    order = ibis.row_number().over(group_by="segment_id", order_by=[known.share.desc(), known["product"]])
    known = known.mutate(place=order).filter(ibis._.place < MOST_POPULAR).drop("place")
    found = asked.filter(asked.have < top).join(known, asked.group == known.segment_id)
    for others in ([] if repeat else [pairs]) + ([] if best is None else [best]):
        found = found.anti_join(others.select("customer_id", "product"), ["customer_id", "product"])
    place = ibis.row_number().over(group_by="customer_id", order_by=[found.share.desc(), found["product"]])
    found = found.mutate(
        rank=found.have + place + 1,
        score=found.share,
        because=ibis.null("string"),
        model=ibis.ifelse(found.group == ALL, "popular", "segment"),
    )
    return found.filter(found["rank"] <= top).select("customer_id", "rank", "product", "score", "because", "model")
