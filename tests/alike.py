"""Whether engines give the same."""

import pyarrow as pa
import pytest

from clientage.tables import SPECS


def ordered(table, name):
    """Rows of a named table in order of their key."""
    return table.sort_by([(column, "ascending") for column in SPECS[name].key or table.column_names])


def same(expected, found):
    """Two tables hold the same, figures but for their last digits."""
    assert found.column_names == expected.column_names
    assert len(found) == len(expected)
    for column in expected.column_names:
        of, given = expected[column].to_pylist(), found[column].to_pylist()
        if pa.types.is_floating(expected.schema.field(column).type):
            assert [value is None for value in given] == [value is None for value in of], column
            known = ([value for value in values if value is not None] for values in (given, of))
            assert next(known) == pytest.approx(next(known), rel=1e-9, abs=1e-9, nan_ok=True), column
        else:
            assert given == of, column
