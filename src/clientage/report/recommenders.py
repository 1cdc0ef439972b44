"""How good recommendations are: what each way to recommend found of what customers bought next."""

from collections.abc import Sequence

import pyarrow as pa

from clientage.report import words
from clientage.report.panels import NEUTRAL, QUIET, Chart, Row, Rows, Section, in_rows
from clientage.report.queries import over_cutoffs

MEASURES = ("ndcg_10", "ndcg_10_se", "recall_10", "precision_3", "mrr", "coverage", "served")


def recommenders(found: pa.Table, chosen: str = "") -> Section | None:
    """Recommenders, the best first; None where none was measured.

    Args:
        found: The table `recommenders`.
        chosen: The one in use, where known.
    """
    rows = [row for row in over_cutoffs(found.to_pylist(), ("model",), MEASURES) if row["ndcg_10"] is not None]
    if not rows:
        return None
    rows.sort(key=lambda row: (-row["ndcg_10"], row["model"]))
    return Section(reading(rows, chosen), rows, [scores(rows, chosen)])


def scores(rows: Sequence[Row], chosen: str = "") -> Chart:
    """NDCG of each, with standard errors.

    Args:
        rows: As `recommenders` orders them.
        chosen: The one in use.
    """
    values, errors = [row["ndcg_10"] for row in rows], [row["ndcg_10_se"] or 0.0 for row in rows]
    places = Rows([words.recommender(row["model"]) + ", in use" * (row["model"] == chosen) for row in rows])
    ends = [value + error for value, error in zip(values, errors, strict=True)]
    error = {"array": errors, "thickness": 2, "width": 6, "color": QUIET}
    bars = places.bars(values, marker={"color": NEUTRAL}, error_x=error)
    texts = places.beside(ends, [words.measured(row["ndcg_10"], row["ndcg_10_se"]) for row in rows])
    axis = {"title": {"text": "nDCG of 10 recommendations (1 is perfect)"}, "nticks": 5}
    axis["range"] = [0, 1.6 * max(ends) or 1.0]
    title = "How good are the recommendations?"
    return in_rows("recommenders", title, [bars, texts], places, axis, reading(rows, chosen))


def reading(rows: Sequence[Row], chosen: str = "") -> str:
    """Which finds most of what customers bought next, and how the one in use does."""
    best = rows[0]
    text = f"{words.recommender(best['model'])} is best: "
    text += f"{words.share(best['recall_10'])} of the new products that customers bought were among its 10"
    simple = next((row for row in rows[1:] if row["model"].startswith("popular")), None)
    if simple:
        text += f", against {words.share(simple['recall_10'])} for the {words.recommender(simple['model']).lower()}"
    own = next((row for row in rows[1:] if row["model"] == chosen), None)
    return text + (f"; {words.recommender(chosen)}, in use, reaches {words.share(own['recall_10'])}." if own else ".")
