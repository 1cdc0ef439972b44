"""The few figures by which one run is compared with another: `metrics.json`, and the plots beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
PLACES = 4  # enough to see a change, and short enough to read


def metrics(rows: Mapping[str, int], profiles: Sequence[Row], quality: Sequence[Row]) -> dict[str, float]:
    """What a run came to; stability only where the number of segments was chosen by it.

    Args:
        rows: Rows of the tables by name.
        profiles: Rows of the table `profiles`, the segment with most revenue first.
        quality: Rows of the table `quality`.
    """
    stable = [row["stability"] for row in quality if row["chosen"] and row["stability"] is not None]
    found = {
        "lines_used": rows.get("lines"),
        "lines_set_aside": rows.get("rejected"),
        "customers": rows.get("customers"),
        "segments": len(profiles),
        "stability_mean": sum(stable) / len(stable) if stable else None,
        "stability_worst": min(stable, default=None),
        "smallest_share": min(row["share"] for row in profiles),
        "top_revenue_share": max(row["revenue_share"] for row in profiles),
        "recommendations": rows.get("recommendations"),
    }
    return {name: _short(value) for name, value in found.items() if value is not None}


def by_number(quality: Sequence[Row]) -> list[dict[str, Any]]:
    """Stability of every number of segments that it was measured for, over all snapshots."""
    found: dict[int, list[float]] = {}
    for row in quality:
        if row["stability"] is not None:
            found.setdefault(row["k"], []).append(row["stability"])
    return [
        {"k": k, "stability_mean": _short(sum(stable) / len(stable)), "stability_worst": _short(min(stable))}
        for k, stable in sorted(found.items())
    ]


def by_segment(profiles: Sequence[Row]) -> list[dict[str, Any]]:
    """Share of customers and of revenue of every segment, that with most revenue first."""
    names = ("segment", "share", "revenue_share", "buys_again")
    return [{name: _short(row[name]) for name in names} for row in profiles]


def _short(value: Any) -> Any:
    return round(value, PLACES) if isinstance(value, float) else value
