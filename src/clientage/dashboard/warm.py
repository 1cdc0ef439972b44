"""Answers that pages begin with, looked up as soon as tables are there, so that nobody waits for them."""

import threading
from collections.abc import Callable
from typing import Any

from clientage.dashboard.data import customers, overview, watched
from clientage.dashboard.data.customers import Wanted
from clientage.dashboard.data.source import Source, has
from clientage.errors import ClientageError

EVERY = 3.0  # seconds between looks at the tables' files
FIRST: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = (
    (overview.whole, ()), (overview.figures, ()), (overview.revenue, ()), (overview.places, ()),
    (overview.radars, ()), (overview.space, ()), (customers.choices, ()), (customers.count, (Wanted(),)),
    (customers.page, (Wanted(), 0, 100, ())),
)  # fmt: skip
SLOW = (overview.worths, overview.offers, overview.changes, overview.buys_again, overview.months)
WATCHED = ((watched.verdicts, "drift"), (watched.days, "journeys"), (watched.mix, "journeys"))


def warm(source: Source, slow: Source) -> None:
    """Ask all of it once; what cannot be answered is told to whoever opens the page.

    Args:
        source: The tables.
        slow: The tables again, for what takes long.
    """
    try:
        for question, values in FIRST:
            source.ask(question, *values)
        for watched_question, table in WATCHED:
            if source.ask(has, table):
                source.ask(watched_question)
        for slow_question in SLOW:
            slow.ask(slow_question)
    except ClientageError:
        return


def keep_warm(source: Source, slow: Source, ended: threading.Event | None = None) -> None:
    """Ask again whenever the tables are others, until told to end."""
    waiting, seen = ended or threading.Event(), None
    while True:
        if (now := source.signature()) != seen:
            warm(source, slow)
            seen = now
        if waiting.wait(EVERY):
            return
