"""Features: the reference project's where they are right, hand-worked ones, and laws."""

import functools
from datetime import date, datetime

import ibis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import SHARED, bought, days, table

from clientage.customers.features import baskets, customer_features, missing_features, products_bought
from clientage.tables import check

AS_OF = date(2024, 3, 1)

GOLDEN = {
    "invoices": "Total_Transactions",
    "units": "Total_Products_Purchased",
    "spend": "Total_Spend",
    "spend_per_invoice": "Average_Transaction_Value",
    "products": "Unique_Products_Purchased",
    "favourite_weekday": "Day_Of_Week",
    "favourite_hour": "Hour",
    "is_home_country": "Is_UK",
    "cancelled_invoices": "Cancellation_Frequency",
    "monthly_spend_mean": "Monthly_Spending_Mean",
    "monthly_spend_std": "Monthly_Spending_Std",
    "monthly_spend_trend": "Spending_Trend",
}


@functools.cache
def duckdb():
    return ibis.duckdb.connect()


def features(rows, as_of=AS_OF, **options):
    lines = table("lines", rows)
    found = check(
        "customers",
        customer_features(check("baskets", baskets(lines)), as_of, products=products_bought(lines, as_of), **options),
    )
    return {row["customer_id"]: row for row in duckdb().to_pyarrow(found).to_pylist()}


def test_a_customer_worked_by_hand():
    rows = [
        bought(invoice="1", invoiced_at=datetime(2024, 1, 1, 9), quantity=2.0, unit_price=10.0, product="11"),
        bought(invoice="1", invoiced_at=datetime(2024, 1, 1, 9), quantity=1.0, unit_price=5.0, product="12"),
        bought(invoice="2", invoiced_at=datetime(2024, 1, 31, 15), quantity=3.0, unit_price=10.0, product="11"),
        bought(invoice="C3", invoiced_at=datetime(2024, 2, 10, 15), quantity=-1.0, unit_price=10.0, product="11"),
    ]
    found = features(rows)["c1"]
    assert found == {
        "customer_id": "c1",
        "as_of": AS_OF,
        "country": "France",
        "recency_days": 20,
        "tenure_days": 60,
        "frequency": 2,
        "monetary": 45.0,
        "lines_per_basket": 1.5,
        "units_per_line": 2.0,
        "invoices": 3,
        "units": 5.0,
        "spend": 45.0,
        "spend_per_invoice": 15.0,
        "products": 2,
        "days_between_purchases": 20.0,
        "favourite_weekday": 0,
        "favourite_hour": 9,
        "is_home_country": True,
        "cancelled_invoices": 1,
        "cancellation_rate": pytest.approx(1 / 3),
        "monthly_spend_mean": pytest.approx(22.5),
        "monthly_spend_std": pytest.approx(np.std([55, -10], ddof=1)),
        "monthly_spend_trend": pytest.approx(-65),
    }


def test_who_only_returned_has_no_frequency_and_no_negative_worth():
    found = features([bought(quantity=-3.0)])["c1"]
    zero = ("frequency", "monetary", "lines_per_basket", "units_per_line", "monthly_spend_std", "monthly_spend_trend")
    assert [found[name] for name in zero] == [0] * 6
    assert found["spend"] < 0
    assert found["cancellation_rate"] == 1
    assert found["days_between_purchases"] is None


def test_lines_on_or_after_as_of_and_lines_without_customer_do_not_count():
    rows = [bought(), bought(invoiced_at=datetime(2024, 3, 1)), bought(customer_id=None)]
    assert {name: row["invoices"] for name, row in features(rows).items()} == {"c1": 1}


def test_ties_go_to_the_lowest_and_the_first():
    early, late = datetime(2024, 1, 2, 9), datetime(2024, 1, 3, 14)
    rows = [bought(country=country, invoiced_at=at) for country, at in (("France", late), ("Austria", early))]
    found = features([row | {"invoice": str(i)} for i, row in enumerate(rows * 2)])["c1"]
    assert (found["favourite_weekday"], found["favourite_hour"], found["country"]) == (1, 9, "Austria")


def test_the_home_country_can_be_given():
    assert features([bought()], home_country="Austria")["c1"]["is_home_country"] is False


def test_features_without_their_column_are_left_out_by_name():
    row = {
        name: value
        for name, value in bought().items()
        if name in {"customer_id", "invoice", "invoiced_at", "amount", "cancelled"}
    }
    found = features([row])["c1"]
    assert missing_features(tuple(row)) == {
        "units": "quantity", "units_per_line": "quantity", "products": "product",
        "country": "country", "is_home_country": "country",
    }  # fmt: skip
    assert not set(missing_features(tuple(row))) & set(found)


some_lines = st.lists(
    st.builds(
        bought,
        customer_id=st.sampled_from(["c1", "c2", "c3"]),
        invoice=st.sampled_from(["1", "2", "3", "4"]),
        product=st.sampled_from(["11", "12"]),
        quantity=st.integers(-5, 9).filter(bool).map(float),
        unit_price=st.integers(1, 99_999).map(lambda cents: cents / 1000),
        invoiced_at=st.builds(lambda d, h: days(d).replace(hour=h), st.integers(0, 50), st.integers(0, 23)),
        country=st.sampled_from(["France", "Austria"]),
    ),
    min_size=1,
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(rows=some_lines, order=st.randoms())
def test_the_order_of_lines_does_not_matter_to_the_last_bit(rows, order):
    assert features(rows) == features(order.sample(rows, len(rows)))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(rows=some_lines)
def test_laws(rows):
    found = features(rows)
    assert set(found) == {row["customer_id"] for row in rows}
    for customer_id, row in found.items():
        own = [line for line in rows if line["customer_id"] == customer_id]
        assert row["spend"] == pytest.approx(sum(line["amount"] for line in own))
        assert row["units"] == sum(line["quantity"] for line in own)
        assert 0 <= row["cancellation_rate"] <= 1
        assert 1 <= row["recency_days"] <= row["tenure_days"]
        assert row["frequency"] <= row["invoices"]
        assert row["days_between_purchases"] is None or row["days_between_purchases"] >= 1
        months = {}
        for line in own:
            months.setdefault(line["invoiced_at"].month, []).append(line["amount"])
        sums = [sum(months[month]) for month in sorted(months)]
        std = np.std(sums, ddof=1) if len(sums) > 1 else 0
        trend = np.polyfit(range(len(sums)), sums, 1)[0] if len(sums) > 1 else 0
        assert row["monthly_spend_std"] == pytest.approx(std, abs=1e-5)
        assert row["monthly_spend_trend"] == pytest.approx(trend, abs=1e-6)


@pytest.mark.real
def test_thirteen_features_equal_the_reference_project(real_tables):
    path = SHARED / "golden" / "seed_features.parquet"
    if not path.exists():
        pytest.skip(f"the reference features are not at {path}")
    engine = real_tables["engine"]
    golden = engine.read_parquet(path)
    golden = golden.mutate(customer_id=golden.CustomerID.cast("float64").cast("int64").cast("string"))
    both = engine.to_pyarrow(golden.join(real_tables["customers"], "customer_id")).to_pydict()
    assert len(both["customer_id"]) == 4_282
    for ours, theirs in GOLDEN.items():
        np.testing.assert_allclose(np.array(both[ours], float), both[theirs], rtol=0, atol=1e-6, err_msg=ours)
    np.testing.assert_array_equal(np.array(both["recency_days"]) - 1, both["Days_Since_Last_Purchase"])


@pytest.mark.real
def test_every_customer_of_the_public_data_set_is_there_once(real_tables):
    customers = real_tables["customers"]
    found = real_tables["engine"].to_pyarrow(customers).to_pydict()
    assert len(found["customer_id"]) == len(set(found["customer_id"])) == 4_362
    assert min(found["cancellation_rate"]) >= 0
    assert max(found["cancellation_rate"]) <= 1
    assert sum(frequency == 0 for frequency in found["frequency"]) == 28
    assert found["as_of"][0] == date(2011, 12, 10)
