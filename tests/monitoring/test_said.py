"""Findings in words: what moved and by how much, with names from data as plain text."""

import math

import numpy as np
import pytest
from weeks import KNOWN, ORDERS, RETURNED, SPEND, seen

from clientage.monitoring.compared import COUNTRIES, ITEMS, PRICES, SEGMENTS, compare
from clientage.monitoring.limits import Limit
from clientage.monitoring.measures import MEASURES, TOLD, Key
from clientage.monitoring.observed import Counts, Observed
from clientage.monitoring.verdict import DRIFT, Finding, Rules
from clientage.monitoring.words import because, sentence

RULES = Rules(frozenset({"monetary"}))
NASTY = "<script>alert(1)</script> 50% off {0} %s %d"


def finding(key, value, expected=1.0, verdict=DRIFT):
    return Finding(key, value, Limit(expected, 0.1, 0.06, MEASURES[key.area][key.measure]), verdict)


def said(found, window=None, names=None):
    return because(found, window or seen(1), 0, seen(), names or {})


@pytest.mark.parametrize(
    ("key", "value", "expected", "text"),
    [
        (ORDERS, 1_234.0, 1_000.0, "orders: 1,234, usually 1,000 (+23%)"),
        (ORDERS, 50.0, 100.0, "orders: 50, usually 100 (-50%)"),
        (RETURNED, 0.084, 0.02, "returned: 8.4%, usually 2.0%"),
        (PRICES, 1.1, 1.0, "prices of the same products: +10.0%"),
        (PRICES, 0.95, 1.0, "prices of the same products: -5.0%"),
        (Key("missing", "empty", "country"), 0.6, 0.0, "no country: 60.0%, usually 0.0%"),
        (Key("missing", "set aside", "no price"), 0.3, 0.1, "lines set aside, no price: 30.0%, usually 10.0%"),
        (Key("segments", "moved"), 0.3, 0.1, "customers who changed segment: 30.0%, usually 10.0%"),
        (Key("customers", "outside", "units_per_line"), 0.3, 0.0,
         "units per line outside the range of the model: 30.0%, usually 0.0%"),
        (Key("predictions", "outside", "spend"), 0.3, 0.0,
         "spend asked for outside the range of the model: 30.0%, usually 0.0%"),
        (
            Key("outcomes", "buys again", "3"), 0.5, 1.0,
            "customers who bought again, over what was expected, in 3: 0.5, usually 1 (-50%)",
        ),
        (Key("orders", "order value"), 12.345, 0.0, "order value: 12.3, usually 0"),
    ],
)  # fmt: skip
def test_figures_in_words(key, value, expected, text):
    assert said(finding(key, value, expected)) == text


def test_a_feature_by_its_median():
    window = seen(1)
    window.figures[Key("customers", "median", "monetary")][0] = 1_500
    assert said(finding(SPEND, 0.9), window).startswith("monetary: median 1,500, usually ")
    window.figures[Key("customers", "median", "monetary")][0] = math.nan
    assert said(finding(SPEND, 0.9), window) == "monetary: no values"
    assert said(finding(SPEND._replace(subject="units"), 0.9)) == "units: spread otherwise"


def test_products_by_their_shares():
    window = seen(1)
    window.counts[ITEMS].counts[0] = [0, 60, 40, 0]
    del window.counts[Key("items", "sold")]
    text = said(finding(ITEMS, 0.5), window, {ITEMS: {"11": "CAKE STAND (11)"}})
    assert text.startswith("item mix: CAKE STAND (11) ")
    assert "% → 0.0% · 22 " in text


def test_segments_by_their_names():
    text = said(finding(SEGMENTS, 0.5), names={SEGMENTS: {"1": "“Top spenders”", "2": "“Loyal”"}})
    assert text.startswith("segment mix: ")
    assert "“Top spenders” " in text
    assert "1 " not in text.replace("“", "").split("spenders")[0]


def test_names_from_data_stay_text():
    counts = Counts((NASTY, "France"), np.array([[90.0, 10.0]]))
    usual = Observed((0,), counts={COUNTRIES: Counts(("France",), np.array([[50.0]]))})
    text = because(finding(COUNTRIES, 0.9), Observed((1,), counts={COUNTRIES: counts}), 0, usual, {})
    assert text == f"country mix: {NASTY} 0.0% → 90.0% · France 100.0% → 10.0%"
    named = said(finding(ITEMS, 0.5), names={ITEMS: dict.fromkeys(("11", "22", "33", "all others"), NASTY)})
    assert named.count(NASTY) == 3
    key = Key("missing", "empty", NASTY)
    assert said(finding(key, 0.5, 0.0)) == f"no {NASTY}: 50.0%, usually 0.0%"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0])
def test_nothing_stops_at_what_is_no_number(value):
    for area, measures in MEASURES.items():
        for measure in (*measures, *TOLD):
            for subject in ("", "monetary"):
                key = Key(area, measure, subject)
                limit = finding(key, value).limit if measure in measures else None
                assert isinstance(said(Finding(key, value, limit, DRIFT)), str)
                assert isinstance(said(Finding(key, value, limit, DRIFT), Observed((1,))), str)


def test_a_window_in_a_sentence_says_each_thing_once_the_furthest_first():
    ks = SPEND._replace(measure="ks")
    findings = [finding(RETURNED, 1.2), finding(SPEND, 1.5), finding(ks, 1.9), finding(ORDERS, 1.0, verdict="ok")]
    told = {RETURNED: "returned", SPEND: "monetary", ks: "monetary: ks", ORDERS: "orders"}
    assert sentence(findings, RULES, told) == "monetary: ks; returned"


def test_a_sentence_names_three_causes_at_most():
    keys = [*(Key("missing", "empty", name) for name in "abcd"), RETURNED]
    text = sentence([finding(key, 2.0) for key in keys], RULES, {key: key.subject or "r" for key in keys})
    assert text == "a; b; c"


def test_a_window_that_is_well_needs_no_words():
    assert sentence([finding(RETURNED, 0.05, verdict="ok")], RULES, {}) == ""
    assert sentence([], RULES, {}) == ""
    assert sentence([finding(RETURNED, 2.0)], RULES, {}) == ""


def test_shares_that_are_told_are_those_compared():
    found = compare(seen(1), 0, seen(), KNOWN)
    for key, value in found.values.items():
        if key.measure in MEASURES[key.area]:
            assert said(finding(key, value)), key
