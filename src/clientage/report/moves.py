"""Who moved: where the customers of each segment of the model before are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import Section, chart
from clientage.report.style import QUIET, Figure, Rows, in_rows
from clientage.report.words import label

TOLD = 0.10  # of a bar's length, below which its share is not written into it


@dataclass(frozen=True)
class Origin:
    """A segment of the model before.

    Attributes:
        segment: Its name.
        customers: Who were in it.
        ended: Whether there is no such segment any more.
        to: How many of them are in each segment now, in the order of `profiles`.
    """

    segment: str
    customers: int
    ended: bool
    to: tuple[int, ...]


def moves(found: pa.Table, profiles: Sequence[Mapping[str, Any]]) -> Section | None:
    """The matrix of migrations, as bars and as a table; None where there is none.

    Args:
        found: The table `migrations`.
        profiles: Rows of the table `profiles`, in order of revenue.
    """
    counts = {(row["from_segment_id"], row["segment_id"]): row["customers"] for row in found.to_pylist()}
    names = {row["from_segment_id"]: row["from_segment"] for row in found.to_pylist()}
    if not names:
        return None
    now = [row["segment_id"] for row in profiles]
    order = [id_ for id_ in now if id_ in names] + sorted(set(names) - set(now))
    origins = [
        Origin(names[id_], sum(to), id_ not in now, to)
        for id_ in order
        for to in [tuple(counts.get((id_, other), 0) for other in now)]
    ]
    stayed = sum(count for (old, new), count in counts.items() if old == new)
    text = reading(
        stayed, sum(counts.values()), origins, [row["segment"] for row in profiles if row["segment_id"] not in names]
    )
    return Section(text, origins, (chart("moves", bars(origins, profiles), text),))


def bars(origins: Sequence[Origin], profiles: Sequence[Mapping[str, Any]]) -> Figure:
    """For each segment before a bar of its customers, in the colours of the segments they are in now.

    Args:
        origins: Segments before.
        profiles: Rows of the table `profiles`, in order of revenue.
    """
    rows = Rows([f"{each.segment}{' (ended)' if each.ended else ''}" for each in origins])
    traces = []
    for place, profile in enumerate(profiles):
        shares = [each.to[place] / max(each.customers, 1) for each in origins]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": rows.at(),
                "width": rows.thick(),
                "x": shares,
                "name": label(profile["segment"]),
                "marker": {"color": words.colour(profile["colour"])},
                "text": [words.share(share) if share >= TOLD else "" for share in shares],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "customdata": [words.customers(each.to[place]) for each in origins],
                "hovertemplate": "now %{fullData.name}: %{customdata}<extra></extra>",
            }
        )
    axis = {"title": {"text": "Share of the segment's customers (%)"}, "range": [-0.04, 1.04], "tickformat": ".0%"}
    axis |= {"tickvals": [0, 0.5, 1], "zerolinecolor": QUIET}
    return in_rows("Where are the customers of each segment now?", traces, rows, axis, barmode="stack")


def reading(stayed: int, total: int, origins: Sequence[Origin], new: Sequence[str]) -> str:
    """How many stay, which segments ended and which are new."""
    ended = [f"“{each.segment}”" for each in origins if each.ended]
    parts = [f"{words.share(stayed / total)} of customers are in the same segment as with the model before."]
    parts += [f"Ended: {', '.join(ended)}."] if ended else []
    parts += [f"New: {', '.join(f'“{name}”' for name in new)}."] if new else []
    return " ".join(parts)
