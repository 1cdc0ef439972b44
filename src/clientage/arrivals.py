"""Order lines that come day by day: all are read once, and on a day there are those before it."""

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from clientage import pipeline
from clientage.context import opened
from clientage.errors import InputError, WorkspaceError
from clientage.forgotten import FOLDER
from clientage.manifest import Facts
from clientage.settings import Settings
from clientage.stages.lines import of_day
from clientage.transactions.checks import FAR_DAYS, before, usual_last
from clientage.transactions.clean import FIRST, LAST
from clientage.warehouse import Warehouse


@dataclass(frozen=True)
class Arrivals:
    """All order lines, and what is said of their source.

    Attributes:
        files: Where they are.
        facts: As the stage `read` tells them.
    """

    files: tuple[Path, ...]
    facts: Facts


def received(settings: Settings, folder: Path, location: str = "") -> Arrivals:
    """All order lines, but for those of forgotten customers.

    Args:
        settings: All of them.
        folder: A workspace of their own, empty.
        location: Where they are read from; the table of the workspace of the settings where empty.

    Raises:
        ClientageError: They cannot be read, or are not there.
    """
    own = settings.within(folder)
    warehouse, target = opened(settings), opened(own)
    if location:
        if (forgotten := settings.workspace / FOLDER).exists():
            shutil.copytree(forgotten, folder / FOLDER)
        pipeline.step(own, ["read"], location)
    elif warehouse.exists("transactions"):
        with warehouse.transaction(), target.transaction():
            target.adopt_table("transactions", warehouse)
            told = pipeline.ledger(warehouse)
            told.facts, told.warehouse = {"read": told.facts["read"]}, target
            told.write()
    else:
        raise WorkspaceError(
            f"{settings.workspace}: there are no order lines to play yet. Give them: clientage replay FILE --from DAY."
        )
    return Arrivals(tuple(target.files("transactions")), pipeline.ledger(target).facts["read"])


def to_play(settings: Settings, arrivals: Arrivals, since: date, every: int, until: date | None) -> list[date]:
    """The days to play.

    Args:
        settings: All of them.
        arrivals: All order lines.
        since: The first day.
        every: Days from one to the next.
        until: The last day at most; None for the day after the last order line.

    Raises:
        InputError: There are none.
    """
    first, last = _span(opened(settings), arrivals, bounded=until is not None)
    if since <= first:
        raise InputError(f"no order line is from before {since}: the first is from {first}. Give a later --from.")
    until = min(last + timedelta(days=1), until or settings.as_of or date.max)
    days = range(0, (until - since).days + 1, every)
    if not days:
        raise InputError(f"there is no day to play from {since} to {until}. Give an earlier --from.")
    return [since + timedelta(days=day) for day in days]


def arrive(today: Settings, arrivals: Arrivals) -> None:
    """The table `transactions` of a day: the lines before `as_of`, and those without a date."""
    warehouse, day = opened(today), today.as_of or date.max
    with warehouse.transaction():
        rows = warehouse.write("transactions", before(warehouse.local.read_parquet(list(arrivals.files)), day))
        made = arrivals.facts["made"]
        data = of_day(made["data"], day)
        told = pipeline.ledger(warehouse)
        of_today = {"made": made | {"data": data}, "data": data, "tables": {"transactions": rows}}
        told.facts["read"] = arrivals.facts | of_today
        told.write()


def _span(warehouse: Warehouse, arrivals: Arrivals, *, bounded: bool) -> tuple[date, date]:
    """First and last day of the order lines.

    Raises:
        InputError: There are none, or a few are dated far ahead of all others and no last day is given.
    """
    lines = warehouse.local.read_parquet(list(arrivals.files))
    lines = lines.filter(lines.invoiced_at.between(FIRST, LAST))
    ends = lines.agg(first=lines.invoiced_at.min().date(), last=lines.invoiced_at.max().date())
    first, last = warehouse.collect(ends).to_pylist()[0].values()
    if first is None:
        raise InputError("no order line has a date, so that no day can be played. Look with `clientage doctor FILE`.")
    usual = warehouse.collect(usual_last(lines)).to_pylist()[0]["usual"]
    if not bounded and (last - usual).days > FAR_DAYS:
        raise InputError(
            f"the last line is dated {last}, while nearly all others are from before {usual}. "
            f"Mend its date, or give the last day: --until {usual + timedelta(days=1)}."
        )
    return first, last
