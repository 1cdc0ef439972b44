"""What customers did in the horizon that ends with a window, beside what was expected of their segments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np

from clientage.context import Run
from clientage.expressions import exact_sum
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Floats, Observed
from clientage.monitoring.reference import Expected
from clientage.segments.indices import area_under_curve
from clientage.segments.outcomes import outcomes as bought
from clientage.stages.watch.watch import Watch, unknown


@dataclass(frozen=True)
class Did:
    """What customers of a segment did.

    Attributes:
        customers: How many there were.
        again: How many of them bought.
        spent: What they spent less returns, in currency.
    """

    customers: int
    again: int
    spent: float


FEWEST = 30  # customers of whom a rate says something


def expectations(run: Run, journeys: ir.Table, day: date) -> tuple[dict[int, Expected], float | None]:
    """What customers of each segment did in the horizon before a day, and how well the segments told who would buy.

    Args:
        run: Tables and settings.
        journeys: The table `journeys`, by the model.
        day: The day that the model was made for.

    Returns:
        By segment; and the chance that a customer who bought stood above one who did not, None where it is not known.
    """
    cohort = day - timedelta(days=run.settings.evaluate.horizon_days)
    found = {id_: each for id_, each in _did(run, journeys, cohort).items() if each.customers >= FEWEST}
    expected = {id_: Expected(each.again / each.customers, each.spent / each.customers) for id_, each in found.items()}
    return expected, _auc(found, expected)


def outcomes(watch: Watch, journeys: ir.Table, numbers: range, expected: Mapping[int, Expected]) -> Observed:
    """For windows: what was bought and spent over what was expected, in all and by segment, and the AUC of segments."""
    found: dict[Key, Floats] = {}
    behind = np.zeros(len(numbers))
    for row, number in enumerate(numbers if expected else ()):
        cohort = watch.end(number) - timedelta(days=watch.run.settings.evaluate.horizon_days)
        did = {id_: each for id_, each in _did(watch.run, journeys, cohort).items() if id_ in expected}
        behind[row] = sum(each.customers for each in did.values())
        figures = _over(did, expected, "") if behind[row] >= FEWEST else {}
        for id_, each in did.items():
            figures |= _over({id_: each}, expected, str(id_)) if each.customers >= FEWEST else {}
        if (auc := _auc(did, expected)) is not None:
            figures[Key("outcomes", "auc")] = auc
        for key, value in figures.items():
            found.setdefault(key, unknown(numbers))[row] = value
    return Observed(tuple(numbers), found, {"outcomes": behind})


def _did(run: Run, journeys: ir.Table, day: date) -> dict[int, Did]:
    """What customers did in the horizon from a day on, by their segment on it; empty where none is known."""
    earlier = journeys.filter(journeys.since <= ibis.date(day))
    where = earlier.group_by("customer_id").agg(segment_id=earlier.segment_id.argmax(earlier.since))
    after = bought(run.read("baskets"), day, run.settings.evaluate.horizon_days)
    both = where.left_join(after, "customer_id").drop("customer_id_right")
    sums = both.group_by("segment_id").agg(
        customers=both.count(),
        again=both.customer_id.count(where=both.next_spend > 0),
        spent=exact_sum(both.next_net.fill_null(0.0)),
    )
    return {row.pop("segment_id"): Did(**row) for row in run.rows(sums.order_by("segment_id"))}


def _over(did: Mapping[int, Did], expected: Mapping[int, Expected], subject: str) -> dict[Key, float]:
    rate = sum(each.customers * expected[id_].buys_again for id_, each in did.items())
    spend = sum(each.customers * expected[id_].spend for id_, each in did.items())
    again, spent = sum(each.again for each in did.values()), sum(each.spent for each in did.values())
    return {
        Key("outcomes", "buys again", subject): again / rate if rate > 0 else float("nan"),
        Key("outcomes", "spend", subject): max(spent, 0.0) / spend if spend > 0 else float("nan"),
    }


def _auc(did: Mapping[int, Did], expected: Mapping[int, Expected]) -> float | None:
    """Chance that the segment of a customer who bought promised more than that of one who did not."""
    order = [id_ for id_ in did if id_ in expected]
    sizes = [count for id_ in order for count in (did[id_].again, did[id_].customers - did[id_].again)]
    rates = np.repeat([expected[id_].buys_again for id_ in order for _ in (0, 1)], sizes)
    again = np.repeat([1, 0] * len(order), sizes)
    return float(area_under_curve(rates, again)) if 0 < again.sum() < len(again) else None
