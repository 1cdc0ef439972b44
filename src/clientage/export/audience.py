"""Who is on a list: customers of a segment or of all, those that fit, the best first."""

import difflib
from collections.abc import Mapping

import ibis.expr.types as ir

from clientage.errors import InputError
from clientage.export.filters import column, predicate

PRODUCTS = 3
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"

# the names that mail tools show, and what they stand for
COLUMNS = {
    "customer_id": "customer_id",
    "segment": "segment",
    "buyer": "buyer",
    "country": "country",
    "last_seen": "last_seen",
    "orders": "frequency",
    "spend": "monetary",
    "expected_orders": "expected_orders",
    "expected_spend": "expected_spend",
} | {f"product_{rank}": f"product_{rank}" for rank in range(1, PRODUCTS + 1)}


def audience(
    tables: Mapping[str, ir.Table],
    segment_id: int | None = None,
    where: str | None = None,
    by: str = "",
    top: int | None = None,
) -> ir.Table:
    """The list as a table, the first the one to write to first.

    Args:
        tables: `customers` and `segments`; `recommendations` where it is there.
        segment_id: Number of the segment; all customers when not given.
        where: A condition (see `clientage.export.filters`).
        by: A column, the highest first; `expected_spend` where it is there, else `monetary`. Ties go by customer.
        top: How many at most.

    Raises:
        InputError: The condition cannot be read, or a column is not there.
    """
    found = _known(tables)
    if segment_id is not None:
        found = found.filter(found.segment_id == segment_id)
    if where is not None:
        found = found.filter(predicate(where, found))
    order = column(by or ("expected_spend" if "expected_spend" in found.columns else "monetary"), found, "--by")
    if "recommendations" in tables:
        found = found.left_join(_products(tables["recommendations"]), "customer_id").drop("customer_id_right")
    ties = [] if order.get_name() == "customer_id" else ["customer_id"]
    best = found.order_by([found[order.get_name()].desc(nulls_first=False), *ties])
    if top is not None:
        best = best.limit(top)
    return best.select(**{name: best[source] for name, source in COLUMNS.items() if source in best.columns})


def facts(listed: ir.Table) -> ir.Table:
    """One row: how many customers a list has, and whether their ids are e-mail addresses."""
    return listed.agg(customers=listed.count(), emails=listed.customer_id.re_search(EMAIL).all())


def find_segment(names: Mapping[int, str], wanted: str) -> int:
    """The number of a segment, by its number, its name in any case, or the beginning of its name.

    Args:
        names: Names of all segments by number.
        wanted: What was asked for.

    Raises:
        InputError: No segment is called so, or several are.
    """
    ways = (
        {number for number in names if str(number) == wanted},
        {number for number, name in names.items() if name == wanted},
        {number for number, name in names.items() if name.casefold() == wanted.casefold()},
        {number for number, name in names.items() if wanted and name.casefold().startswith(wanted.casefold())},
    )
    found = next((way for way in ways if way), set())
    if len(found) == 1:
        return found.pop()
    if found:
        raise InputError(f"--segment {wanted}: fits {_listed({n: names[n] for n in sorted(found)})}. Give its number.")
    near = difflib.get_close_matches(wanted.casefold(), [name.casefold() for name in names.values()], 1, 0.4)
    like = [name for name in names.values() if name.casefold() in near]
    meant = f"did you mean {like[0]}? All are" if like else "the segments are"
    raise InputError(f"--segment {wanted}: there is none; {meant} {_listed(names)}. Give a name or a number.")


def _known(tables: Mapping[str, ir.Table]) -> ir.Table:
    """Every customer in a segment, with all columns that a condition may name."""
    customers = tables["customers"]
    age = customers.recency_days.as_interval("D")
    dated = customers.mutate(last_seen=(customers.as_of - age).cast("date"))
    return dated.join(tables["segments"], "customer_id")


def _products(recommendations: ir.Table) -> ir.Table:
    """One row per customer: the names of the best products, or their codes."""
    name = recommendations["product"]
    if "description" in recommendations.columns:
        name = recommendations.description.fill_null(name)
    ranks = range(1, PRODUCTS + 1)
    best = {f"product_{rank}": name.max(where=recommendations["rank"] == rank) for rank in ranks}
    return recommendations.group_by("customer_id").agg(**best)


def _listed(names: Mapping[int, str]) -> str:
    return ", ".join(f"{number} ({name})" for number, name in names.items())
