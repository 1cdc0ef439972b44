"""Numbers and names as a marketer reads them."""

from datetime import date

import pytest

from clientage.report import words
from clientage.tables import TABLES
from clientage.transactions.clean import RULES


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        (1234567.4, "£", "£1,234,567"),
        (-1234.0, "£", "−£1,234"),
        (-0.2, "£", "£0"),
        (1234.0, "", "1,234"),
        (1234.0, "EUR", "EUR\u00a01,234"),
        (None, "£", "not known"),
    ],
)
def test_money_has_a_sign_separators_and_a_currency(value, currency, expected):
    assert words.money(value, currency) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1112703, "£1.11M"), (999_600, "£1M"), (51_900, "£51.9k"), (950, "£950"), (-2e9, "−£2B"), (0, "£0")],
)
def test_short_money_has_three_digits(value, expected):
    assert words.short_money(value, "£") == expected


def test_large_money_is_shortened_where_there_is_little_room():
    assert words.fitting_money(9_999_999, "£") == "£9,999,999"
    assert words.fitting_money(4_219_839_369, "£") == "£4.22B"
    assert words.fitting_money(None) == "not known"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.614, "61%"),
        (0.004, "0.4%"),
        (0.0003, "under 0.1%"),
        (0, "0%"),
        (1, "100%"),
        (-0.2, "−20%"),
        (None, "not known"),
    ],
)
def test_shares_are_percentages(value, expected):
    assert words.share(value) == expected


@pytest.mark.parametrize(
    ("feature", "value", "expected"),
    [
        ("monetary", 3984.3, "£3,984"),
        ("cancellation_rate", 0.125, "12%"),
        ("favourite_weekday", 3.0, "Thu"),
        ("frequency", 11.0, "11"),
        ("lines_per_basket", 18.41, "18.4"),
        ("units", 4000.0, "4,000"),
        ("recency_days", None, "not known"),
    ],
)
def test_values_are_told_in_the_unit_of_their_feature(feature, value, expected):
    assert words.amount(feature, value, "£") == expected


def test_every_feature_and_reason_has_plain_words():
    kinds = ("integer", "number", "flag")
    assert {name for name, column in TABLES["customers"].columns.items() if column.kind in kinds} == set(words.FEATURES)
    assert set(words.REASONS) == set(RULES)
    assert words.feature_name("loyalty_points") == "Loyalty points"
    assert words.reason("my rule") == "my rule"


def test_labels_wrap_end_and_carry_no_markup():
    text = words.label("<b>bold</b> & " + "long " * 40, 20)
    assert text.startswith("&lt;b&gt;bold&lt;/b&gt; &amp;")
    assert text.count("<br>") == 1
    assert text.endswith("…")
    assert words.label("") == ""


@pytest.mark.parametrize("value", ["red; background: url(//x)", "#12", "", None, "#0072B2}"])
def test_what_is_no_colour_becomes_grey(value):
    assert words.colour(value) == "#767676"


def test_days_are_written_out():
    assert words.day("2011-12-09 12:50:00") == words.day(date(2011, 12, 9)) == "9 December 2011"
    assert words.day("soon") == "soon"
    assert words.as_date("2011-12-09") == words.as_date(date(2011, 12, 9)) == date(2011, 12, 9)
