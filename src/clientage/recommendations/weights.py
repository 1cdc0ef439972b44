"""How much each product bought speaks for each other one: sparse weights, whatever method they come from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from clientage.recommendations.blocks import in_blocks
from clientage.recommendations.purchases import Bought

Weighed = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """The model of a recommender of m products.

    Attributes:
        bought: For each product to recommend the products that speak for it most, (m, at most k).
        weight: By how much, (m, at most k); 0 where there are fewer.
    """

    bought: NDArray[np.int32]
    weight: Weighed

    def matrix(self) -> sparse.csc_array:
        """The same as bought × recommended, (m, m)."""
        m, k = self.weight.shape
        ends = np.arange(0, m * k + 1, k)
        return sparse.csc_array((self.weight.ravel(), self.bought.ravel(), ends), shape=(m, m))

    @classmethod
    def strongest(cls, rows: Callable[[slice], Weighed], m: int, keep: int) -> "Weights":
        """Those furthest from 0 for each product, a block of products at a time.

        Args:
            rows: Weights of all products for a block of them to recommend, (b, m).
            m: How many products there are.
            keep: Weights for each product.
        """
        found = list(in_blocks(lambda block: strongest(rows(block), block.start, keep), m))
        return cls(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def table(self, products: pa.Array) -> pa.Table:
        """The table `affinities`, in order of its key."""
        m, k = self.weight.shape
        rows = pa.table(
            {
                "product": products.take(pa.array(np.repeat(np.arange(m), k))),
                "bought": products.take(pa.array(self.bought.ravel())),
                "weight": self.weight.ravel().astype(float),
            }
        )
        return rows.filter(pc.field("weight") != 0)

    @classmethod
    def of_table(cls, affinities: pa.Table, products: pa.Array) -> "Weights":
        """From the table `affinities`.

        Args:
            affinities: In order of its key.
            products: Codes, (m,), in order.
        """
        target, bought = (
            pc.index_in(affinities[name].combine_chunks(), products).to_numpy() for name in ("product", "bought")
        )
        starts = np.searchsorted(target, np.arange(len(products) + 1))
        place = np.arange(len(target)) - starts[target]
        shape = (len(products), int(place.max(initial=0)) + 1)
        weights = cls(np.zeros(shape, np.int32), np.zeros(shape, np.float32))
        weights.bought[target, place] = bought
        weights.weight[target, place] = affinities["weight"].to_numpy()
        return weights


def bought_together(bought: Bought) -> Weighed:
    """How many customers bought each pair of products, (m, m); on the diagonal each product's customers.

    Only the lower triangle is computed: see `mirrored`.
    """
    m = bought.shape[1]
    pairs = np.empty((m, m), np.float32, order="F")
    turned = bought.T.tocsr()

    def count(block: slice) -> None:
        # a block at a time: the product of sparse matrices is almost dense, and takes three times its room
        pairs[block.start :, block] = (turned[block] @ bought[:, block.start :]).toarray().T

    list(in_blocks(count, m))
    return pairs


def mirrored(lower: Weighed) -> Weighed:
    """A symmetric matrix of which the lower triangle is known, made whole in place."""

    def mirror(block: slice) -> None:
        lower[block, block.stop :] = lower[block.stop :, block].T
        square = lower[block, block]
        above = np.triu_indices(len(square), 1)
        square[above] = square.T[above]

    list(in_blocks(mirror, len(lower)))
    return lower


def strongest(weights: Weighed, start: int, keep: int) -> tuple[NDArray[np.int32], Weighed]:
    """The weights that are furthest from 0, for a block of products.

    Args:
        weights: A row per product to recommend, (b, m); its own is set to 0.
        start: Number of the first product of the block.
        keep: How many for each.
    """
    own = np.arange(len(weights))
    weights[own, start + own] = 0
    keep = min(keep, weights.shape[1])
    found = np.sort(largest(np.abs(weights), keep), axis=1)
    return found.astype(np.int32), np.take_along_axis(weights, found, 1)


def largest(values: Weighed, keep: int) -> NDArray[np.int64]:
    """Places of the largest values of each row, the largest first; of equal ones the first.

    Args:
        values: Not below zero, (b, m).
        keep: How many places, at most m.
    """
    m = values.shape[1]
    # the bits of floats that are not negative are in the order of the floats: with the place behind them no two tie
    ranks = values.view(np.int32).astype(np.int64)
    ranks <<= 32  # in place, for it is large
    ranks |= np.arange(m - 1, -1, -1)
    ranks.partition(m - keep, axis=1)
    found = np.sort(ranks[:, m - keep :], axis=1)[:, ::-1]
    return np.asarray(m - 1 - (found & 0xFFFFFFFF))
