"""The contract of the order lines: what must hold before anything is built on them."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

import ibis
import ibis.expr.types as ir

from clientage.errors import InputError, either, listed
from clientage.transactions.clean import TWO_DIGITS
from clientage.transactions.sources.files import VALUE, Spoilt, shortened

FAR_DAYS = 183
HALF, FEW_LINES = 0.5, 10  # of a file more than half, ten at least: a day would be lost
# month and day on which many shops are closed: no sign of a missing file
HOLIDAYS = {(12, 24), (12, 25), (12, 26), (12, 31), (1, 1)}
_COUNT = attrgetter("unreadable")
RECENT_DAYS, FEWEST_WEEKS, MOST_WEEKS, NEARLY_ALWAYS = 14, 8, 26, 0.9


def facts(transactions: ir.Table) -> ir.Table:
    """One row: number of lines, of unreadable ones, first and last time, an example of what could not be read."""
    return transactions.agg(
        lines=transactions.count(),
        unreadable=transactions.unreadable.count(),
        first=transactions.invoiced_at.min(),
        last=transactions.invoiced_at.max(),
        example=transactions.unreadable.max(),  # a value rather than a line, which comes before by the alphabet
    )


def before(transactions: ir.Table, day: date) -> ir.Table:
    """The lines before a day, and those without a date: what was there on the morning of that day."""
    to_come = (transactions.invoiced_at >= ibis.timestamp(str(day))).fill_null(False)
    return transactions.filter(~to_come)


def codes(transactions: ir.Table) -> ir.Table:
    """One row: how many lines have a stock code, and how many one with two digits or more."""
    product = transactions["product"]
    return transactions.agg(codes=product.count(), numbers=product.re_search(TWO_DIGITS).sum().fill_null(0))


def are_words(codes: int, numbers: int) -> bool:
    """Whether most stock codes are words, so that one without digits is a product all the same.

    A shop like that would lose its products to the rule `service code`.
    """
    return 2 * numbers <= codes and codes > 0


def require_readable(found: Mapping[str, Any], max_unreadable: float, spoilt: Collection[Spoilt] = ()) -> None:
    """Stop where there is nothing to work on, or too much of it cannot be read, of all lines or of a file.

    Args:
        found: The row of `facts`.
        max_unreadable: Share of lines that may be unreadable; of a file half of them may, if that is more.
        spoilt: Files of which some lines cannot be read.

    Raises:
        InputError: No lines at all, or too many unreadable ones.
    """
    if not found["lines"]:
        raise InputError("there are no order lines: the source has headings and nothing below. Give another file.")
    mostly = max(max_unreadable, HALF)
    lost = [file for file in spoilt if file.unreadable >= FEW_LINES and file.share > mostly]
    whole = Spoilt("", found["unreadable"], found["lines"], shortened(found["example"] or ""))
    if not lost and whole.share <= max_unreadable:
        return
    told = _together(lost) if lost else whole
    example = told.example if lost or not spoilt else "{0.example} in {0.name}".format(max(spoilt, key=_COUNT))
    mends = ["mend them", *(["leave such files out"] if lost else [])]
    if VALUE.match(example):
        mends.append("give the format (--set source.date_format=…, --set source.decimal=…)")
    if (enough := max(file.share for file in lost or [whole]) + 0.01) < 1:  # else nothing would be left of it
        mends.append(f"allow more (--set source.max_unreadable={enough:.2f})")
    raise InputError(f"{_said(told)} ({told.share:.0%}) cannot be read, such as {example}. {either(mends)}.")


def unreadable(spoilt: Collection[Spoilt]) -> str:
    """A warning where some lines cannot be read, with the files that they are in; empty otherwise."""
    if not spoilt:
        return ""
    told = _together(spoilt)
    return f"{_said(told)} cannot be read, such as {told.example}. They are set aside."


def _together(files: Collection[Spoilt]) -> Spoilt:
    """Files as one, with an example from the one that has most of it."""
    worst = max(files, key=_COUNT)
    inside = f" in {worst.name}" if len(files) > 1 else ""
    names = listed([file.name for file in files])
    counts = sum(file.unreadable for file in files), sum(file.lines for file in files)
    return Spoilt(names, *counts, f"{worst.example}{inside}")


def _said(told: Spoilt) -> str:
    where = f"{told.name}: " if told.name else ""
    return f"{where}{told.unreadable:,} of {told.lines:,} lines"


def usual_last(lines: ir.Table) -> ir.Table:
    """One row: the last day, and the one before which all but one line (or order) in a hundred lie, about."""
    seconds = lines.invoiced_at.epoch_seconds()
    usual = seconds.approx_quantile(0.99).cast("int64").as_timestamp("s").date()
    return lines.agg(last=lines.invoiced_at.max().date(), usual=usual)


def require_plausible_end(last: date, usual: date) -> None:
    """Stop where a few lines are dated so far ahead of all others that every customer would seem lost.

    Args:
        last: Day of the last line.
        usual: Day before which nearly all lines lie (see `usual_last`).

    Raises:
        InputError: More than half a year lies between the two.
    """
    if last - usual > timedelta(days=FAR_DAYS):
        raise InputError(
            f"the last line is dated {last}, while nearly all others are from before {usual}: every customer would "
            f"seem lost. Mend its date, or give the day to look back from: --as-of {usual + timedelta(days=1)}."
        )


def late(as_of: date, last: date) -> str:
    """A warning where the day to look back from is long after the last line; empty otherwise."""
    days = (as_of - last).days
    if days <= FAR_DAYS:
        return ""
    return f"{as_of} is {days:,} days after the last order line: nobody is active any more, whatever a name says."


def missing_days(days: Collection[date], until: date | None = None) -> list[date]:
    """Days of late without an order, of a weekday on which the shop nearly always had some, in order.

    Args:
        days: Those with an order.
        until: The day before which there should be some; None for the last of them.
    """
    if not days:
        return []
    first, end = min(days), until or max(days)
    found = []
    for day in (end - timedelta(days=back) for back in range(RECENT_DAYS, 0, -1)):
        before = [day - timedelta(weeks=week) for week in range(1, min((day - first).days // 7, MOST_WEEKS) + 1)]
        usual = len(before) >= FEWEST_WEEKS and sum(each in days for each in before) >= NEARLY_ALWAYS * len(before)
        if usual and day not in days and (day.month, day.day) not in HOLIDAYS:
            found.append(day)
    return found


def missing(days: Collection[date], until: date | None = None) -> str:
    """A warning where lines of some day seem to be missing (see `missing_days`); empty otherwise."""
    if not (found := missing_days(days, until)):
        return ""
    named = ", ".join(f"{day:%A} {day}" for day in found)
    weekday = "this weekday" if len(found) == 1 else "these weekdays"
    return f"no order on {named}, while on {weekday} there nearly always are some. If a file is missing, add it."


def require_lines(used: int, reasons: Mapping[str, int]) -> None:
    """Stop where cleaning leaves nothing.

    Args:
        used: Lines that are left.
        reasons: Lines set aside by reason.

    Raises:
        InputError: Nothing is left, with the reasons.
    """
    if not used:
        first = max(reasons, key=lambda name: reasons[name], default="no customer")
        why = " · ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1]))
        raise InputError(
            f"no line is left after cleaning ({why}). Look at the source with `clientage doctor FILE`, or turn a rule "
            f"off, such as --set clean.{first.replace(' ', '_')}=false."
        )
