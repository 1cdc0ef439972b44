"""The best products for each customer: from what they bought, else what is popular with those like them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clientage.recommendations.blocks import in_blocks
from clientage.recommendations.purchases import Bought
from clientage.recommendations.weights import Weighed, Weights, largest

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOBODY = -1


@dataclass(frozen=True)
class Fallback:
    """What to offer where nothing bought speaks for anything.

    Attributes:
        score: Share of customers who bought each product, for each group, (g, m).
        group: Group of each customer, (n,).
        own: Whether a group's figures are its segment's, rather than all customers', (g,).
    """

    score: Weighed
    group: Indices
    own: Flags


@dataclass(frozen=True)
class Offers:
    """What to offer to a block of b customers, the best first.

    Attributes:
        first: Number of the block's first customer.
        product: Number of the product, (b, k); -1 where there is none.
        score: Its score, (b, k).
        because: Number of the bought product that spoke most for it, (b, k); -1 where it is popular only.
    """

    first: int
    product: Indices
    score: Weighed
    because: Indices


def offers(
    bought: Bought, weights: Weights | None, fallback: Fallback, top: int, *, offered: Flags, repeat: bool = False
) -> Iterator[Offers]:
    """The best products for all customers, block by block, so that memory stays bounded.

    Args:
        bought: Customers × products, 1 where bought, (n, m).
        weights: The model; None for popular products only.
        fallback: Fills the places that the model leaves.
        top: How many for each customer.
        offered: Whether each product may be recommended, (m,).
        repeat: Whether what was bought before may be recommended again.
    """
    matrix = weights.matrix().tocsr() if weights else None

    def best(rows: slice) -> Offers:
        had = bought[rows].toarray() > 0
        barred = ~offered | (had & (not repeat))
        product, value = _best(_scores(bought[rows], matrix, barred), top)
        because = _because(product, had, weights)
        _fill(product, value, fallback, rows.start, barred)
        return Offers(rows.start, product, value, because)

    return in_blocks(best, bought.shape[0])


def similar(weights: Weights, product: int) -> Weighed:
    """How alike each product is to one of them, (m,): whether the same purchases speak for both (cosine of weights)."""
    matrix = weights.matrix().tocsc()
    norms = np.maximum(np.sqrt(matrix.multiply(matrix).sum(axis=0)), 1e-12)
    own = matrix[:, [product]].toarray().ravel()
    alike = np.asarray(matrix.T @ own / (norms * norms[product]), np.float32)
    alike[product] = 0
    return alike


def _scores(block: Bought, matrix: sparse.csr_array | None, barred: Flags) -> Weighed:
    if matrix is None:
        return np.zeros(barred.shape, np.float32)
    score = (block @ matrix).toarray()
    score[barred] = 0
    return np.asarray(score)


def _best(score: Weighed, top: int) -> tuple[Indices, Weighed]:
    """The products with the highest positive scores, (b, top), -1 where there are fewer; ties go to the first."""
    positive = np.maximum(score, np.float32(0))
    positive += np.float32(0)  # a zero with a sign becomes one without
    found = largest(positive, min(top, score.shape[1]))
    value = np.take_along_axis(positive, found, 1)
    return np.where(value > 0, found, NOBODY), value


def _because(product: Indices, had: Flags, weights: Weights | None) -> Indices:
    """The bought product with the largest weight for each recommended one."""
    if weights is None:
        return np.full_like(product, NOBODY)
    speaks = weights.bought[np.maximum(product, 0)]
    weight = weights.weight[np.maximum(product, 0)] * had[np.arange(len(had))[:, None, None], speaks]
    most = weight.argmax(axis=2)[:, :, None]
    because = np.take_along_axis(speaks, most, 2)[:, :, 0]
    known = (product >= 0) & (np.take_along_axis(weight, most, 2)[:, :, 0] > 0)
    return np.where(known, because, NOBODY).astype(np.int64)


def _fill(product: Indices, value: Weighed, fallback: Fallback, first: int, barred: Flags) -> None:
    """Put popular products into the places that are empty, in place; they stand last."""
    short = np.flatnonzero((product < 0).any(axis=1))
    popular = np.where(barred[short], 0, fallback.score[fallback.group[first + short]])
    row, place = np.nonzero(product[short] >= 0)
    popular[row, product[short][row, place]] = 0
    found, share = _best(popular, product.shape[1])
    for i, customer in enumerate(short):
        have = int((product[customer] >= 0).sum())
        product[customer, have:] = found[i, : product.shape[1] - have]
        value[customer, have:] = share[i, : product.shape[1] - have]
