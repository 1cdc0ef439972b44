"""A map of the world with bubbles on it, drawn without a network: plain longitude and latitude.

Names stand beside bubbles where there is room for them however wide the map is drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from clientage.report.panels import DIVERGING, QUIET, Chart, chart
from clientage.report.places import land
from clientage.report.words import label

LARGEST, SMALLEST = 46, 5  # across, in pixels
WIDE, NARROW = 1040, 640  # the map on a screen, and the narrowest that it is drawn
MOST_NAMES = 8
LETTER, LINE = 6.8, 15  # in pixels
REACHES = (3, 24, 44)  # of a name from its bubble, in pixels; further away it gets a line
DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (0.7, -1), (-0.7, -1), (0.7, 1), (-0.7, 1))

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Bubble:
    """A bubble.

    Attributes:
        name: Written beside it where there is room.
        y: Latitude, in degrees.
        x: Longitude, in degrees.
        across: In pixels.
        growth: Its colour: a share, None where not known.
        told: Shown with the name when it is pointed at.
    """

    name: str
    y: float
    x: float
    across: float = SMALLEST
    growth: float | None = None
    told: str = ""


def across(size: float, largest: float) -> float:
    """How wide a bubble is, so that its area is the size."""
    return max(SMALLEST, LARGEST * math.sqrt(size / (largest or 1.0)))


def world(title: str, bubbles: Sequence[Bubble], reading: str = "") -> Chart:
    """Bubbles where countries are, as far as they reach: area is size, colour growth, rings where it is not known.

    Args:
        title: The question it answers.
        bubbles: At least one, largest first.
        reading: What is to be seen.
    """
    x, y = _reach([each.x for each in bubbles], 24.0), _reach([each.y for each in bubbles], 12.0)
    stretch = 1 / max(0.4, math.cos(math.radians((y[0] + y[1]) / 2)))
    wanted = (y[1] - y[0]) * stretch * WIDE / (x[1] - x[0])
    height = min(max(wanted, 300), 560)
    x, y = (_wider(x, wanted / height), y) if wanted > height else (x, _wider(y, height / wanted))
    known, unknown = ([each for each in bubbles if (each.growth is not None) == told] for told in (True, False))
    ring = {"color": QUIET, "symbol": "circle-open", "line": {"width": 2}}
    plain = {"showticklabels": False, "showgrid": True, "ticks": "", "dtick": 15}
    return chart(
        "world", title, [_land(), _marked(known, _coloured(known)), _marked(unknown, ring)],
        round(height) + 48, reading,
        xaxis=plain | {"range": x}, yaxis=plain | {"range": y, "scaleanchor": "x", "scaleratio": stretch},
        annotations=labels(bubbles, [Sheet(width, x, y, stretch) for width in (WIDE, NARROW)], MOST_NAMES),
        margin={"t": 44, "b": 8, "l": 8, "r": 8},
    )  # fmt: skip


def _reach(values: Sequence[float], least: float) -> list[float]:
    """From where to where the map goes, in degrees."""
    low, high = min(values), max(values)
    edge = max(0.08 * (high - low), (least - (high - low)) / 2, 5.0)
    return [low - edge, high + edge]


def _wider(ends: list[float], times: float) -> list[float]:
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    return [middle - times * half, middle + times * half]


def _land() -> dict[str, Any]:
    outline = land()
    return {
        "type": "scatter", "mode": "lines", "x": [x for x, _ in outline], "y": [y for _, y in outline],
        "fill": "toself", "fillcolor": "rgba(138, 143, 152, 0.16)", "line": {"width": 0.5, "color": QUIET},
        "hoverinfo": "skip",
    }  # fmt: skip


def _coloured(bubbles: Sequence[Bubble]) -> dict[str, Any]:
    scale = {
        "orientation": "h", "thickness": 12, "len": 0.6, "ypad": 5, "outlinewidth": 0,
        "x": 0.02, "xanchor": "left", "y": 1.0, "yanchor": "bottom",
        "tickvals": [-0.5, 0, 0.5], "ticktext": ["−50%", "as before", "+50%"],
    }  # fmt: skip
    colours = {"color": [each.growth for each in bubbles], "colorscale": DIVERGING, "cmin": -0.5, "cmax": 0.5}
    return colours | {"colorbar": scale, "opacity": 0.9, "line": {"width": 1, "color": QUIET}}


def _marked(bubbles: Sequence[Bubble], marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "hoverinfo": "text",
        "x": [each.x for each in bubbles], "y": [each.y for each in bubbles],
        "hovertext": [f"{label(each.name)}<br>{label(each.told, 60)}" for each in bubbles],
        "marker": marker | {"size": [round(each.across, 1) for each in bubbles]},
    }  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """A map as wide as it may be drawn.

    Attributes:
        width: In pixels.
        x: From where to where the axis goes.
        y: The same, upwards.
        stretch: A step upwards in steps to the right.
        taken: What names must not cover.
    """

    width: float
    x: Sequence[float]
    y: Sequence[float]
    stretch: float
    taken: list[Box] = field(default_factory=list)

    def box(self, bubble: Bubble, across: float, down: float, width: float, height: float) -> Box:
        """A rectangle around a place so many pixels beside a bubble."""
        pixels = self.width / (self.x[1] - self.x[0])
        x, y = (bubble.x - self.x[0]) * pixels + across, (self.y[1] - bubble.y) * pixels * self.stretch + down
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2

    def free(self, box: Box) -> bool:
        """Whether nothing is there, and it is on the map."""
        bottom = self.width * self.stretch * (self.y[1] - self.y[0]) / (self.x[1] - self.x[0])
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= self.width and box[3] <= bottom
        return inside and not any(_overlap(box, other) for other in self.taken)


def labels(bubbles: Sequence[Bubble], sheets: Sequence[Sheet], most: int) -> list[dict[str, Any]]:
    """Annotations with the names of the first bubbles, as far as they cover no other name or bubble on any sheet.

    Args:
        bubbles: All of them, those first that most need a name.
        sheets: The map at its widest and narrowest.
        most: How many to name.
    """
    for sheet in sheets:
        sheet.taken.extend(sheet.box(bubble, 0, 0, 0.8 * bubble.across, 0.8 * bubble.across) for bubble in bubbles)
    notes = [_beside(bubble, sheets) for bubble in bubbles[:most]]
    return [note for note in notes if note]


def _beside(bubble: Bubble, sheets: Sequence[Sheet]) -> dict[str, Any] | None:
    text, radius = label(bubble.name, 24, 1), bubble.across / 2
    width = LETTER * len(text)
    for reach, (dx, dy) in product(REACHES, DIRECTIONS):
        ax, ay = dx * (radius + reach + width / 2), dy * (radius + reach + LINE / 2)
        boxes = [sheet.box(bubble, ax, ay, width, LINE) for sheet in sheets]
        if all(sheet.free(box) for sheet, box in zip(sheets, boxes, strict=True)):
            for sheet, box in zip(sheets, boxes, strict=True):
                sheet.taken.append(box)
            lead = {"showarrow": True, "ax": ax, "ay": ay, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": QUIET}
            return {"text": text, "x": bubble.x, "y": bubble.y, "standoff": radius, "font": {"size": 12}} | lead
    return None


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
