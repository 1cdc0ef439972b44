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
    (overview.whole, ()), (overview.headline, ()), (overview.changes, ()), (overview.revenue, ()),
    (overview.months, ()), (overview.sections, ()), (overview.radars, ()), (overview.space, ()),
    (customers.choices, ()), (customers.count, (Wanted(),)), (customers.page, (Wanted(), 0, 100, ())),
)  # fmt: skip
WATCHED = ((watched.verdicts, "drift"), (watched.days, "journeys"), (watched.mix, "journeys"))


def warm(source: Source) -> None:
    """Ask all of it once; what cannot be answered is told to whoever opens the page."""
    try:
        for question, values in FIRST:
            source.ask(question, *values)
        for question, table in WATCHED:
            if source.ask(has, table):
                source.ask(question)
    except ClientageError:
        return


def keep_warm(source: Source, ended: threading.Event | None = None) -> None:
    """Ask again whenever the tables are others, until told to end."""
    waiting, seen = ended or threading.Event(), None
    while True:
        if (now := source.signature()) != seen:
            warm(source)
            seen = now
        if waiting.wait(EVERY):
            return
