"""One chart of a run: a bar for each way of each benchmark, ours in colour."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.features import OURS

BLUE, GREY, INK = "#0072B2", "#8A8F98", "#1F2933"
# the same figures give the same bytes: no ids by chance, no day, and text that stays text
STYLE: dict[Any, Any] = {"svg.hashsalt": "clientage", "svg.fonttype": "none", "font.size": 9}
ABOUT = {"Date": None, "Creator": None, "Title": "What each way takes"}
WIDTH, HEAD, BAR = 9.0, 0.95, 0.26  # inches: the whole, what a panel has beside its bars, and a bar


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Draw the figures of a document as SVG, on a ground of its own, to be read on light and dark pages.

    Args:
        found: The document.
        path: Where it goes.
    """
    panels = found["benchmarks"]
    bars = [len(panel["ways"]) for panel in panels]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEAD * len(bars) + BAR * sum(bars)), facecolor="white", layout="constrained")
        axes = figure.subplots(len(panels), squeeze=False, height_ratios=bars)[:, 0]
        for place, panel in zip(axes, panels, strict=True):
            _panel(place, panel["title"], panel["ways"], panel.get("unit", ""))
        figure.savefig(path, format="svg", metadata=ABOUT)


def _panel(axes: Axes, title: str, ways: Sequence[Mapping[str, Any]], unit: str) -> None:
    """Bars from zero: of CPU seconds, or of what was answered in a second."""
    figure, name = ("per_s", f"{unit} a second (more is better)") if unit else ("cpu_s", "CPU seconds (less is better)")
    values = [way[figure] for way in ways]
    names = [way["way"] for way in ways]
    bars = axes.barh(names, values, color=[BLUE if name.startswith(OURS) else GREY for name in names], height=0.7)
    axes.bar_label(bars, [f"{value:,.0f}" if unit else f"{value:,.2f}" for value in values], padding=4, color=INK)
    axes.set_title(title, loc="left", fontweight="bold", color=INK)
    axes.set_xlabel(name, color=INK)
    axes.set_xlim(0, 1.12 * max(values))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    axes.tick_params(axis="y", length=0)
