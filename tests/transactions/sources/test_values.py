"""Text, identifiers and numbers as shops write them."""

import math

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.transactions.sources import values

ENGINE = ibis.duckdb.connect()


def table(**columns):
    ENGINE.con.register("t", pa.table(columns))
    return ENGINE.table("t")


def column(expression):
    return expression.name("x").as_table().to_pyarrow().column(0).to_pylist()


@pytest.mark.parametrize(
    ("written", "decimal", "number"),
    [
        ("2.55", ".", 2.55),
        (" 8 ", ".", 8),
        ("£1,234.50", ".", 1234.5),
        ("1.234,50 €", ",", 1234.5),
        ("12,50", ",", 12.5),
        ("1.000", ",", 1000),
        ("1\u00a0234,5", ",", 1234.5),
        ("1'234.5", ".", 1234.5),
        ("1,23,456.00", ".", 123456),
        ("(12.50)", ".", -12.5),
        ("(£12.50)", ".", -12.5),
        ("12.50-", ".", -12.5),
        ("−7", ".", -7),
        ("-£3", ".", -3),
        ("USD 5", ".", 5),
        ("5 kr", ".", 5),
        ("1e3", ".", 1000),
        ("inf", ".", math.inf),
        ("12,50", ".", None),
        ("2.55", ",", None),
        ("12 34", ".", None),
        ("abc", ".", None),
        ("nan", ".", None),
        ("()", ".", None),
        ("-", ".", None),
        ("5%", ".", None),
        ("", ".", None),
    ],
)
def test_numbers_as_people_write_them(written, decimal, number):
    assert column(values.number(table(a=[written]).a, decimal)) == [number]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=50), st.sampled_from([".", ","]))
def test_a_number_written_in_either_style_comes_back(numbers, decimal):
    swap = str.maketrans(".,", ",.") if decimal == "," else {}
    written = [f"{number:,.2f}".translate(swap) for number in numbers]
    assert column(values.number(table(a=written).a, decimal)) == [float(number) for number in numbers]


@pytest.mark.parametrize(
    ("columns", "given", "found"),
    [
        ({"unit_price": ["2.55", "3"]}, "", {"unit_price": "."}),
        ({"unit_price": ["2,55", "3"]}, "", {"unit_price": ","}),
        ({"unit_price": ["1.234,50"]}, "", {"unit_price": ","}),
        ({"unit_price": ["1,234.50"]}, "", {"unit_price": "."}),
        ({"quantity": ["1.000"], "unit_price": ["12,50"]}, "", {"quantity": ",", "unit_price": ","}),
        ({"quantity": ["1,000"], "unit_price": ["12.50"]}, "", {"quantity": ".", "unit_price": "."}),
        ({"quantity": ["1.234"]}, "", {"quantity": "."}),
        ({"quantity": ["1.234"]}, ",", {"quantity": ","}),
        ({"quantity": [1.5]}, "", {}),
        ({"unit_price": ["1"] * 2000 + ["2,50"]}, "", {"unit_price": ","}),
    ],
)
def test_the_whole_column_decides_on_the_decimal_sign(columns, given, found):
    raw = table(**columns)
    assert values.find_numbers(raw, raw.columns, given).decimal == found


def test_a_stray_text_among_numbers_is_told():
    raw = table(quantity=["1", "2", "x"], unit_price=["1.50", "2", ""])
    numbers = values.find_numbers(raw, raw.columns)
    assert numbers.unreadable == {"quantity"}
    assert column(values.noted("quantity", raw.quantity, values.number(raw.quantity, "."))) == [
        None,
        None,
        "quantity='x'",
    ]


def test_a_stray_late_value_in_the_other_style_is_told():
    raw = table(unit_price=["2,50"] * 1500 + ["2.55"])
    numbers = values.find_numbers(raw, raw.columns)
    assert numbers.decimal == {"unit_price": ","}
    assert numbers.unreadable == {"unit_price"}


def test_the_currency_is_known_where_all_prices_have_one():
    raw = table(unit_price=["€2", "€3"], total=["5 €", None])
    assert values.find_numbers(raw, raw.columns).currency == "€"


@pytest.mark.parametrize(
    ("cells", "ids"),
    [
        (["017850", " 17850", "a b", "", "  ", "\u00a0", None], ["017850", " 17850", "a b", None, None, None, None]),
        (["17850.0", "nan"], ["17850.0", "nan"]),
        ([17850.0, math.nan, None, 0.5, 1e20, math.inf], ["17850", None, None, "0.5", "1e+20", "inf"]),
        ([17850, None], ["17850", None]),
    ],
)
def test_ids_are_kept_as_they_came(cells, ids):
    assert column(values.text(table(a=cells).a)) == ids


def test_ids_that_became_floats_are_whole_again():
    cells = ["17850.0", "017850.0", "x.0", "-5.0", None]
    assert column(values.unfloated(table(a=cells).a)) == ["17850", "017850.0", "x.0", "-5", None]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=1, max_size=30))
def test_text_is_unchanged_unless_blank(texts):
    blank = " \t\r\n\u00a0\u202f\ufeff"
    assert column(values.text(table(a=texts).a)) == [text if text.strip(blank) else None for text in texts]


@pytest.mark.parametrize(
    ("ids", "spreadsheet", "found"),
    [
        (["17850.0", "17851.0", None], False, {"customer_id"}),
        (["17850.0", "17851"], False, set()),
        (["17850.0", "17851"], True, {"customer_id"}),
        ([None, ""], False, set()),
    ],
)
def test_ids_made_floats_by_a_data_frame_are_noticed(ids, spreadsheet, found):
    raw = table(customer_id=pa.array(ids, pa.string()))
    assert values.floated(raw, raw.columns, spreadsheet=spreadsheet) == found


def test_infinity_stays_and_nan_goes():
    assert column(values.number(table(a=[math.inf, math.nan, 1.0]).a, ".")) == [math.inf, None, 1.0]
