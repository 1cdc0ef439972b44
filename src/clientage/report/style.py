"""How charts look: one sober template for light and dark, and rows that carry their names above the bars."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clientage.report.words import label, lines_of

Figure: TypeAlias = dict[str, Any]
"""A figure as plotly.js takes it: `data` and `layout`. Plotly's own objects hold each value against its schema, which
takes longer than all else of a report; the tests do that."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
NEUTRAL, QUIET, ALERT = "#56789A", "#8A8F98", "#B5651D"
# orange to blue, told apart with every kind of colour vision; the middle is plain on light and on dark
DIVERGING = ((0.0, "#B35806"), (0.25, "#F1A340"), (0.5, "#D9DCE1"), (0.75, "#6BAED6"), (1.0, "#08519C"))

# a figure's title takes this much height; a page that sets the title as a heading of its own takes it off again
TITLE = 48
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


def figure(title: str, traces: Sequence[dict[str, Any]], height: int, **layout: Any) -> Figure:
    """A figure in the house's style, as wide as its place.

    Args:
        title: The question it answers.
        traces: Plotly traces.
        height: Of the plot, in pixels; the title comes on top.
        layout: Further parts of Plotly's layout.
    """
    margin = {"l": 8, "r": 12, "b": 44, "t": 8} | layout.pop("margin", {})
    margin["t"] += TITLE
    return {
        "data": list(traces),
        "layout": {
            "title": {"text": title}, "template": TEMPLATES["light"], "height": height + TITLE, "margin": margin,
            "showlegend": False, **layout,
        },
    }  # fmt: skip


class Rows:
    """Places for named rows, top to bottom: the name stands above its bars, so that it fits a phone.

    Attributes:
        height: Of all rows, in pixels, axis included.
        names: Annotations that write the names.
        axis: Layout of the y axis.
    """

    def __init__(self, names: Sequence[str], bars: int = 1) -> None:
        wrapped = [label(name) for name in names]
        self._head = LINE * max(map(lines_of, wrapped), default=1) + 5
        self._pitch = self._head + bars * BAR + GAP
        self.height = self._pitch * len(names) + 56
        self.axis = {"visible": False, "range": [max(len(names), 1), 0]}
        above = {"x": 0, "xref": "paper", "xanchor": "left", "yanchor": "bottom", "align": "left", "showarrow": False}
        self.names = [above | {"text": text, "y": i + self._head / self._pitch} for i, text in enumerate(wrapped)]

    def at(self, bar: int = 0) -> list[float]:
        """Middle of a bar in each row, on the y axis."""
        return [i + (self._head + (bar + 0.5) * BAR) / self._pitch for i in range(len(self.names))]

    def thick(self, pixels: float = BAR - 3) -> float:
        """A thickness on the y axis."""
        return pixels / self._pitch


def in_rows(title: str, traces: Sequence[dict[str, Any]], rows: Rows, axis: Mapping[str, Any], **layout: Any) -> Figure:
    """A figure of named rows over one axis."""
    return figure(title, traces, rows.height, xaxis=dict(axis), yaxis=rows.axis, annotations=rows.names, **layout)


def room(values: Sequence[float], beside: float = 0.55) -> list[float]:
    """Range of an axis that starts at zero and leaves room for labels beside the longest bar."""
    top, bottom = max([0.0, *values]), min([0.0, *values])
    span = (top - bottom) or 1.0
    return [bottom - (beside * span if bottom < 0 else 0), top + beside * span if top > 0 or not bottom else 0.0]


def packed(values: NDArray[np.float64]) -> dict[str, str]:
    """Many numbers as plotly.js unpacks them: in single precision, which takes a third of the room."""
    return {"dtype": "f4", "bdata": base64.b64encode(values.astype("<f4").tobytes()).decode()}
