"""Names, rules and profiles: what people read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import columns

from clientage.segments.fit import fit_centroids
from clientage.segments.names import ACTIONS, Character, characters, unique_names
from clientage.segments.profile import After, Known, profiles, traits
from clientage.segments.rules import Condition, Rule, find_rule
from clientage.segments.space import RECIPES

EVERY_CHARACTER = st.builds(
    Character,
    st.sampled_from(["Minimal", "Low", "Mid", "High", "Top"]),
    st.sampled_from(["new", "active", "cooling", "lapsed"]),
    st.sampled_from(["one-off", "frequent"]),
    st.lists(st.sampled_from(["high returns", "bulk buyers", "wide baskets"]), max_size=3, unique=True),
)


def test_segments_are_named_by_what_stands_out():
    found = columns()
    names = unique_names(characters(found, np.arange(300) % 3, 3))
    assert names == [
        "Minimal spenders · lapsed · one-off",
        "Mid spenders · cooling · occasional",
        "Top spenders · active · very frequent",
    ]


def test_who_hardly_differs_is_called_neither_high_nor_low():
    found = columns() | {"monetary": np.linspace(10, 14, 300), "frequency": np.ones(300)}
    described = characters(found, np.arange(300) * 3 // 300, 3)
    assert {(character.spend, character.frequency) for character in described} == {("Mid", "one-off")}


def test_customers_of_the_last_weeks_are_new():
    found = columns() | {"tenure_days": np.where(np.arange(300) % 3 == 0, 20.0, 300.0)}
    assert characters(found, np.arange(300) % 3, 3)[0].recency == "new"


def test_high_returns_are_a_trait():
    found = columns() | {"cancellation_rate": np.where(np.arange(300) % 3 == 0, 0.5, 0.01)}
    described = characters(found, np.arange(300) % 3, 3)
    assert [c.traits[0] == "high returns" for c in described] == [True, False, False]


@settings(max_examples=60, deadline=None)
@given(st.lists(EVERY_CHARACTER, min_size=1, max_size=10))
def test_names_are_unique_and_every_character_has_something_to_do(found):
    names = unique_names(found)
    assert len(set(names)) == len(names)
    assert {character.action for character in found} <= set(ACTIONS.values())


def test_a_rule_finds_a_box_again():
    rng = np.random.default_rng(0)
    found = {"frequency": rng.integers(1, 40, 2_000).astype(float), "recency_days": rng.integers(1, 300, 2_000) * 1.0}
    members = (found["frequency"] > 10) & (found["recency_days"] <= 90)
    rule = find_rule(found, members)
    assert rule.f1 > 0.9
    assert {(c.feature, c.above) for c in rule.conditions} == {("frequency", True), ("recency_days", False)}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1_000), st.integers(2, 80))
def test_a_rule_says_truly_how_right_it_is(seed, n):
    rng = np.random.default_rng(seed)
    found = {"frequency": rng.integers(1, 9, n) * 1.0, "monetary": np.round(rng.gamma(1, 100, n), 2)}
    members = rng.random(n) < 0.4
    members[0] = True
    rule = find_rule(found, members)
    picked = np.ones(n, bool)
    for condition in rule.conditions:
        picked &= condition.holds(found)
    assert len(rule.conditions) <= 3
    assert rule.precision == pytest.approx((picked & members).sum() / max(picked.sum(), 1))
    assert rule.recall == pytest.approx((picked & members).sum() / members.sum())


def test_rules_speak_the_shops_units():
    rule = Rule((Condition("monetary", True, 1_200.0), Condition("recency_days", False, 33.0)), 0.9, 0.8)
    assert rule.text("£") == "spent more than £1,200 and last seen at most 33 days ago"
    assert Condition("frequency", True, 1.0).text() == "at least 2 orders"
    assert Condition("frequency", False, 1.0).text() == "at most 1 order"
    assert Condition("recency_days", False, 1.0).text() == "last seen at most 1 day ago"
    assert Condition("recency_days", False, 21.0).text() == "last seen at most 21 days ago"
    assert Condition("products", False, 3.0).text() == "products at most 3"


def known(after=None):
    found = columns()
    labels = 3 - np.arange(300) % 3
    kinds = {"wholesale": 5, "bulk": 4, "reseller": 2}
    totals = {i: {"customers": 100, "revenue": float(found["spend"][labels == i].sum())} | kinds for i in (1, 2, 3)}
    return Known(totals, found, labels, after)


def test_profiles_add_up_and_speak():
    found = columns()
    model = fit_centroids(RECIPES["behaviour"], found, 3, seed=1)
    spend = np.repeat([10.0, 0.0, 30.0, 0.0], 30)
    after = After(np.repeat([1, 1, 2, 3], 30), spend > 0, spend)
    rows = profiles(model, known(after), "£").to_pylist()
    assert [row["segment_id"] for row in rows] == [1, 2, 3]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sum(row["revenue_share"] for row in rows) == pytest.approx(1)
    assert [row["buys_again"] for row in rows] == [0.5, 1.0, 0.0]
    assert [row["next_spend"] for row in rows] == [5.0, 30.0, 0.0]
    assert len({row["colour"] for row in rows}) == 3
    assert "expected_spend" not in rows[0]
    assert rows[0]["summary"].startswith("100 customers (33%) bring ")
    assert rows[0]["summary"].endswith("50% buy again within 90 days.")


def test_profiles_of_a_young_shop_do_not_claim_to_know_what_is_bought_again():
    model = fit_centroids(RECIPES["behaviour"], columns(), 3, seed=1)
    row = profiles(model, known()).to_pylist()[0]
    assert row["buys_again"] is None
    assert "buy again" not in row["summary"]


def test_traits_hold_each_feature_of_each_segment():
    found = known()
    rows = {(row["segment_id"], row["feature"]): row for row in traits(found.customers, found.labels).to_pylist()}
    assert {feature for _, feature in rows} == set(columns()) - {"customer_id"}
    top = rows[1, "frequency"]
    own = found.customers["frequency"][found.labels == 1]
    assert top["median"] == np.median(own)
    assert top["lift"] == pytest.approx(own.mean() / found.customers["frequency"].mean())
    assert top["z"] > 0 > rows[3, "frequency"]["z"]
