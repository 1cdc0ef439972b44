"""What the report asks of the tables: small results, aggregated where the tables live."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from clientage.expressions import exact_sum, sampled

MOST_POINTS = 2000
TWINS = ("spend", "invoices")  # told by `monetary` and `frequency` already

Tables = Mapping[str, ir.Table]


def collect(table: ir.Table) -> pa.Table:
    """A small result, out of the engine."""
    return table.get_backend().to_pyarrow_batches(table).read_all()


def as_of(tables: Tables) -> date | None:
    """The day the features look back from."""
    customers = tables["customers"]
    day: date | None = collect(customers.agg(day=customers.as_of.max()))["day"][0].as_py()
    return day


def headline(tables: Tables, day: date | None, horizon_days: int) -> dict[str, Any]:
    """Figures of the whole shop.

    Returns:
        `customers` with a line before `as_of`, `orders` that were completed, `revenue` less returns, and `buys_again`:
        the share of buyers from before the last horizon that bought in it, None where it is not known.
    """
    customers = tables["customers"]
    sums = customers.agg(
        customers=customers.count(),
        orders=customers.frequency.sum().cast("float64"),
        revenue=exact_sum(customers.spend),
    )
    (row,) = collect(sums).to_pylist()
    found = {"customers": row["customers"], "orders": int(row["orders"] or 0), "revenue": row["revenue"] or 0.0}
    return found | {"buys_again": _buys_again(tables, day, horizon_days)}


def monthly(tables: Tables, day: date | None) -> pa.Table:
    """Revenue by month and segment: month, segment_id, revenue."""
    lines = _before(tables["lines"], day)
    both = lines.join(tables["segments"].select("customer_id", "segment_id"), "customer_id")
    month = both.invoiced_at.truncate("M").date()
    found = both.group_by("segment_id", month=month).agg(revenue=exact_sum(both.amount))
    return collect(found.select("month", "segment_id", "revenue").order_by("month", "segment_id"))


def reasons(rejected: ir.Table, order: Mapping[str, int]) -> dict[str, int]:
    """Lines set aside by cleaning rule, in the order the rules came; rules it does not know come last."""
    counted = rejected.group_by("reason").agg(lines=rejected.count())
    counts = {row["reason"]: row["lines"] for row in collect(counted).to_pylist()}
    names = [*(name for name in order if name in counts), *sorted(set(counts) - set(order))]
    return {name: counts[name] for name in names}


def rows(table: ir.Table) -> int:
    """How many rows a table has."""
    return int(collect(table.agg(rows=table.count()))["rows"][0].as_py())


def points(tables: Tables, total: int) -> pa.Table | None:
    """Customers on the map: customer_id, segment_id, pc1 to pc3. None where the recipe has no map."""
    segments, columns = tables["segments"], ("customer_id", "segment_id", "pc1", "pc2", "pc3")
    if not set(columns) <= set(segments.columns):
        return None
    return collect(sampled(segments, total, MOST_POINTS).select(columns))


def features(tables: Tables, total: int) -> pa.Table:
    """Features of customers that are numbers, but for those that say the same as another."""
    customers = sampled(tables["customers"], total, MOST_POINTS)
    return collect(
        customers.select([name for name, kind in customers.schema().items() if kind.is_numeric() and name not in TWINS])
    )


def _before(lines: ir.Table, day: date | None) -> ir.Table:
    return lines.filter(lines.invoiced_at < ibis.timestamp(str(day))) if day else lines


def _buys_again(tables: Tables, day: date | None, horizon_days: int) -> float | None:
    if day is None:
        return None
    lines = _before(tables["lines"], day)
    bought = lines.filter(lines.customer_id.notnull(), ~lines.cancelled)
    since = bought.invoiced_at >= ibis.timestamp(str(day - timedelta(days=horizon_days)))
    each = bought.group_by("customer_id").agg(before=(~since).any(), after=since.any())
    counts = each.agg(before=each.count(where=each.before), again=each.count(where=each.before & each.after))
    (row,) = collect(counts).to_pylist()
    return row["again"] / row["before"] if row["before"] else None


def over_cutoffs(found: Sequence[Mapping[str, Any]], keys: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    """Means over cutoffs, in order of the keys; None where a figure is not known.

    Standard errors are averaged too: cutoffs share their customers, so their errors do not cancel out.

    Args:
        found: One row per key and cutoff.
        keys: Columns that say what was measured.
        names: Columns to average.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in found:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        dict(zip(keys, group, strict=True)) | {name: _mean([row[name] for row in rows]) for name in names}
        for group, rows in sorted(groups.items())
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = sorted(value for value in values if value is not None and not math.isnan(value))
    return sum(known) / len(known) if known else None
