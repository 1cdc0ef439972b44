"""Where the segments live: countries of customers, active ones, and revenue of two horizons."""

from datetime import date

from shops import bought, days, table

from clientage.segments.regions import regions
from clientage.tables import check

DAY = date(2024, 4, 1)  # 91 days after the start


def test_each_customer_counts_where_they_live(engine):
    rows = [
        bought(customer_id="a", invoiced_at=days(80), quantity=4.0),
        bought(customer_id="a", invoiced_at=days(85), quantity=-1.0),
        bought(customer_id="a", invoiced_at=days(50)),
        bought(customer_id="a", invoiced_at=days(1)),
        bought(customer_id="a", invoiced_at=days(91)),
        bought(customer_id="b", invoiced_at=days(50), country="Norway"),
        bought(customer_id="c", invoiced_at=days(80), quantity=-1.0),
    ]
    lived = {"a": "France", "b": "France", "c": None}
    customers = table("customers", [{"customer_id": id_, "country": country} for id_, country in lived.items()])
    segments = table("segments", [{"customer_id": id_, "segment_id": 1} for id_ in lived])
    found = check("regions", regions(table("lines", rows), customers, segments, DAY, 30))
    assert engine.to_pyarrow(found).to_pylist() == [
        {
            "country": "France",
            "segment_id": 1,
            "customers": 2,
            "active": 1,
            "revenue": 12.5 * (4 - 1 + 2 + 2 + 2),
            "recent": 12.5 * 3,
            "earlier": 12.5 * 4,
        }
    ]
