"""What the report asks of the tables: exact sums, nothing after the day, samples of the promised size."""

from datetime import date, datetime, timedelta

import pyarrow as pa
import report_tables

from clientage.report import charts, diagnostics, queries
from clientage.report.spread import spread


def test_the_headline_adds_up(shop, tables):
    found = queries.headline(tables, report_tables.AS_OF, 90)
    assert found["customers"] == len(shop["customers"]) == 25
    assert found["orders"] == sum(shop["customers"]["frequency"].to_pylist())
    assert found["revenue"] == 90 * 25


def test_who_buys_again_bought_before_and_within_ninety_days(engine, shop):
    def line(customer, days, cancelled=False):
        at = datetime(2024, 6, 11) - timedelta(days=days)
        row = shop["lines"].slice(0, 1).to_pylist()[0]
        return row | {"customer_id": customer, "invoiced_at": at, "cancelled": cancelled}

    lines = [line("again", 91), line("again", 90), line("lost", 200), line("new", 3), line("new", 2)]
    lines += [line("returner", 100), line("returner", 5, cancelled=True), line("late", 100), line("late", -1)]
    tables = report_tables.expressions(shop | {"lines": report_tables.arrow("lines", lines)}, engine)
    assert queries.headline(tables, report_tables.AS_OF, 90)["buys_again"] == 0.25
    assert queries.headline(tables, date(2024, 1, 1), 90)["buys_again"] is None


def test_revenue_by_month_covers_the_lines_before_the_day(tables, shop):
    day = date(2024, 5, 1)
    before = [row["amount"] for row in shop["lines"].to_pylist() if row["invoiced_at"] < datetime(2024, 5, 1)]
    monthly = queries.monthly(tables, day)
    assert sum(monthly["revenue"].to_pylist()) == sum(before)
    assert max(monthly["month"].to_pylist()) == date(2024, 4, 1)


def test_reasons_come_in_the_order_of_the_rules(tables):
    order = {"duplicate": 1, "no price": 0, "no customer": 3}
    assert list(queries.reasons(tables["rejected"], order).items()) == [("duplicate", 1), ("no customer", 3)]
    assert list(queries.reasons(tables["rejected"], {})) == ["duplicate", "no customer"]


def test_readings_say_what_the_numbers_say(shop):
    profiles, traits = shop["profiles"], shop["traits"]
    name = report_tables.name(1)
    assert charts.revenue_share(profiles).reading == f"“{name}” are 48% of customers and bring 55% of revenue."
    told = spread(profiles, traits, "monetary", "£").reading
    assert told == f"Median spend: £33 for “{report_tables.name(3)}”, £13 for “{name}”."
    assert spread(profiles, traits, "cancellation_rate").reading == "Median return rate: 10% in every segment."
    assert spread(profiles, traits, "no such feature").reading == "Not known for these customers."
    assert "standard deviations" in charts.outstanding(profiles, traits)
    assert "Furthest" not in charts.outstanding(profiles, traits.slice(0, 0))
    assert charts.funnel(10, {}, 10).reading == "10 of 10 lines (100%) were used."
    assert diagnostics.choice({}) == ""
    points = pa.table({name: [1.0] * 2_000 for name in ("segment_id", "pc1", "pc2", "pc3")})
    told = diagnostics.customer_map(points, profiles, 4_362).reading
    assert told.endswith("a sample of 2,000 of 4,362 customers, without the most extreme.")
    assert diagnostics.customer_map(points.slice(0, 13), profiles, 13).reading.endswith("Shown: 13 customers.")
