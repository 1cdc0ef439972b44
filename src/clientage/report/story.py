"""The story of a replay as one HTML file that opens offline: when the shop changed, and what retraining gained."""

from collections.abc import Sequence
from typing import Any

from plotly.offline import get_plotlyjs

from clientage.report import words
from clientage.report.page import document, template
from clientage.report.panels import ALERT, NEUTRAL, QUIET, Chart, Row, chart
from clientage.report.words import label

TITLE = "When did the shop change, and what did retraining gain?"
# each verdict has a shape and a colour of its own: it can be told without the colour
VERDICTS = {
    "ok": ("circle-open", NEUTRAL, "○"), "watch": ("diamond", "#9A7B1C", "◆"), "drift": ("square", ALERT, "■"),
    "unknown": ("x-thin-open", QUIET, "×"),
}  # fmt: skip
FIGURES = {"r2": "R² of spend", "auc": "AUC of buying again"}
PANELS = {"yaxis": (0.53, 0.95), "yaxis2": (0.26, 0.40), "yaxis3": (0.0, 0.14)}


def render(story: Sequence[Row], shop: str = "") -> str:
    """The page.

    Args:
        story: Rows of the table `story`, in order.
        shop: Its name, where it is known.

    Returns:
        All of it. The same story gives the same text.
    """
    drawn = changes(story)
    return template("story.html.j2").render(
        title=f"{shop}: days played again" if shop else "Days played again",
        story=story,
        chart=drawn,
        figures=FIGURES,
        key={name: sign for name, (_, _, sign) in VERDICTS.items() if any(row["verdict"] == name for row in story)},
        later=story[1:],
        verdicts=VERDICTS,
        document=document([drawn]),
        plotly=get_plotlyjs(),
    )


def changes(story: Sequence[Row]) -> Chart:
    """How far from the usual each window was, when models were made, and their hold-out before and after.

    Args:
        story: Rows of the table `story`, in order.
    """
    traces = [_line(story), *(_points(story, verdict) for verdict in VERDICTS)]
    for place, name in enumerate(FIGURES, 2):
        traces += _pairs(story, name, f"y{place}")
    axes = {name: {"domain": list(domain), "nticks": 4} for name, domain in PANELS.items()}
    axes["yaxis"] |= {"rangemode": "tozero", "title": {"text": "Distance from the usual"}}
    return chart(
        "changes", TITLE, traces, 620, reading(story),
        xaxis={"type": "date", "tickformat": "%b\n%Y", "anchor": "y3", "showgrid": False}, **axes,
        shapes=[_limit(), *_marks(story)], annotations=[*_headings(), *_told(story)], margin={"t": 12},
    )  # fmt: skip


def reading(story: Sequence[Row]) -> str:
    """What is to be seen, in a few sentences."""
    judged, drifting = (sum(row[name] for row in story) for name in ("windows", "drifting"))
    text = f"{drifting} of {judged} windows drifted"
    if drifting:
        text += f", seen first on {words.day(next(row['day'] for row in story if row['drifting']))}"
    later = [row for row in story[1:] if row["retrained"]]
    promoted = sum(row["promoted"] for row in later)
    text += f". {len(later)} model{'s were' if len(later) != 1 else ' was'} trained, {promoted} promoted."
    return text + "".join(_gained(later, name) for name in FIGURES)


def _gained(later: Sequence[Row], name: str) -> str:
    known = [row for row in later if row["promoted"] and None not in (row[f"{name}_before"], row[f"{name}_after"])]
    if not known:
        return ""
    before, after = (sum(row[f"{name}_{when}"] for row in known) / len(known) for when in ("before", "after"))
    return f" {FIGURES[name]} went from {before:.3f} to {after:.3f} on the same customers, on average."


def _line(story: Sequence[Row]) -> dict[str, Any]:
    """The score from window to window."""
    days = [row["day"].isoformat() for row in story]
    return {
        "type": "scatter", "mode": "lines", "x": days, "y": [row["score"] for row in story], "hoverinfo": "skip",
        "line": {"color": QUIET, "width": 1.5},
    }  # fmt: skip


def _points(story: Sequence[Row], verdict: str) -> dict[str, Any]:
    """Windows of a verdict."""
    symbol, colour, _ = VERDICTS[verdict]
    found = [row for row in story if row["verdict"] == verdict and row["score"] is not None]
    return {
        "type": "scatter", "mode": "markers", "name": verdict, "x": [row["day"].isoformat() for row in found],
        "y": [row["score"] for row in found], "marker": {"symbol": symbol, "color": colour, "size": 10},
        "customdata": [[row["window"].isoformat(), label(row["because"], 60, 4)] for row in found],
        "hovertemplate": f"{verdict}, window from %{{customdata[0]}}<br>%{{customdata[1]}}<extra></extra>",
    }  # fmt: skip


def _pairs(story: Sequence[Row], name: str, axis: str) -> list[dict[str, Any]]:
    """A figure of the hold-out before and after each training, with a line from one to the other."""
    x = {"type": "scatter", "yaxis": axis}
    found = [row for row in story if row["retrained"]]
    both = [value for row in found for value in (row[f"{name}_before"], row[f"{name}_after"], None)]
    days = [row["day"].isoformat() for row in found]
    line = x | {"mode": "lines", "x": [day for day in days for _ in range(3)], "y": both, "hoverinfo": "skip"}
    marks = (("before", "circle-open", QUIET), ("after", "circle", NEUTRAL))
    return [line | {"line": {"color": QUIET, "width": 2}}] + [
        x | {
            "mode": "markers", "name": when, "x": days, "y": [row[f"{name}_{when}"] for row in found],
            "marker": {"symbol": symbol, "color": colour, "size": 10, "line": {"width": 2}},
            "hovertemplate": f"{FIGURES[name]} {when} %{{y:.3f}}<extra></extra>",
        }
        for when, symbol, colour in marks
    ]  # fmt: skip


def _limit() -> dict[str, Any]:
    """Where drift begins."""
    return {
        "type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": 1, "y1": 1,
        "line": {"color": ALERT, "width": 1.5, "dash": "dash"},
    }  # fmt: skip


def _marks(story: Sequence[Row]) -> list[dict[str, Any]]:
    """Trainings, through all panels; dotted where the model was refused."""
    return [
        {
            "type": "line", "xref": "x", "yref": "paper", "x0": row["day"].isoformat(), "x1": row["day"].isoformat(),
            "y0": 0, "y1": 0.95, "line": {"color": QUIET, "width": 1, "dash": "solid" if row["promoted"] else "dot"},
        }
        for row in story if row["retrained"]
    ]  # fmt: skip


def _told(story: Sequence[Row]) -> list[dict[str, Any]]:
    """What became of each training, above its line."""
    return [
        {
            "x": row["day"].isoformat(), "xref": "x", "y": 0.955, "yref": "paper", "yanchor": "bottom",
            "showarrow": False, "font": {"size": 12},
            "text": str(row["champion"]) if row["promoted"] else "×",
        }
        for row in story if row["retrained"]
    ]  # fmt: skip


def _headings() -> list[dict[str, Any]]:
    """What the panels show, above each; and what the dashed line is."""
    above = {"x": 0, "xref": "paper", "xanchor": "left", "yanchor": "bottom", "yref": "paper", "showarrow": False}
    texts = [f"<b>{name}</b> · ○ before ● after" for name in FIGURES.values()]
    found = [above | {"text": text, "y": PANELS[f"yaxis{place}"][1] + 0.01} for place, text in enumerate(texts, 2)]
    limit = {"x": 1, "xref": "paper", "xanchor": "right", "y": 1, "yref": "y", "yanchor": "bottom", "showarrow": False}
    return [*found, limit | {"text": "limit", "font": {"size": 12}}]
