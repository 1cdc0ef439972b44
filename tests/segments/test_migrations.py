"""Who moved from one model's segments to another's."""

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.segments.migrations import migrations
from clientage.tables import check


def members(groups):
    ids = pa.array([f"c{i}" for i in range(len(groups))], pa.string())
    names = pa.array([f"segment {group}" for group in groups], pa.string())
    return ibis.memtable(pa.table({"customer_id": ids, "segment_id": pa.array(groups, pa.int64()), "segment": names}))


@settings(max_examples=30, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=40))
def test_the_matrix_adds_up(pairs):
    before, after = [a for a, _ in pairs], [b for _, b in pairs]
    table = check("migrations", migrations(members(before), members(after)))
    rows = ibis.duckdb.connect().to_pyarrow(table).to_pylist()
    assert sum(row["customers"] for row in rows) == len(pairs)
    for group in set(before):
        own = [row for row in rows if row["from_segment_id"] == group]
        assert sum(row["customers"] for row in own) == before.count(group)
        assert abs(sum(row["share"] for row in own) - 1) < 1e-12
    for group in set(after):
        assert sum(row["customers"] for row in rows if row["segment_id"] == group) == after.count(group)
    assert rows == sorted(rows, key=lambda row: (row["from_segment_id"], row["segment_id"]))
