"""The segment model: a small document of arrays that gives the same segment in NumPy and in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from clientage.segments.kmeans import Floats, Integers, nearest
from clientage.segments.space import Space


@dataclass(frozen=True)
class Segment:
    """What is known of a segment besides where it lies.

    Attributes:
        segment_id: Number, from 1 in order of revenue.
        name: In plain words.
        action: What to do with its customers.
        rule: Conditions in the shop's units that tell most of it.
        rule_precision: Share of customers the rule picks that are in the segment.
        rule_recall: Share of the segment's customers that the rule picks.
    """

    segment_id: int
    name: str
    action: str
    rule: str = ""
    rule_precision: float = 0.0
    rule_recall: float = 0.0


@dataclass(frozen=True)
class CentroidModel:
    """Segments as middles in a space; a customer belongs to the nearest.

    Attributes:
        recipe: Name of the recipe.
        space: Where customers lie.
        centroids: Middles, (k, p), in order of the segments.
        view: Directions of the map of customers, (p, at most 3).
        segments: One for each middle.
        wholesale_from: Units a line from which a customer is flagged; None where units are not known.
    """

    recipe: str
    space: Space
    centroids: Floats
    view: Floats
    segments: tuple[Segment, ...]
    wholesale_from: float | None

    def predict(self, customers: Mapping[str, Floats]) -> Integers:
        """Segment numbers (n,) of customers given as columns of their features."""
        values = np.column_stack([customers[name] for name in self.space.features])
        ids = np.array([segment.segment_id for segment in self.segments])
        return np.asarray(ids[nearest(self.space.place(values), self.centroids)])

    def assign(self, customers: ir.Table) -> ir.Table:
        """The table `segments` for the table `customers`, computed by the engine."""
        placed = _placed(customers, self.space)
        ranked = _ranked(placed, self.centroids, [segment.segment_id for segment in self.segments])
        moved = _moved(ranked, self)
        views = {
            f"pc{i + 1}": _dot([moved[f"y{j}"] for j in range(len(column))], column)
            for i, column in enumerate(self.view.T)
        }
        return moved.select(
            "customer_id",
            "segment_id",
            named(moved.segment_id, self.segments),
            moved.nearest.sqrt().name("distance"),
            "runner_up",
            moved.next.sqrt().name("runner_up_distance"),
            "move_feature",
            "move_to",
            flag_wholesale(moved, self.wholesale_from),
            **views,
        )


def named(segment_id: ir.IntegerColumn, segments: Sequence[Segment]) -> ir.StringColumn:
    """The segment's name for its number."""
    return ibis.cases(*((segment_id == segment.segment_id, segment.name) for segment in segments)).name("segment")


def flag_wholesale(customers: ir.Table, wholesale_from: float | None) -> ir.BooleanColumn:
    """Whether a customer buys like a trader."""
    if wholesale_from is None:
        return ibis.literal(False).name("wholesale")
    return (customers.units_per_line >= wholesale_from).fill_null(False).name("wholesale")


def _dot(columns: Sequence[ir.NumericColumn], factors: Floats, offset: float = 0.0) -> ir.FloatingColumn:
    terms = [column * float(factor) for column, factor in zip(columns, factors, strict=True) if factor]
    return sum(terms, start=ibis.literal(float(offset)))


def _squared(columns: Sequence[ir.NumericColumn], middle: Floats) -> ir.FloatingColumn:
    """Squared distance to a middle; as products, for engines take much longer over powers."""
    gaps = [column - float(at) for column, at in zip(columns, middle, strict=True)]
    return sum((gap * gap for gap in gaps), start=ibis.literal(0.0))


def _placed(customers: ir.Table, space: Space) -> ir.Table:
    """Customers with their transformed features `t0…` and their place `y0…`."""
    filled = [
        customers[name].cast("float64").fill_null(float(fill))
        for name, fill in zip(space.features, space.fill, strict=True)
    ]
    compared = [value.sign() * (value.abs() + 1).ln() if space.log else value for value in filled]
    placed = customers.mutate(**{f"t{j}": value for j, value in enumerate(compared)})
    columns = [placed[f"t{j}"] for j in range(len(space.features))]
    return placed.mutate(
        **{
            f"y{i}": _dot(columns, factors, offset)
            for i, (factors, offset) in enumerate(zip(space.matrix.T, space.offset, strict=True))
        }
    )


def _ranked(placed: ir.Table, centroids: Floats, ids: Sequence[int]) -> ir.Table:
    """Customers with the two nearest middles and the squared distances to them."""
    columns = [placed[f"y{i}"] for i in range(centroids.shape[1])]
    squares = {f"d{j}": _squared(columns, middle) for j, middle in enumerate(centroids)}
    placed = placed.mutate(**squares)
    distances = [placed[name] for name in squares]
    placed = placed.mutate(nearest=ibis.least(*distances))
    nearest_id = ibis.cases(*((placed[name] == placed.nearest, id_) for name, id_ in zip(squares, ids, strict=True)))
    placed = placed.mutate(segment_id=nearest_id.cast("int64"))
    others = [
        ibis.ifelse(placed.segment_id == id_, float("inf"), placed[name])
        for name, id_ in zip(squares, ids, strict=True)
    ]
    placed = placed.mutate(next=ibis.least(*others))
    next_id = ibis.cases(
        *(
            ((placed[name] == placed.next) & (placed.segment_id != id_), id_)
            for name, id_ in zip(squares, ids, strict=True)
        )
    )
    return placed.mutate(runner_up=next_id.cast("int64"))


def _moved(ranked: ir.Table, model: CentroidModel) -> ir.Table:
    """Customers with the one feature whose change would carry them to the runner-up with the smallest step.

    Moving feature j by s shifts the difference of the squared distances by 2 s m_j·(b − a), with m_j its row of the
    matrix and a, b the two middles; so the border lies at s = (d_b − d_a) / (2 m_j·(b − a)). Steps that would leave
    the range seen in training are not offered.
    """
    space = model.space
    table = ranked.join(_borders(model), ["segment_id", "runner_up"], how="left")
    targets = {}
    for j in range(len(space.features)):
        at = table[f"t{j}"] + (table.next - table.nearest) / table[f"slope{j}"].nullif(0.0)
        targets[f"to{j}"] = at.sign() * (at.abs().exp() - 1) if space.log else at
        inside = targets[f"to{j}"].between(float(space.low[j]), float(space.high[j]))
        step = (at - table[f"t{j}"]).abs() / float(space.scale[j])
        targets[f"step{j}"] = ibis.ifelse(inside, step, float("inf")).fill_null(float("inf"))
    table = table.mutate(**targets)
    steps = [table[f"step{j}"] for j in range(len(space.features))]
    table = table.mutate(step=ibis.least(*steps))
    reachable = [table.step.isinf().__invert__() & (step == table.step) for step in steps]
    return table.mutate(
        move_feature=ibis.cases(*zip(reachable, space.features, strict=True)),
        move_to=ibis.cases(*((reached, table[f"to{j}"]) for j, reached in enumerate(reachable))),
    )


def _borders(model: CentroidModel) -> ir.Table:
    """For every two segments, how fast each feature carries a customer from one to the other."""
    ids = [segment.segment_id for segment in model.segments]
    pairs = [(a, b) for a in range(len(ids)) for b in range(len(ids)) if a != b]
    slopes = np.array([2 * model.space.matrix @ (model.centroids[b] - model.centroids[a]) for a, b in pairs])
    columns = {"segment_id": [ids[a] for a, _ in pairs], "runner_up": [ids[b] for _, b in pairs]}
    return ibis.memtable(pa.table(columns | {f"slope{j}": column for j, column in enumerate(slopes.T)}))
