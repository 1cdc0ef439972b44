"""What the report asks of the tables: exact sums, nothing after the day, samples of the promised size."""

from datetime import date, datetime, timedelta

import pyarrow as pa
import report_tables

from clientage.report import queries, readings


def test_the_headline_adds_up(shop, tables):
    found = queries.headline(tables, report_tables.AS_OF, 90)
    assert found.customers == len(shop["customers"]) == 25
    assert found.orders == sum(shop["customers"]["frequency"].to_pylist())
    assert found.revenue == 90 * 25


def test_who_buys_again_bought_before_and_within_ninety_days(engine, shop):
    def line(customer, days, cancelled=False):
        at = datetime(2024, 6, 11) - timedelta(days=days)
        row = shop["lines"].slice(0, 1).to_pylist()[0]
        return row | {"customer_id": customer, "invoiced_at": at, "cancelled": cancelled}

    lines = [line("again", 91), line("again", 90), line("lost", 200), line("new", 3), line("new", 2)]
    lines += [line("returner", 100), line("returner", 5, cancelled=True), line("late", 100), line("late", -1)]
    tables = report_tables.expressions(shop | {"lines": report_tables.arrow("lines", lines)}, engine)
    assert queries.headline(tables, report_tables.AS_OF, 90).buys_again == 0.25
    assert queries.headline(tables, date(2024, 1, 1), 90).buys_again is None


def test_revenue_by_month_and_country_covers_the_same_lines(tables, shop):
    day = date(2024, 5, 1)
    before = [row["amount"] for row in shop["lines"].to_pylist() if row["invoiced_at"] < datetime(2024, 5, 1)]
    monthly, countries = queries.monthly(tables, day), queries.countries(tables, day)
    assert sum(monthly["revenue"].to_pylist()) == sum(countries["revenue"].to_pylist()) == sum(before)
    assert max(monthly["month"].to_pylist()) == date(2024, 4, 1)


def test_a_shop_without_countries_has_none(tables):
    assert queries.countries(tables | {"lines": tables["lines"].drop("country")}, None) is None


def test_reasons_come_in_the_order_of_the_rules(tables):
    order = {"duplicate": 1, "no price": 0, "no customer": 3}
    assert list(queries.reasons(tables["rejected"], order).items()) == [("duplicate", 1), ("no customer", 3)]
    assert list(queries.reasons(tables["rejected"], {})) == ["duplicate", "no customer"]


def test_readings_say_what_the_numbers_say(shop):
    profiles, traits = shop["profiles"], shop["traits"]
    name = report_tables.name(1)
    assert readings.revenue_share(profiles) == f"“{name}” are 48% of customers and bring 55% of revenue."
    told = readings.spread(profiles, traits, "monetary", "£")
    assert told == f"Median spend: £33 for “{report_tables.name(3)}”, £13 for “{name}”."
    assert readings.spread(profiles, traits, "cancellation_rate") == "Median return rate: 10% in every segment."
    assert readings.spread(profiles, traits, "no such feature") == "Not known for these customers."
    assert "standard deviations" in readings.radar(profiles, traits)
    assert "Furthest" not in readings.radar(profiles, traits.slice(0, 0))
    assert readings.funnel(10, {}, 10) == "10 of 10 lines (100%) were used."
    assert readings.countries(pa.table({"country": ["Land"], "revenue": [2.0]})) == "All revenue comes from Land."
    assert readings.choice({}) == ""
    assert readings.customer_map(2_000, 4_362).endswith(
        "a sample of 2,000 of 4,362 customers, without the most extreme."
    )
    assert readings.customer_map(13, 13).endswith("Shown: 13 customers.")
