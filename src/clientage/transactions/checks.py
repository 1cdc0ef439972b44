"""The contract of the order lines: what must hold before anything is built on them."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from clientage.errors import InputError
from clientage.transactions.clean import TWO_DIGITS

FAR_DAYS = 183


def facts(transactions: ir.Table) -> ir.Table:
    """One row: number of lines, of unreadable ones, first and last time, an example of what could not be read."""
    return transactions.agg(
        lines=transactions.count(),
        unreadable=transactions.unreadable.count(),
        first=transactions.invoiced_at.min(),
        last=transactions.invoiced_at.max(),
        example=transactions.unreadable.min(),
    )


def before(transactions: ir.Table, day: date) -> ir.Table:
    """The lines before a day, and those without a date: what was there on the morning of that day."""
    to_come = (transactions.invoiced_at >= ibis.timestamp(str(day))).fill_null(False)
    return transactions.filter(~to_come)


def numbered(transactions: ir.Table) -> ir.Table:
    """One row: whether most lines have a stock code with two digits or more, so that one without is no product.

    A shop whose stock codes are words would lose its products to the rule `service code`.
    """
    codes = transactions.select("product").filter(transactions["product"].notnull())
    return codes.agg(numbered=codes["product"].re_search(TWO_DIGITS).cast("int64").mean() > 0.5)


def require_readable(found: Mapping[str, Any], max_unreadable: float) -> None:
    """Stop where there is nothing to work on, or too much of it cannot be read.

    Args:
        found: The row of `facts`.
        max_unreadable: Share of lines that may be unreadable.

    Raises:
        InputError: No lines at all, or too many unreadable ones.
    """
    if not found["lines"]:
        raise InputError("there are no order lines: the source has headings and nothing below. Give another file.")
    share = found["unreadable"] / found["lines"]
    if share > max_unreadable:
        raise InputError(
            f"{found['unreadable']:,} of {found['lines']:,} lines ({share:.0%}) cannot be read, such as "
            f"{found['example']}. Mend them, give the format (--set source.date_format=…, --set source.decimal=…), "
            f"or allow more (--set source.max_unreadable={min(share + 0.01, 1):.2f})."
        )


def usual_last(lines: ir.Table) -> ir.Table:
    """One row: the day before which all but one line in a hundred lie, about."""
    seconds = lines.invoiced_at.epoch_seconds()
    return lines.agg(usual=seconds.approx_quantile(0.99).cast("int64").as_timestamp("s").date())


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
