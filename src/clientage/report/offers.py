"""What to offer: what each segment buys more than others, and what is recommended to its customers most."""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from clientage.report import words
from clientage.report.panels import Row, Section
from clientage.report.queries import collect

MOST = 5
FIRST_RANKS = 3  # of a customer's recommendations: as many as fit an e-mail


def offers(tables: Mapping[str, ir.Table], profiles: Sequence[Row], recommender: Row) -> Section | None:
    """What to offer to each segment, products with a word of each; None without `favourites` and `recommendations`.

    Args:
        tables: The named tables.
        profiles: Rows of the table `profiles`.
        recommender: `model` and `reason` of the choice; empty where not known.
    """
    liked = _by_segment(favourites(tables["favourites"])) if "favourites" in tables else {}
    advised = _by_segment(recommended(tables)) if "recommendations" in tables else {}
    rows = [
        {
            "segment": row["segment"],
            "colour": row["colour"],
            "favourites": [(_name(each), _liked(each)) for each in liked.get(own, [])],
            "recommended": [(_name(each), words.customers(each["customers"])) for each in advised.get(own, [])],
        }
        for row in profiles
        for own in [row["segment_id"]]
    ]
    rows = [row for row in rows if row["favourites"] or row["recommended"]]
    if not rows:
        return None
    text = reading(tables["recommendations"], recommender, sum(row["customers"] for row in profiles)) if advised else ""
    return Section(text, rows)


def favourites(found: ir.Table) -> list[dict[str, Any]]:
    """What sets each segment apart most, in order."""
    return list(collect(found.filter(found["rank"] <= MOST).order_by("segment_id", "rank")).to_pylist())


def recommended(tables: Mapping[str, ir.Table]) -> list[dict[str, Any]]:
    """What is among the first recommendations of most customers of each segment: segment_id, product, customers."""
    found = tables["recommendations"]
    first = found.filter(found["rank"] <= FIRST_RANKS)
    each = first.join(tables["segments"].select("customer_id", "segment_id"), "customer_id")
    names = {"description": each.description.max()} if "description" in each.columns else {}
    counts = each.group_by("segment_id", "product").agg(customers=each.customer_id.nunique(), **names)
    order = ibis.window(group_by="segment_id", order_by=[counts.customers.desc(), counts["product"]])
    placed = counts.mutate(place=ibis.row_number().over(order))
    return list(collect(placed.filter(placed.place < MOST).order_by("segment_id", "place")).to_pylist())


def reading(recommendations: ir.Table, recommender: Row, customers: int) -> str:
    """What recommends, and how many customers get something.

    Args:
        recommendations: The table `recommendations`.
        recommender: `model` and `reason` of the choice; empty where not known.
        customers: Customers of the shop.
    """
    own = recommendations.customer_id.nunique(where=recommendations.because.notnull())
    (row,) = collect(recommendations.agg(served=recommendations.customer_id.nunique(), own=own)).to_pylist()
    how = f" ({words.recommender(recommender['model'])}, {recommender['reason']})" if recommender else ""
    rest = row["served"] - row["own"]
    parts = [
        f"{words.count(row['own'])} from what customers with the same products bought{how}" if row["own"] else "",
        f"{words.count(rest)} what is popular{how if not row['own'] else ''}" if rest else "",
    ]
    served = f"{words.count(row['served'])} of {words.customers(customers)} get recommendations"
    return f"{served}: {', '.join(part for part in parts if part)}." if row["served"] else f"{served}."


def _by_segment(rows: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["segment_id"], []).append(row)
    return found


def _name(row: Row) -> str:
    return str(row.get("description") or row["product"])


def _liked(row: Row) -> str:
    more = "nobody else did" if row["lift"] is None else words.times(row["lift"])
    return f"{words.share(row['share'])} bought it, {more}"
