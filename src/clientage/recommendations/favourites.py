"""What a segment buys more than the others."""

import ibis
import ibis.expr.types as ir

FEWEST = 10  # customers of the segment, below which a product is not spoken of
MOST = 10


def favourites(pairs: ir.Table, segments: ir.Table, products: ir.Table) -> ir.Table:
    """The table `favourites`: for each segment the products whose share of customers stands out most.

    Ranked by how sure the difference of the shares is (two-proportion z), not by the lift itself, which is largest
    where few bought.

    Args:
        pairs: One row per customer and product bought and kept.
        segments: The table `segments`.
        products: The table `products`.
    """
    member = segments.select("customer_id", "segment_id")
    sizes = member.group_by("segment_id").agg(members=member.count()).mutate(all=member.count().as_scalar())
    both = pairs.join(member, "customer_id")
    inside = both.group_by("segment_id", "product").agg(customers=both.count())
    everybody = inside.group_by("product").agg(buyers=inside.customers.sum())
    table = inside.join(sizes, "segment_id").join(everybody, "product")
    share = table.customers / table.members.cast("float64")
    rest = (table["all"] - table.members).cast("float64").nullif(0.0)
    others = (table.buyers - table.customers) / rest
    pooled = table.buyers / table["all"].cast("float64")
    table = table.mutate(
        share=share,
        lift=share / others.nullif(0.0),
        z=(share - others) / (pooled * (1 - pooled) * (1 / table.members + 1 / rest)).nullif(0.0).sqrt(),
        more=share > others,
    )
    table = table.filter(table.customers >= FEWEST, table.more)
    order = ibis.row_number().over(group_by="segment_id", order_by=[table.z.desc(), table["product"]])
    table = table.mutate(rank=order + 1)
    table = table.filter(table["rank"] <= MOST)
    if "description" in products.columns:
        table = table.left_join(products.select("product", "description"), "product").drop("product_right")
    names = ("segment_id", "rank", "product", "description", "customers", "share", "lift")
    return table.select(*(name for name in names if name in table.columns)).order_by("segment_id", "rank")
