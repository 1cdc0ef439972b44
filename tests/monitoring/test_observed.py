"""What was seen in windows: taken apart, put together, and kept as a document."""

import json

import numpy as np
import pytest
from weeks import ORDERS, RETURNED, seen

from clientage.monitoring.compared import ITEMS, SOLD
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Observed


def same(one, other):
    """Whether two are the same, NaN where the other has NaN."""
    pairs = [(one.figures, other.figures), (one.behind, other.behind)]
    pairs.append(({k: c.counts for k, c in one.counts.items()}, {k: c.counts for k, c in other.counts.items()}))
    names = [{key: each.categories for key, each in which.counts.items()} for which in (one, other)]
    return (
        one.numbers == other.numbers
        and names[0] == names[1]
        and all(list(a) == list(b) and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a) for a, b in pairs)
    )


def test_a_document_holds_all_of_it():
    whole = seen()
    whole.figures[ORDERS][3] = np.nan
    text = json.dumps(whole.document(), allow_nan=False)
    assert same(Observed.of(json.loads(text)), whole)


def test_the_empty_document():
    assert same(Observed.of(Observed(()).document()), Observed(()))


@pytest.mark.parametrize(
    "document", [{}, {"windows": 3}, {"windows": [], "figures": [[1]], "behind": {}, "counts": []}]
)
def test_what_is_no_document_says_so(document):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Observed.of(document)


def test_some_of_the_windows():
    whole = seen(5)
    part = whole.taken([3, 1])
    assert part.numbers == (103, 101)
    assert part.figures[ORDERS].tolist() == whole.figures[ORDERS][[3, 1]].tolist()
    assert part.behind["volume"].shape == (2,)
    assert (part.counts[ITEMS].counts == whole.counts[ITEMS].counts[[3, 1]]).all()
    assert same(whole.taken(range(5)), whole)
    assert whole.taken([]).counts[ITEMS].counts.shape == (0, 4)


def test_counts_over_other_categories():
    counts = Counts(("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert counts.over(("a", "b")) is counts.counts
    assert counts.over(("b", "c", "a")).tolist() == [[2, 0, 1], [4, 0, 3]]
    assert counts.over(()).shape == (2, 0)


def test_what_else_was_seen_comes_along():
    more = Observed((1, 2), {RETURNED: np.zeros(2)})
    both = Observed((1, 2), {ORDERS: np.ones(2)}, {"volume": np.ones(2)}).joined(more)
    assert set(both.figures) == {ORDERS, RETURNED}
    assert set(both.behind) == {"volume"}


def test_one_kind_of_counts_apart():
    whole = seen()
    rest, sold = whole.apart(SOLD)
    assert SOLD not in rest.counts
    assert ITEMS in rest.counts
    assert sold.categories == whole.counts[SOLD].categories
    assert sold.counts.tolist() == [whole.counts[SOLD].counts.sum(axis=0).tolist()]


def test_one_kind_that_was_never_counted_is_nothing():
    rest, none = seen().apart(Key("items", "country mix"))
    assert none.categories == ()
    assert none.counts.shape == (1, 0)
    assert ITEMS in rest.counts
