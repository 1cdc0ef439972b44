"""What is due to whom: every episode told once when it opens and once when it is over, whatever comes between."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientage.errors import WorkspaceError
from clientage.monitoring.episodes import Episode, episodes
from clientage.monitoring.told import Listener, read, write

FIRST = date(2011, 10, 3)
NOW = datetime(2011, 12, 1, 9, tzinfo=UTC)


def day(week):
    return FIRST + timedelta(weeks=week)


def episode(opened, last, resolved=None):
    return Episode(day(opened), day(last), None if resolved is None else day(resolved))


def heard(listener, through, *found):
    """The listener with these episodes, and what is due to it then as weeks and kinds."""
    listener = listener.hears(found, day(through))
    return listener, [((opened - FIRST).days // 7, kind) for opened, kind in listener.due()]


def all_taken(listener):
    for opened, _ in listener.due():
        listener = listener.took(opened, NOW)
    return listener


def test_what_goes_on_is_told_and_so_is_its_end():
    listener, due = heard(Listener("json"), 5, episode(4, 5))
    assert due == [(4, "opened")]
    listener, due = heard(all_taken(listener), 6, episode(4, 6))
    assert due == []
    listener, due = heard(listener, 8, episode(4, 6, 7))
    assert due == [(4, "resolved")]
    assert heard(all_taken(listener), 9, episode(4, 6, 7))[1] == []


def test_what_was_over_before_the_target_was_first_seen_is_not_told():
    assert heard(Listener("json"), 9, episode(0, 1, 2), episode(7, 7))[1] == [(7, "opened")]


def test_what_opened_and_ended_between_two_runs_is_told_once_as_over():
    listener, _ = heard(Listener("json"), 2)
    assert heard(listener, 9, episode(4, 5, 6))[1] == [(4, "resolved")]


def test_what_is_over_before_its_notice_went_is_told_once_as_over():
    listener, _ = heard(Listener("json"), 4, episode(4, 4))
    listener, due = heard(listener.missed(day(4)), 7, episode(4, 5, 6))
    assert due == [(4, "resolved")]
    assert listener.episodes[day(4)].tries == 0


def test_what_late_lines_make_up_in_the_past_is_not_told():
    listener, _ = heard(Listener("json"), 9)
    assert heard(listener, 10, episode(1, 2, 3))[1] == []


@pytest.mark.parametrize("opened", [3, 5])
def test_an_episode_is_known_again_when_late_lines_move_its_beginning(opened):
    listener, _ = heard(Listener("json"), 6, episode(4, 6))
    assert heard(all_taken(listener), 7, episode(opened, 7))[1] == []


def test_two_that_become_one_are_known_again():
    listener, due = heard(Listener("json"), 0)
    listener, due = heard(listener, 8, episode(1, 2, 3), episode(6, 8))
    assert due == [(1, "resolved"), (6, "opened")]
    listener, due = heard(all_taken(listener), 9, episode(1, 9))
    assert due == []
    assert list(listener.episodes) == [day(1)]


def test_of_one_that_falls_in_two_the_first_is_over_and_the_second_new():
    listener, _ = heard(Listener("json"), 8, episode(1, 8))
    assert heard(all_taken(listener), 9, episode(1, 2, 3), episode(6, 9))[1] == [(1, "resolved"), (6, "opened")]


def test_what_was_told_and_is_no_more_is_withdrawn_once():
    listener, _ = heard(Listener("json"), 4, episode(4, 4))
    listener, due = heard(all_taken(listener), 5)
    assert due == [(4, "resolved")]
    listener, due = heard(listener, 6)
    assert due == [(4, "resolved")], "it waits until it is taken"
    listener, due = heard(all_taken(listener), 7)
    assert (due, listener.episodes) == ([], {})


def test_what_was_not_told_and_is_no_more_is_forgotten():
    listener, _ = heard(Listener("json"), 4, episode(4, 4))
    assert heard(listener, 5)[1] == []


def test_what_was_over_and_goes_on_after_all_is_told_again():
    listener, _ = heard(Listener("json"), 4, episode(4, 4))
    listener, _ = heard(all_taken(listener), 6, episode(4, 4, 5))
    assert heard(listener, 7, episode(4, 6))[1] == [], "its end was not told yet"
    assert heard(all_taken(listener), 7, episode(4, 6))[1] == [(4, "opened")]


def prefixes(signs):
    """Episodes and last window after each week, the week of the first run among them."""
    names = {"o": "ok", "w": "watch", "d": "drift", "u": "unknown"}
    rows = [{"window": day(i), "verdict": names[sign], "because": ""} for i, sign in enumerate(signs)]
    return [(episodes(rows[:n]), rows[n - 1]["window"]) for n in range(1, len(rows) + 1)]


@given(st.text("owdu", min_size=1, max_size=30))
def test_week_by_week_every_notice_goes_once_and_in_order(signs):
    listener, went = Listener("json"), []
    for found, through in prefixes(signs):
        listener = listener.hears(found, through)
        went += listener.due()
        listener = all_taken(listener)
        assert listener.hears(found, through) == listener
    expected = [(e.opened, kind) for e in found for kind in ("opened", "resolved") if kind == "opened" or e.resolved]
    assert went == expected


@given(st.lists(st.tuples(st.sampled_from("owdu"), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_whatever_run_or_target_fails_no_notice_goes_twice_and_all_know_the_end(weeks):
    """Some weeks nobody runs it; some weeks the target is away."""
    listener, went = Listener("json"), Counter()
    for (found, through), (_, runs, there) in zip(prefixes([sign for sign, *_ in weeks]), weeks, strict=True):
        listener = listener.hears(found, through) if runs else listener
        for opened, kind in listener.due() if runs and there else []:
            went[opened, kind] += 1
            listener = listener.took(opened, NOW)
    assert set(went.values()) <= {1}
    listener = all_taken(listener.hears(found, through))
    assert {e.opened for e in found if not e.resolved} <= set(listener.episodes)
    ends = {e.opened: "resolved" if e.resolved else "opened" for e in found}
    assert {opened: told.said for opened, told in listener.episodes.items()} == {o: ends[o] for o in listener.episodes}


# The record


def test_the_record_reads_as_it_was_written(tmp_path):
    listener, _ = heard(Listener("json"), 8, episode(1, 2, 3), episode(4, 4, 6), episode(7, 8))
    listeners = {"b": all_taken(listener), "a": listener.missed(day(7)).waiting("away"), "c": Listener("mailto")}
    path = tmp_path / "monitor" / "alerts.json"
    write(path, listeners)
    assert read(path) == listeners
    first = path.read_bytes()
    write(path, dict(reversed(read(path).items())))
    assert path.read_bytes() == first
    assert [found.name for found in path.parent.iterdir()] == ["alerts.json"]


def test_a_record_that_says_so_already_is_left_alone(tmp_path):
    path = tmp_path / "alerts.json"
    write(path, {"a": Listener("json")})
    before = path.stat().st_ino
    write(path, read(path))
    assert path.stat().st_ino == before
    write(path, {"a": Listener("json", day(1))})
    assert path.stat().st_ino != before


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"targets": []}', '{"targets": {"a": {}}}', "\x00", '{"targets": {"a": {"scheme": "json", '
        '"through": "soon", "episodes": {}}}}', '{"targets": {"a": {"scheme": "json", "through": null, "episodes": '
        '{"2011-10-03": {"last": "2011-10-03", "said": "<b>", "at": null, "waits": null, "why": "", "tries": 0}}}}}',
    ],
)  # fmt: skip
def test_a_record_that_is_none_is_named_with_the_mend(text, tmp_path):
    path = tmp_path / "alerts.json"
    path.write_text(text)
    with pytest.raises(WorkspaceError, match=r"alerts\.json: not what alerts wrote\. Remove it"):
        read(path)


def test_a_record_that_is_a_folder_is_named(tmp_path):
    with pytest.raises(WorkspaceError, match="cannot be read"):
        read(tmp_path)
