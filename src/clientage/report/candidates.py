"""Which settings were tried: every candidate of a sweep as a line, how much each setting matters, and the best ten."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from clientage.report import words
from clientage.report.panels import Chart, Row, Rows, Section, in_rows
from clientage.report.parallel import parallel

SHARED, STARTS = ("r2", "auc", "stability"), ("init", "n_init", "max_iter")
BEST = 10
SETTINGS: Mapping[str, str] = {
    "recipe": "Recipe",
    "log": "Logarithms",
    "weights": "Weights",
    "k": "Number of segments",
    "init": "Way to start",
    "n_init": "Number of starts",
    "max_iter": "Most iterations",
}
FIGURES: Mapping[str, str] = {
    "inertia": "Inertia",
    "silhouette": "Silhouette",
    "davies_bouldin": "Davies-Bouldin",
    "calinski_harabasz": "Calinski-Harabasz",
    "smallest_share": "Smallest segment",
    "stability": "Stability",
    "auc": "AUC of buying again",
    "r2": "R² of later spend",
}
# one for each setting, told apart with every kind of colour vision
COLOURS = dict(
    zip(SETTINGS, ("#CC79A7", "#009E73", "#8C6D31", "#0072B2", "#E69F00", "#56B4E9", "#D55E00"), strict=True)
)
BESIDE = ("calinski_harabasz", "auc")  # say what their neighbours say, so that the lines do without


def candidates(found: pa.Table, choice: Row) -> Section | None:
    """What was tried; None where nothing differs.

    Args:
        found: The table `candidates`.
        choice: What is said of the model in use.
    """
    rows = sorted(found.to_pylist(), key=lambda row: row["candidate"])
    settings, figures = varying(rows, SETTINGS), varying(rows, FIGURES)
    if not settings or not figures:
        return None
    shares = importance(rows, list(settings), list(figures))
    shown = {name: text for name, text in figures.items() if name not in BESIDE}
    worth = worth_of(rows)
    told = f"the bluer, the higher its {_within(FIGURES[worth])}"
    charts = (parallel(rows, settings, shown, worth, told), bars(shares, worth))
    limits = choice.get("limits") or {}
    key = {text: COLOURS[name] for name, text in settings.items()}
    return Section(reading(rows, choice), best(rows, limits), charts, key=key)


def varying(rows: Sequence[Row], names: Mapping[str, str]) -> dict[str, str]:
    """Columns that are not the same everywhere, as far as they are known, with their names."""
    return {name: text for name, text in names.items() if len({row[name] for row in rows} - {None}) > 1}


def importance(rows: Sequence[Row], settings: Sequence[str], figures: Sequence[str]) -> dict[str, dict[str, float]]:
    """Share of the variance of each figure that each setting explains by itself (η², Fisher 1925), the largest first.

    Args:
        rows: Of the table `candidates`.
        settings: Columns.
        figures: Columns.
    """
    found = {}
    for name in figures:
        known = [row for row in rows if row[name] is not None]
        # these are measured once for each space and number of segments, so that no start can matter for them
        own = [setting for setting in settings if name not in SHARED or setting not in STARTS]
        shares = {setting: _explained(known, name, setting) for setting in own}
        found[name] = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return found


def bars(shares: Mapping[str, Mapping[str, float]], worth: str = "") -> Chart:
    """A bar for each figure, divided by what explains it.

    Args:
        shares: As `importance` finds them.
        worth: The figure to tell of.
    """
    names = list(shares)[::-1]
    rows = Rows([f"{FIGURES[name]}: {_listed(shares[name])}" for name in names])
    parts = []
    for name, place in zip(names, rows.at(), strict=True):
        start = 0.0
        for setting, value in shares[name].items():
            parts.append((place, start, value, COLOURS[setting]))
            start += value
    at, base, values, colours = (list(each) for each in zip(*parts, strict=True))
    trace = rows.bars(values, y=at, base=base, marker={"color": colours})
    # where candidates were left out, settings hang together, and their parts may come to more than all
    whole = max(1.0, *(sum(own.values()) for own in shares.values()))
    axis = {"title": {"text": "Share of the variance explained"}, "range": [0, whole], "tickformat": ".0%", "nticks": 6}
    told = _strongest(shares, worth if worth in shares else next(iter(shares)))
    return in_rows("importance", "What matters for which figure?", [trace], rows, axis, told)


def _strongest(shares: Mapping[str, Mapping[str, float]], name: str) -> str:
    """What a figure depends on most."""
    setting, value = next(iter(shares[name].items()))
    return (
        f"{FIGURES[name]} depends most on the {_within(SETTINGS[setting])}, which explains {words.share(value)} of its "
        "variance. What is missing to the whole, settings do together."
    )


def best(rows: Sequence[Row], limits: Mapping[str, float]) -> list[dict[str, Any]]:
    """The best ten, the chosen one first; of those that found the same groups alike, the one of least work.

    Args:
        rows: Of the table `candidates`.
        limits: What stability and the smallest segment have to keep, where that is known: who does comes first.
    """
    worth = worth_of(rows)
    floors = {"stability": max(limits.get("mean", 0), limits.get("worst", 0)), "smallest_share": limits.get("share", 0)}

    def rank(row: Row) -> tuple[Any, ...]:
        missed = any((row[name] or 0) < floor for name, floor in floors.items())
        return not row["chosen"], missed, -(row[worth] or 0), row["inertia"], row["n_init"], row["max_iter"]

    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(rows, key=rank):
        groups = tuple(row[name] for name in ("recipe", "log", "weights", "k", "init", "silhouette", "smallest_share"))
        found.setdefault(groups, {**row, "alike": -1})["alike"] += 1
    return list(found.values())[:BEST]


def worth_of(rows: Sequence[Row]) -> str:
    """The figure that decides: what is predicted, or how stable it is where that is not known."""
    return "r2" if any(row["r2"] is not None for row in rows) else "stability"


def reading(rows: Sequence[Row], choice: Row) -> str:
    """How many were tried, which is the best, and why it is in use."""
    top = next(row for row in rows if row["chosen"])
    how = "by k-means++" if top["init"] == "k-means++" else "at random"
    weights = f" with {top['weights']}" if top["weights"] else ""
    text = (
        f"{words.count(len(rows))} candidates were tried. The best: {top['k']} segments by the recipe “{top['recipe']}”"
        f"{weights}, {top['n_init']} start{'s' * (top['n_init'] != 1)} {how}."
    )
    return text + (f" It is in use: {choice['reason']}." if choice.get("candidate") else "")


def _within(name: str) -> str:
    """A name inside a sentence."""
    return name if name[:2].isupper() or name.startswith("R²") else name[0].lower() + name[1:]


def _listed(shares: Mapping[str, float]) -> str:
    short = {setting: _within(name).removeprefix("number of ") for setting, name in SETTINGS.items()}
    told = [f"{short[setting]} {words.share(value)}" for setting, value in shares.items() if value >= 0.005]
    return ", ".join(told) or "no setting by itself"


def _explained(rows: Sequence[Row], name: str, setting: str) -> float:
    values = np.array([row[name] for row in rows])
    groups = np.unique([str(row[setting]) for row in rows], return_inverse=True)[1]
    means = np.bincount(groups, values) / np.bincount(groups)
    total = float(((values - values.mean()) ** 2).sum())
    return round(float(((means[groups] - values.mean()) ** 2).sum()) / total, 6) if total else 0.0
