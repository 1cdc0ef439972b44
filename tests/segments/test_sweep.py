"""The sweep: exactly what single fits give, and the rule for the best."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import columns
from threadpoolctl import threadpool_limits

from clientage.context import buyers
from clientage.errors import InputError
from clientage.segments import sweep as module
from clientage.segments.candidates import Grid
from clientage.segments.choose import Limits, measure
from clientage.segments.evaluate import grouped, score
from clientage.segments.fit import place
from clientage.segments.indices import quality
from clientage.segments.kmeans import kmeans
from clientage.segments.space import RECIPES
from clientage.segments.sweep import Judging, decide, in_order, sweep
from clientage.tables import TABLES

QUICK = Judging(bootstraps=0)
FIGURES = ("silhouette", "davies_bouldin", "calinski_harabasz")


def grid(**changes):
    usual = {"recipes": ["behaviour"], "n_init": [1, 3], "max_iter": [100], "k": [3], "init": ["k-means++", "random"]}
    return Grid(**usual | changes).candidates()


def by_itself(customers, candidate, known):
    """Inertia and figures of a fit of its own; the figures of the same groups are taken once, for the sake of time."""
    _, points = place(candidate.space, customers)
    how = {"restarts": candidate.n_init, "max_iter": candidate.max_iter, "init": candidate.init}
    found = kmeans(points, candidate.k, seed=7, **how)
    groups = in_order(found.labels)
    key = (candidate.log, candidate.weights, groups.tobytes())
    figures = known[key] = known.get(key) or quality(points, [groups], 7, module.MOST)[0]
    share = np.bincount(found.labels, minlength=candidate.k).min() / len(points)
    return {"inertia": found.inertia, "smallest_share": share} | {name: figures[name] for name in FIGURES}


def assert_same(customers, candidates):
    rows, known = sweep(customers, candidates, QUICK), {}
    with threadpool_limits(1):
        for row, candidate in zip(rows, candidates, strict=True):
            alone = by_itself(customers, candidate, known)
            assert {name: row[name] for name in alone} == alone, candidate
    return rows


lists = {
    "n_init": st.lists(st.integers(1, 5), min_size=1, max_size=3),
    "max_iter": st.lists(st.sampled_from([1, 2, 3, 5, 300]), min_size=1, max_size=3),
    "k": st.lists(st.integers(2, 6), min_size=1, max_size=3),
    "init": st.lists(st.sampled_from(["k-means++", "random"]), min_size=1, max_size=2),
    "log": st.lists(st.booleans(), max_size=2),
    "weights": st.lists(st.fixed_dictionaries({"recency_days": st.sampled_from([0.0, 0.5, 3.0])}), max_size=2),
}


@settings(max_examples=25, deadline=None)
@given(st.fixed_dictionaries(lists), st.integers(40, 300), st.integers(0, 99))
def test_any_grid_gives_exactly_what_single_fits_give(values, n, seed):
    candidates = grid(recipes=["rfm"], **values)
    rows = assert_same(columns(n, seed), candidates)
    assert [row["candidate"] for row in rows] == list(range(1, len(candidates) + 1))
    assert all(row.keys() | {"chosen"} == TABLES["candidates"].columns.keys() for row in rows)


@pytest.mark.real
def test_the_144_of_the_public_data_set_are_exactly_single_fits(real_tables):
    found = real_tables["engine"].to_pyarrow(real_tables["customers"].order_by("customer_id"))
    features = RECIPES["behaviour"].features
    customers = buyers({name: np.asarray(found[name].to_numpy(), float) for name in features})
    candidates = grid(n_init=[1, 2, 5, 10, 20, 50], max_iter=[100, 250, 500, 1000], k=[3, 4, 8])
    assert len(assert_same(customers, candidates)) == 144


def test_the_same_groups_are_looked_at_once(monkeypatch):
    looked = []
    monkeypatch.setattr(
        module, "quality", lambda points, groups, *rest: looked.extend(groups) or quality(points, groups)
    )
    rows = sweep(columns(), grid(n_init=[5, 10], k=[3, 4]), QUICK)
    assert len(looked) < len(rows) == 8
    assert len({labels.tobytes() for labels in looked}) == len(looked)


def test_groups_are_numbered_by_their_first_customer():
    assert in_order(np.array([2, 0, 2, 1, 0])).tolist() == [0, 1, 0, 2, 1]


def test_stability_is_that_of_choosing_the_number():
    rows = sweep(columns(), grid(recipes=["rfm"], k=[3, 5]), Judging(bootstraps=4))
    never = Limits(mean=2, worst=-1, share=0)
    chosen = {row["k"]: row for row in measure(RECIPES["rfm"], {1: columns()}, [3, 5], limits=never, bootstraps=4)}
    for row in rows:
        assert [row[name] for name in ("stability", "stability_se")] == [
            chosen[row["k"]][name] for name in ("stability", "stability_se")
        ]


def test_prediction_is_that_of_the_hold_out():
    earlier = columns(240, seed=3) | {"next_spend": np.random.default_rng(0).gamma(1, 50, 240)}
    rows = sweep(columns(), grid(k=[3, 4]), Judging(earlier, bootstraps=0))
    with threadpool_limits(1):
        worth = {k: score(grouped("behaviour", earlier, k), earlier["next_spend"]) for k in (3, 4)}
    assert all((row["r2"], row["auc"]) == (worth[row["k"]].r2, worth[row["k"]].auc) for row in rows)
    assert {row["r2"] for row in sweep(columns(), grid(), QUICK)} == {None}


def test_progress_goes_to_the_end():
    heard = []
    sweep(columns(), grid(recipes=["rfm", "behaviour"], k=[3, 4]), QUICK, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1


def test_more_segments_than_different_customers_are_left_out_and_none_left_is_an_error():
    same = {name: np.repeat(values[:3], 30) for name, values in columns().items()}
    rows = sweep(same, grid(k=[4, 3, 2]), QUICK)
    assert {row["k"] for row in rows} == {3, 2}
    assert rows[0]["candidate"] == 3
    with pytest.raises(InputError, match="4 segments need at least 4 customers that differ; here they are 90"):
        sweep(same, grid(k=[4, 5]), QUICK)


def test_a_weight_of_no_feature_is_named():
    with pytest.raises(
        InputError, match=r"there is no feature luck, zeal of these customers. Weigh some of .*monetary"
    ):
        sweep(columns(), grid(weights=[{"zeal": 1, "luck": 2}]), QUICK)


def row(candidate, r2=0.2, stability=0.9, share=0.2, inertia=10.0, n_init=1, max_iter=100):
    return {
        "candidate": candidate, "r2": r2, "stability": stability, "smallest_share": share, "inertia": inertia,
        "n_init": n_init, "max_iter": max_iter,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(1), row(2, r2=0.3)], 2),
        ([row(1), row(2, r2=0.3, stability=0.7)], 1),
        ([row(1), row(2, r2=0.3, share=0.01)], 1),
        ([row(1, share=0.01), row(2, r2=0.3, stability=0.5)], 2),
        ([row(1), row(2, inertia=9.0)], 2),
        ([row(1, n_init=5), row(2, n_init=2), row(3, n_init=2, inertia=10 + 1e-12)], 2),
        ([row(1, max_iter=300), row(2), row(3)], 2),
        ([row(1, r2=None), row(2, r2=None, stability=0.95)], 2),
        ([row(1, r2=-0.1), row(2, r2=None, stability=0.95)], 1),
        ([row(1, stability=None), row(2, stability=None, r2=0.3)], 2),
    ],
)
def test_the_best_predicts_best_of_those_that_keep_the_limits(rows, expected):
    assert decide(rows, Limits())[0] == expected


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row(1), row(2)], "the best of 2 candidates (R² 0.20, ARI 0.90), stable with none under 5%"),
        ([row(1, r2=None)], "the most stable of 1 candidate (ARI 0.90), stable with none under 5%"),
        ([row(1, share=0.01)], "the best of 1 candidate (R² 0.20, ARI 0.90), but its smallest has 1% (limit 5%)"),
    ],
)
def test_it_says_why(rows, reason):
    assert decide(rows, Limits())[1] == reason
