"""Who moved: where the customers of each segment of the model before are now."""

from collections.abc import Sequence

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import QUIET, Chart, Row, Rows, Section, in_rows
from clientage.report.words import label

TOLD = 0.10  # of a bar's length, below which its share is not written into it


def moves(found: pa.Table, profiles: Sequence[Row]) -> Section | None:
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
    rows = {id_: tuple(counts.get((id_, other), 0) for other in now) for id_ in order}
    origins = [
        {"segment": names[id_], "customers": sum(to), "ended": id_ not in now, "to": to} for id_, to in rows.items()
    ]
    stayed = sum(count for (old, new), count in counts.items() if old == new) / sum(counts.values())
    text = reading(stayed, origins, [row["segment"] for row in profiles if row["segment_id"] not in names])
    return Section(text, origins, [bars(origins, profiles, text)])


def bars(origins: Sequence[Row], profiles: Sequence[Row], text: str) -> Chart:
    """For each segment before a bar of its customers, in the colours of the segments they are in now.

    Args:
        origins: Segments before: segment, customers, whether they ended, and how many go to each of `profiles`.
        profiles: Rows of the table `profiles`, in order of revenue.
        text: What is to be seen.
    """
    rows = Rows([each["segment"] + " (ended)" * each["ended"] for each in origins])
    told = {"textposition": "inside", "insidetextanchor": "middle", "textangle": 0}
    told |= {"hoverinfo": None, "hovertemplate": "now %{fullData.name}: %{customdata}<extra></extra>"}
    traces = []
    for place, profile in enumerate(profiles):
        shares = [each["to"][place] / max(each["customers"], 1) for each in origins]
        own = rows.bars(shares, name=label(profile["segment"]), marker={"color": words.colour(profile["colour"])})
        own["text"] = [words.share(share) if share >= TOLD else "" for share in shares]
        traces.append(own | told | {"customdata": [words.customers(each["to"][place]) for each in origins]})
    axis = {"title": {"text": "Share of the segment's customers (%)"}, "range": [-0.04, 1.04], "tickformat": ".0%"}
    axis |= {"tickvals": [0, 0.5, 1], "zerolinecolor": QUIET}
    title = "Where are the customers of each segment now?"
    return in_rows("moves", title, traces, rows, axis, text, barmode="stack")


def reading(stayed: float, origins: Sequence[Row], new: Sequence[str]) -> str:
    """How many stay, which segments ended and which are new."""
    ended = [f"“{each['segment']}”" for each in origins if each["ended"]]
    parts = [f"{words.share(stayed)} of customers are in the same segment as with the model before."]
    parts += [f"Ended: {', '.join(ended)}."] if ended else []
    parts += [f"New: {', '.join(f'“{name}”' for name in new)}."] if new else []
    return " ".join(parts)
