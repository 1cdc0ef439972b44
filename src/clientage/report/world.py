"""A map of the world with bubbles on it, drawn without a network: plain longitude and latitude."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clientage.report.labels import Bubble, Sheet, labels
from clientage.report.places import land
from clientage.report.style import DIVERGING, QUIET, Figure, figure
from clientage.report.words import label

LARGEST, SMALLEST = 46, 5  # across, in pixels
WIDE, NARROW = 1040, 640  # the map on a screen, and the narrowest that it is drawn
MOST_NAMES = 8


@dataclass(frozen=True)
class Spot:
    """A bubble.

    Attributes:
        name: Written beside it where there is room.
        latitude: In degrees.
        longitude: In degrees.
        size: Its area; not below zero.
        growth: Its colour: a share, None where not known.
        told: Shown with the name when it is pointed at.
    """

    name: str
    latitude: float
    longitude: float
    size: float
    growth: float | None
    told: str


def world(title: str, spots: Sequence[Spot]) -> Figure:
    """Bubbles where the spots are, as far as they reach: area is size, colour growth, rings where it is not known.

    Args:
        title: The question it answers.
        spots: At least one, largest first.
    """
    x, y = _reach([spot.longitude for spot in spots], 24.0), _reach([spot.latitude for spot in spots], 12.0)
    stretch = 1 / max(0.4, math.cos(math.radians((y[0] + y[1]) / 2)))
    wanted = (y[1] - y[0]) * stretch * WIDE / (x[1] - x[0])
    height = min(max(wanted, 300), 560)
    x, y = (_wider(x, wanted / height), y) if wanted > height else (x, _wider(y, height / wanted))
    known, unknown = ([spot for spot in spots if (spot.growth is not None) == told] for told in (True, False))
    largest = max(spot.size for spot in spots) or 1.0
    bubbles = [Bubble(spot.name, spot.longitude, spot.latitude, _across(spot, largest)) for spot in spots]
    plain = {"showticklabels": False, "showgrid": True, "ticks": "", "dtick": 15}
    return figure(
        title,
        [_land(), _bubbles(known, largest), _rings(unknown, largest)],
        round(height) + 48,
        xaxis=plain | {"range": x},
        yaxis=plain | {"range": y, "scaleanchor": "x", "scaleratio": stretch},
        annotations=labels(bubbles, [Sheet(width, x, y, stretch) for width in (WIDE, NARROW)], MOST_NAMES),
        margin={"t": 44, "b": 8, "l": 8, "r": 8},
    )


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


def _bubbles(spots: Sequence[Spot], largest: float) -> dict[str, Any]:
    scale = {
        "orientation": "h", "thickness": 12, "len": 0.6, "ypad": 5, "outlinewidth": 0,
        "x": 0.02, "xanchor": "left", "y": 1.0, "yanchor": "bottom",
        "tickvals": [-0.5, 0, 0.5], "ticktext": ["−50%", "as before", "+50%"],
    }  # fmt: skip
    colours = {"color": [spot.growth for spot in spots], "colorscale": DIVERGING, "cmin": -0.5, "cmax": 0.5}
    return _marked(spots, largest, colours | {"colorbar": scale, "opacity": 0.9, "line": {"width": 1, "color": QUIET}})


def _rings(spots: Sequence[Spot], largest: float) -> dict[str, Any]:
    return _marked(spots, largest, {"color": QUIET, "symbol": "circle-open", "line": {"width": 2}})


def _marked(spots: Sequence[Spot], largest: float, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "hoverinfo": "text",
        "x": [spot.longitude for spot in spots], "y": [spot.latitude for spot in spots],
        "hovertext": [f"{label(spot.name)}<br>{label(spot.told, 60)}" for spot in spots],
        "marker": marker | {"size": [round(_across(spot, largest), 1) for spot in spots]},
    }  # fmt: skip


def _across(spot: Spot, largest: float) -> float:
    return max(SMALLEST, LARGEST * math.sqrt(spot.size / largest))
