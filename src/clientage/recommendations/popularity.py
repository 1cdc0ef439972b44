"""What is popular: for all customers, and for each segment of which enough bought."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from clientage.recommendations.offers import Fallback, Indices
from clientage.recommendations.purchases import Bought
from clientage.recommendations.weights import Weighed

ALL = 0  # stands for all customers where the number of a segment stands


@dataclass(frozen=True)
class Popularity:
    """Shares of the buyers of a group who bought each product.

    Attributes:
        groups: Numbers of segments, the first of them `ALL`, (g,).
        share: In [0, 1], (g, m).
    """

    groups: Indices
    share: Weighed

    @classmethod
    def of(cls, bought: Bought, segments: Indices, fewest: int) -> "Popularity":
        """Counted by distinct customers.

        Args:
            bought: Customers × products, 1 where bought, (n, m).
            segments: Number of each customer's segment, (n,).
            fewest: Customers who bought, below which a segment has no figures of its own.
        """
        numbers, group = np.unique(segments, return_inverse=True)
        n, buyer = len(segments), np.diff(bought.indptr) > 0
        member = sparse.csr_array((np.ones(n, np.float32), (group, np.arange(n))), shape=(len(numbers), n))
        buyers, count = member @ buyer.astype(np.float32), (member @ bought).toarray()
        own = buyers >= fewest
        buyers, count = np.append(buyer.sum(), buyers[own]), np.vstack([count.sum(axis=0), count[own]])
        share = count / np.maximum(buyers, 1.0)[:, None]
        return cls(np.append(ALL, numbers[own]).astype(np.int64), share.astype(np.float32))

    @classmethod
    def of_table(cls, table: pa.Table, products: pa.Array) -> "Popularity":
        """From the table `popularity`.

        Args:
            table: In any order.
            products: Codes, (m,).
        """
        place, segment = pc.index_in(table["product"], products), table["segment_id"].to_numpy()
        groups = np.union1d([ALL], segment).astype(np.int64)
        share = np.zeros((len(groups), len(products)), np.float32)
        known = np.asarray(place.is_valid())
        share[np.searchsorted(groups, segment)[known], place.fill_null(0).to_numpy()[known]] = table[
            "share"
        ].to_numpy()[known]
        return cls(groups, share)

    def table(self, products: pa.Array) -> pa.Table:
        """The table `popularity`, in order of its key.

        Args:
            products: Codes, (m,).
        """
        group, product = np.nonzero(self.share)
        return pa.table(
            {
                "segment_id": pa.array(self.groups[group]),
                "product": products.take(pa.array(product)),
                "share": pa.array(self.share[group, product].astype(float)),
            }
        )

    def fallback(self, segments: Sequence[int] | Indices) -> Fallback:
        """What is popular with customers of these segments, (n,); with all customers where theirs has no figures."""
        place = np.searchsorted(self.groups, segments)
        found = self.groups[np.minimum(place, len(self.groups) - 1)] == segments
        return Fallback(self.share, np.where(found, place, 0).astype(np.int64), self.groups != ALL)
