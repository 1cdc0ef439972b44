"""The gate: what a model must keep before it may take the place of the one in use."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clientage.segments.choose import Limits
from clientage.segments.document import SegmentModel
from clientage.segments.evaluate import Score
from clientage.segments.kmeans import Integers
from clientage.segments.model import CentroidModel

WIDE = 1.96  # standard errors to each side of a 95% interval


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Attributes:
        name: What is looked at.
        passed: Whether it holds.
        found: What was found, and the limit.
    """

    name: str
    passed: bool
    found: str

    def __str__(self) -> str:
        """A line of the history."""
        return f"{'passed' if self.passed else 'failed'}  {self.name}: {self.found}"


def contract(model: SegmentModel, predicted: Integers, assigned: Integers) -> Check:
    """Every customer in one segment, the same in NumPy and in the engine; numbers and names told apart.

    Args:
        model: To be judged.
        predicted: Segment of each customer by NumPy, (n,).
        assigned: The same by the engine, (n,).
    """
    ids = [segment.segment_id for segment in model.segments]
    names = {segment.name for segment in model.segments}
    problems = [
        ("two segments share a number or a name", len(set(ids)) < len(ids) or len(names) < len(ids)),
        ("some customers are in no segment", not np.isin(assigned, ids).all()),
        ("the engine and NumPy differ", not np.array_equal(predicted, assigned)),
    ]
    found = " and ".join(what for what, wrong in problems if wrong)
    return Check("contract", not found, found or f"{len(assigned):,} customers, each in one of {len(ids)} segments")


def steady(mean: float, worst: float, limits: Limits) -> Check:
    """Whether refits on samples of the customers give the same segments.

    Args:
        mean: Stability over the snapshots (adjusted Rand index).
        worst: At the worst of them.
        limits: What must hold.
    """
    passed = mean >= limits.mean and worst >= limits.worst
    found = f"on average {mean:.2f} (limit {limits.mean:.2f}), at worst {worst:.2f} (limit {limits.worst:.2f})"
    return Check("stability", passed, found)


def large(model: SegmentModel, predicted: Integers, limits: Limits) -> Check:
    """Whether the smallest segment is worth a campaign; of a grid, cells without any customer do not count.

    Args:
        model: To be judged.
        predicted: Segment of each customer, (n,).
        limits: What must hold.
    """
    sizes = [int((predicted == segment.segment_id).sum()) for segment in model.segments]
    share = min(size for size in sizes if size or isinstance(model, CentroidModel)) / len(predicted)
    return Check("smallest segment", share >= limits.share, f"{share:.1%} of the customers (limit {limits.share:.0%})")


def predicts(new: Sequence[Score], old: Sequence[Score]) -> list[Check]:
    """Whether the model tells what customers do next as well as the champion, on the same customers and days.

    Args:
        new: Scores of the model, one a cutoff.
        old: Scores of the champion at the same cutoffs.
    """
    checks = []
    for name, told in (("r2", "R² of spend"), ("auc", "AUC of buying again")):
        pairs = [(getattr(a, name), getattr(b, name), getattr(b, f"{name}_se")) for a, b in zip(new, old, strict=True)]
        known = np.array([pair for pair in pairs if None not in pair], float)
        if not len(known):
            checks.append(Check(told, True, "cannot be judged: the order lines span too few days"))
            continue
        mine, theirs, error = known.mean(axis=0)
        least = theirs - WIDE * error
        found = f"{mine:.3f}, the champion's {theirs:.3f} (not below {least:.3f}, its 95% interval)"
        checks.append(Check(told, bool(mine >= least), found))
    return checks


def matched_to(version: int | None, champion: int) -> Check:
    """Whether the model's numbers of segments are those of the champion, and of no other model.

    Args:
        version: That its segments were matched to.
        champion: Version of the champion.
    """
    found = f"to version {version}" if version else "to no champion"
    back = "" if version == champion else "; train anew, or go back to a former champion by rollback"
    return Check("matched", not back, f"{found}, the champion is version {champion}{back}")


def retained(model: SegmentModel, old: SegmentModel, predicted: Integers, least: float) -> Check:
    """Whether enough customers stay in segments that the champion has too.

    Args:
        model: To be judged.
        old: The champion.
        predicted: Segment of each customer by the model, (n,).
        least: Share of customers.
    """
    known = {segment.segment_id for segment in old.segments}
    same = [segment.segment_id for segment in model.segments if segment.segment_id in known]
    share = float(np.isin(predicted, same).mean())
    found = f"{len(same)} of {len(known)} go on, with {share:.0%} of the customers (limit {least:.0%})"
    return Check("segments matched", share >= least, found)
