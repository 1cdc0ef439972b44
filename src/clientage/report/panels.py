"""What the page is made of: charts in one sober style for light and dark, and sections that show some of them.

Rows of a chart carry their names above the bars, so that they can be read on a phone.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clientage.report import words
from clientage.report.words import label

Row = Mapping[str, Any]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
NEUTRAL, QUIET, ALERT = "#56789A", "#8A8F98", "#B5651D"
# orange to blue, told apart with every kind of colour vision; the middle is plain on light and on dark
DIVERGING = ((0.0, "#B35806"), (0.25, "#F1A340"), (0.5, "#D9DCE1"), (0.75, "#6BAED6"), (1.0, "#08519C"))

LINE, BAR, GAP = 19, 20, 14


def _template(text: str, grid: str, paper: str) -> dict[str, Any]:
    axis = {
        "gridcolor": grid, "linecolor": grid, "zerolinecolor": QUIET, "zeroline": False, "fixedrange": True,
        "automargin": True, "title": {"standoff": 10, "font": {"size": 13}}, "tickfont": {"size": 12},
    }  # fmt: skip
    scene = {"gridcolor": grid, "zerolinecolor": grid, "showbackground": False, "tickfont": {"size": 11}}
    polar = {"gridcolor": grid, "linecolor": grid}
    return {
        "layout": {
            "font": {"family": FONT, "size": 13, "color": text},
            "title": {"x": 0, "xref": "paper", "xanchor": "left", "font": {"size": 17}, "pad": {"l": 0}},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": [NEUTRAL],
            "separators": ".,",
            "dragmode": False,
            "hovermode": "closest",
            "hoverlabel": {"bgcolor": paper, "font": {"color": text, "size": 13}, "align": "left", "namelength": -1},
            "legend": {"orientation": "h", "y": -0.2, "x": 0, "font": {"size": 12}},
            "xaxis": axis,
            "yaxis": axis,
            "polar": {"bgcolor": "rgba(0,0,0,0)", "angularaxis": polar, "radialaxis": polar},
            "scene": {"xaxis": scene, "yaxis": scene, "zaxis": scene},
            "annotationdefaults": {"font": {"size": 13}, "showarrow": False},
        }
    }


TEMPLATES: Mapping[str, dict[str, Any]] = {
    "light": _template("#1F2933", "#E3E7EC", "#FFFFFF"),
    "dark": _template("#E6E9ED", "#3A424D", "#1F252C"),
}


@dataclass(frozen=True)
class Chart:
    """A chart on the page.

    Attributes:
        id: Of its place on the page.
        title: The question it answers, a heading of the page.
        reading: What is to be seen, in a sentence.
        height: Of its place, in pixels.
        figure: Data and layout for plotly.js, without title and template: the page brings those. Not Plotly's own
            objects: they hold each value against its schema, which takes longer than all else of a report. The tests
            do that.
    """

    id: str
    title: str
    reading: str
    height: int
    figure: dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A part of the page that is there only where its tables are.

    Attributes:
        reading: What is to be seen, in a sentence or two.
        rows: Of its table, or one for each of its cards.
        charts: Drawn in it.
        note: What else there is to know, such as what is not shown.
        key: Colours by what they stand for.
    """

    reading: str
    rows: Sequence[Any] = ()
    charts: Sequence[Chart] = ()
    note: str = ""
    key: Mapping[str, str] = field(default_factory=dict)


def chart(
    place: str, title: str, traces: Sequence[Mapping[str, Any]], height: int, reading: str = "", **layout: Any
) -> Chart:
    """A chart in the house's style, as wide as its place.

    Args:
        place: Its id.
        title: The question it answers.
        traces: Plotly traces.
        height: In pixels.
        reading: What is to be seen.
        layout: Further parts of Plotly's layout.
    """
    margin = {"l": 8, "r": 12, "b": 44, "t": 8} | layout.pop("margin", {})
    # the page has a key of its own, which wraps on a phone
    usual = {"height": height, "margin": margin, "showlegend": False}
    return Chart(place, title, reading, height, {"data": list(traces), "layout": usual | layout})


class Rows:
    """Places for named rows, top to bottom: the name stands above its bars, so that it fits a phone.

    Attributes:
        height: Of all rows, in pixels, axis included.
        names: Annotations that write the names.
        axis: Layout of the y axis.
    """

    def __init__(self, names: Sequence[str], bars: int = 1) -> None:
        wrapped = [label(name) for name in names]
        self._head = LINE * max((text.count("<br>") + 1 for text in wrapped), default=1) + 5
        self._pitch = self._head + bars * BAR + GAP
        self.height = self._pitch * len(names) + 56
        self.axis = {"visible": False, "range": [max(len(names), 1), 0]}
        above = {"x": 0, "xref": "paper", "xanchor": "left", "yanchor": "bottom", "align": "left", "showarrow": False}
        self.names = [above | {"text": text, "y": i + self._head / self._pitch} for i, text in enumerate(wrapped)]

    def at(self, bar: int = 0) -> list[float]:
        """Middle of a bar in each row, on the y axis."""
        return [i + (self._head + (bar + 0.5) * BAR) / self._pitch for i in range(len(self.names))]

    def bars(self, values: Sequence[float], bar: int = 0, **more: Any) -> dict[str, Any]:
        """A bar in each row; with others, which of them."""
        trace = {"type": "bar", "orientation": "h", "y": self.at(bar), "x": list(values), "width": self.thick()}
        return trace | {"hoverinfo": "skip"} | more

    def beside(self, ends: Sequence[float], texts: Sequence[str]) -> dict[str, Any]:
        """A text behind what ends there in each row."""
        return {
            "type": "scatter", "mode": "text", "x": list(ends), "y": self.at(), "text": [f"  {text}" for text in texts],
            "textposition": "middle right", "hoverinfo": "skip", "cliponaxis": False,
        }  # fmt: skip

    def thick(self, pixels: float = BAR - 3) -> float:
        """A thickness on the y axis."""
        return pixels / self._pitch


def in_rows(
    place: str, title: str, traces: Sequence[Mapping[str, Any]], rows: Rows, axis: Mapping[str, Any], reading: str = "",
    **layout: Any,
) -> Chart:  # fmt: skip
    """A chart of named rows over one axis."""
    named = {"xaxis": dict(axis), "yaxis": rows.axis, "annotations": rows.names}
    return chart(place, title, traces, rows.height, reading, **named, **layout)


def money_axis(what: str, currency: str) -> dict[str, Any]:
    """Title and ticks of an axis of money."""
    title = f"{what} ({label(currency)})" if currency else what
    return {"title": {"text": title}, "tickformat": "~s", "tickprefix": label(words.prefix(currency))}


def packed(values: NDArray[np.float64]) -> dict[str, str]:
    """Many numbers as plotly.js unpacks them: in single precision, which takes a third of the room."""
    return {"dtype": "f4", "bdata": base64.b64encode(values.astype("<f4").tobytes()).decode()}
