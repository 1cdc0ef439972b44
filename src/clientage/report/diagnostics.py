"""Charts of how the segments were made and what they are worth: for those who want to check.

As in `clientage.report.charts`, each takes small tables and answers the question in its title.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clientage.report import words
from clientage.report.averages import over_cutoffs
from clientage.report.correlations import numbers
from clientage.report.style import ALERT, NEUTRAL, QUIET, Figure, Rows, figure, in_rows, packed
from clientage.report.words import label

INDICES: Mapping[str, tuple[str, str]] = {
    "silhouette": ("Are customers close to their own segment? Higher is better", "Silhouette"),
    "davies_bouldin": ("Are segments far apart for their width? Lower is better", "Davies-Bouldin"),
    "calinski_harabasz": ("Do segments differ more than their members? Higher is better", "Calinski-Harabasz"),
    "inertia": ("Where does the curve bend? It always falls", "Inertia"),
}
# customers from which on the map leaves out the most extreme
MANY = 200
_LIMITS = {"mean": "mean ≥ {:.2f}", "worst": "each ≥ {:.2f}"}
MEASURES: Mapping[str, tuple[str, str, float]] = {
    "r2": ("How well do segments predict spend?", "R² of later spend, out of fold", 0.0),
    "auc": ("How well do segments predict who buys again?", "AUC of buying again (0.5 is chance)", 0.5),
}
_SHADES = ("#1F5A8A", "#6A9BC3", "#9AA5B1", "#B8A07A", "#8A8F98")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def stability(quality: pa.Table, limits: Mapping[str, float] | None = None) -> Figure:
    """How often refits on other samples of customers find the same segments, by number of segments and snapshot.

    Args:
        quality: The table `quality`.
        limits: `mean` and `worst` that stability must keep, where known.
    """
    traces = _by_snapshot(quality, "stability", "stability_se")
    known = {name: value for name, value in (limits or {}).items() if name in _LIMITS}
    lines = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value}
        | {"line": {"color": ALERT, "width": 1.5, "dash": "dash"}}
        for value in known.values()
    ]
    texts = [
        {"text": _LIMITS[name].format(value), "xref": "paper", "x": 1, "xshift": 5, "xanchor": "left", "y": value}
        | {"yanchor": "bottom" if value == max(known.values()) else "top", "showarrow": False, "font": {"size": 12}}
        for name, value in known.items()
    ]
    lowest = min((value for value in quality["stability"].to_pylist() if value is not None), default=0.0)
    return _by_k(
        "How many segments stay stable?", traces, quality, 380, "Stability (adjusted Rand index)",
        scale={"range": [min(0.5, lowest - 0.1), 1.04]}, shapes=lines, annotations=texts, showlegend=True,
        margin={"t": 24, "r": 100 if known else 12},
    )  # fmt: skip


def index(quality: pa.Table, name: str) -> Figure:
    """A figure of merit by number of segments and snapshot.

    Args:
        quality: The table `quality`.
        name: One of `INDICES`.
    """
    question, axis = INDICES[name]
    return _by_k(question, _by_snapshot(quality, name), quality, 250, axis)


def scorecard(evaluation: pa.Table, measure: str) -> Figure:
    """What each way to group predicts, at equal numbers of groups, averaged over cutoffs, with standard errors.

    Args:
        evaluation: The table `evaluation`.
        measure: One of `MEASURES`.
    """
    title, axis, floor = MEASURES[measure]
    found = [row for row in averages(evaluation) if row[measure] is not None]
    rows = Rows([f"{row['recipe']} · {row['groups']} groups" for row in found])
    values, errors = [row[measure] for row in found], [row[f"{measure}_se"] or 0.0 for row in found]
    even = {groups: i for i, groups in enumerate(sorted({row["groups"] for row in found}))}
    ends = [value + error for value, error in zip(values, errors, strict=True)]
    points = {
        "type": "scatter", "mode": "markers", "x": values, "y": rows.at(), "hoverinfo": "skip",
        "error_x": {"array": errors, "thickness": 2, "width": 6, "color": QUIET},
        "marker": {"size": 11, "color": [_SHADES[even[row["groups"]] % 2] for row in found]},
    }  # fmt: skip
    texts = {
        "type": "scatter", "mode": "text", "x": ends, "y": rows.at(), "hoverinfo": "skip", "cliponaxis": False,
        "text": [f"  {words.measured(value, error)}" for value, error in zip(values, errors, strict=True)],
        "textposition": "middle right",
    }  # fmt: skip
    low, high = min([floor, *values]), max([floor + 0.05, *ends])
    scale = {"title": {"text": axis}, "range": [low, high + 0.5 * (high - low)], "nticks": 5}
    return in_rows(title, [points, texts], rows, scale)


def averages(evaluation: pa.Table) -> list[dict[str, Any]]:
    """The table `evaluation` averaged over cutoffs, by number of groups, best R² first."""
    found = over_cutoffs(
        evaluation.to_pylist(), ("recipe", "groups"), ("r2", "r2_se", "auc", "auc_se", "stability", "smallest_share")
    )
    return sorted(found, key=lambda row: (row["groups"], row["r2"] is None, -(row["r2"] or 0), row["recipe"]))


def customer_map(points: pa.Table, profiles: pa.Table) -> Figure:
    """Customers in space, coloured by segment: who is near behaves alike.

    Args:
        points: segment_id, pc1, pc2, pc3; no names of customers, for the report is passed on.
        profiles: The table `profiles`.
    """
    ids, found = numbers(points["segment_id"]), [numbers(points[f"pc{i}"]) for i in (1, 2, 3)]
    traces = [
        _cloud([values[own] for values in found], row)
        for row in profiles.to_pylist()
        if (own := ids == row["segment_id"]).any()
    ]
    axes = {
        f"{axis}axis": {"title": {"text": f"PC {i}"}, "showticklabels": False, "range": _reach(found[i - 1])}
        for i, axis in enumerate("xyz", 1)
    }
    scene = axes | {
        "dragmode": "turntable",
        "aspectmode": "cube",
        "camera": {"eye": {"x": 1.3, "y": 1.3, "z": 0.7}, "center": {"x": 0, "y": 0, "z": -0.13}},
    }
    return figure("How far apart are the segments?", traces, 480, scene=scene, showlegend=True, margin={"b": 8, "r": 8})


def _cloud(places: Sequence[Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter3d", "mode": "markers", "name": label(profile["segment"]),
        **{axis: packed(values) for axis, values in zip("xyz", places, strict=True)},
        "marker": {"size": 3, "color": words.colour(profile["colour"]), "opacity": 0.75},
        "hovertemplate": "%{fullData.name}<extra></extra>",
    }  # fmt: skip


def _reach(values: NDArray[np.float64]) -> list[float]:
    """Where the map begins and ends: a few extreme customers must not press all others into a point."""
    if not len(values):
        return [0.0, 1.0]
    low, high = np.quantile(values, (0.005, 0.995) if len(values) >= MANY else (0, 1))
    edge = 0.05 * float(high - low) or 1.0
    return [float(low) - edge, float(high) + edge]


def _by_snapshot(quality: pa.Table, name: str, error: str = "") -> list[dict[str, Any]]:
    rows = sorted(quality.to_pylist(), key=lambda row: row["k"])
    days = sorted({row["as_of"] for row in rows}, reverse=True)
    traces = []
    for turn, day in enumerate(days):
        own = [row for row in rows if row["as_of"] == day]
        style = {
            "color": _SHADES[turn % len(_SHADES)],
            "dash": _DASHES[turn % len(_DASHES)],
            "width": 2.5 if not turn else 1.8,
        }
        trace = {
            "type": "scatter", "mode": "lines+markers", "name": words.day(day), "line": style,
            "x": [row["k"] for row in own], "y": [row[name] for row in own],
            "hovertemplate": f"{words.day(day)}<br>%{{x}} segments: %{{y:,.3~f}}<extra></extra>",
        }  # fmt: skip
        traces.append(trace | ({"error_y": {"array": [row[error] for row in own], "thickness": 1.2}} if error else {}))
    return traces


def _by_k(
    title: str,
    traces: list[dict[str, Any]],
    quality: pa.Table,
    height: int,
    axis: str,
    *,
    scale: Mapping[str, Any] | None = None,
    **layout: Any,
) -> Figure:
    """A chart over the number of segments, with the one in use marked."""
    chosen = sorted({row["k"] for row in quality.to_pylist() if row["chosen"]})
    marks = [
        {"type": "rect", "xref": "x", "yref": "paper", "x0": k - 0.3, "x1": k + 0.3, "y0": 0, "y1": 1}
        | {"fillcolor": NEUTRAL, "opacity": 0.15, "line": {"width": 0}, "layer": "below"}
        for k in chosen
    ]
    notes = [
        {
            "text": "in use",
            "x": k,
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 12},
        }
        for k in chosen
    ]
    return figure(
        title, traces, height,
        **{
            "showlegend": False, "margin": {"t": 24},
            "xaxis": {"title": {"text": "Number of segments"}, "dtick": 1, "showgrid": False},
            "yaxis": {"title": {"text": axis}, "tickformat": ",~r"} | dict(scale or {}),
            **layout,
            "shapes": [*marks, *layout.get("shapes", [])],
            "annotations": [*notes, *layout.get("annotations", [])],
        },
    )  # fmt: skip
