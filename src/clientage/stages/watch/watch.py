"""What windows are looked at with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import numpy as np

from clientage.context import Run
from clientage.monitoring import lines
from clientage.monitoring.features import Range
from clientage.monitoring.observed import Floats
from clientage.monitoring.windows import Windows
from clientage.segments.document import SegmentModel


@dataclass(frozen=True)
class Watch:
    """What windows are looked at with.

    Attributes:
        run: Tables and settings.
        model: The model.
        windows: How time is divided.
        ranges: How features of what customers bought lately were spread when the model was made.
        inputs: The same of what the model goes by.
        items: Products that are counted by name; those most sold where empty.
        columns: Columns that order lines had when the model was made; those they have where empty.
    """

    run: Run
    model: SegmentModel
    windows: Windows
    ranges: Mapping[str, Range]
    inputs: Mapping[str, Range]
    items: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def within(self, name: str, numbers: range) -> ir.Table:
        """Lines of some windows, with the number of theirs."""
        return lines.within(self.run.read(name), self.windows, numbers)

    def end(self, number: int) -> date:
        """The day after a window."""
        return self.windows.first(number + 1)

    def path(self, name: str) -> Path:
        """A file on the way."""
        return self.run.scratch / f"{name}.parquet"


def unknown(numbers: range) -> Floats:
    """Nothing, for every window."""
    return np.full(len(numbers), np.nan)
