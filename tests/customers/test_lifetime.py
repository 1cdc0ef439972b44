"""Lifetime value: the papers' formulas, and a ranking that beats what a shop would go by."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1
from shops import bought, days, table

from clientage.customers.features import baskets
from clientage.customers.forecasts import judged, spearman
from clientage.customers.lifetime import (
    FEWEST,
    History,
    Lifetime,
    _orders_likelihood,
    _spend_likelihood,
    fit_lifetime,
    purchases,
)

MODEL = Lifetime((0.7, 9.0, 0.05, 7.0), (3.0, 3.2, 0.9), 280.0)


def history(repeats, last, age, worth):
    return History(*(np.array([value], float) for value in (repeats, last, age, worth)))


def simulated(n=3_000, seed=0):
    """Customers of the model itself: r, α (weeks), a and b as below."""
    rng = np.random.default_rng(seed)
    rate, stop = rng.gamma(0.8, 1 / 6.0, n), rng.beta(1.2, 4.0, n)
    age = rng.uniform(20, 52, n)
    repeats, last = np.zeros(n), np.zeros(n)
    for i in range(n):
        now, alive = 0.0, True
        while alive:
            now += rng.exponential(1 / rate[i])
            alive = now < age[i]
            if alive:
                repeats[i], last[i] = repeats[i] + 1, now
                alive = rng.random() > stop[i]
    mean = 100 * rng.gamma(4, 1, n) / 4
    return History(repeats, last * 7, age * 7, mean * rng.gamma(3 * (repeats + 1), 1 / (3 * (repeats + 1))))


@settings(max_examples=60, deadline=None)
@given(repeats=st.integers(0, 60), age=st.floats(1, 800), share=st.floats(0, 1), horizon=st.integers(1, 400))
def test_expected_orders_are_those_of_the_paper(repeats, age, share, horizon):
    r, alpha, a, b = MODEL.orders
    x, last, t, total = repeats, age * share / 7 * (repeats > 0), horizon / 7, age / 7
    power = ((alpha + total) / (alpha + total + t)) ** (r + x)
    left = power * hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + total + t))
    gone = a / (b + x - 1) * ((alpha + total) / (alpha + last)) ** (r + x) if x else 0
    paper = (a + b + x - 1) / (a - 1) * (1 - left) / (1 + gone)
    found = MODEL.expected_orders(history(repeats, last * 7, age, 1), horizon)[0]
    assert found == pytest.approx(paper, rel=1e-6, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(repeats=st.integers(0, 100_000), age=st.floats(1, 20_000), share=st.floats(0, 1), worth=st.floats(-1e9, 1e9))
def test_no_customer_gives_a_nan(repeats, age, share, worth):
    found = MODEL.expected_spend(history(repeats, age * share, age, worth), 90)[0]
    assert np.isfinite(found)
    assert found >= 0


@settings(max_examples=20, deadline=None)
@given(logs=st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_likelihoods_rise_along_their_gradients(logs):
    past = simulated(200)
    likelihoods = [
        (_orders_likelihood(past), np.array(logs)),
        (_spend_likelihood(past.repeats + 1, past.worth / 100), np.array(logs[:3])),
    ]
    for likelihood, at in likelihoods:
        steps = np.eye(len(at)) * 1e-5
        slopes = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 for step in steps]
        np.testing.assert_allclose(likelihood(at)[1], slopes, rtol=1e-4, atol=1e-3)


def test_the_parameters_of_simulated_customers_are_found():
    model, why = fit_lifetime(simulated())
    assert not why
    r, alpha, a, b = model.orders
    assert r / alpha == pytest.approx(0.8 / 6, rel=0.15)
    assert a / (a + b) == pytest.approx(1.2 / 5.2, rel=0.3)


def test_as_many_orders_are_expected_of_new_customers_as_such_customers_had():
    past = simulated(seed=1)
    model, _ = fit_lifetime(past)
    expected = np.array([model.expected_orders(history(0, 0, 0, 1), int(age))[0] for age in past.age[:300]])
    assert expected.mean() == pytest.approx(past.repeats[:300].mean(), rel=0.15)


def test_a_customer_who_comes_more_often_and_later_is_worth_more():
    few, many = history(1, 100, 300, 50), history(9, 290, 300, 50)
    assert MODEL.expected_orders(few, 90) < MODEL.expected_orders(many, 90)
    assert MODEL.expected_spend(history(9, 290, 300, 500), 90) > MODEL.expected_spend(many, 90)


@pytest.mark.parametrize("spread", [0.5, 1.5, 2.5, 4.0])
def test_wild_shops_give_forecasts_that_are_finite_and_not_negative(spread):
    past = simulated(seed=3)
    worth = np.exp(np.random.default_rng(4).normal(3, spread, len(past.worth)))
    wild = History(past.repeats, past.last, past.age, worth)
    model, why = fit_lifetime(wild)
    assert not why
    assert model.spend[1] > 1
    found = model.expected_spend(wild, 90)
    assert np.isfinite(found).all()
    assert (found >= 0).all()


def test_too_few_to_learn_from_are_said():
    model, why = fit_lifetime(History(*(np.ones(5) for _ in range(4))))
    assert model is None
    assert why == f"only 5 customers came on another day, and {FEWEST} are needed"


def test_purchases_are_days_with_a_completed_order(engine):
    rows = [
        bought(invoiced_at=days(0)),
        bought(invoiced_at=days(0), invoice="2"),
        bought(invoiced_at=days(5), invoice="3"),
        bought(invoiced_at=days(7), invoice="4", quantity=-2.0),
        bought(invoiced_at=days(20), invoice="5"),
        bought(customer_id="returner", quantity=-1.0),
    ]
    found = engine.to_pyarrow(purchases(baskets(table("lines", rows)), date(2024, 1, 11))).to_pylist()
    assert found == [{"customer_id": "c1", "repeats": 1.0, "last": 5.0, "age": 10.0, "worth": 25.0}]


def test_rank_correlation_shares_the_rank_of_ties():
    assert spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == pytest.approx(1)
    assert spearman(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert spearman(np.array([1.0, 1, 2, 3]), np.array([1.0, 2, 3, 4])) == pytest.approx(0.9486833)
    assert spearman(np.ones(3), np.arange(3.0)) is None


def test_tenths_are_of_the_forecast_and_add_up():
    rng = np.random.default_rng(0)
    forecast = rng.random(1_000)
    rows = judged({"expected": forecast}, 2 * forecast)
    assert [row["tenth"] for row in rows] == list(range(11))
    assert rows[0]["spearman"] == pytest.approx(1)
    assert [row["customers"] for row in rows] == [1_000] + 10 * [100]
    assert rows[1]["forecast_spend"] > rows[10]["forecast_spend"]
    assert rows[4]["spend"] == pytest.approx(2 * rows[4]["forecast_spend"])


@pytest.mark.real
@pytest.mark.slow
def test_the_forecast_ranks_better_than_the_last_horizon_at_every_cutoff(real_tables):
    values = real_tables["values"]
    rows = real_tables["engine"].to_pyarrow(values.filter(values.tenth == 0)).to_pylist()
    found = {(row["forecast"], row["cutoff"]): row["spearman"] for row in rows}
    cutoffs = {cutoff for _, cutoff in found}
    assert len(cutoffs) == 3
    assert all(found["expected", cutoff] > found["last horizon", cutoff] for cutoff in cutoffs)
