"""What notices say: the shop's words, and text from data as nothing but text."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientage.monitoring.episodes import Episode
from clientage.monitoring.notices import LONGEST, Sender, plain

GOES_ON = Episode(date(2011, 10, 3), date(2011, 10, 17), None, 3, "orders: 38 % more than expected")
OVER = Episode(date(2011, 10, 3), date(2011, 10, 3), date(2011, 10, 10), 1, "orders: 38 % more than expected")


def test_it_says_what_moved_since_when_and_what_to_do():
    notice = Sender("Toys & Co", "https://shop.example/monitoring").tells("opened", GOES_ON.opened, GOES_ON)
    assert notice.title == "Toys & Co: your customers are changing since 2011-10-03"
    assert notice.text.splitlines() == [
        "What moved: orders: 38 % more than expected",
        "Since: 2011-10-03, 3 windows with drift so far, the last from 2011-10-17.",
        "What to do: `clientage monitor` shows every measure and its limit; `clientage train` makes a model of your "
        "customers as they are now.",
        "Dashboard: https://shop.example/monitoring",
    ]
    assert notice.good is False


def test_it_says_when_all_is_well_again():
    notice = Sender().tells("resolved", OVER.opened, OVER)
    assert notice.title == "your customers are as expected again since 2011-10-10"
    assert "When: from 2011-10-03, 1 window with drift; the one from 2011-10-10 was well again." in notice.text
    assert "Dashboard" not in notice.text
    assert notice.good is True


def test_it_says_that_there_was_nothing():
    notice = Sender().tells("resolved", GOES_ON.opened, None)
    assert notice.title == "the change of 2011-10-03 is withdrawn"


def test_where_nothing_is_said_of_what_moved_the_line_is_left_out():
    assert "moved" not in Sender().tells("opened", GOES_ON.opened, Episode(GOES_ON.opened, GOES_ON.last)).text


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("<b>x</b>", "<\u2060b>x<\u2060/b>"),
        ("<!channel> @everyone", "<\u2060!channel> @\u2060everyone"),
        ("[pay](http://x)", "[pay]\u2060(http:\u2060/\u2060/x)"),
        ("WWW.shop.example/pay 3.5%", "WWW.\u2060shop.\u2060example/pay 3.5%"),
        ("*b* _b_ ~b~ `b`", "∗b∗ ˍbˍ ∼b∼ ˋbˋ"),
        ("&lt;b&#62; B & Q", "&\u2060lt;b&\u2060#62; B & Q"),
        ("one\r\nBcc: x\ttwo\x1b[0m", "one Bcc: x two [0m"),
        ("MUG £5 – gross", "MUG £5 – gross"),
        ("x" * (LONGEST + 1), "x" * (LONGEST - 1) + "…"),
    ],
)
def test_words_of_data_are_text_wherever_they_are_shown(given_, shown):
    assert plain(given_) == shown


NASTY = st.lists(
    st.one_of(st.text(), st.sampled_from(["http://", "www.", ".com", "//", *"*_~`<@&];.:/[", "&amp;", "a", "1"]))
).map("".join)


@given(NASTY)
def test_words_of_data_stay_in_their_line_and_open_nothing(words):
    shown = plain(words)
    assert len(shown.splitlines()) <= 1
    assert not re.search("[<@\\]](?!\u2060)|[*_~`]|&[\\w#]", shown)
    assert not re.search(r"//|[.][^\W\d_]", shown), "an address that receivers make a link"


@given(NASTY.filter(lambda words: len(words) < LONGEST))
def test_words_of_data_can_be_read_as_they_were(words):
    seen = plain(words).replace("\u2060", "")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    assert [sign for sign in seen if sign not in "∗ˍ∼ˋ"] == [sign for sign in line if sign not in "*_~`∗ˍ∼ˋ"]
    assert len(seen) == len(line)
