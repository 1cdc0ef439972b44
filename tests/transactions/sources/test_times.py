"""Dates in any way to write them."""

from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.errors import InputError
from clientage.transactions.sources.formats import find_times
from clientage.transactions.sources.times import typed, with_clock

MORNING = datetime(2010, 12, 1, 8, 26)
DAY = datetime(2010, 12, 1)


ENGINE = ibis.duckdb.connect()


def table(**columns):
    ENGINE.con.register("t", pa.table(columns))
    return ENGINE.table("t")


def column(expression):
    return expression.name("x").as_table().to_pyarrow().column(0).to_pylist()


def read(cells, **how):
    when = table(a=cells).a
    times = found(when, "orders.csv, column a", **how)
    return times, column(times.read(when))


def found(when, where, **how):
    """How dates are written that are all from one file."""
    return find_times(when.name("when").as_table().mutate(file=ibis.literal("orders.csv")), where, **how)


@pytest.mark.parametrize(
    "written",
    [
        "2010-12-01 08:26",
        "2010-12-01T08:26:00",
        "2010-12-01T08:26:00Z",
        "2010-12-01T08:26:00.000+02:00",
        "2010-12-01 08:26:00 -0500",
        "2010/12/01 8:26",
        "2010.12.01 8:26",
        "1 Dec 2010 8:26 AM",
        "1 December 2010 08:26",
        "Dec 1, 2010, 8:26:00\u202fAM",
        "December 1, 2010 8:26 a.m.",
        "Wed, 01 Dec 2010 08:26:00 GMT",
        "01-Dec-10 08:26",
        "1st Dec. 2010 08:26",
        "01.12.2010 08.26",
        "20101201 08:26",
        "20101201082600",
        "1291191960",
        "1291191960000",
        "40513.35138888889",
    ],
)
def test_one_value_is_enough_where_it_is_clear(written):
    assert read([written])[1] == [MORNING]


@pytest.mark.parametrize(("cell", "when"), [(40513.35138888889, MORNING), (1291191960, MORNING), (20101201, DAY)])
def test_numbers_are_counted_from_their_day(cell, when):
    assert read([cell])[1] == [when]


@pytest.mark.parametrize(
    ("cells", "pattern", "second"),
    [
        (["01/02/2011", "13/02/2011 8:26"], "%d/%m/%Y", datetime(2011, 2, 13, 8, 26)),
        (["01/02/2011", "2/13/2011 8:26PM"], "%m/%d/%Y", datetime(2011, 2, 13, 20, 26)),
        (["01-02-11", "13-02-11"], "%d-%m-%y", datetime(2011, 2, 13)),
        (["01.02.2011", "02.03.2011"], "%d.%m.%Y", datetime(2011, 3, 2)),
        (["01/02/2011"] * 3000 + ["31/12/2011"], "%d/%m/%Y", datetime(2011, 2, 1)),
        (["01/01/2011", "02/02/2011"], "%d/%m/%Y", datetime(2011, 2, 2)),
    ],
)
def test_the_whole_column_decides_whether_the_day_comes_first(cells, pattern, second):
    times, found = read(cells)
    assert str(times).startswith(pattern)
    assert found[1] == second
    assert not times.unreadable


@pytest.mark.parametrize("cells", [["01/02/2011", "02/03/2011"], ["13/01/2011", "01/13/2011", "01/02/2011"]])
def test_dates_that_could_be_read_both_ways_are_asked_about(cells):
    with pytest.raises(InputError) as error:
        read(cells)
    for part in ("orders.csv, column a", "1 February 2011", "2 January 2011", "source.date_format=%d/%m/%Y"):
        assert part in str(error.value)


@pytest.mark.parametrize("pattern", ["%d/%m/%Y", "%d/%m/%Y %H:%M"])
def test_the_given_format_is_followed(pattern):
    assert read(["01/02/2011 10:00"], date_format=pattern)[1] == [datetime(2011, 2, 1, 10)]


@pytest.mark.parametrize(
    ("cells", "how", "said"),
    [
        (["abc", "def"], {}, "'abc'"),
        (["01/02/2011"], {"date_format": "%Y"}, "%Y"),
        (["01/02/2011"], {"date_format": "%Q"}, "strptime"),
        ([5, 6], {}, "'5'"),
    ],
)
def test_what_is_no_date_is_told(cells, how, said):
    with pytest.raises(InputError, match="date_format") as error:
        read(cells, **how)
    assert said in str(error.value)


def test_stray_values_become_null():
    times, found = read(["31/12/2011", "31/31/2011", "x", None, "infinity", "epoch"])
    assert found == [datetime(2011, 12, 31), None, None, None, None, None]
    assert times.unreadable


def test_files_with_different_habits_are_read_side_by_side():
    times, found = read(["31/12/2011"] * 1500 + ["2011-12-05", "Dec 6, 2011", ""])
    assert found[-3:] == [datetime(2011, 12, 5), datetime(2011, 12, 6), None]
    assert not times.unreadable


def test_a_number_among_dates_counts_in_a_spreadsheet_only():
    cells = ["40513.35138888889", "2010-12-01 08:26:00", "2010-12-01 08:26:00"]
    assert read(cells)[1][0] is None
    assert read(cells, spreadsheet=True)[1][0] == MORNING


def test_an_empty_column_has_no_dates():
    assert read(pa.array([None, ""], pa.string()))[1] == [None, None]


@pytest.mark.parametrize(
    ("day", "clock", "when"),
    [
        ("2010-12-01", "08:26", MORNING),
        ("2010-12-01", "8", datetime(2010, 12, 1, 8)),
        ("2010-12-01 00:00:00", "8:26", MORNING),
        ("2010-12-01 08:26", "23", MORNING),
        ("2010-12-01", None, DAY),
        (DAY, "8:26", MORNING),
        (DAY, datetime(1899, 12, 31, 8, 26), MORNING),
        (DAY, 0.35138888889, MORNING),
        (DAY, 8, datetime(2010, 12, 1, 8)),
        (DAY.date(), 8.0, datetime(2010, 12, 1, 8)),
    ],
)
def test_date_and_time_from_two_columns(day, clock, when):
    clocks = [clock] if clock is not None else pa.array([None], pa.string())
    rows = table(day=[day], clock=clocks)
    joined = with_clock(rows.day, rows.clock)
    assert column(found(joined, "a").read(joined)) == [when]


def test_a_moment_with_a_zone_is_shown_by_the_clock_there():
    moments = pa.array([datetime(2011, 7, 1)], pa.timestamp("us", tz="Europe/London"))
    assert column(typed(table(a=moments).a, "Europe/London")) == [datetime(2011, 7, 1, 1)]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["%Y-%m-%d %H:%M", "%d %b %Y %H:%M", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:00Z", "%b %d, %Y %I:%M %p"]),
)
def test_a_date_written_in_a_clear_format_comes_back(moments, pattern):
    moments = [moment.replace(second=0, microsecond=0) for moment in moments]
    assert read([moment.strftime(pattern) for moment in moments])[1] == moments


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=30), st.sampled_from(["%d/%m/%Y", "%m-%d-%y"]))
def test_one_day_after_the_twelfth_settles_the_order(days, pattern):
    moments = [datetime(2011, 1, 25), *(datetime(2001, 1, 1) + timedelta(day) for day in days)]
    assert read([moment.strftime(pattern) for moment in moments])[1] == moments
