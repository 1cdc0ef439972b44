"""The steady shop: any two spans of it are alike."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated import Shop, assert_sound

from clientage.transactions.simulation.calendar import make_calendar
from clientage.transactions.simulation.catalogue import CATEGORIES, TASTES, make_catalogue
from clientage.transactions.simulation.shoppers import PLANTED, make_shoppers, settled

WEEKS = """
    select week, count(distinct invoice) as orders, count(distinct customer_id) as customers,
        count(*) / orders as width, avg(unit_price) as price, avg((country <> 'United Kingdom')::int) as abroad
    from (select *, (invoiced_at::date - date '2024-01-01') // 7 + 1 as week from lines where not cancelled)
    where week <= 52 group by week order by week"""


def spans(shop: Shop) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of weeks 1 to 26 and of weeks 27 to 36, and by how much single weeks differ."""
    weeks = np.array(shop.ask(WEEKS), dtype=float)[:, 1:]
    return weeks[:26].mean(axis=0), weeks[26:36].mean(axis=0), weeks.std(axis=0)


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("steady"), customers=2_000, steady=True)


def test_it_is_sound(steady):
    assert_sound(steady)


def test_spans_are_alike(steady):
    before, after, spread = spans(steady)
    assert (np.abs(after - before) < spread).all()  # less than a week differs from a week
    assert after[:2] == pytest.approx(before[:2], rel=0.04)  # measured .02 and less


def test_the_usual_shop_is_not(tmp_path):
    before, after, _ = spans(Shop(tmp_path, customers=2_000))
    assert (after[:2] > 1.3 * before[:2]).all()


def test_no_day_is_closed_and_no_category_has_a_season(steady):
    assert steady.one("select count(distinct invoiced_at::date) from lines") == 366
    summer, winter = (
        steady.one(f"select avg((description like '%Bauble')::int) from lines where month(invoiced_at) in {months}")
        for months in ((5, 6, 7), (11, 12, 1))
    )
    assert winter == pytest.approx(summer, rel=0.3)


def test_in_the_second_year_as_many_are_new_as_before(tmp_path):
    shop = Shop(tmp_path, customers=2_000, steady=True, months=24)
    first = "select min(invoiced_at)::date as day from lines group by customer_id"
    spans = [("2025-01-01", "2025-07-01"), ("2025-07-01", "2025-12-31")]
    early, late = (shop.one(f"select count(*) from ({first}) where day >= '{a}' and day < '{b}'") for a, b in spans)
    assert early > 100
    assert late == pytest.approx(early, rel=0.3)  # four standard deviations of chance


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(customers=st.integers(1, 60), seed=st.integers(0, 2**40), months=st.integers(1, 26))
def test_a_small_one_is_sound(tmp_path, customers, seed, months):
    assert_sound(Shop(tmp_path, customers=customers, seed=seed, months=months, steady=True))


@pytest.mark.parametrize("segment", range(len(PLANTED)), ids=lambda number: PLANTED[number].name)
def test_orders_of_every_kind_come_evenly(segment):
    """What the seams of time would show: too many orders at first, or too few."""
    rng = np.random.default_rng(1)
    s = settled(rng, make_shoppers(rng, 60_000, 1.0))
    own = (s.segment == segment) & (np.arange(len(s.segment)) < s.customers)
    joined, leaves, rate = s.joined[own], s.leaves[own], s.rate[own]
    edges = np.linspace(0, 1, 11)
    first = np.histogram(joined, edges)[0]
    again = [(rate * np.clip(np.minimum(leaves, b) - np.maximum(joined, a), 0, None)).sum() for a, b in pairwise(edges)]
    assert first + again == pytest.approx(np.mean(first + again), rel=0.06)  # measured .03 and less


def test_the_calendar_has_weeks_and_nothing_else():
    clock = make_calendar(date(2024, 1, 1), 12, steady=True).clock
    weeks = np.diff(clock[::7])
    assert weeks == pytest.approx(weeks[0])
    assert np.diff(clock)[5] < 0.5 * np.diff(clock)[4]


def test_the_catalogue_sells_alike_all_year():
    by_taste = make_catalogue(np.random.default_rng(1), steady=True).by_taste.reshape(TASTES, 12, len(CATEGORIES))
    shares = by_taste - np.arange(TASTES * 12).reshape(TASTES, 12, 1)
    assert shares == pytest.approx(np.repeat(shares[:, :1], 12, axis=1))
