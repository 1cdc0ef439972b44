"""Weights between products: the closed form, the similarity, and their way through a table."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matrices import bought

from clientage.recommendations import blocks
from clientage.recommendations.blocks import BLOCK
from clientage.recommendations.cosine import cosine
from clientage.recommendations.ease import ease
from clientage.recommendations.weights import Weights, bought_together, largest, mirrored, strongest

SHOPS = arrays.arrays(
    np.int8, arrays.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12), elements=st.integers(0, 1)
)
TIES = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.sampled_from(np.float32([0, 0.5, 1]))
)


def textbook(matrix, penalty):
    """Equation 8 of Steck (2019), in double precision."""
    gram = matrix.T @ matrix + penalty * np.eye(matrix.shape[1])
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


@settings(max_examples=30, deadline=None)
@given(shop=SHOPS, penalty=st.floats(0.5, 1000))
def test_ease_is_the_closed_form_of_the_paper(shop, penalty):
    found = ease(bought(shop), penalty, keep=99).matrix().toarray()
    assert found == pytest.approx(textbook(shop.astype(float), penalty), abs=1e-4)


def test_more_products_than_a_block_are_as_good():
    shop = (np.random.default_rng(1).random((300, BLOCK + 40)) < 0.05).astype(np.float32)
    found = ease(bought(shop), 50.0, keep=BLOCK + 40).matrix().toarray()
    assert found == pytest.approx(textbook(shop.astype(float), 50.0), abs=1e-5)
    assert (np.tril(bought_together(bought(shop))) == np.tril(shop.T @ shop)).all()
    assert (mirrored(bought_together(bought(shop))) == shop.T @ shop).all()


def test_the_strongest_weights_are_kept_whatever_their_sign():
    rows = np.array([[9.0, 0.1, -0.5, 0.3], [0.2, 9.0, 0.0, -0.1]], np.float32)
    places, values = strongest(rows, 0, 2)
    assert places.tolist() == [[2, 3], [0, 3]]
    assert values == pytest.approx(np.array([[-0.5, 0.3], [0.2, -0.1]]))


@settings(max_examples=50, deadline=None)
@given(values=TIES, keep=st.integers(1, 9))
def test_of_equal_values_the_first_are_kept(values, keep):
    keep = min(keep, values.shape[1])
    expected = np.argsort(-values, axis=1, kind="stable")[:, :keep]
    assert (largest(values, keep) == expected).all()


def test_cosine_counts_customers_in_common_and_shrinks_the_rare():
    shop = bought([[1, 1, 0], [1, 1, 0], [1, 0, 1]])
    found = cosine(shop, shrink=0).matrix().toarray()
    assert found[0, 1] == pytest.approx(2 / np.sqrt(3 * 2))
    assert found[0, 2] == pytest.approx(1 / np.sqrt(3))
    assert cosine(shop, shrink=20).matrix().toarray()[0, 2] == pytest.approx(1 / (np.sqrt(3) + 20))


@settings(max_examples=20, deadline=None)
@given(shop=SHOPS, keep=st.integers(1, 5))
def test_a_table_holds_the_weights(shop, keep):
    products = pa.array([f"p{i:02}" for i in range(shop.shape[1])])
    weights = ease(bought(shop), 5.0, keep)
    again = Weights.of_table(weights.table(products), products)
    assert (again.matrix().toarray() == weights.matrix().toarray()).all()


def test_the_same_purchases_give_the_same_bytes_for_any_number_of_threads(monkeypatch):
    shop, found = bought(np.random.default_rng(0).random((200, 3 * BLOCK)) < 0.1), []
    for threads in (1, 3):
        monkeypatch.setattr(blocks, "THREADS", threads)
        found.append(ease(shop.copy()))
    assert found[0].weight.tobytes() == found[1].weight.tobytes()
    assert found[0].bought.tobytes() == found[1].bought.tobytes()
