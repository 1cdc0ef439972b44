"""Blocks of rows: all of them, in order, a few at a time, and what fails in one is heard."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.recommendations import blocks
from clientage.recommendations.blocks import BLOCK, in_blocks


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(0, 9 * BLOCK))
def test_blocks_cover_all_rows_once_in_order(rows):
    found = [row for block in in_blocks(lambda block: range(rows)[block], rows) for row in block]
    assert found == list(range(rows))


def test_only_a_few_blocks_are_computed_ahead():
    begun = []
    found = in_blocks(begun.append, 50 * BLOCK)
    assert not begun, "nothing before it is asked for"
    next(found)
    assert len(begun) <= blocks.THREADS + 1
    found.close()
    assert len(begun) <= blocks.THREADS + 1


def test_what_fails_in_a_block_is_raised():
    def fail(block):
        raise ValueError(block.start)

    with pytest.raises(ValueError, match=r"^0$"):
        list(in_blocks(fail, 3 * BLOCK))
