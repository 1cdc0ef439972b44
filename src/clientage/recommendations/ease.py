"""EASE: a linear model of what is bought beside what, in closed form (Steck 2019)."""

import numpy as np
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from clientage.errors import ClientageError
from clientage.recommendations.purchases import Bought
from clientage.recommendations.weights import Weighed, Weights, bought_together, mirrored


def ease(bought: Bought, penalty: float = 500.0, keep: int = 50) -> Weights:
    """Fit the weights with which a customer's purchases predict each other, none predicting itself.

    Args:
        bought: Customers × products, 1 where bought, (n, m).
        penalty: Of the ridge regression: the higher, the more customers a weight needs.
        keep: Weights for each product.
    """
    with threadpool_limits(1):  # the same bytes for any number of cores
        inverse = _inverse(bought_together(bought), penalty)
    diagonal = np.diag(inverse).copy()
    rows = inverse.T  # it is symmetric, and so each row lies in one piece
    return Weights.strongest(lambda block: rows[block] / -diagonal[block, None], len(rows), keep)


def _inverse(pairs: Weighed, penalty: float) -> Weighed:
    """The inverse of pairs + penalty × identity, (m, m), in place: symmetric and positive definite."""
    pairs.flat[:: len(pairs) + 1] += penalty
    factor, failed = lapack.spotrf(pairs, lower=1, overwrite_a=1, clean=0)
    inverse, singular = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or singular:
        raise ClientageError("ease cannot be fitted to these purchases. Raise --set recommendations.penalty=…")
    return mirrored(inverse)
