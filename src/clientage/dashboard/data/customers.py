"""Customers by the page: searched, filtered and sorted in the engine, as few as are shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from clientage.dashboard.data.source import Row, Shop
from clientage.export import files, ids
from clientage.export.audience import audience, facts

COLUMNS = (
    "customer_id", "segment_id", "segment", "buyer", "country", "recency_days", "frequency", "monetary",
    "expected_spend",
)  # fmt: skip
MOST_ROWS = 500  # of one page, whatever a browser asks for
MOST_COUNTRIES = 300


@dataclass(frozen=True)
class Wanted:
    """Which customers are looked for; what is empty lets all through.

    Attributes:
        text: Part of the id, in any case.
        segment: Number of the segment.
        country: Where most of their lines went.
        buyer: Kind of buyer.
        least: Spend at least.
    """

    text: str = ""
    segment: int | None = None
    country: str = ""
    buyer: str = ""
    least: float | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """What an address asks for; what cannot be read lets all through."""
        return cls(
            query.get("text", "").strip(),
            _number(query.get("segment", ""), int),
            query.get("country", ""),
            query.get("buyer", ""),
            _number(query.get("least", ""), float),
        )


def _number(text: str, kind: Any) -> Any:
    try:
        return kind(text)
    except ValueError:
        return None


def matching(shop: Shop, wanted: Wanted) -> ir.Table:
    """Customers with their segment, those that are wanted."""
    customers, segments = shop.tables["customers"], shop.tables["segments"]
    own = [name for name in COLUMNS if name in customers.columns]
    found = customers.select(own).join(segments.select("customer_id", "segment_id", "segment", "buyer"), "customer_id")
    tests = {
        "text": wanted.text and found.customer_id.lower().contains(wanted.text.lower()),
        "segment": wanted.segment is not None and found.segment_id == wanted.segment,
        "country": wanted.country and "country" in own and found["country"] == wanted.country,
        "buyer": wanted.buyer and found.buyer == wanted.buyer,
        "least": wanted.least is not None and found.monetary >= wanted.least,
    }
    passed = [test for test in tests.values() if isinstance(test, ir.BooleanValue)]
    return found.filter(passed) if passed else found


def count(shop: Shop, wanted: Wanted) -> int:
    """How many customers are wanted."""
    found = matching(shop, wanted)
    return int(shop.rows(found.agg(rows=found.count()))[0]["rows"])


def page(shop: Shop, wanted: Wanted, start: int, end: int, order: Sequence[tuple[str, bool]] = ()) -> list[Row]:
    """Some of the customers that are wanted.

    Args:
        shop: Where.
        wanted: Who.
        start: Place of the first.
        end: Place after the last.
        order: Columns with whether the highest come first; what is no column is left out, ties go by id.
    """
    found = matching(shop, wanted)
    shown = found.select([name for name in COLUMNS if name in found.columns])
    known = [(name, down) for name, down in order if name in shown.columns]
    sorting = [shown[name].desc(nulls_first=False) if down else shown[name].asc() for name, down in known]
    if not any(name == "customer_id" for name, _ in known):
        sorting.append(shown.customer_id.asc())
    first = max(0, start)
    return shop.rows(shown.order_by(sorting).limit(max(0, min(end - first, MOST_ROWS)), offset=first))


def choices(shop: Shop) -> dict[str, list[str]]:
    """Countries, those of most customers first, and kinds of buyers."""
    customers, segments = shop.tables["customers"], shop.tables["segments"]
    countries: list[str] = []
    if "country" in customers.columns:
        each = customers.filter(customers["country"].notnull()).group_by("country").agg(n=lambda t: t.count())
        ranked = each.order_by(ibis.desc("n"), "country").limit(MOST_COUNTRIES)
        countries = [row["country"] for row in shop.rows(ranked)]
    kinds = shop.rows(segments.select("buyer").distinct().order_by("buyer"))
    return {"countries": countries, "buyers": [row["buyer"] for row in kinds if row["buyer"]]}


def listed(shop: Shop, wanted: Wanted) -> Iterator[str]:
    """The customers that are wanted as a list for other tools: CSV, text by text.

    Args:
        shop: Where; with an engine of its own, for it is busy until the end.
        wanted: Who.
    """
    chosen = matching(shop, wanted).select("customer_id")
    needed = {name: shop.tables[name] for name in ("segments", "recommendations") if name in shop.tables}
    own = shop.tables["customers"].semi_join(chosen, "customer_id")
    found = audience({"customers": own} | needed)
    name = "email" if shop.rows(facts(found))[0]["emails"] else "customer_id"
    return files.csv_lines(ids.renamed(shop.warehouse.batches(found), name))
