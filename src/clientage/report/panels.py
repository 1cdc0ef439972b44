"""What the page is made of: charts with their place and reading, and sections that show some of them with a table."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clientage.report.style import TITLE, Figure


@dataclass(frozen=True)
class Chart:
    """A chart on the page.

    Attributes:
        id: Of its place on the page.
        title: The question it answers.
        reading: What is to be seen, in a sentence.
        height: Of its place, in pixels.
        figure: Data and layout for plotly.js, without title and template: the page brings those.
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


def chart(place: str, figure: Figure, reading: str, title: str = "") -> Chart:
    """A figure made ready for the page, which writes the title as a heading that wraps."""
    drawn = figure["layout"]
    own = html.unescape(drawn["title"]["text"].replace("<br>", " "))
    layout = {name: value for name, value in drawn.items() if name not in {"title", "template"}} | {
        "height": drawn["height"] - TITLE,
        "margin": drawn["margin"] | {"t": drawn["margin"]["t"] - TITLE},
        # the page has a key of its own, which wraps on a phone
        "showlegend": place == "stability",
    }
    return Chart(place, title or own, reading, layout["height"], {"data": figure["data"], "layout": layout})
