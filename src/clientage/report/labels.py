"""Names beside bubbles, where there is room for them however wide the map is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from clientage.report.style import QUIET
from clientage.report.words import label

LETTER, LINE = 6.8, 15  # in pixels
# of a name from its bubble, in pixels; further away it gets a line
REACHES = (3, 24, 44)
DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (0.7, -1), (-0.7, -1), (0.7, 1), (-0.7, 1))

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Bubble:
    """A bubble that may get a name.

    Attributes:
        name: Of it.
        x: Of its middle, on the map's axis.
        y: The same, upwards.
        across: In pixels.
    """

    name: str
    x: float
    y: float
    across: float


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
