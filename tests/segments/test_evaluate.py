"""The hold-out: what is scored, and the reference figures on the public data set."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import bought, columns, days, table

from clientage.customers.features import baskets
from clientage.segments.evaluate import grouped, score, scorecard, stability
from clientage.segments.outcomes import outcomes


def test_outcomes_are_what_was_bought_in_the_horizon(engine):
    rows = [
        bought(customer_id="before", invoiced_at=days(-1)),
        bought(customer_id="first", invoiced_at=days(0).replace(hour=0)),
        bought(customer_id="last", invoiced_at=days(9).replace(hour=23), quantity=3.0),
        bought(customer_id="after", invoiced_at=days(10).replace(hour=0)),
        bought(customer_id="returned", invoiced_at=days(3), quantity=-2.0),
        bought(customer_id=None, invoiced_at=days(3)),
    ]
    found = engine.to_pyarrow(outcomes(baskets(table("lines", rows)), date(2024, 1, 1), 10)).to_pylist()
    spent = {row["customer_id"]: (row["next_spend"], row["next_net"]) for row in found}
    assert spent == {"first": (25.0, 25.0), "last": (37.5, 37.5), "returned": (0.0, -25.0)}


def test_groups_that_tell_all_score_one_and_random_ones_about_nothing():
    labels = np.arange(3_000) % 3
    spend = np.array([0.0, 10.0, 500.0])[labels]
    perfect = score(labels, spend)
    assert perfect.r2 == pytest.approx(1)
    assert perfect.auc == pytest.approx(1)
    random = score(np.random.default_rng(0).permutation(labels), spend)
    assert abs(random.r2) < 0.02
    assert abs(random.auc - 0.5) < 0.05
    assert 0 < random.auc_se < 0.05


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99))
def test_the_score_is_out_of_fold(seed):
    rng = np.random.default_rng(seed)
    labels, spend = np.arange(400) // 2, rng.gamma(1, 100, 400)
    assert score(labels, spend, seed=seed).r2 < 0.1


def test_the_scorecard_compares_recipes_at_equal_numbers_of_groups():
    found = columns(600) | {"next_spend": columns(600)["monetary"]}
    rows = scorecard(found, 3, bootstraps=2)
    sizes = {}
    for row in rows:
        sizes.setdefault(row["recipe"], []).append(row["groups"])
    assert sizes["behaviour"] == sizes["rfm"] == sizes["classic"] == [3, 10]
    assert all(0 <= row["smallest_share"] <= 1 and row["stability"] <= 1 for row in rows)


def test_the_grid_agrees_with_its_refits_and_not_with_chance():
    found = columns(600)
    labels = grouped("quintiles", found, 10)
    assert stability("quintiles", found, labels, bootstraps=5) > 0.7
    chance = np.random.default_rng(0).permutation(labels)
    assert abs(stability("quintiles", found, chance, bootstraps=5)) < 0.05


@pytest.mark.real
def test_the_default_recipe_reaches_the_reference_figures(real_tables):
    rows = real_tables["engine"].to_pyarrow(real_tables["evaluation"]).to_pylist()
    mean = {
        recipe: [
            np.mean([row[name] for row in rows if row["recipe"] == recipe and row["groups"] == 5])
            for name in ("r2", "auc")
        ]
        for recipe in ("behaviour", "classic")
    }
    assert {str(row["cutoff"]) for row in rows} == {"2011-05-12", "2011-07-11", "2011-09-09"}
    assert mean["behaviour"][0] >= 0.232
    assert mean["behaviour"][1] >= 0.712
    assert mean["behaviour"][0] > 2 * mean["classic"][0]
