"""Raw columns, one per role, read into the layout of `transactions`; what could not be read is noted in the line."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import ibis
import ibis.expr.types as ir

from clientage.errors import InputError, joined
from clientage.transactions.sources import values
from clientage.transactions.sources.files import Spoilt, shortened
from clientage.transactions.sources.formats import find_times
from clientage.transactions.sources.mapping import WORDS
from clientage.transactions.sources.times import Times, typed, with_clock
from clientage.transactions.sources.values import NUMBERS, Numbers, as_text


@dataclass(frozen=True)
class Read:
    """The layout's table, and what was found out about its values.

    Attributes:
        table: In the layout.
        times: How dates are written; no way where they were dates already.
        decimal: Decimal sign of numbers in text.
        currency: Sign of the prices.
        kinds: Type of each role as it stood in the files.
        floated: Roles of ids that were whole numbers written as `17850.0`.
        fits: Whether every date and number could be read.
        spoilt: Files of which some lines cannot be read, in order of their names.
    """

    table: ir.Table
    times: Times
    decimal: str
    currency: str
    kinds: dict[str, str]
    floated: frozenset[str]
    fits: bool
    spoilt: tuple[Spoilt, ...]


def united(parts: Sequence[ir.Table]) -> ir.Table:
    """Parts with one column per role as one table; types that differ between parts become text."""
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    kinds = {name: {part[name].type() for part in parts if name in part.columns} for name in names}
    text = {name for name in names if len(kinds[name]) > 1 or any(kind.is_null() for kind in kinds[name])}

    def cell(part: ir.Table, name: str) -> ir.Value:
        if name not in part.columns:
            return ibis.null("string" if name in text else next(iter(kinds[name])))
        return _plain_text(part[name]) if name in text else part[name]

    aligned = [part.select(**{name: cell(part, name) for name in names}) for part in parts]
    return ibis.union(*aligned) if len(aligned) > 1 else aligned[0]


def _plain_text(column: ir.Value) -> ir.Value:
    moment = typed(column)
    return as_text(column) if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")


def read(
    raw: ir.Table,
    where: str,
    columns: Mapping[str, str],
    *,
    date_format: str = "",
    decimal: str = "",
    known: Times | None = None,
    spreadsheet: bool = False,
    order_level: Collection[str] = (),
    called: Callable[[str], str] = str,
) -> Read:
    """Read every role's values.

    Args:
        raw: A column per role as it stands in the files, `file` (see `parts.rows`), and perhaps `unreadable` with
            malformed lines.
        where: How messages call all of the files.
        columns: What the column of each role is called there.
        date_format: strptime format of dates; empty: found.
        decimal: Decimal sign of numbers in text; empty: found.
        known: How dates are written, where that is known.
        spreadsheet: Whether all files are spreadsheets, where ids may have become numbers and dates day counts.
        order_level: Roles that hold for the whole order where they stand on one of its lines.
        called: How messages call what stands in `file`.

    Raises:
        InputError: A column holds something else than its role needs, or dates cannot be told.
    """
    problems = [
        f"{where}: column {columns[role]} holds {raw[role].type()}, which cannot be {WORDS[role]}. "
        f"Name another: --set source.columns.{role}=…"
        for role in columns
        if not values.fits(raw[role].type(), role)
    ]
    if problems:
        raise InputError(joined(problems))
    numbers = values.find_numbers(raw, columns, decimal)
    floated = values.floated(raw, columns, spreadsheet=spreadsheet)
    text = as_text if spreadsheet else values.text  # blank cells of a spreadsheet are null already
    when = with_clock(raw.invoiced_at, raw.time) if "time" in columns else raw.invoiced_at
    moment, times = typed(when), Times()
    if moment is None:
        label = f"{where}, column {columns['invoiced_at']}"
        dates = raw.select(raw.file, when=when)
        if known:
            times = known.among(dates)
        else:
            times = find_times(dates, label, date_format=date_format, spreadsheet=spreadsheet, called=called)
        moment = times.read(when)
    cells: dict[str, ir.Value] = {"invoiced_at": moment}
    for role in columns:
        if role in NUMBERS:
            cells[role] = values.number(raw[role], numbers.decimal.get(role, "."))
        elif role not in ("invoiced_at", "time"):
            cells[role] = values.unfloated(text(raw[role])) if role in floated else text(raw[role])
    unreadable = _unreadable(raw, cells, numbers, times, when)
    fits = not (times.unreadable or numbers.unreadable)
    spoilt = (
        () if fits and "unreadable" not in raw.columns else _spoilt(raw.select(raw.file, unreadable=unreadable), called)
    )
    table = raw.select(**cells, unreadable=unreadable)
    table = _filled(table, [role for role in order_level if role in columns])
    signs = sorted(set(numbers.decimal.values()))
    return Read(
        table,
        times,
        " and ".join(signs),
        numbers.currency,
        {role: str(raw[role].type()) for role in sorted(columns)},
        floated,
        fits=fits,
        spoilt=spoilt,
    )


def _spoilt(lines: ir.Table, called: Callable[[str], str]) -> tuple[Spoilt, ...]:
    """Files of which some lines cannot be read, in order of their names."""
    found = lines.group_by("file").agg(
        unreadable=lines.unreadable.count(), lines=lines.count(), example=lines.unreadable.max()
    )
    rows = found.filter(found.unreadable > 0).to_pyarrow().to_pylist()
    spoilt = (Spoilt(called(r["file"]), r["unreadable"], r["lines"], shortened(r["example"])) for r in rows)
    return tuple(sorted(spoilt, key=attrgetter("name")))


def _unreadable(
    raw: ir.Table, cells: Mapping[str, ir.Value], numbers: Numbers, times: Times, when: ir.Value
) -> ir.StringValue:
    """What could not be read, as it stood there; only columns in which that happens are looked at."""
    notes = [values.noted(role, raw[role], cells[role]) for role in NUMBERS if role in numbers.unreadable]
    if times.unreadable:
        notes.append(values.noted("invoiced_at", when, cells["invoiced_at"]))
    if "unreadable" in raw.columns:
        notes.insert(0, raw.unreadable)
    if len(notes) < 2:
        return notes[0] if notes else ibis.null("string")
    return ibis.array(notes).filter(lambda note: note.notnull()).join("; ").nullif("")


def _filled(table: ir.Table, roles: Sequence[str]) -> ir.Table:
    """Give every line of an order what stands on one of its lines only."""
    if not roles or "invoice" not in table.columns:
        return table
    order = ibis.window(group_by="invoice")
    cells = {}
    for role in roles:
        own = table.invoice.isnull()
        if role == "invoiced_at":
            own |= table.unreadable.notnull()
        filled = ibis.coalesce(table[role], table[role].max().over(order))
        cells[role] = ibis.ifelse(own, table[role], filled)
    return table.mutate(**cells)
