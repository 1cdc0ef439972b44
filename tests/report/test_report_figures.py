"""The figures by which runs are compared."""

import pytest

from clientage.report.figures import by_number, by_segment, metrics

PROFILES = [
    {"segment": "Top", "share": 0.2, "revenue_share": 0.71239, "buys_again": 0.9},
    {"segment": "Rest", "share": 0.8, "revenue_share": 0.28761, "buys_again": None},
]


def quality(*stabilities, chosen=True):
    return [{"k": 2, "stability": stability, "chosen": chosen} for stability in stabilities]


def test_a_run_in_a_few_figures():
    found = metrics({"lines": 90, "rejected": 10, "customers": 7}, PROFILES, quality(0.9, 0.8))
    assert found == {
        "lines_used": 90,
        "lines_set_aside": 10,
        "customers": 7,
        "segments": 2,
        "stability_mean": pytest.approx(0.85),
        "stability_worst": 0.8,
        "smallest_share": 0.2,
        "top_revenue_share": 0.7124,
    }


@pytest.mark.parametrize("measured", [[], quality(None), quality(0.9, chosen=False)])
def test_stability_that_was_not_measured_is_not_told(measured):
    assert not {"stability_mean", "stability_worst"} & metrics({}, PROFILES, measured).keys()


def test_stability_by_number_over_all_snapshots():
    rows = [{"k": k, "stability": stability} for k, stability in ((3, 0.5), (2, 0.9), (3, 0.7), (4, None))]
    assert by_number(rows) == [
        {"k": 2, "stability_mean": 0.9, "stability_worst": 0.9},
        {"k": 3, "stability_mean": 0.6, "stability_worst": 0.5},
    ]
    assert by_number([]) == []


def test_segments_as_they_come():
    assert [row["segment"] for row in by_segment(PROFILES)] == ["Top", "Rest"]
    assert by_segment(PROFILES)[0]["revenue_share"] == 0.7124
