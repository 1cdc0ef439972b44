"""Planted shifts: each changes what it says, by as much as it says, from its day on, and nothing before."""

from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated import Shop, assert_sound

from clientage.errors import InputError
from clientage.transactions import simulate as module
from clientage.transactions.simulate import simulate
from clientage.transactions.simulation.catalogue import make_catalogue, with_successors
from clientage.transactions.simulation.shifts import KINDS, Shift, understood

DAY = date(2024, 7, 29)
MEASURES = {
    "orders": "count(distinct invoice) filter (not cancelled)",
    "price": "avg(unit_price)",
    "returned": "count(*) filter (cancelled) / count(*) filter (not cancelled)",
    "unseen": "avg((product >= '90000')::int)",
    "abroad": "avg((country in ('United States', 'Sweden', 'Italy', 'Japan'))::int)",
    "untold": "avg((country is null)::int)",
    "newcomers": "count(distinct customer_id) filter (customer_id not in (from seen))",
}
EXPECTED = {
    "price": {"price": 1.15},
    "frequency": {"orders": 0.59},  # .55 of guests and repeat orders; first orders stay
    "assortment": {"unseen": 0.30},
    "returns": {"returned": 3.75},  # 4 of what was bought since; what comes back first was bought before
    "country": {"abroad": 0.25},
    "missing": {"untold": 0.60},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("plain"), customers=1_500, steady=True)


@pytest.fixture(scope="module", params=KINDS)
def changed(request, tmp_path_factory):
    """A kind of shift, and the shop with it."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, Shop(folder, customers=1_500, steady=True, shifts=[Shift(request.param, DAY)])


def measured(shop):
    """What the shop is like from the day on."""
    shop.engine.con.sql(f"create or replace view seen as select customer_id from lines where invoiced_at < '{DAY}'")
    (row,) = shop.ask(f"select {', '.join(MEASURES.values())} from lines where invoiced_at >= '{DAY}'")
    return dict(zip(MEASURES, row, strict=True))


def before(shop, day=DAY):
    """All that arrived before a day, in order."""
    return shop.ask(f"from raw where InvoiceDate < '{day}'")


def test_the_shop_stays_sound(changed):
    assert_sound(changed[1])


def test_before_the_day_nothing_changes(changed, shop):
    assert before(changed[1]) == before(shop)
    assert len(before(shop)) > 30_000


def test_the_truth_stays(changed, shop):
    assert changed[1].result.truth_path.read_bytes() == shop.result.truth_path.read_bytes()


def test_from_the_day_on_it_changes_as_much_as_it_says_and_nothing_else(changed, shop):
    kind, was, found = changed[0], measured(shop), measured(changed[1])
    for name, expected in EXPECTED[kind].items():
        assert found[name] == pytest.approx(expected * (was[name] or 1), rel=0.1)
    for name in MEASURES.keys() - EXPECTED[kind].keys():
        assert found[name] == pytest.approx(was[name], rel=0.05), name


def test_goods_come_back_as_they_were_bought(tmp_path):
    """Whatever changes between purchase and return."""
    shifts = [Shift(kind, day) for kind in ("price", "assortment", "country") for day in (DAY, date(2024, 9, 2))]
    shop = Shop(tmp_path, customers=800, shifts=shifts)
    assert_sound(shop)
    alone = """select count(*) from raw r where InvoiceNo like 'C%' and not exists (
        from raw b where b.InvoiceNo not like 'C%' and (b.CustomerID, b.StockCode, b.Country, b.UnitPrice)
            = (r.CustomerID, r.StockCode, r.Country, r.UnitPrice))"""
    assert shop.one(alone) == 0


def test_what_was_bought_before_comes_back_as_ever(changed, shop):
    if changed[0] == "missing":
        pytest.skip("lines lose their country as they arrive, whenever their goods were bought")
    back = f"""select CustomerID, StockCode, Quantity, InvoiceDate, UnitPrice, Country from raw r
        where InvoiceNo like 'C%' and InvoiceDate >= '{DAY}' and not exists (from raw b where b.Quantity > 0
            and b.CustomerID = r.CustomerID and b.StockCode = r.StockCode and b.InvoiceDate >= '{DAY}')"""
    old = shop.ask(back)
    assert len(old) > 20
    assert set(old) <= set(changed[1].ask(back))


def test_a_country_that_is_lost_is_not_found_by_moving(tmp_path):
    shop = Shop(tmp_path, customers=50, shifts=["missing=1@2024-03-01", "country=1@2024-07-29"])
    assert shop.one("select count(country) from lines where invoiced_at >= '2024-03-01'") == 0


def test_who_moves_lives_in_one_country(tmp_path):
    shop = Shop(tmp_path, customers=300, shifts=["country=0.5@2024-07-29"])
    many = f"""select max(n) from (select count(distinct country) n from lines
        where invoiced_at >= '{DAY}' and not cancelled group by customer_id)"""
    assert shop.one(many) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_do_not_matter_before_the_day(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(module, "BLOCK", 2_000)
    plain = Shop(tmp_path / "plain", customers=300)
    shop = Shop(tmp_path / "shifted", customers=300, shifts=[Shift(kind, DAY)])
    assert_sound(shop)
    assert before(shop) == before(plain)
    assert shop.ask("from raw") != plain.ask("from raw")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**40), steady=st.booleans(), customers=st.integers(1, 60))
def test_any_shifts_together_leave_a_sound_shop_and_the_past_alone(tmp_path, data, seed, steady, customers):
    days = st.dates(date(2024, 1, 1), date(2024, 12, 31))
    shift = st.sampled_from(list(KINDS)).flatmap(
        lambda kind: st.builds(Shift, st.just(kind), days, st.floats(KINDS[kind].least, KINDS[kind].most))
    )
    shifts = data.draw(st.lists(shift, min_size=1, max_size=5, unique_by=lambda shift: (shift.kind, shift.day)))
    arguments = {"customers": customers, "seed": seed, "steady": steady}
    plain, shop = Shop(tmp_path, **arguments), Shop(tmp_path, **arguments, shifts=shifts)
    assert_sound(shop)
    first = min(shift.day for shift in shifts)
    assert before(shop, first) == before(plain, first)


def test_the_order_of_shifts_does_not_matter(tmp_path):
    shifts = ["price@2024-05-01", "missing@2024-07-29", "country@2024-07-29", "price=-0.2@2024-06-01"]
    one, two = (
        simulate(60, out=tmp_path / f"{name}.parquet", shifts=given)
        for name, given in (("one", shifts), ("two", reversed(shifts)))
    )
    assert one.lines_path.read_bytes() == two.lines_path.read_bytes()
    assert one.shifts == two.shifts


def test_shifts_of_a_kind_add_up(tmp_path):
    shop = Shop(tmp_path, customers=300, shifts=["assortment=0.5@2024-05-01", "assortment=0.5@2024-09-01"])
    share = "select avg((product >= '90000')::int) from lines where not cancelled and month(invoiced_at)"
    assert shop.one(f"{share} between 5 and 8") == pytest.approx(0.5, abs=0.08)
    assert shop.one(f"{share} >= 9") == pytest.approx(0.75, abs=0.08)


def test_a_shift_of_no_size_changes_nothing(tmp_path):
    none = [f"{kind}=0@2024-07-29" for kind in KINDS if kind != "returns"]
    plain, shop = Shop(tmp_path, customers=50), Shop(tmp_path, customers=50, shifts=none)
    assert shop.ask("from raw") == plain.ask("from raw")


def test_a_shift_on_the_first_day_changes_all(tmp_path):
    shop = Shop(tmp_path, customers=50, shifts=["missing=1@2024-01-01", "returns=0@2024-01-01"])
    assert_sound(shop)
    assert shop.one("select count(country) from lines") == 0
    assert shop.one("select count(*) from lines where cancelled") == 0


def test_nobody_orders_but_those_who_are_new(tmp_path):
    shop = Shop(tmp_path, customers=100, shifts=["frequency=1@2024-01-01"])
    assert_sound(shop)
    assert (
        shop.one(
            "select max(n) from (select count(distinct invoiced_at::date) n from lines where not cancelled "
            "group by customer_id)"
        )
        == 1
    )
    assert shop.one("select count(*) from raw where CustomerID is null") == 0


def test_prices_fall_too_but_never_to_nothing(tmp_path):
    shop = Shop(tmp_path, customers=50, shifts=["price=-0.9@2024-01-01"])
    assert_sound(shop)
    assert 0 < shop.one("select min(unit_price) from lines") < 0.2


@pytest.mark.parametrize(
    ("text", "shift"),
    [
        ("price@2024-07-29", Shift("price", DAY, 0.15)),
        ("price=0.3@2024-07-29", Shift("price", DAY, 0.3)),
        (" returns = 2 @ 2024-07-29 ", Shift("returns", DAY, 2.0)),
        (Shift("missing", DAY), Shift("missing", DAY, 0.6)),
    ],
)
def test_shifts_are_read(text, shift):
    assert understood([text]) == ([shift], [])


@given(st.sampled_from(list(KINDS)), st.dates(), st.integers(0, 90))
def test_what_is_written_is_read_again(kind, day, hundredths):
    shift = Shift(kind, day, hundredths / 100)
    assert understood([str(shift)]) == ([shift], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write kind@day"),
        ("price", "write kind@day"),
        ("@2024-07-29", "write kind@day"),
        ("price=@2024-07-29", "write kind@day"),
        ("prise@2024-07-29", "there is no kind prise. Take one of price, frequency,"),
        ("price@29.7.2024", "29.7.2024 is no day"),
        ("price@2024-07-29@2024-07-30", "2024-07-29@2024-07-30 is no day"),
        ("price=15%@2024-07-29", "15% is no number"),
        ("price=nan@2024-07-29", "its size goes from -0.9 to 10"),
        ("frequency=1.01@2024-07-29", "its size goes from 0 to 1: share of orders not made"),
        ("returns=-1@2024-07-29", "its size goes from 0 to 100"),
        ("price@2025-01-01", "from 2024-01-01 to 2024-12-31"),
        ("price@2023-12-31", "from 2024-01-01 to 2024-12-31"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, said):
    with pytest.raises(InputError) as caught:
        simulate(2, out=tmp_path / "lines.parquet", shifts=[text])
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"shift {text.split('@')[0]}")
    assert not list(tmp_path.iterdir())


def test_one_kind_shifts_once_a_day(tmp_path):
    with pytest.raises(InputError, match="one of this kind on that day already"):
        simulate(2, out=tmp_path / "lines.parquet", shifts=["price@2024-07-29", Shift("price", DAY, 0.3)])


def test_the_new_range_is_new():
    old = make_catalogue(np.random.default_rng(3))
    catalogue = with_successors(old)
    codes, names = catalogue.codes.to_pylist(), catalogue.names.to_pylist()
    assert len(set(codes)) == len(codes) == len(catalogue.price) == len(old.price) + old.goods
    assert len(set(names)) == len(names)
    assert (catalogue.price[-old.goods :] == old.price[: old.goods]).all()
    assert all(len(code) == 5 and code.isdigit() for code in codes[-old.goods :])
