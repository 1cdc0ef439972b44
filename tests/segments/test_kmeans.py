"""k-means against scikit-learn, and its laws."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.segments.kmeans import kmeans, nearest, squared_distances


def blobs(n=400, seed=0):
    rng = np.random.default_rng(seed)
    centroids = np.array([[0, 0, 0], [6, 0, 1], [0, 6, 2], [6, 6, 3]], float)
    return centroids[np.arange(n) % 4] + rng.normal(0, 1, (n, 3))


@pytest.mark.parametrize("k", [2, 4, 7])
def test_as_good_as_scikit_learn(k):
    cluster = pytest.importorskip("sklearn.cluster")
    points = blobs()
    theirs = cluster.KMeans(k, n_init=20, random_state=0).fit(points).inertia_
    assert kmeans(points, k, seed=0, restarts=20).inertia <= theirs * 1.002


def test_weights_count_like_repeated_points():
    points = blobs(40)
    weights = np.random.default_rng(1).integers(1, 4, len(points)).astype(float)
    weighted = kmeans(points, 3, seed=2, restarts=20, weights=weights)
    repeated = kmeans(np.repeat(points, weights.astype(int), axis=0), 3, seed=2, restarts=20)
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=1e-3)


def test_fewer_restarts_are_a_prefix_of_more():
    points = blobs()
    inertias = [kmeans(points, 6, seed=3, restarts=restarts).inertia for restarts in (1, 2, 5, 10, 20)]
    # sums of another batch size differ in the last bit
    assert all(fewer >= more - 1e-6 for fewer, more in pairwise(inertias))


def test_labels_are_the_nearest_middles_and_inertia_their_distance():
    points = blobs()
    found = kmeans(points, 4, seed=0)
    distances = squared_distances(points, found.centroids)
    np.testing.assert_array_equal(found.labels, distances.argmin(axis=1))
    np.testing.assert_array_equal(nearest(points, found.centroids), found.labels)
    assert found.inertia == pytest.approx(distances.min(axis=1).sum())


def test_the_same_seed_gives_the_same_bytes():
    one, other = (kmeans(blobs(), 5, seed=4).centroids.tobytes() for _ in range(2))
    assert one == other


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(0, 99))
def test_no_cluster_is_empty(k, seed):
    points = np.repeat(np.random.default_rng(seed).normal(size=(k, 2)), 5, axis=0)
    found = kmeans(points, k, seed=seed)
    assert set(found.labels) == set(range(k))
    assert found.inertia == pytest.approx(0, abs=1e-9)
