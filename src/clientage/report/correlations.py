"""Which features of customers rise and fall together."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clientage.report import words
from clientage.report.panels import DIVERGING, Chart, chart
from clientage.report.words import label


def correlations(customers: pa.Table) -> Chart:
    """Which features rise and fall together (rank correlation of Spearman, 1904).

    Args:
        customers: Features, one row per customer.
    """
    names, found = correlated(customers)
    plain = [label(words.feature_name(name), 60) for name in names]
    lower = [[value if j < i else None for j, value in enumerate(row[:-1])] for i, row in enumerate(found)]
    heat = {
        "type": "heatmap", "z": lower[1:], "x": list(range(len(names) - 1)), "y": list(range(1, len(names))),
        "zmin": -1, "zmax": 1, "colorscale": DIVERGING, "xgap": 1, "ygap": 1, "hoverongaps": False,
        "customdata": [[f"{plain[i]} and {plain[j]}" for j in range(len(names) - 1)] for i in range(1, len(names))],
        "hovertemplate": "%{customdata}<br>%{z:+.2f}<extra></extra>",
        "colorbar": {
            "orientation": "h", "thickness": 12, "y": 1.0, "yanchor": "bottom", "len": 0.6, "x": 0, "xanchor": "left",
            "tickvals": [-1, 0, 1], "ticktext": ["opposite", "unrelated", "together"], "outlinewidth": 0,
        },
    }  # fmt: skip
    ticks = {"showgrid": False, "tickmode": "array", "ticks": "", "constrain": "domain"}
    return chart(
        "correlations", "Which features move together?", [heat], 240 + 22 * len(names), reading(names, found),
        xaxis=ticks | {"tickvals": heat["x"], "ticktext": plain[:-1], "tickangle": -90},
        yaxis=ticks | {"tickvals": heat["y"], "ticktext": plain[1:], "autorange": "reversed"},
        margin={"t": 56, "r": 40},
    )  # fmt: skip


def reading(names: Sequence[str], found: Sequence[Sequence[float | None]]) -> str:
    """The pair of features that move together most, and the one that move apart most."""
    pairs = [
        (value, names[i], names[j])
        for i, row in enumerate(found)
        for j, value in enumerate(row[:i])
        if value is not None
    ]
    if not pairs:
        return "Too few customers to tell."
    texts = [f"Most together: {_pair(*max(pairs))}."]
    if min(pairs)[0] < 0:
        texts.append(f"Most opposite: {_pair(*min(pairs))}.")
    return " ".join(texts)


def _pair(value: float, a: str, b: str) -> str:
    return f"{words.feature_name(b)} and {words.feature_name(a)} ({value:+.2f})".replace("-", "−")


def correlated(customers: pa.Table) -> tuple[list[str], list[list[float | None]]]:
    """Names of the features and their rank correlations, over customers that have both; None where one is constant."""
    columns = {name: numbers(customers[name]) for name in customers.column_names}
    names = [name for name, values in columns.items() if not np.isnan(values).all()]
    found: list[list[float | None]] = [[1.0 if a == b else None for b in names] for a in names]
    ranked = {name: _ranks(columns[name]) for name in names if not np.isnan(columns[name]).any()}
    for (i, a), (j, b) in combinations(enumerate(names), 2):
        if a in ranked and b in ranked:
            value = _agreement(ranked[a], ranked[b])
        else:
            both = ~(np.isnan(columns[a]) | np.isnan(columns[b]))
            value = _agreement(_ranks(columns[a][both]), _ranks(columns[b][both]))
        found[i][j] = found[j][i] = value
    return names, found


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column as doubles, NaN where missing; by way of Python, as PyArrow's own way would import pandas."""
    return np.asarray(column.to_pylist(), np.float64)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def _agreement(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return None
    return round(float(np.corrcoef(a, b)[0, 1]), 3)
