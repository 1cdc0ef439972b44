"""What recommendations are worth: the measures by hand, and the reference figures on the public data set."""

import numpy as np
import pytest
from matrices import bought

from clientage.recommendations.evaluate import Trial, best, recommenders, scores


def test_measures_by_hand():
    wanted = bought([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    products = np.array([[0, 3, 1], [3, 4, -1], [0, 1, 2]])
    found = scores(products, wanted)
    first = (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert found["customers"] == 2
    assert found["recall_10"] == pytest.approx(0.5)
    assert found["precision_3"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["ndcg_10"] == pytest.approx(first / 2)
    assert found["ndcg_10_se"] == pytest.approx(np.std([first, 0]) / np.sqrt(2))
    assert found["mrr"] == pytest.approx(0.5)
    assert found["coverage"] == pytest.approx(1.0)
    assert found["served"] == 1


def test_nobody_to_judge_by_gives_zeros_and_no_nan():
    found = scores(np.full((3, 2), -1), bought(np.zeros((3, 4))))
    assert found["customers"] == 0
    assert not np.isnan(list(found.values())).any()


def test_what_goes_together_is_found_where_it_is_planted():
    rng = np.random.default_rng(2)
    taste = rng.integers(0, 4, 600)
    chance = np.where(np.arange(40)[None] // 10 == taste[:, None], 0.4, 0.02)
    before = (rng.random((600, 40)) < chance).astype(np.float32)
    after = ((rng.random((600, 40)) < chance) & (before == 0)).astype(np.float32)
    count = before.sum(axis=0).astype(int)
    trial = Trial(bought(before), bought(before), bought(after), np.zeros(600, int), count, count, np.ones(40, bool))
    rows = {row["model"]: row for row in recommenders(trial, penalty=20)}
    assert list(rows) == ["ease", "cosine", "popular", "popular lately", "cluster"]
    assert rows["ease"]["ndcg_10"] > 1.5 * rows["popular"]["ndcg_10"] > 0
    assert rows["ease"]["served"] == 1
    assert best(list(rows.values())) in ("ease", "cosine")


def test_the_best_is_one_that_a_run_can_use():
    rows = [
        {"model": "cluster", "ndcg_10": 0.9},
        {"model": "cosine", "ndcg_10": 0.2},
        {"model": "ease", "ndcg_10": 0.1},
    ]
    assert best(rows) == "cosine"


@pytest.mark.real
@pytest.mark.slow
def test_the_reference_figures_are_reached(real_tables):
    rows = {row["model"]: row for row in real_tables["engine"].to_pyarrow(real_tables["recommenders"]).to_pylist()}
    ease = rows["ease"]
    assert ease["customers"] == 1_837
    assert ease["ndcg_10"] >= 0.119
    assert ease["precision_3"] >= 0.130
    assert ease["served"] == 1
    assert ease["precision_3"] >= 4 * rows["cluster"]["precision_3"]
    assert ease["ndcg_10"] > rows["cosine"]["ndcg_10"] > rows["popular lately"]["ndcg_10"]
