"""Changes of segment, from window to window."""

import ibis
import ibis.expr.types as ir

from clientage.stages.watch.watch import Watch


def before(watch: Watch, number: int, known: ir.Table | None) -> ir.Table | None:
    """Who was where before a window; None where nothing is known of that."""
    if known is None:
        return None
    earlier = known.filter(known.since <= ibis.date(watch.windows.first(number)))
    return earlier.group_by("customer_id").agg(segment_id=earlier.segment_id.argmax(earlier.since))


def all_changes(watch: Watch, numbers: range, known: ir.Table | None, moves: ir.Table | None) -> ir.Table | None:
    """Changes found in windows, and those known from before and after them."""
    if known is None or moves is None:
        return moves if known is None else known
    first, last = (ibis.date(watch.end(number)) for number in (numbers.start, numbers.stop - 1))
    every = ibis.union(known.filter((known.since < first) | (known.since > last)), moves)
    return watch.run.warehouse.kept(every, f"journeys-{numbers.start}")
