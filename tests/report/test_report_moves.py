"""Who moved: the matrix of migrations as bars, as rows and in words."""

import pytest
import report_tables

from clientage.report.moves import moves


@pytest.fixture
def profiles(shop):
    return shop["profiles"].to_pylist()


def migrated(*rows):
    """Customers by segment before (number, name) and now."""
    return report_tables.arrow(
        "migrations",
        [
            {"from_segment_id": old, "from_segment": f"Old {old}", "segment_id": new, "segment": f"New {new}"}
            | {"customers": customers, "share": 0.5}
            for old, new, customers in rows
        ],
    )


def test_it_says_who_stayed_what_ended_and_what_is_new(profiles):
    found = moves(migrated((1, 1, 30), (1, 2, 10), (2, 2, 20), (9, 1, 20)), profiles)
    assert found.reading == (
        "62% of customers are in the same segment as with the model before. Ended: “Old 9”. "
        f"New: “{report_tables.name(3)}”."
    )
    assert [(row["segment"], row["customers"], row["ended"], row["to"]) for row in found.rows] == [
        ("Old 1", 40, False, (30, 10, 0)),
        ("Old 2", 20, False, (0, 20, 0)),
        ("Old 9", 20, True, (20, 0, 0)),
    ]


def test_bars_are_shares_of_the_segments_before_in_the_colours_of_those_now(profiles):
    (chart,) = moves(migrated((1, 1, 95), (1, 2, 5)), profiles).charts
    first, second, third = chart.figure["data"]
    assert [list(trace["x"]) for trace in (first, second, third)] == [[0.95], [0.05], [0]]
    assert [list(trace["text"]) for trace in (first, second)] == [["95%"], [""]]
    assert list(second["customdata"]) == ["5 customers"]
    assert first["marker"]["color"] == report_tables.PALETTE[0]
    assert chart.figure["layout"]["barmode"] == "stack"


def test_a_first_model_has_no_part(profiles):
    assert moves(migrated(), profiles) is None
