"""The segment model: a small document of arrays that gives the same segment in NumPy and in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import copysign, dist, isnan, log1p
from operator import mul

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from clientage.errors import InputError
from clientage.segments.buyers import UNLIMITED, BuyerLimits
from clientage.segments.kmeans import Floats, Integers, nearest
from clientage.segments.space import Space

# Okabe and Ito (2008), readable with every kind of colour vision; then four more for larger grids
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C6D31", "#5B5B5B", "#7B4FB5", "#B2A800",
)  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """What is known of a segment besides where it lies.

    Attributes:
        segment_id: Number; it stays with the segment when the model is made anew.
        name: In plain words.
        action: What to do with its customers.
        colour: Its colour everywhere, as #rrggbb.
        rule: Conditions in the shop's units that tell most of it.
        rule_precision: Share of customers the rule picks that are in the segment.
        rule_recall: Share of the segment's customers that the rule picks.
    """

    segment_id: int
    name: str
    action: str
    colour: str = PALETTE[0]
    rule: str = ""
    rule_precision: float = 0.0
    rule_recall: float = 0.0


@dataclass(frozen=True)
class Places:
    """Where n customers belong.

    Attributes:
        segment_id: Number of the segment, n of them.
        distance: Distance to its centroid in the model's space, n of them; None where a model has no centroids.
        runner_up: Number of the next nearest segment, n of them; None likewise.
    """

    segment_id: list[int]
    distance: list[float] | None = None
    runner_up: list[int] | None = None


@dataclass(frozen=True)
class CentroidModel:
    """Segments as centroids in a space; a customer belongs to the nearest.

    Attributes:
        recipe: Name of the recipe.
        space: Where customers lie.
        centroids: Middles, (k, p), in order of the segments.
        view: Directions of the map of customers, (p, at most 3).
        segments: One for each centroid.
        buyers: From where on a customer buys like a trader.
        ended: Segments that models before it had; their numbers are not given again.
    """

    recipe: str
    space: Space
    centroids: Floats
    view: Floats
    segments: tuple[Segment, ...]
    buyers: BuyerLimits = UNLIMITED
    ended: tuple[Segment, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Features that a customer must have, as columns of `customers`."""
        return self.space.features

    def predict(self, customers: Mapping[str, Floats]) -> Integers:
        """Segment numbers (n,) of customers given as columns of their features."""
        values = np.column_stack([customers[name] for name in self.space.features])
        return np.asarray(self.ids[nearest(self.space.place(values), self.centroids)])

    @cached_property
    def ids(self) -> Integers:
        """Numbers of the segments, (k,)."""
        return np.array([segment.segment_id for segment in self.segments])

    def find(self, values: Floats | Sequence[Sequence[float]]) -> Places:
        """Where customers belong whose values (n, d) are those of `needs`, in that order; for a few at a time."""
        return self._find_one(values[0]) if len(values) == 1 else self.find_at(self.space.place(np.asarray(values)))

    def _find_one(self, values: Sequence[float]) -> Places:
        """The same for one customer in plain Python: calling NumPy twenty times costs more than all the arithmetic."""
        fill, log, columns, offset, centroids = self._plain
        filled = [low if isnan(value) else value for value, low in zip(values, fill, strict=True)]
        compared = [copysign(log1p(abs(value)), value) for value in filled] if log else filled
        point = [at + sum(map(mul, compared, column)) for at, column in zip(offset, columns, strict=True)]
        distances = [dist(point, centroid) for centroid in centroids]
        first, second = sorted(range(len(distances)), key=distances.__getitem__)[:2]
        segments = self.segments
        return Places([segments[first].segment_id], [distances[first]], [segments[second].segment_id])

    def find_at(self, points: Floats) -> Places:
        """Where customers belong who lie at these points (n, p) of the model's space; for a few at a time."""
        gaps = points[:, None, :] - self.centroids
        squares = np.einsum("nkp,nkp->nk", gaps, gaps)
        first, second = squares.argsort(axis=1, kind="stable").T[:2]
        distance = np.sqrt(squares.min(axis=1))
        return Places(self.ids[first].tolist(), distance.tolist(), self.ids[second].tolist())

    @cached_property
    def _plain(self) -> tuple[list[float], bool, list[list[float]], list[float], list[list[float]]]:
        """Fill, whether logarithms, columns of the matrix, offset and centroids as lists."""
        space = self.space
        return (space.fill.tolist(), space.log, space.matrix.T.tolist(), space.offset.tolist(), self.centroids.tolist())

    def assign(self, customers: ir.Table) -> ir.Table:
        """The table `segments` for the table `customers`, computed by the engine.

        Raises:
            InputError: The customers lack a feature of the model.
        """
        moved = _moved(_ranked(customers, self), self)
        views = {
            f"pc{i + 1}": _dot([moved[f"y{j}"] for j in range(len(column))], column)
            for i, column in enumerate(self.view.T)
        }
        moves = ("move_segment", "move_feature", "move_to")
        return moved.select(*self._found(moved), *moves, *self.buyers.flags(moved), **views)

    def locate(self, customers: ir.Table, *beside: str) -> ir.Table:
        """As `assign`, without moves and map: one expression over one table, for engines elsewhere.

        Args:
            customers: Customers with the features of the model.
            beside: Columns of theirs to keep.

        Raises:
            InputError: The customers lack a feature of the model.
        """
        ranked = _ranked(customers, self)
        return ranked.select(*self._found(ranked), *self.buyers.flags(ranked), *beside)

    def _found(self, ranked: ir.Table) -> list[ir.Column]:
        return [
            ranked.customer_id,
            ranked.segment_id,
            named(ranked.segment_id, self.segments),
            _distance(ranked, ranked.segment_id, self).name("distance"),
            ranked.runner_up,
            _distance(ranked, ranked.runner_up, self).name("runner_up_distance"),
        ]


def named(segment_id: ir.IntegerColumn, segments: Sequence[Segment]) -> ir.StringColumn:
    """The segment's name for its number."""
    return ibis.cases(*((segment_id == segment.segment_id, segment.name) for segment in segments)).name("segment")


def _dot(columns: Sequence[ir.NumericColumn], factors: Floats, offset: float = 0.0) -> ir.FloatingColumn:
    terms = [column * float(factor) for column, factor in zip(columns, factors, strict=True) if factor]
    return sum(terms, start=ibis.literal(float(offset)))


def _distance(places: ir.Table, segment_id: ir.IntegerColumn, model: CentroidModel) -> ir.FloatingColumn:
    """Distance to the centroid of a segment."""
    squares = []
    for segment, centroid in zip(model.segments, model.centroids, strict=True):
        gaps = [places[f"y{i}"] - float(at) for i, at in enumerate(centroid)]
        # as products, for engines take much longer over powers
        squares.append((segment_id == segment.segment_id, sum((gap * gap for gap in gaps), start=ibis.literal(0.0))))
    return ibis.cases(*squares).sqrt()


def placed(customers: ir.Table, space: Space) -> ir.Table:
    """Customers with their transformed features `x0…` and their place `y0…`."""
    if missing := [name for name in space.features if name not in customers.columns]:
        raise InputError(
            f"the model was made with {', '.join(missing)}, which these customers do not have. "
            "Make one for them: clientage step train."
        )
    filled = [
        customers[name].cast("float64").fill_null(float(fill))
        for name, fill in zip(space.features, space.fill, strict=True)
    ]
    compared = [_log1p(value) if space.log else value for value in filled]
    table = customers.mutate(**{f"x{j}": value for j, value in enumerate(compared)})
    columns = [table[f"x{j}"] for j in range(len(space.features))]
    return table.mutate(
        **{
            f"y{i}": _dot(columns, factors, offset)
            for i, (factors, offset) in enumerate(zip(space.matrix.T, space.offset, strict=True))
        }
    )


def _log1p(value: ir.FloatingColumn) -> ir.FloatingColumn:
    """log(1 + |x|) with the sign of x."""
    size = (value.abs() + 1).ln()
    return ibis.ifelse(value < 0, -size, size)


def _ranked(customers: ir.Table, model: CentroidModel) -> ir.Table:
    """Customers with the two nearest centroids, and how near each is.

    With transform, scale, weights and centroids folded, nearness is one product a segment: a customer x at the place
    y = x M + o is the nearest to the centroid c of the least |y - c|² - |y|² = |c|² - 2 c·o - 2 x·(M c).
    """
    places, space = placed(customers, model.space), model.space
    ids = [segment.segment_id for segment in model.segments]
    columns = [places[f"x{j}"] for j in range(len(space.features))]
    factors = -2 * space.matrix @ model.centroids.T
    offsets = np.einsum("kp,kp->k", model.centroids, model.centroids) - 2 * model.centroids @ space.offset
    nearness = {f"d{j}": _dot(columns, factors[:, j], offset) for j, offset in enumerate(offsets)}
    places = places.mutate(**nearness)
    places = places.mutate(nearest=ibis.least(*(places[name] for name in nearness)))
    nearest_id = ibis.cases(*((places[name] == places.nearest, id_) for name, id_ in zip(nearness, ids, strict=True)))
    places = places.mutate(segment_id=nearest_id.cast("int64"))
    others = [
        ibis.ifelse(places.segment_id == id_, float("inf"), places[name])
        for name, id_ in zip(nearness, ids, strict=True)
    ]
    places = places.mutate(next=ibis.least(*others))
    next_id = ibis.cases(
        *(
            ((places[name] == places.next) & (places.segment_id != id_), id_)
            for name, id_ in zip(nearness, ids, strict=True)
        )
    )
    return places.mutate(runner_up=next_id.cast("int64"))


def _moved(ranked: ir.Table, model: CentroidModel) -> ir.Table:
    """Customers with the smallest change of one feature that carries them into another segment, and into which.

    Moving feature j by s shifts the difference of the squared distances to centroids a and b by 2 s m_j·(b − a), with
    m_j its row of the matrix; so the border lies at s = (d_b − d_a) / (2 m_j·(b − a)). The nearest of all borders is
    crossed first. Steps that would leave the range seen in training are not offered.
    """
    space, ids = model.space, [segment.segment_id for segment in model.segments]
    table = ranked.join(_borders(model), "segment_id", how="left")
    ways = [(j, b) for j in range(len(space.features)) for b in range(len(ids))]
    moves: dict[str, ir.Value] = {}
    for j, b in ways:
        at = table[f"x{j}"] + (table[f"d{b}"] - table.nearest) / table[f"slope{j}_{b}"].nullif(0.0)
        inside = at.between(*(float(end) for end in space.transform(np.stack([space.low, space.high]))[:, j]))
        step = (at - table[f"x{j}"]).abs() / float(space.scale[j])
        moves |= {f"at{j}_{b}": at, f"step{j}_{b}": ibis.ifelse(inside, step, float("inf")).fill_null(float("inf"))}
    table = table.mutate(**moves)
    table = table.mutate(step=ibis.least(*(table[f"step{j}_{b}"] for j, b in ways)))
    taken = {way: (table[f"step{way[0]}_{way[1]}"] == table.step) & (table.step < float("inf")) for way in ways}
    to = ibis.cases(*((found, table[f"at{j}_{b}"]) for (j, b), found in taken.items()))
    return table.mutate(
        move_segment=ibis.cases(*((found, ids[b]) for (_, b), found in taken.items())).cast("int64"),
        move_feature=ibis.cases(*((found, space.features[j]) for (j, _), found in taken.items())),
        move_to=to.sign() * (to.abs().exp() - 1) if space.log else to,
    )


def _borders(model: CentroidModel) -> ir.Table:
    """For each segment, how fast each feature carries a customer towards each other one; null towards its own."""
    slopes = 2 * np.einsum("jp,abp->abj", model.space.matrix, model.centroids[None] - model.centroids[:, None])
    k, _, d = slopes.shape
    columns = {f"slope{j}_{b}": pa.array(slopes[:, b, j], mask=np.arange(k) == b) for j in range(d) for b in range(k)}
    ids = pa.array([segment.segment_id for segment in model.segments])
    return ibis.memtable(pa.table({"segment_id": ids} | columns))
