"""Windows of time: every day is in exactly one, and everybody counts them alike."""

from datetime import date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.monitoring.windows import MONDAY, Windows

DAYS = st.dates(date(1930, 1, 1), date(2090, 12, 31))
WINDOWS = st.integers(1, 92).map(Windows)
laws = settings(max_examples=80, deadline=None)


@laws
@given(windows=WINDOWS, day=DAYS)
def test_every_day_is_in_exactly_one(windows, day):
    number = windows.numbered(day)
    assert windows.first(number) <= day < windows.first(number + 1)
    assert windows.first(number + 1) - windows.first(number) == timedelta(days=windows.days)


@laws
@given(windows=WINDOWS, since=DAYS, length=st.integers(0, 400))
def test_between_two_days_are_only_whole_windows_and_all_of_them(windows, since, length):
    until = since + timedelta(days=length)
    numbers = windows.between(since, until)
    assert all(since <= windows.first(number) and windows.first(number + 1) <= until for number in numbers)
    around = range(windows.numbered(since) - 1, windows.numbered(until) + 2)
    assert list(numbers) == [
        number for number in around if since <= windows.first(number) and windows.first(number + 1) <= until
    ]


def test_between_days_in_the_wrong_order_is_nothing():
    assert len(Windows().between(date(2024, 5, 1), date(2024, 1, 1))) == 0


@pytest.fixture(scope="module")
def duckdb():
    return ibis.duckdb.connect()


@settings(max_examples=15, deadline=None)
@given(days=st.sampled_from([1, 2, 7, 10, 28, 92]), moments=st.lists(st.datetimes(datetime(1930, 1, 1)), min_size=1))
def test_the_engine_counts_alike(duckdb, days, moments):
    moments = [moment.replace(year=min(moment.year, 2200), day=min(moment.day, 28)) for moment in moments]
    table = ibis.memtable(pa.table({"moment": pa.array(moments, pa.timestamp("us"))}))
    windows = Windows(days)
    found = duckdb.to_pyarrow(table.select("moment", number=windows.number(table.moment))).to_pylist()
    assert [row["number"] for row in found] == [windows.numbered(row["moment"].date()) for row in found]


def test_before_the_first_monday_windows_go_on(duckdb):
    before = [MONDAY - timedelta(days=days) for days in (1, 7, 8)]
    assert [Windows().numbered(day) for day in before] == [-1, -1, -2]
    table = ibis.memtable(pa.table({"moment": pa.array([datetime(1970, 1, 4, 23, 59)], pa.timestamp("us"))}))
    assert duckdb.to_pyarrow(table.select(n=Windows().number(table.moment))).to_pylist() == [{"n": -1}]


def test_a_week_begins_on_a_monday():
    assert all(Windows().first(number).weekday() == 0 for number in range(-60, 3_000, 17))
    assert list(Windows().named(range(2))) == [MONDAY, MONDAY + timedelta(days=7)]
