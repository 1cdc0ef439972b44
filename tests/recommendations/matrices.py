"""Small shops as matrices, for tests of recommenders."""

import numpy as np
from scipy import sparse

from clientage.recommendations.offers import Fallback


def bought(rows):
    """Customers × products from lists of lists of 0 and 1."""
    return sparse.csr_array(np.array(rows, np.float32))


def popularity(matrix):
    """The share of customers who bought each product, as the fallback of all."""
    n = matrix.shape[0]
    share = np.asarray(matrix.sum(axis=0)).ravel() / n
    return Fallback(share[None].astype(np.float32), np.zeros(n, np.int64), np.zeros(1, bool))
