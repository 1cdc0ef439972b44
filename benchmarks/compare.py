"""A run held against an earlier one of the same work: where other ways have come closer to ours."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.features import OURS

LESS = 0.8  # of the ratio of before: what is above may be chance
SHORT = 0.1  # seconds: what takes less is mostly chance


def worse(found: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """Each ratio to another way that is worse by a fifth or more, in words; or why none can be told.

    Args:
        found: Document of the run.
        before: That of the earlier one; empty where there is none.
    """
    if any(found[part] != before.get(part) for part in ("quick", "data")):  # ratios go with how much there is to do
        yield "nothing compared: there are no earlier figures of the same work"
        return
    known = {(each["key"], way["way"]): way["ratio"] for each in before["benchmarks"] for way in each["ways"]}
    for measured in found["benchmarks"]:
        for way in measured["ways"]:
            was = known.get((measured["key"], way["way"]), 0)
            short = way.get("cpu_s", SHORT) < SHORT  # of the service there is no such figure
            if way["ratio"] <= LESS * was and not short and not way["way"].startswith(OURS):
                yield f"{measured['key']}, {way['way']}: ratio {way['ratio']:.2f}, was {was:.2f}"
