"""The same segments keep their numbers and names: a new model is matched to the one in use.

Centroids are matched in the space of the model in use, so that the sum of their moves is least, each counted in the
distance from the old centroid to its nearest neighbour (Kuhn 1955). A match must lie well on its own side of the border
to that neighbour.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from clientage.segments.document import SegmentModel
from clientage.segments.grid import GridModel
from clientage.segments.kmeans import Floats, squared_distances
from clientage.segments.model import PALETTE

LIMIT = 0.5  # of the distance to the nearest other segment: half the way is where that one begins


def aligned(
    new: SegmentModel, old: SegmentModel, customers: Mapping[str, Floats], *, last: int = 0, limit: float = LIMIT
) -> SegmentModel:
    """The new model with the numbers and names of the segments that the old one had already.

    A segment that is new gets a number that was never given before; one that is no more is remembered in `ended`.

    Args:
        new: Fitted to these customers.
        old: The model in use.
        customers: Columns of the table `customers`, (n,) each.
        last: The highest number that any model gave, where others than these two did.
        limit: How far a segment may have moved, in distances from its old middle to the nearest other old one.
    """
    known = {segment.segment_id: segment for segment in old.segments}
    found = _matches(new, old, customers, limit)
    following = max(last, highest(old)) + 1
    names, colours = ({getattr(known[id_], what) for id_ in found.values()} for what in ("name", "colour"))
    segments = []
    for segment in new.segments:
        if (id_ := found.get(segment.segment_id)) is not None:
            kept = known[id_]
            segments.append(replace(segment, segment_id=id_, name=kept.name, action=kept.action, colour=kept.colour))
        else:
            name, colour = _unlike(segment.name, names), next((c for c in PALETTE if c not in colours), segment.colour)
            segments.append(replace(segment, segment_id=following, name=name, colour=colour))
            names, colours, following = names | {name}, colours | {colour}, following + 1
    ended = tuple(segment for id_, segment in known.items() if id_ not in found.values())
    return replace(new, segments=tuple(segments), ended=(*old.ended, *ended))


def highest(model: SegmentModel) -> int:
    """The highest number that a model and those before it gave to a segment."""
    return max((segment.segment_id for segment in (*model.segments, *model.ended)), default=0)


def _matches(new: SegmentModel, old: SegmentModel, customers: Mapping[str, Floats], limit: float) -> dict[int, int]:
    """Old number by new number, for the segments that are the same."""
    if isinstance(new, GridModel) and isinstance(old, GridModel):
        ids = {segment.name: segment.segment_id for segment in old.segments}
        return {segment.segment_id: ids[segment.name] for segment in new.segments if segment.name in ids}
    if isinstance(new, GridModel) or isinstance(old, GridModel) or not set(old.needs) <= set(customers):
        return {}  # cells of a grid and neighbourhoods are not of a kind
    places = old.space.place(np.column_stack([customers[name] for name in old.space.features]))
    labels = new.predict(customers)
    present = [segment.segment_id for segment in new.segments if (labels == segment.segment_id).any()]
    middles = np.stack([places[labels == id_].mean(axis=0) for id_ in present])
    pairs = _nearest_pairs(np.sqrt(squared_distances(middles, old.centroids)) / _room(old.centroids), limit)
    return {present[i]: old.segments[j].segment_id for i, j in pairs}


def _room(centroids: Floats) -> Floats:
    """Distance of each centroid to the nearest other one, (k,)."""
    apart = np.sqrt(squared_distances(centroids, centroids))
    np.fill_diagonal(apart, np.inf)
    return np.asarray(np.maximum(apart.min(axis=1), 1e-300))


def _nearest_pairs(distances: Floats, limit: float) -> list[tuple[int, int]]:
    """One to one, with the least sum of distances; what lies beyond the limit stays alone and displaces nobody."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - half a second to import, for training alone

    rows, columns = linear_sum_assignment(np.where(distances <= limit, distances, 1e6))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if distances[i, j] <= limit]


def _unlike(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where another segment has it."""
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique
