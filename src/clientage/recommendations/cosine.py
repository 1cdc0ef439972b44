"""Items bought by the same customers: cosine similarity, shrunk for rare products (Sarwar and others 2001)."""

import numpy as np

from clientage.recommendations.purchases import Bought
from clientage.recommendations.weights import BLOCK, Weighed, Weights, bought_together, strongest

NEIGHBOURS = 200


def cosine(bought: Bought, keep: int = NEIGHBOURS, shrink: float = 20.0) -> Weights:
    """The similarity of each product to those that are most like it.

    Args:
        bought: Customers × products, 1 where bought, (n, m).
        keep: Weights for each product.
        shrink: Added to the norms: similarity from few customers counts less.
    """
    pairs = bought_together(bought)
    norms: Weighed = np.sqrt(np.diag(pairs))
    found = [
        strongest(_shrunk(pairs[start : start + BLOCK], norms[start : start + BLOCK], norms, shrink), start, keep)
        for start in range(0, len(pairs), BLOCK)
    ]
    return Weights(np.concatenate([block[0] for block in found]), np.concatenate([block[1] for block in found]))


def _shrunk(pairs: Weighed, own: Weighed, norms: Weighed, shrink: float) -> Weighed:
    return np.asarray(pairs / (own[:, None] * norms + np.float32(shrink)), np.float32)
