"""k-means against scikit-learn, and its laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.segments.kmeans import CELLS, every_restart, kmeans, nearest, squared_distances


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


each_init = pytest.mark.parametrize("init", ["k-means++", "random"])


@each_init
@pytest.mark.parametrize(("n", "k"), [(400, 6), (3_001, 7), (57, 2)])
def test_a_restart_gives_the_same_bits_whichever_run_beside_it(init, n, k):
    points = blobs(n)
    together = every_restart(points, k, range(20), seed=3, init=init)
    for runs in ([4], [19, 0], [7, 8, 9, 10, 11]):
        alone = every_restart(points, k, runs, seed=3, init=init)
        for name, values in vars(alone).items():
            assert values.tobytes() == getattr(together, name)[runs].tobytes(), (name, runs)


def test_restarts_of_many_points_run_in_parts():
    points = blobs(CELLS // 4)
    together = every_restart(points, 2, range(5), seed=1, max_iter=3)
    assert [every_restart(points, 2, [run], seed=1, max_iter=3).inertia[0] for run in range(5)] == list(
        together.inertia
    )


@each_init
def test_fewer_restarts_are_a_prefix_of_more(init):
    points = blobs()
    every = every_restart(points, 6, range(20), seed=3, init=init)
    for restarts in (1, 2, 5, 10, 20):
        found, first = kmeans(points, 6, seed=3, restarts=restarts, init=init), every.best(restarts)
        assert found.inertia == first.inertia == every.inertia[:restarts].min()
        assert found.centroids.tobytes() == first.centroids.tobytes()
        np.testing.assert_array_equal(found.labels, first.labels)


@each_init
def test_fewer_iterations_matter_only_to_restarts_that_take_more(init):
    points = blobs()
    every = every_restart(points, 6, range(10), seed=3, init=init)
    cut = every_restart(points, 6, range(10), seed=3, init=init, max_iter=int(np.median(every.iterations)))
    same = every.iterations <= cut.iterations
    assert 0 < same.sum() < 10
    np.testing.assert_array_equal(every.inertia[same], cut.inertia[same])
    assert (cut.inertia[~same] >= every.inertia[~same] - 1e-9).all()
    assert (cut.inertia[~same] > every.inertia[~same]).any()


def test_random_starts_are_distinct_points_and_others_than_greedy_ones():
    points = blobs(8)
    start = every_restart(points, 8, range(6), seed=0, init="random", max_iter=1)
    np.testing.assert_allclose(start.inertia, 0, atol=1e-9)
    one, other = (kmeans(blobs(), 4, seed=0, restarts=1, init=init, max_iter=1) for init in ("random", "k-means++"))
    assert one.inertia != other.inertia


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
@given(st.integers(2, 6), st.integers(0, 99), st.sampled_from(["k-means++", "random"]))
def test_no_cluster_is_empty(k, seed, init):
    points = np.repeat(np.random.default_rng(seed).normal(size=(k, 2)), 5, axis=0)
    found = kmeans(points, k, seed=seed, init=init)
    assert set(found.labels) == set(range(k))
    assert found.inertia == pytest.approx(0, abs=1e-9)
