"""The reference as a document: it comes back with the same verdicts, and says so when it is spoilt."""

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weeks import KNOWN, ORDERS, seen

from clientage.errors import InputError
from clientage.monitoring.compared import ITEMS, SOLD
from clientage.monitoring.features import Range
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts
from clientage.monitoring.reference import Expected, Reference
from clientage.monitoring.verdict import Rules, overall


def reference(names=("", "11", "<b>2</b>", "漢")):
    observed, _ = seen(14).apart(SOLD)
    return Reference(
        model="a" * 64,
        day=date(2024, 7, 1),
        days=7,
        made="b" * 64,
        observed=observed,
        sold=Counts(tuple(names), np.array([[0.0, 5.0, 3.0, 2.0]])),
        ranges=KNOWN,
        inputs={"frequency": Range((1.0, 1e-17, 0.1), 0.0, 1e12)},
        expected={3: Expected(0.4, 120.5), 1: Expected(0.0, -2.0)},
        rules=Rules(
            frozenset({"monetary"}), {"volume.orders": 0.5}, {Key("outcomes", "spend"): 1.0}, {"volume.orders.": 1.3}
        ),
    )


def test_it_comes_back_as_it_was():
    before, after = reference(), Reference.loads(reference().dumps())
    for name in ("model", "day", "days", "made", "ranges", "inputs", "expected", "rules"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.sold.categories == before.sold.categories
    assert after.sold.counts.tolist() == before.sold.counts.tolist()


def test_it_comes_back_with_the_same_verdicts():
    before, window = reference(), seen(3, 200, seed=5)
    window.figures[ORDERS][1] = 300
    after = Reference.loads(before.dumps())
    found = [each.judge(each.compare(window)) for each in (before, after)]
    assert str(found[0]) == str(found[1])
    assert [overall(findings, before.rules) for findings in found[0]].count("drift") == 1
    assert str(before.judge_left_out()) == str(after.judge_left_out())


def test_the_same_reference_is_the_same_text():
    text = reference().dumps()
    assert Reference.loads(text).dumps() == text
    json.loads(text, parse_constant=pytest.fail)  # no NaN and no Infinity: others read it too


def test_figures_that_are_not_known_stay_so():
    whole = reference()
    whole.observed.figures[ORDERS][2] = np.nan
    assert np.isnan(Reference.loads(whole.dumps()).observed.figures[ORDERS][2])


def test_what_was_usual_has_every_product_by_name():
    usual = reference().usual
    assert usual.counts[SOLD].categories == ("", "11", "<b>2</b>", "漢")
    assert ITEMS in usual.counts
    assert SOLD not in reference().observed.counts


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", "null", '{"format": 1}', "{" * 99_999, '{"format": 2}', "\x00"])
def test_what_is_no_reference_says_how_to_mend_it(text):
    with pytest.raises(InputError, match="clientage monitor --renew"):
        Reference.loads(text)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_spoilt_reference_is_told_of_and_breaks_nothing(data):
    document = json.loads(reference().dumps())
    name = data.draw(st.sampled_from(sorted(document)))
    junk = [None, "x", 3, -1, 0, True, [], {}, [[]], [1], {"x": 1}, {"a": {}}, float("inf"), float("nan")]
    document[name] = data.draw(st.sampled_from(junk))
    try:
        found = Reference.loads(json.dumps(document))
        found.judge(found.compare(seen(1)))
    except InputError as error:
        assert "--renew" in str(error)
