"""What must hold of order lines before anything is built on them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientage.errors import InputError
from clientage.transactions.checks import RECENT_DAYS, are_words, missing, missing_days, require_readable, unreadable
from clientage.transactions.sources.files import Spoilt

FIRST = date(2024, 1, 1)  # a Monday
OPEN = [FIRST + timedelta(days=day) for day in range(100) if day % 7 != 6]  # never on Sundays


@pytest.mark.parametrize("back", range(1, RECENT_DAYS + 1))
def test_a_day_of_late_without_an_order_is_told_where_its_weekday_has_some(back):
    day = OPEN[-1] - timedelta(days=back)
    days = set(OPEN) - {day}
    assert missing_days(days) == ([day] if day.weekday() != 6 else [])


def test_what_is_said_of_days_that_seem_to_be_missing():
    monday, tuesday = date(2024, 4, 1), date(2024, 4, 2)
    assert missing(OPEN) == ""
    assert missing(set(OPEN) - {tuesday}) == (
        "no order on Tuesday 2024-04-02, while on this weekday there nearly always are some. "
        "If a file is missing, add it."
    )
    assert "no order on Monday 2024-04-01, Tuesday 2024-04-02, while on these weekdays" in missing(
        set(OPEN) - {monday, tuesday}
    )


def test_nobody_is_told_of_christmas():
    days = {date(2024, 12, 29) - timedelta(days=back) for back in range(100)}
    assert missing_days(days - {date(2024, 12, 25), date(2024, 12, 26), date(2024, 12, 27)}) == [date(2024, 12, 27)]


def test_a_day_that_did_not_come_at_all_is_told_where_it_should_have():
    after = OPEN[-1] + timedelta(days=1)
    assert missing_days(OPEN, after + timedelta(days=1)) == [after]
    assert missing_days(OPEN, after) == []
    assert missing_days(OPEN, after + timedelta(days=365)) == [], "a shop that is closed"


@pytest.mark.parametrize(
    "days",
    [
        [],
        OPEN[:1],
        set(OPEN[:40]) - {OPEN[38]},  # too few weeks to go by
        set(OPEN) - {OPEN[50]},  # long ago: nobody can be expected to mend it
        set(OPEN) - {date(2024, 4, 2) - timedelta(weeks=week) for week in (0, 2, 4, 6)},  # not always on Tuesdays
    ],
    ids=["none", "one", "a young shop", "long ago", "now and then"],
)
def test_nothing_is_said_where_nothing_is_known(days):
    assert missing_days(days) == []


@given(days=st.sets(st.dates(date(2024, 1, 1), date(2024, 12, 31)), max_size=300))
def test_only_days_without_an_order_are_missing(days):
    found = missing_days(days)
    assert not set(found) & days
    assert found == sorted(found)


def test_stock_codes_are_words_where_most_are():
    assert [are_words(*codes) for codes in ((0, 0), (4, 1), (4, 2), (4, 3))] == [False, True, True, False]


def readable(*files, lines=10_000, most=0.05):
    """Stop where too much of these files cannot be read, each with its unreadable lines and all of them."""
    spoilt = [Spoilt(f"{number}.csv", unreadable, of, "quantity='x'") for number, (unreadable, of) in enumerate(files)]
    found = {"lines": lines, "unreadable": sum(unreadable for unreadable, _ in files), "example": "quantity='a'"}
    require_readable(found, most, spoilt)


def test_a_day_that_cannot_be_read_is_told_however_many_there_are():
    with pytest.raises(InputError) as error:
        readable((10, 19), (1, 97), (97, 97))
    assert str(error.value).startswith(
        "0.csv and 1 more: 107 of 116 lines (92%) cannot be read, such as quantity='x' in 2.csv. Mend them, leave such "
        "files out, or give the format (--set source.date_format=…, --set source.decimal=…)."
    )
    readable((10, 19), (1, 97), (97, 97), most=1.0)


def test_all_lines_are_counted_where_no_file_stands_out():
    with pytest.raises(InputError) as error:
        readable((20, 100), (21, 100), lines=700)
    assert str(error.value) == (
        "41 of 700 lines (6%) cannot be read, such as quantity='x' in 1.csv. Mend them, give the format (--set "
        "source.date_format=…, --set source.decimal=…), or allow more (--set source.max_unreadable=0.07)."
    )
    readable((20, 100), (20, 100), lines=800)


@pytest.mark.parametrize("file", [(9, 9), (10, 20), (1, 1)], ids=["few lines", "half", "one"])
def test_a_few_lines_that_cannot_be_read_stop_nothing_and_are_told(file):
    readable(file)
    count, lines = file
    spoilt = [Spoilt("a.csv", count, lines, "quantity='x'")]
    said = f"{count} of {lines} lines cannot be read, such as quantity='x'. They are set aside."
    assert unreadable(spoilt) == f"a.csv: {said}"
    assert unreadable([*spoilt, Spoilt("b.csv", 1, 9, "")]).startswith(f"a.csv and 1 more: {count + 1} of {lines + 9}")
    assert unreadable([]) == ""


def test_no_format_mends_lines_that_lack_fields():
    short = Spoilt("a.csv", 12, 15, "3 fields instead of 8")
    with pytest.raises(InputError) as error:
        require_readable({"lines": 900, "unreadable": 12, "example": short.example}, 0.05, [short])
    assert str(error.value) == (
        "a.csv: 12 of 15 lines (80%) cannot be read, such as 3 fields instead of 8. Mend them, leave such files "
        "out, or allow more (--set source.max_unreadable=0.81)."
    )
