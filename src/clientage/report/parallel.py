"""Parallel coordinates: every candidate of a sweep as a line, from its settings to its figures.

Drawn as plain lines: plotly's own parallel coordinates compile code in the page, which its policy forbids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clientage.report import words
from clientage.report.panels import QUIET, Chart, Row, chart
from clientage.report.words import label

MOST = 500  # lines, above which they are a blot
CHOSEN = "#D55E00"
SHADES = ("#B9C6D3", "#8EB1CB", "#639CC2", "#3787BA", "#0072B2")


@dataclass(frozen=True)
class Axis:
    """An upright line of the chart.

    Attributes:
        name: What it shows.
        places: Of each candidate on it, from 0 to 1.
        ticks: Its labels by their place.
    """

    name: str
    places: Sequence[float]
    ticks: Mapping[float, str]


def parallel(
    rows: Sequence[Row], settings: Mapping[str, str], figures: Mapping[str, str], worth: str, told: str = ""
) -> Chart:
    """A line for each candidate, the bluer the better; the chosen one on top, thick and in a colour of its own.

    Args:
        rows: Of the table `candidates`.
        settings: Columns with their names, on the left.
        figures: Columns with their names, on the right.
        worth: The figure that colours the lines.
        told: What the colours mean.
    """
    drawn = thinned([row for row in rows if all(row[name] is not None for name in figures)] or rows)
    drawn.sort(key=lambda row: (row["chosen"], row[worth] or 0.0, row["candidate"]))
    axes = [_choices(drawn, *item) for item in settings.items()] + [_scale(drawn, *item) for item in figures.items()]
    shades = np.round(_scaled([row[worth] or 0.0 for row in drawn]) * (len(SHADES) - 1)).astype(int).tolist()
    lines = [
        _lines(axes, [i for i, own in enumerate(shades) if own == shade], {"color": colour, "width": 1.2}, opacity=0.75)
        for shade, colour in enumerate(SHADES)
    ]
    top = [i for i, row in enumerate(drawn) if row["chosen"]]
    lines.append(_lines(axes, top, {"color": CHOSEN, "width": 3.5}, mode="lines+markers", marker={"size": 8}))
    uprights = [
        {"type": "line", "x0": x, "x1": x, "y0": -0.04, "y1": 1.06, "line": {"color": QUIET, "width": 1}}
        for x in range(len(axes))
    ]
    names = {"tickvals": list(range(len(axes))), "ticktext": [label(axis.name, 11, 3) for axis in axes]}
    some = f" About {MOST} of them are drawn." if len(rows) > MOST else ""
    return chart(
        "candidates", "What does each candidate give?", [*lines, _ticks(axes)], 420,
        "Each line is a candidate, from its settings on the left to its figures on the right: "
        f"{told}. The thick line is the best.{some}",
        shapes=uprights, margin={"t": 52, "b": 8}, yaxis={"visible": False, "range": [-0.06, 1.1]},
        xaxis=names | {"side": "top", "range": [-0.35, len(axes) - 0.2], "showgrid": False, "tickangle": 0},
    )  # fmt: skip


def thinned(rows: Sequence[Row]) -> list[Row]:
    """Every so many of them, and the chosen one."""
    step = -(-len(rows) // MOST)
    return [row for i, row in enumerate(rows) if row["chosen"] or i % step == 0]


def _choices(rows: Sequence[Row], column: str, name: str) -> Axis:
    """A setting: its values equally apart; lines that meet in one are spread a little, so that each is seen."""
    values = sorted({row[column] for row in rows})
    apart, spread = 1 / max(len(values) - 1, 1), np.linspace(-0.02, 0.02, len(rows)).tolist()
    own = [values.index(row[column]) * apart for row in rows]
    places = [at if row["chosen"] else at + aside for row, at, aside in zip(rows, own, spread, strict=True)]
    chosen = {row[column] for row in rows if row["chosen"]}
    return Axis(name, places, {i * apart: _tick(_said(value), value in chosen) for i, value in enumerate(values)})


def _scale(rows: Sequence[Row], column: str, name: str) -> Axis:
    """A figure: labelled at its ends, and at the chosen value."""
    values = [row[column] or 0.0 for row in rows]
    places = _scaled(values).tolist()
    ends = {0.0: _tick(_digits(min(values))), 1.0: _tick(_digits(max(values)))}
    marks = {
        at: _tick(_digits(value), True) for row, value, at in zip(rows, values, places, strict=True) if row["chosen"]
    }
    free = {end: text for end, text in ends.items() if all(abs(end - mark) > 0.06 for mark in marks)}
    return Axis(name, places, free | marks)


def _lines(axes: Sequence[Axis], which: Sequence[int], line: Row, **style: Any) -> dict[str, Any]:
    """Some candidates as one trace, with a gap between one and the next."""
    x = [*range(len(axes)), None] * len(which)
    y = [place for i in which for place in [*(axis.places[i] for axis in axes), None]]
    trace = {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": dict(line), "hoverinfo": "skip"}
    return trace | {"cliponaxis": False} | style


def _ticks(axes: Sequence[Axis]) -> dict[str, Any]:
    """The labels of all axes, on their right."""
    found = [(x, place, f" {text}") for x, axis in enumerate(axes) for place, text in axis.ticks.items()]
    x, y, text = (list(each) for each in zip(*found, strict=True))
    return {
        "type": "scatter", "mode": "text", "x": x, "y": y, "text": text, "textposition": "top right",
        "textfont": {"size": 12, "shadow": "auto"}, "hoverinfo": "skip", "cliponaxis": False,
    }  # fmt: skip


def _tick(text: str, chosen: bool = False) -> str:
    return f"<b>{label(text, 12, 1)}</b>" if chosen else label(text, 12, 1)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "the recipe's"


def _digits(value: float) -> str:
    return words.number(value) if abs(value) >= 100 else f"{value:.3g}"


def _scaled(values: Sequence[float]) -> NDArray[np.float64]:
    """From 0 for the lowest to 1 for the highest."""
    found = np.array(values, float)
    return np.asarray((found - found.min()) / ((found.max() - found.min()) or 1.0))
