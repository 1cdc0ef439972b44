"""Times of drift: windows that belong together, from the first with drift until all is well again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

CALM = ("ok", "watch")
"""Verdicts of a window without drift; `unknown` tells nothing of it."""


@dataclass(frozen=True)
class Episode:
    """A row of the table `episodes`.

    Attributes:
        opened: First day of its first window with drift.
        last: First day of its last window with drift.
        resolved: First day of the window that was well again; None while it goes on.
        windows: Windows with drift in it.
        because: What moved, as its first window with drift has it; where that has no words, the next that has.
    """

    opened: date
    last: date
    resolved: date | None = None
    windows: int = 1
    because: str = ""


def episodes(judged: Iterable[Mapping[str, Any]], settle: int = 2) -> list[Episode]:
    """The table `episodes`, from the overall verdicts.

    An episode opens with a window of drift and goes on until `settle` windows in a row had none, be they `ok` or
    `watch`; the first of these is the one that was well again. A window that is `unknown` neither counts nor breaks the
    row: nothing was seen in it. So a single better week between two bad ones ends nothing, and is not told of. What
    later windows bring changes no episode that is resolved, and no day on which one opened.

    Args:
        judged: Rows of `drift` of the area `all`: window, verdict and because, in any order. Of a window given twice
            the later row counts. Leave out windows that the model was made in, lest they be told of.
        settle: How many windows in a row without drift end an episode.

    Returns:
        In order of time. All but the last are resolved.
    """
    found: list[Episode] = []
    calm: list[date] = []
    for window, row in sorted({row["window"]: row for row in judged}.items()):
        goes_on = bool(found) and found[-1].resolved is None
        if row["verdict"] == "drift":
            found[len(found) - goes_on :] = [_with(found[-1] if goes_on else None, window, row["because"] or "")]
            calm = []
        elif goes_on and row["verdict"] in CALM:
            calm = [*calm, window]
            if len(calm) >= settle:
                found[-1] = replace(found[-1], resolved=calm[0])
    return found


def _with(episode: Episode | None, window: date, because: str) -> Episode:
    """An episode with one more window of drift; a new one where none goes on."""
    if episode is None:
        return Episode(window, window, because=because)
    return replace(episode, last=window, windows=episode.windows + 1, because=episode.because or because)
