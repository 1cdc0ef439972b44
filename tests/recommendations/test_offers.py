"""Offers: the best products for each customer, none twice, none they have, and always something to offer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matrices import bought, popularity

from clientage.recommendations.blocks import BLOCK
from clientage.recommendations.ease import ease
from clientage.recommendations.offers import NOBODY, offers, similar

SHOPS = arrays.arrays(np.int8, st.tuples(st.integers(1, 12), st.integers(2, 9)), elements=st.integers(0, 1))


def everything(shop):
    return np.ones(shop.shape[1], bool)


@settings(max_examples=60, deadline=None)
@given(shop=SHOPS, top=st.integers(1, 12), repeat=st.booleans(), data=st.data())
def test_laws_of_an_offer(shop, top, repeat, data):
    matrix = bought(shop)
    offered = np.array(data.draw(st.lists(st.booleans(), min_size=shop.shape[1], max_size=shop.shape[1])))
    (block,) = offers(matrix, ease(matrix, 2.0), popularity(matrix), top, offered=offered, repeat=repeat)
    for customer, (products, because) in enumerate(zip(block.product, block.because, strict=True)):
        real = products[products != NOBODY]
        assert len(set(real)) == len(real) <= top
        assert (products[: len(real)] == real).all(), "empty places stand last"
        assert offered[real].all()
        assert repeat or not shop[customer, real].any()
        assert all(shop[customer, reason] for reason in because[because != NOBODY])
        by_model = because[: len(real)] != NOBODY
        assert (np.diff(by_model.astype(int)) <= 0).all(), "popular products come after those of the model"
        assert (np.diff(block.score[customer, : len(real)][by_model]) <= 0).all()


def test_scores_and_reasons_are_those_of_the_weights():
    shop = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [1, 0, 1, 1], [0, 1, 0, 0]])
    matrix = bought(shop)
    weights = ease(matrix, 1.0)
    dense = weights.matrix().toarray()
    (block,) = offers(matrix, weights, popularity(matrix), 4, offered=everything(shop))
    for customer, had in enumerate(shop):
        scores = had @ dense
        for place, product in enumerate(block.product[customer]):
            if product != NOBODY and block.because[customer, place] != NOBODY:
                assert block.score[customer, place] == pytest.approx(scores[product], abs=1e-6)
                assert block.because[customer, place] == (had * dense[:, product]).argmax()


def test_who_bought_nothing_gets_what_is_popular():
    matrix = bought([[0, 0, 0], [1, 1, 0], [1, 0, 0]])
    (block,) = offers(matrix, ease(matrix, 1.0), popularity(matrix), 3, offered=everything(matrix))
    assert block.product[0].tolist() == [0, 1, NOBODY]
    assert block.because[0].tolist() == [NOBODY] * 3
    assert block.score[0, 0] == pytest.approx(2 / 3)


def test_blocks_cover_all_customers_once():
    matrix = bought((np.random.default_rng(0).random((BLOCK + 3, 20)) < 0.2).astype(np.float32))
    blocks = list(offers(matrix, None, popularity(matrix), 2, offered=everything(matrix)))
    assert [block.first for block in blocks] == [0, BLOCK]
    assert sum(len(block.product) for block in blocks) == BLOCK + 3


def test_alike_are_products_that_the_same_purchases_speak_for():
    rng = np.random.default_rng(0)
    tea, twins = rng.random((400, 1)) < 0.5, rng.random((400, 2)) < 0.5
    shop = np.hstack([tea, tea & twins, rng.random((400, 3)) < 0.2])
    alike = similar(ease(bought(shop), 1.0), 1)
    assert alike.argmax() == 2
    assert alike[1] == 0
