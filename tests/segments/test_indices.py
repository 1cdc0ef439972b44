"""Indices against scikit-learn, which counts the same things more slowly."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clientage.segments.indices import adjusted_rand, area_under_curve, quality

labelings = st.lists(st.integers(0, 3), min_size=12, max_size=60)


def metrics():
    return pytest.importorskip("sklearn.metrics")


@settings(max_examples=25, deadline=None)
@given(labelings, st.integers(0, 9))
@example([2, 2, 3, 1, 3, 1, 0, 0, 0, 0, 3, 1], 4)  # where rounding once showed
def test_quality_equals_scikit_learn(labels, seed):
    labels = np.unique(labels, return_inverse=True)[1]
    if labels.max() < 1:
        return
    points = np.random.default_rng(seed).normal(size=(len(labels), 3))
    found = quality(points, [labels])[0]
    assert found["silhouette"] == pytest.approx(metrics().silhouette_score(points, labels))
    assert found["davies_bouldin"] == pytest.approx(metrics().davies_bouldin_score(points, labels))
    assert found["calinski_harabasz"] == pytest.approx(metrics().calinski_harabasz_score(points, labels))


@settings(max_examples=50, deadline=None)
@given(labelings, st.randoms())
def test_agreement_equals_scikit_learn(labels, order):
    other = order.sample(labels, len(labels))
    left, right = np.array(labels), np.array(other)
    assert adjusted_rand(left, right) == pytest.approx(metrics().adjusted_rand_score(left, right))
    assert adjusted_rand(left, left) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=4, max_size=40))
def test_area_under_curve_equals_scikit_learn(pairs):
    scores, outcome = (np.array(values) for values in zip(*pairs, strict=True))
    if len(set(outcome)) < 2:
        assert np.isnan(area_under_curve(scores.astype(float), outcome))
    else:
        assert area_under_curve(scores.astype(float), outcome) == pytest.approx(
            metrics().roc_auc_score(outcome, scores)
        )


def test_a_large_silhouette_is_taken_on_a_sample_and_says_about_the_same():
    rng = np.random.default_rng(0)
    labels = np.arange(8_000) % 2
    points = rng.normal(size=(8_000, 2)) + 3 * labels[:, None]
    sampled = quality(points, [labels], seed=1)[0]["silhouette"]
    assert sampled == pytest.approx(metrics().silhouette_score(points[:4_000], labels[:4_000]), abs=0.03)
