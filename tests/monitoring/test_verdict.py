"""Verdicts: what drifts, what is watched, what nobody can tell, and that few windows are accused wrongly."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weeks import ORDERS, RETURNED, REVENUE, SPEND, compared

from clientage.monitoring.compared import Compared
from clientage.monitoring.measures import MEASURES, Key
from clientage.monitoring.verdict import (
    DRIFT,
    OK,
    UNKNOWN,
    WATCH,
    Rules,
    calibrated,
    judge,
    judge_left_out,
    overall,
    worst,
)

USUAL = compared(RETURNED, [0.05] * 10)  # the limit is .02 away, watched from .012
RULES = Rules(needs=frozenset({"monetary"}))
KS = Key("customers", "ks", "monetary")


def verdicts(values, reference=USUAL, rules=RULES, key=RETURNED):
    return [window[0].verdict for window in judge(compared(key, values), reference, rules)]


def test_beyond_the_limit_it_drifts():
    assert verdicts([0.05, 0.061, 0.0695, 0.08, 0.02]) == [OK, OK, WATCH, DRIFT, DRIFT]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.068, 0.068], [WATCH, DRIFT]),
        ([0.068, 0.05, 0.068], [WATCH, OK, DRIFT]),
        ([0.068, 0.05, 0.05, 0.068], [WATCH, OK, OK, WATCH]),
        ([0.08, 0.068], [DRIFT, DRIFT]),
        ([0.068, 0.068, 0.068], [WATCH, DRIFT, DRIFT]),
    ],
)
def test_what_is_watched_twice_in_three_windows_drifts(values, found):
    assert verdicts(values) == found
    again = [window[0].again for window in judge(compared(RETURNED, values), USUAL, RULES)]
    assert all(not each or verdict == DRIFT for each, verdict in zip(again, found, strict=True))


def test_another_measure_in_watch_does_not_count():
    first, second = Compared({RETURNED: 0.068, ORDERS: 100.0}), Compared({RETURNED: 0.05, ORDERS: 118.0})
    reference = [Compared({RETURNED: 0.05, ORDERS: 100.0})] * 10
    assert [overall(window, RULES) for window in judge([first, second], reference, RULES)] == [WATCH, WATCH]


def test_what_is_not_known_is_no_finding():
    (finding,) = judge(compared(RETURNED, [math.nan]), USUAL, RULES)[0]
    assert finding.verdict == UNKNOWN
    assert math.isnan(finding.score)
    assert overall([finding], RULES) == UNKNOWN
    assert overall([], RULES) == UNKNOWN


def test_what_a_window_lacks_is_unknown_and_what_it_has_anew_is_judged_where_it_can_be():
    (findings,) = judge([Compared({ORDERS: 5.0})], USUAL, RULES)
    assert {each.key: each.verdict for each in findings} == {RETURNED: UNKNOWN, ORDERS: UNKNOWN}
    assert next(each for each in findings if each.key == ORDERS).limit is None


def test_what_is_only_told_is_well():
    told = [Key("customers", "median", "monetary"), Key("service", "p95")]
    (findings,) = judge([Compared(dict.fromkeys(told, 5.0))], USUAL, RULES)
    assert [each.verdict for each in findings if each.key in told] == [OK, OK]
    assert not any(each.limit for each in findings if each.key in told)


def test_a_window_is_judged_by_the_worst_of_what_decides():
    key = Key("segments", "refit")
    reference = [Compared({RETURNED: 0.05, key: 0.1, SPEND: 0.0, Key("customers", "psi", "spend"): 0.0})] * 10
    far = Compared({RETURNED: 0.068, key: 0.9, SPEND: 0.0, Key("customers", "psi", "spend"): 9.0})
    (findings,) = judge([far], reference, RULES)
    by_key = {each.key: each.verdict for each in findings}
    assert by_key[key] == by_key[Key("customers", "psi", "spend")] == DRIFT  # a feature that the model does not need
    assert overall(findings, RULES) == WATCH
    assert [each.key for each in worst(findings, RULES)] == [RETURNED]


def test_the_furthest_comes_first():
    reference = [Compared({RETURNED: 0.05, SPEND: 0.0})] * 10
    (findings,) = judge([Compared({RETURNED: 0.08, SPEND: 5.0})], reference, RULES)
    assert [each.key for each in worst(findings, RULES)] == [SPEND, RETURNED]
    assert worst(judge([Compared({RETURNED: 0.05})], reference, RULES)[0], RULES) == []


def test_what_decides():
    assert RULES.decides(SPEND)
    assert not RULES.decides(SPEND._replace(subject="units"))
    assert RULES.decides(Key("predictions", "mix"))
    assert not RULES.decides(Key("customers", "mean", "monetary"))
    assert not RULES.decides(Key("service", "p95"))
    assert not RULES.decides(Key("outcomes", "buys again", "3"))
    decisive = {area for area, measures in MEASURES.items() for name in measures if RULES.decides(Key(area, name))}
    assert decisive == set(MEASURES) - {"outcomes", "service"}


@pytest.mark.parametrize(("chance", "verdict"), [(0.5, OK), (0.01, OK), (0.009, DRIFT)])
def test_a_distance_that_chance_may_give_is_no_finding(chance, verdict):
    reference = compared(KS, [0.02] * 10)
    ((finding,),) = judge(compared(KS, [0.4], [chance]), reference, RULES)
    assert finding.verdict == verdict


def test_a_limit_that_is_set_takes_the_place_of_the_learned_one():
    wide = Rules(set_limits={"orders.returned": 0.5})
    assert verdicts([0.08, 0.45, 0.6], rules=wide) == [OK, WATCH, DRIFT]
    narrow = Rules(set_limits={"orders.returned": 0.001})
    assert verdicts([0.0508, 0.052], rules=narrow) == [WATCH, DRIFT]
    assert Rules(set_limits={"orders.returned": 0.5}, strictness={str(RETURNED): 3}).limit(RETURNED, USUAL).reach == 0.5
    orders = Rules(set_limits={"volume.orders": 0.4}).limit(ORDERS, compared(ORDERS, [100.0] * 10))
    assert (orders.low, orders.high) == pytest.approx((100 / 1.4, 140))


def test_what_drifts_by_a_limit_that_is_set_widens_no_other():
    names = [ORDERS, RETURNED]
    reference = [Compared(dict(zip(names, pair, strict=True))) for pair in [(100.0, 0.05)] * 10 + [(150.0, 0.4)]]
    narrow = Rules(set_limits={"orders.returned": 0.001})
    assert calibrated(reference, narrow, 0.05) == narrow
    assert set(calibrated(reference, RULES, 0.05).strictness) == {str(ORDERS), str(RETURNED)}


def test_where_no_window_teaches_a_limit_what_is_usual_may():
    rate = Key("outcomes", "buys again", "2")
    rules = Rules(usual={Key("outcomes", "buys again"): 1.0})
    limit = rules.limit(rate, [])
    assert (limit.expected, limit.high) == pytest.approx((1, 1.3))
    assert RULES.limit(rate, []) is None
    assert RULES.limit(SPEND, []).high == 0.25  # a distance is usually none
    assert RULES.limit(Key("service", "p50"), []) is None  # of a ratio to nothing nobody can tell
    assert RULES.limit(Key("customers", "mean", "monetary"), USUAL) is None


def test_a_left_out_window_teaches_nothing_about_itself():
    values = [100.0, 101, 99, 100, 102, 98, 100, 101, 99, 300]
    reference = compared(ORDERS, values)
    assert [window[0].verdict for window in judge(reference, reference, RULES)][-1] == OK  # it widened its own limit
    found = judge_left_out(reference, RULES)
    assert [window[0].verdict for window in found] == [OK] * 9 + [DRIFT]
    alone = judge([reference[-1]], reference[:-1], RULES)
    assert found[-1] == alone[0]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), most=st.sampled_from([0.05, 0.1, 0.3]))
def test_calibrated_limits_keep_the_share_of_false_alarms(seed, most):
    rng = np.random.default_rng(seed)
    names = [ORDERS, REVENUE, RETURNED]
    reference = [Compared(dict(zip(names, np.exp(rng.standard_t(2, 3)), strict=True))) for _ in range(20)]
    rules = calibrated(reference, RULES, most)
    alarms = [overall(window, rules) == DRIFT for window in judge_left_out(reference, rules)]
    assert sum(alarms) <= most * len(alarms)
    assert all(by > 1 for by in rules.strictness.values())


def test_limits_are_no_wider_than_they_must_be():
    steady = compared(ORDERS, [100.0, 101, 99, 100, 102, 98, 100, 101, 99, 100])
    assert not calibrated(steady, RULES, 0.05).strictness
    outlier = compared(ORDERS, [100.0, 101, 99, 100, 102, 98, 100, 101, 99, 130])
    rules = calibrated(outlier, RULES, 0.05)
    ((measure, by),) = rules.strictness.items()
    assert measure == str(ORDERS)
    narrower = Rules(strictness={measure: by / 1.1})
    assert any(overall(window, narrower) == DRIFT for window in judge_left_out(outlier, narrower))


def test_nothing_to_judge_is_judged():
    assert judge([], [], RULES) == []
    assert judge_left_out([], RULES) == []
    assert not calibrated([], RULES, 0.05).strictness
