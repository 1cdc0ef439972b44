"""Who moved: customers from the segments of one model to those of another."""

import ibis.expr.types as ir


def migrations(before: ir.Table, after: ir.Table) -> ir.Table:
    """The table `migrations`: how many customers went from each segment to each; the sum is all who are in both.

    Args:
        before: customer_id, segment_id and segment, as the model before has them.
        after: The same by the new model.
    """
    old = before.select("customer_id", from_segment_id=before.segment_id, from_segment=before.segment)
    both = old.join(after.select("customer_id", "segment_id", "segment"), "customer_id")
    counts = both.group_by("from_segment_id", "from_segment", "segment_id", "segment").agg(customers=both.count())
    sizes = counts.group_by("from_segment_id").agg(size=counts.customers.sum())
    found = counts.join(sizes, "from_segment_id")
    return found.select(
        "from_segment_id",
        "from_segment",
        "segment_id",
        "segment",
        "customers",
        share=found.customers / found["size"],
    ).order_by("from_segment_id", "segment_id")
