"""Kinds of buyers: who buys for themselves, who in bulk, and who to sell on."""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis.expr.types as ir

from clientage.expressions import exact_sum
from clientage.report import words
from clientage.report.panels import Chart, Row, Rows, Section, in_rows
from clientage.report.queries import collect

# light to dark, from the shop's usual customer to the furthest from it
COLOURS: Mapping[str, str] = {"personal": "#B9C6D3", "bulk": "#6A9BC3", "reseller": "#1F5A8A"}


def kinds(tables: Mapping[str, ir.Table], profiles: Sequence[Row], rules: Mapping[str, str]) -> Section | None:
    """Kinds of buyers by segment and over the shop; None where all buy for themselves.

    Args:
        tables: The named tables.
        profiles: Rows of the table `profiles`.
        rules: What makes a bulk buyer and a reseller, in the shop's units.
    """
    found = {row["buyer"]: row for row in totals(tables)}
    if not set(found) - {"personal"}:
        return None
    customers, revenue = (sum(row[name] for row in found.values()) for name in ("customers", "revenue"))
    rows = [
        {"kind": kind, "customers": own["customers"], "revenue": own["revenue"], "rule": rules.get(kind, "")}
        | {"share": own["customers"] / customers, "revenue_share": own["revenue"] / revenue if revenue > 0 else None}
        for kind in COLOURS
        for own in [found.get(kind, {"customers": 0, "revenue": 0.0})]
    ]
    text = reading(rows)
    return Section(text, rows, [by_segment(profiles, text)])


def totals(tables: Mapping[str, ir.Table]) -> list[dict[str, Any]]:
    """Customers and revenue by kind: buyer, customers, revenue."""
    both = tables["customers"].join(tables["segments"].select("customer_id", "buyer"), "customer_id")
    sums = both.group_by("buyer").agg(customers=both.count(), revenue=exact_sum(both.spend))
    return list(collect(sums.order_by("buyer")).to_pylist())


def by_segment(profiles: Sequence[Row], text: str = "") -> Chart:
    """Share of each kind in each segment.

    Args:
        profiles: Rows of the table `profiles`.
        text: What is to be seen.
    """
    rows = Rows([row["segment"] for row in profiles])
    bulk, reseller = ([row[name] or 0.0 for row in profiles] for name in ("bulk_share", "reseller_share"))
    personal = [max(0.0, 1 - a - b) for a, b in zip(bulk, reseller, strict=True)]
    traces = [
        rows.bars(shares, name=words.BUYERS[kind], marker={"color": COLOURS[kind]})
        for kind, shares in (("reseller", reseller), ("bulk", bulk), ("personal", personal))
    ]
    beside = rows.beside([1] * len(rows.names), [_beside(*each) for each in zip(bulk, reseller, strict=True)])
    axis = {"title": {"text": "Share of customers (%)"}, "range": [-0.03, 2.1], "tickvals": [0, 0.5, 1]}
    title = "Which segments buy in bulk or to sell on?"
    return in_rows("kinds", title, [*traces, beside], rows, axis | {"tickformat": ".0%"}, text, barmode="stack")


def reading(rows: Sequence[Row]) -> str:
    """What trade brings for its size."""
    share = sum(row["share"] for row in rows if row["kind"] != "personal")
    brought = [row["revenue_share"] for row in rows if row["kind"] != "personal" and row["revenue_share"] is not None]
    text = f"{words.share(share)} of customers buy in bulk or to sell on"
    return f"{text} and bring {words.share(sum(brought))} of revenue." if brought else f"{text}."


def _beside(bulk: float, reseller: float) -> str:
    parts = (f"{words.share(value)} {what}" for value, what in ((bulk, "bulk"), (reseller, "sell on")) if value)
    return " · ".join(parts) or "none"
