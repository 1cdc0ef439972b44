"""Episodes: windows of drift that belong together, and the laws that hold of them."""

import itertools
from dataclasses import asdict
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientage.monitoring.episodes import Episode, episodes
from clientage.tables import arrow_schema

FIRST = date(2011, 10, 3)
SIGNS = {"o": "ok", "w": "watch", "d": "drift", "u": "unknown"}


def day(week):
    return FIRST + timedelta(weeks=week)


def judged(signs):
    """Weeks with these verdicts; each says what moved in it."""
    return [
        {"window": day(i), "verdict": SIGNS[sign], "because": f"week {i}" if sign == "d" else ""}
        for i, sign in enumerate(signs)
    ]


def weeks(signs, settle=2):
    """Opened, last and resolved of each episode, as numbers of weeks."""

    def number(found):
        return None if found is None else (found - FIRST).days // 7

    return [(number(e.opened), number(e.last), number(e.resolved)) for e in episodes(judged(signs), settle)]


@pytest.mark.parametrize(
    ("signs", "found"),
    [
        ("", []),
        ("owu", []),
        ("d", [(0, 0, None)]),
        ("oddoo", [(1, 2, 3)]),
        ("dwd", [(0, 2, None)]),
        ("dud", [(0, 2, None)]),
        ("dod", [(0, 2, None)]),
        ("dww", [(0, 0, 1)]),
        ("dwo", [(0, 0, 1)]),
        ("doudoo", [(0, 3, 4)]),
        ("douo", [(0, 0, 1)]),
        ("duuuu", [(0, 0, None)]),
        ("doodoo", [(0, 0, 1), (3, 3, 4)]),
        ("doooodd", [(0, 0, 1), (5, 6, None)]),
    ],
)
def test_an_episode_ends_where_two_windows_in_a_row_had_no_drift(signs, found):
    assert weeks(signs) == found


def test_how_many_windows_end_it_is_settable():
    assert weeks("dod", settle=1) == [(0, 0, 1), (2, 2, None)]
    assert weeks("doodooo", settle=3) == [(0, 3, 4)]


def test_it_says_what_moved_first_and_counts_its_windows_with_drift():
    rows = judged("dwdoo")
    assert episodes(rows)[0] == Episode(day(0), day(2), day(3), 2, "week 0")
    rows[0]["because"] = None
    assert episodes(rows)[0].because == "week 2"


def test_it_is_a_row_of_the_table():
    table = pa.Table.from_pylist([asdict(e) for e in episodes(judged("doodd"))], arrow_schema("episodes"))
    assert table["resolved"].to_pylist() == [day(1), None]
    assert table["windows"].to_pylist() == [1, 2]


def test_of_a_window_given_twice_the_later_row_counts():
    assert episodes([*judged("d"), *judged("o")]) == []


verdicts = st.text("owdu", max_size=30)
settles = st.integers(1, 4)


@given(verdicts, settles)
def test_every_window_of_drift_is_in_exactly_one_episode(signs, settle):
    rows, found = judged(signs), episodes(judged(signs), settle)
    for row in rows:
        mine = [e for e in found if e.opened <= row["window"] <= e.last]
        assert len(mine) == 1 or row["verdict"] != "drift"
        assert len(mine) <= 1
    assert sum(e.windows for e in found) == signs.count("d")


@given(verdicts, settles)
def test_episodes_do_not_overlap_and_only_the_last_goes_on(signs, settle):
    found = episodes(judged(signs), settle)
    for before, after in itertools.pairwise(found):
        assert before.opened <= before.last < before.resolved < after.opened


@given(verdicts, verdicts, settles)
def test_later_windows_change_nothing_that_is_resolved_and_no_opening(signs, later, settle):
    before, after = episodes(judged(signs), settle), episodes(judged(signs + later), settle)
    assert [e.opened for e in before] == [e.opened for e in after][: len(before)]
    assert [e.because for e in before if e.because] == [e.because for e in after][: len(before)]
    ended = [e for e in before if e.resolved]
    assert ended == after[: len(ended)]


@given(verdicts, settles)
def test_windows_in_which_nothing_was_seen_play_no_part(signs, settle):
    rows = judged(signs)
    assert episodes([row for row in rows if row["verdict"] != "unknown"], settle) == episodes(rows, settle)


@given(st.data(), verdicts)
def test_the_order_of_rows_plays_no_part(data, signs):
    rows = judged(signs)
    assert episodes(data.draw(st.permutations(rows))) == episodes(rows)


@given(verdicts, st.integers(1, 3))
def test_fewer_calm_windows_than_asked_for_end_nothing(signs, calm):
    broken = "d".join([signs.replace("o", "d").replace("w", "d"), "o" * calm, ""])
    assert len(episodes(judged(broken), calm + 1)) == 1
