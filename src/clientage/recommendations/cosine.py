"""Items bought by the same customers: cosine similarity, shrunk for rare products (Sarwar and others 2001)."""

import numpy as np

from clientage.recommendations.purchases import Bought
from clientage.recommendations.weights import Weighed, Weights, bought_together, mirrored

NEIGHBOURS = 200


def cosine(bought: Bought, keep: int = NEIGHBOURS, shrink: float = 20.0) -> Weights:
    """The similarity of each product to those that are most like it.

    Args:
        bought: Customers × products, 1 where bought, (n, m).
        keep: Weights for each product.
        shrink: Added to the norms: similarity from few customers counts less.
    """
    pairs = mirrored(bought_together(bought)).T  # it is symmetric, and so each row lies in one piece
    norms: Weighed = np.sqrt(np.diag(pairs))
    return Weights.strongest(lambda block: _shrunk(pairs[block], norms[block], norms, shrink), len(pairs), keep)


def _shrunk(pairs: Weighed, own: Weighed, norms: Weighed, shrink: float) -> Weighed:
    return np.asarray(pairs / (own[:, None] * norms + np.float32(shrink)), np.float32)
