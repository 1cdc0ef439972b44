"""The simulated shop: what it promises to those who clean, segment and recommend on it."""

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated import Shop, assert_sound
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from clientage.errors import InputError
from clientage.transactions import simulate as module
from clientage.transactions.simulate import SCHEMA, simulate
from clientage.transactions.simulation.calendar import make_calendar
from clientage.transactions.simulation.catalogue import make_catalogue
from clientage.transactions.simulation.shoppers import PLANTED, make_shoppers

ALWAYS = "c82dbfe78ae3ada1a8ef87c4fb38092e"
SHARES = {
    "no customer": (0.08, 0.20),
    "no description": (0.001, 0.005),
    "duplicate": (0.005, 0.02),
    "service code": (0.002, 0.02),
    "service description": (0.0001, 0.002),
    "no price": (0.0002, 0.003),
    "incomplete": (0.00005, 0.001),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("shop"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_default_shop_is_sound(shop):
    assert_sound(shop)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    customers=st.one_of(st.sampled_from([1, 2, 10]), st.integers(1, 60)),
    seed=st.integers(0, 2**40),
    months=st.integers(1, 26),
    start=st.dates(date(1970, 1, 1), date(2090, 12, 31)),
)
def test_a_small_shop_is_sound(tmp_path, customers, seed, months, start):
    assert_sound(Shop(tmp_path, customers=customers, seed=seed, months=months, start=start))


def test_many_blocks_make_a_sound_shop(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 500)
    progress: list[float] = []
    blocks = Shop(tmp_path, customers=150, progress=progress.append)
    assert_sound(blocks)
    assert len(progress) > 5
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert blocks.one("select count(*) from lines where cancelled and month(invoiced_at) > 3") > 0


def test_returns_wait_for_their_block(tmp_path, monkeypatch):
    whole = Shop(tmp_path, customers=400)
    monkeypatch.setattr(module, "BLOCK", 500)
    parts = Shop(tmp_path, customers=400)
    returned = "select avg(cancelled::int) from lines"
    assert parts.one(returned) == pytest.approx(whole.one(returned), rel=0.25)


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    one, two = (simulate(50, out=tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert one.lines_path.read_bytes() == two.lines_path.read_bytes()
    assert one.truth_path.read_bytes() == two.truth_path.read_bytes()


def test_the_shop_is_the_one_it_always_was(tmp_path, monkeypatch):
    """What may be planted in it leaves the shop alone where nothing is planted."""
    monkeypatch.setattr(module, "BLOCK", 500)
    lines = pq.read_table(simulate(300, seed=11, out=tmp_path / "lines.parquet").lines_path)
    found = hashlib.sha256(repr([column.to_pylist() for column in lines.columns]).encode()).hexdigest()
    assert found.startswith(ALWAYS)


def test_another_seed_gives_another_shop(tmp_path):
    one, two = (simulate(50, seed=seed, out=tmp_path / f"{seed}.parquet") for seed in (1, 2))
    assert one.lines_path.read_bytes() != two.lines_path.read_bytes()
    assert one.truth_path.read_bytes() != two.truth_path.read_bytes()


def test_files_have_the_promised_columns_and_nothing_else_lies_about(tmp_path):
    result = simulate(5, out=tmp_path / "deep" / "lines.parquet")
    assert pq.read_schema(result.lines_path).equals(SCHEMA)
    truth = pq.read_schema(result.truth_path)
    assert [(field.name, str(field.type)) for field in truth] == [
        ("customer_id", "string"),
        ("segment", "string"),
        ("wholesale", "bool"),
    ]
    assert names(tmp_path / "deep") == ["lines.parquet", "lines_truth.parquet"]


def test_truth_goes_where_it_is_told_to(tmp_path):
    result = simulate(3, out=tmp_path / "lines.parquet", truth=tmp_path / "secret" / "t.parquet")
    assert result.truth_path == tmp_path / "secret" / "t.parquet"
    assert pq.read_table(result.truth_path).num_rows == 3


def test_a_failure_leaves_what_was_there(tmp_path):
    out = tmp_path / "lines.parquet"
    simulate(5, out=out)
    before = out.read_bytes()

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(5, seed=8, out=out, progress=stop)
    assert out.read_bytes() == before
    assert names(tmp_path) == ["lines.parquet", "lines_truth.parquet"]


def test_a_disk_error_comes_as_it_is(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        simulate(2, out=tmp_path / "file" / "lines.parquet")


def test_bad_arguments_are_all_named(tmp_path):
    with pytest.raises(InputError) as caught:
        shifts = ["price=99@2024-07-01", "prise@2024-07-01"]
        simulate(0, seed=-1, months=0, start=date(1969, 1, 1), shifts=shifts, out=tmp_path / "lines.parquet")
    for name in ("customers is 0", "seed is -1", "months is 0", "1969-01-01", "price=99@2024-07-01", "kind prise"):
        assert name in str(caught.value)
    assert not names(tmp_path)


@pytest.mark.parametrize(
    ("start", "months", "fits"),
    [
        (date(2099, 1, 1), 12, True),
        (date(2099, 1, 2), 12, False),
        (date(2099, 12, 1), 1, True),
        (date(2099, 1, 1), 13, False),
    ],
)
def test_time_ends_with_what_cleaning_believes(tmp_path, start, months, fits):
    if fits:
        assert_sound(Shop(tmp_path, customers=2, start=start, months=months))
    else:
        with pytest.raises(InputError, match="stay within 1970 to 2099"):
            simulate(2, start=start, months=months, out=tmp_path / "lines.parquet")


def test_lines_and_truth_cannot_share_a_file(tmp_path):
    with pytest.raises(InputError, match="cannot be the same file"):
        simulate(2, out=tmp_path / "a.parquet", truth=tmp_path / "." / "a.parquet")


def test_size_suits_a_demonstration(shop):
    assert 150_000 < shop.result.lines < 300_000


@pytest.mark.parametrize("kind", SHARES)
def test_dirt_has_a_realistic_share(shop, kind):
    low, high = SHARES[kind]
    assert low < shop.result.dirty[kind] / shop.result.lines < high


def test_a_few_values_are_impossible(shop):
    counts = """select count(*) filter (isinf(UnitPrice)), count(*) filter (Quantity = 2000000000),
        count(*) filter (InvoiceDate = '1900-01-01') from raw"""
    assert shop.ask(counts) == [(3, 3, 3)]


def test_dirt_looks_as_in_real_shops(shop):
    codes = {code for (code,) in shop.ask("select distinct product from rejected where reason = 'service code'")}
    assert codes >= {"POST", "M", "D", "BANK CHARGES", "B"}
    names = shop.ask("select distinct description from rejected where reason = 'service description' order by 1")
    assert names == [("High Resolution Image",), ("Next Day Carriage",)]
    assert shop.one("select count(*) from rejected where unit_price = 0 and reason = 'no price'") > 0
    assert shop.one("select count(*) from rejected where unit_price < 0 and reason = 'no price'") > 0
    repriced = """select count(*) from rejected r join lines l using (invoice, product, customer_id, quantity)
        where r.reason = 'duplicate' and r.unit_price > l.unit_price"""
    assert 0.1 < shop.one(repriced) / shop.result.dirty["duplicate"] < 0.5


def test_clean_lines_repeat_no_product_within_an_order(shop):
    assert shop.one("select count(*) - count(distinct (invoice, product)) from lines") == 0


def test_an_order_has_one_time_customer_and_kind(shop):
    mixed = """select count(*) from (from lines select invoice group by invoice
        having count(distinct (customer_id, invoiced_at, country, cancelled)) > 1)"""
    assert shop.one(mixed) == 0


def test_some_goods_come_back_at_once_and_some_much_later(shop):
    assert 0.01 < shop.one("select avg(cancelled::int) from lines") < 0.04
    days = """select r.invoiced_at::date - max(b.invoiced_at)::date from lines r
        join lines b using (customer_id, product, unit_price)
        where r.cancelled and not b.cancelled and b.invoiced_at < r.invoiced_at group by r.invoice, r.invoiced_at"""
    waits = np.array([wait for (wait,) in shop.ask(days)])
    assert waits.min() == 0
    assert np.quantile(waits, 0.9) > 14


def features(shop: Shop) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The default recipe's five features, the planted segment and the wholesale flag."""
    rows = shop.ask("""
        select date '2025-01-01' - max(invoiced_at)::date, count(distinct invoice) filter (not cancelled) as orders,
            greatest(sum(amount), 0), count(*) filter (not cancelled) / orders,
            sum(quantity) filter (not cancelled) / count(*) filter (not cancelled), segment, wholesale
        from lines join truth using (customer_id) group by customer_id, segment, wholesale order by customer_id""")
    numbers = np.array([row[:5] for row in rows], dtype=float)
    return numbers, np.array([row[5] for row in rows]), np.array([row[6] for row in rows])


def test_planted_segments_are_found_but_not_trivially(shop):
    numbers, planted, _ = features(shop)
    logs = np.log1p(numbers)
    space = (logs - logs.mean(0)) / logs.std(0) * [1.5, 1.5, 1.5, 1, 1]
    found = KMeans(5, n_init=5, random_state=0).fit_predict(space)
    assert 0.76 < adjusted_rand_score(planted, found) < 0.95  # measured .81
    for name in np.unique(planted):
        assert np.bincount(found[planted == name]).max() / (planted == name).sum() > 0.75  # measured .85 and more


def test_planted_segments_have_their_shares(shop):
    counts = dict(shop.ask("select segment, count(*) / 5000 from truth group by all"))
    assert counts == {planted.name: pytest.approx(planted.share, abs=0.03) for planted in PLANTED}


def test_wholesale_is_in_every_segment_and_shows_in_units(shop):
    numbers, planted, wholesale = features(shop)
    assert set(planted[wholesale]) == {segment.name for segment in PLANTED}
    assert 0.02 < wholesale.mean() < 0.08
    flagged = numbers[:, 4] > 6 * np.median(numbers[:, 4])
    assert flagged[wholesale].mean() > 0.9
    assert wholesale[flagged].mean() > 0.6


def test_autumn_is_busy_and_christmas_quiet(shop):
    days = dict(shop.ask("select invoiced_at::date, count(*) from lines where not cancelled group by all"))

    def mean(first: int, last: int) -> float:
        return float(np.mean([count for day, count in days.items() if first <= day.month <= last]))

    assert mean(10, 12) > 1.5 * mean(4, 6)
    assert not {date(2024, 12, 25), date(2024, 12, 26), date(2024, 1, 1)} & set(days)


def test_categories_have_seasons_of_their_own(shop):
    def share(name: str, month: int) -> float:
        asked = f"description like '%{name}'"
        return float(shop.one(f"select avg(({asked})::int) from lines where month(invoiced_at) = {month}"))

    assert share("Bauble", 12) > 2 * share("Bauble", 6)
    assert share("Parasol", 7) > 2 * share("Parasol", 12)


def test_the_week_and_the_day_have_opening_hours(shop):
    weekdays = dict(shop.ask("select isodow(invoiced_at), count(*) from lines group by all"))
    assert max(weekdays, key=lambda day: weekdays[day]) == 4
    assert min(weekdays, key=lambda day: weekdays[day]) == 6
    hours = dict(shop.ask("select hour(invoiced_at), count(distinct invoice) from lines group by all"))
    assert min(hours) >= 7
    assert max(hours) <= 20
    assert max(hours, key=lambda hour: hours[hour]) in {11, 12, 13}


def test_one_country_is_home(shop):
    shares = [count for (count,) in shop.ask("select count(*) / 5000 from lines group by country order by 1 desc")]
    assert len(shares) > 5
    assert shares[0] > 5 * shares[1]
    assert shop.one("select max(n) from (select count(distinct country) n from lines group by customer_id)") == 1


def test_few_products_bring_much_of_the_business(shop):
    counts = np.array([n for (n,) in shop.ask("select count(*) n from lines group by product order by n desc")])
    assert counts[: len(counts) // 5].sum() / counts.sum() > 0.4


def test_tastes_differ_so_that_recommenders_can_learn(shop):
    counts = ", ".join(f"count(*) filter (description like '%{noun}')" for noun in ("Mug", "Cushion", "Necklace"))
    rows = np.array(shop.ask(f"select {counts} from lines group by customer_id having count(*) > 60"))
    spread = rows.var(axis=0) / rows.mean(axis=0)
    assert (spread > 1.5).all()  # 1 would be pure chance


def test_the_catalogue_has_no_two_alike():
    catalogue = make_catalogue(np.random.default_rng(1))
    codes, names = catalogue.codes.to_pylist(), catalogue.names.to_pylist()
    assert len(set(codes)) == len(codes) == len(catalogue.price)
    assert len(set(names)) == len(names)
    goods = catalogue.price[: catalogue.goods]
    assert (goods > 0).all()
    assert set(np.round(goods * 100).astype(int) % 10) == {5, 9}
    assert all(sum(letter.isdigit() for letter in code) == 5 for code in codes[: catalogue.goods])


def test_premium_shoppers_pay_more():
    rng = np.random.default_rng(1)
    catalogue = make_catalogue(rng)
    nobody, premium = np.zeros(5_000, dtype=np.int64), np.ones(5_000)
    cheap, dear = (catalogue.price[catalogue.choose(rng, nobody, nobody, premium * p)].mean() for p in (0.0, 1.0))
    assert dear > 2 * cheap


def test_the_clock_rests_on_closed_days():
    calendar = make_calendar(date(2024, 12, 20), 1)
    assert len(calendar.month) == 31
    assert (calendar.clock[0], calendar.clock[-1]) == (0.0, 1.0)
    closed = np.flatnonzero(np.diff(calendar.clock) == 0)
    assert closed.tolist() == [5, 6, 12]
    assert not set(calendar.day(np.linspace(0, 0.999999, 5_000))) & set(closed)


def test_buying_is_negative_binomial():
    """Rates are gamma: the variance of Poisson counts at those rates is the NBD's, mean + mean² / shape."""
    shoppers = make_shoppers(np.random.default_rng(1), 40_000, 1.0)
    rate = shoppers.rate[shoppers.segment == 0]
    counts = np.random.default_rng(2).poisson(rate)
    assert counts.var() == pytest.approx(rate.mean() + rate.mean() ** 2 / 10.0, rel=0.08)
