"""Figures measured at several cutoffs, as one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


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
