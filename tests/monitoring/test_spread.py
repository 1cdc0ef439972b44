"""How features are spread: bins, figures and medians, beside the spread when the model was made."""

import functools
import math

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.monitoring import features
from clientage.monitoring.features import BINS, Range
from clientage.monitoring.measures import Key

NAN = math.nan


@functools.cache
def duckdb():
    return ibis.duckdb.connect()


def observed(by_window, known, numbers=None):
    """What is observed of the feature `spend` of customers in windows."""
    rows = [(number, value) for number, values in by_window.items() for value in values]
    table = pa.table(
        {
            "window": pa.array([number for number, _ in rows], pa.int64()),
            "spend": pa.array([value for _, value in rows], pa.float64()),
        }
    )
    found = duckdb().to_pyarrow(features.spread(ibis.memtable(table), {"spend": known})).to_pylist()
    return features.observed(found, numbers or sorted(by_window), {"spend": known}, "customers")


def figure(seen, measure):
    return seen.figures[Key("customers", measure, "spend")].tolist()


def bins(seen):
    return seen.counts[Key("customers", "psi", "spend")].counts.tolist()


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200).map(np.array))
def test_a_range_has_few_ascending_edges_within_its_ends(values):
    known = Range.of(values)
    assert 1 <= len(known.edges) < BINS
    assert (np.diff(known.edges) > 0).all()
    assert known.lowest == values.min()
    assert known.highest == values.max()
    assert len(known.widths) == len(known.edges)
    assert np.isfinite(known.widths).all()
    assert (known.widths >= 0).all()


def test_bins_hold_as_many_each_when_nothing_changed():
    values = np.arange(1.0, 2_001)
    seen = observed({1: values.tolist()}, Range.of(values))
    assert bins(seen) == [[100.0] * BINS]
    assert figure(seen, "outside") == [0]


def test_a_range_of_nothing_is_none():
    assert Range.of(np.array([])) is None
    assert Range.of(np.array([NAN, NAN])) is None
    assert features.ranges({"all missing": np.array([NAN]), "spend": np.array([1.0])}).keys() == {"spend"}


def test_what_is_missing_or_infinite_has_no_part_in_a_range():
    assert Range.of(np.array([NAN, 1, 2, NAN])) == Range.of(np.array([1.0, 2]))
    assert Range.of(np.array([math.inf, 1, 2, -math.inf])) == Range.of(np.array([1.0, 2]))


def test_figures_of_a_window():
    seen = observed({5: [1.0, 5, 12, 40]}, Range((2.0, 10.0), 2.0, 20.0))
    assert bins(seen) == [[1, 1, 2]]
    assert [figure(seen, name) for name in ("min", "max", "mean", "outside")] == [[1], [40], [14.5], [0.5]]
    assert seen.behind["customers"].tolist() == [4]


def test_what_lies_on_an_edge_is_below_it():
    assert bins(observed({1: [2.0, 10.0]}, Range((2.0, 10.0), 0.0, 20.0))) == [[1, 1, 0]]


def test_the_median_lies_within_its_bin():
    known = Range((10.0, 20.0), 0.0, 40.0)
    assert figure(observed({1: [5.0, 15, 15, 35]}, known), "median") == [15]
    assert figure(observed({1: [1.0, 1, 1, 35]}, known), "median") == [pytest.approx(20 / 3)]


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.floats(-100, 1_000), min_size=1, max_size=60))
def test_the_median_is_where_the_median_is(values):
    known = Range.of(np.linspace(0, 500, 101))
    (median,) = figure(observed({1: values}, known), "median")
    ends = [min(known.lowest, *known.edges), *known.edges, known.highest]
    between = [
        int(np.searchsorted(known.edges, sorted(values)[at])) for at in ((len(values) - 1) // 2, len(values) // 2)
    ]
    assert ends[between[0]] - 1e-9 <= median <= ends[between[1] + 1] + 1e-9


def test_missing_values_count_nowhere():
    seen = observed({1: [NAN, None, 5.0], 2: [NAN, None]}, Range((2.0, 10.0), 2.0, 20.0))
    assert bins(seen) == [[0, 1, 0], [0, 0, 0]]
    assert seen.behind["customers"].tolist() == [3, 2]
    for name in ("min", "max", "mean", "median", "outside"):
        found = figure(seen, name)
        assert not math.isnan(found[0]), name
        assert math.isnan(found[1]), name


def test_infinite_values_are_outside():
    seen = observed({1: [math.inf, -math.inf, 5.0, 5.0]}, Range((2.0, 10.0), 2.0, 20.0))
    assert bins(seen) == [[1, 2, 1]]
    assert figure(seen, "outside") == [0.5]
    assert figure(seen, "median") == [6]


def test_a_feature_that_is_always_the_same():
    known = Range.of(np.full(50, 7.0))
    assert known.edges == (7.0,)
    assert known.widths.tolist() == [0]
    seen = observed({1: [7.0, 7.0], 2: [7.0, 8.0, 6.0, 6.0]}, known)
    assert bins(seen) == [[2, 0], [3, 1]]
    assert figure(seen, "median") == [7, 7]
    assert figure(seen, "outside") == [0, 0.75]


def test_windows_without_a_customer_have_no_figures():
    seen = observed({1: [5.0], 3: [6.0]}, Range((2.0, 10.0), 2.0, 20.0), [1, 2, 3])
    assert seen.numbers == (1, 2, 3)
    assert bins(seen) == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert math.isnan(figure(seen, "mean")[1])
    assert seen.behind["customers"].tolist() == [1, 0, 1]


def test_a_feature_that_vanished_is_nobodys():
    known = {"spend": Range((2.0,), 0.0, 5.0), "units": Range((3.0,), 0.0, 5.0)}
    table = ibis.memtable({"window": [1, 1], "spend": [1.0, 3.0]})
    found = duckdb().to_pyarrow(features.spread(table, {"spend": known["spend"]})).to_pylist()
    seen = features.observed(found, [1], known, "customers")
    assert seen.counts[Key("customers", "psi", "units")].counts.tolist() == [[0, 0]]
    assert math.isnan(seen.figures[Key("customers", "median", "units")][0])
    assert bins(seen) == [[1, 1]]
