"""Finding out how the dates of a column are written: a few values name the ways, the whole column decides.

Day and month could change places in `01/02/2011`. Both readings are counted over all rows by one aggregate query;
where that does not settle it, the user is asked.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import ibis
import ibis.expr.types as ir

from clientage.errors import InputError, listed
from clientage.transactions.sources.times import COMPACT, EPOCHS, ISO, ISO_SHAPE, SERIAL, TIDY, Times
from clientage.transactions.sources.values import as_text, one, trimmed

_SAMPLE = 1000
_ROUNDS = 4
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I %p", " %H.%M", " %H.%M.%S")
_NAMED = (
    "%d %b %Y",
    "%d-%b-%Y",
    "%d/%b/%Y",
    "%d.%b.%Y",
    "%b %d %Y",
    "%b-%d-%Y",
    "%Y-%b-%d",
    "%Y %b %d",
    "%d %b %y",
    "%d-%b-%y",
    "%d/%b/%y",
    "%b %d %y",
)
# Formats of which a column can mean one only: the place of the day is the shop's habit.
_HABITS: list[tuple[str, ...]] = [(f"%d{s}%m{s}%Y", f"%m{s}%d{s}%Y") for s in "/-. "]
_HABITS += [(f"%d{s}%m{s}%y", f"%m{s}%d{s}%y", f"%y{s}%m{s}%d") for s in "/-."]
_ALONE = ("%Y.%m.%d", "%Y %m %d", *_NAMED, *(day.replace("%b", "%B") for day in _NAMED))
_DAYS = (*(day for habit in _HABITS for day in habit), *_ALONE)
_COMPACTS = ("", "%H%M", "%H%M%S", " %H:%M", " %H:%M:%S", " %H%M", " %H%M%S")
_PAIRS = [(day, clock) for day in _DAYS for clock in _CLOCKS] + [(COMPACT, clock) for clock in _COMPACTS]


def _shape(written: str) -> str:
    """`01/12/2010 8:26 PM` → `9/9/9 9:9 a`."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", written))


def _shape_of_format(pattern: str) -> str:
    return re.sub("9+", "9", re.sub(r"%[bBp]", "a", re.sub(r"%[^bBp]", "9", pattern)))


_BY_SHAPE: dict[str, list[tuple[str, str]]] = {}
for _day, _clock in _PAIRS:
    _BY_SHAPE.setdefault(_shape_of_format(_day + _clock), []).append((_day, _clock))


def find_times(
    lines: ir.Table,
    where: str,
    *,
    date_format: str = "",
    spreadsheet: bool = False,
    called: Callable[[str], str] = str,
) -> Times:
    """Find out how the dates of a column are written.

    Args:
        lines: The dates, text or numbers, as `when`, and of each the `file` it is from.
        where: How messages name the column.
        date_format: The strptime format to use instead of finding one. ISO 8601 is read beside it, unless the year is
            first in the format too.
        spreadsheet: Whether a number among dates counts days since 1900.
        called: How messages call what stands in `file`.

    Raises:
        InputError: No value can be read, or day and month could change places in all of them.
    """
    is_text = lines.when.type().is_string()
    rows = lines.mutate(when=trimmed(lines.when)) if is_text else lines
    rows = rows.filter(as_text(rows.when).notnull())
    if not is_text:
        return _decided(rows, Times(dict.fromkeys([*EPOCHS, COMPACT], ())), where, alone=True)
    if date_format:
        return _given(rows, date_format, where, spreadsheet)
    times = Times()
    for _ in range(_ROUNDS):
        more = _extended(times, _unread(rows, times), spreadsheet)
        if more == times:
            break
        times = _decided(rows, more, where, called=called)
        if not times.unreadable:
            return times
    if not times.ways and (example := _unread(rows, times)):
        raise InputError(_nothing(where, example[0]))
    return times


def _nothing(where: str, example: str, pattern: str = "") -> str:
    how = f"with the format {pattern}" if pattern else "as a date"
    return f"{where}: no value can be read {how}, such as {example!r}. Name its format: --set source.date_format=…"


def _given(rows: ir.Table, date_format: str, where: str, spreadsheet: bool) -> Times:
    """The user's format, with or without a clock behind it; beside it what can be read in one way only."""
    clocked = any(code in date_format for code in ("%H", "%I", "%X", "%c", "%T"))
    ways: dict[str, tuple[str, ...]] = {date_format: ("",) if clocked else _CLOCKS}
    beside: dict[str, tuple[str, ...]] = {ISO: ()} if spreadsheet or not date_format.startswith("%Y") else {}
    try:
        return _decided(rows, Times(ways | beside), where, pattern=date_format)
    except duckdb.InvalidInputException as error:
        raise InputError(
            f"{date_format!r} is not a strptime format. Give one such as --set source.date_format='%d/%m/%Y %H:%M'"
        ) from error


def _unread(rows: ir.Table, times: Times) -> list[str]:
    """The first values that are written in no known way."""
    unread = rows.filter(times.read(rows.when).isnull()) if times.ways else rows
    values: list[str] = unread.limit(_SAMPLE).select(when=as_text(unread.when)).to_pyarrow()["when"].to_pylist()
    return values


def _extended(known: Times, sample: list[str], spreadsheet: bool) -> Times:
    """The known ways and those that occur in the sample besides; a habit once decided stays."""
    written, tidy = _tidied(sample, known.tidy)
    counts = Counter(pair for value in written for pair in _pairs(value))
    numbers = sum(count for (day, _), count in counts.items() if day in EPOCHS)
    taken = {day for habit in _HABITS if set(habit) & set(known.ways) for day in habit} - set(known.ways)
    ways = {day: list(clocks) for day, clocks in known.ways.items()}
    for (day, clock), _ in counts.most_common():
        # One stray number among dates is no date, except in a spreadsheet, where dates are numbers.
        stray = day in EPOCHS and not (spreadsheet and day == SERIAL) and (known.ways or numbers * 2 < len(sample))
        if day not in taken and not stray and clock not in ways.setdefault(day, []):
            ways[day].append(clock)
    found = {day: tuple(clocks) for day, clocks in ways.items() if clocks}
    return replace(known, ways=found, tidy=tidy) if found else known


def _tidied(sample: list[str], known: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """The sample without what stands around the dates, and the patterns that took it away."""
    needed = []
    for pattern, replacement in TIDY.items():
        tidy = [re.sub(pattern, replacement, value) for value in sample]
        if pattern in known or tidy != sample:
            needed.append(pattern)
        sample = tidy
    return sample, tuple(needed)


def _pairs(value: str) -> Iterable[tuple[str, str]]:
    """The day and clock formats that read this value."""
    if re.search(ISO_SHAPE, value):
        yield ISO, ""
    if re.fullmatch(r"\d+(\.\d+)?", value):
        yield from ((way, "") for way, (low, high, *_) in EPOCHS.items() if low <= float(value) <= high)
    for day, clock in _BY_SHAPE.get(_shape(value), ()):
        if _reads(value, day + clock):
            yield day, clock


def _reads(value: str, pattern: str) -> bool:
    try:
        datetime.strptime(value, pattern).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _decided(
    rows: ir.Table,
    times: Times,
    where: str,
    *,
    alone: bool = False,
    pattern: str = "",
    called: Callable[[str], str] = str,
) -> Times:
    """Count each way on the whole column; keep what occurs, most frequent first, and one reading of each habit."""
    read = rows.select(**{way: times.read_as(rows.when, way) for way in times.ways})  # each value is read once
    rivals = [(a, b) for habit in _HABITS for a, b in itertools.permutations(habit, 2) if {a, b} <= set(read.columns)]
    counts = {f"ok {way}": read[way].count() for way in read.columns}
    counts |= {"all": read.count(), "read": ibis.coalesce(*(read[way] for way in read.columns)).count()}
    counts |= {f"only {a}, not {b}": (read[a].notnull() & read[b].isnull()).sum() for a, b in rivals}
    counts |= {f"{a} or {b}": (read[a] != read[b]).sum() for a, b in rivals}
    seen = one(read.aggregate(**counts))
    found = [way for way in read.columns if seen[f"ok {way}"]]
    ways = found if pattern else sorted(found, key=lambda way: (-seen[f"ok {way}"], way.startswith("%y")))
    if seen["all"] and not ways:
        raise InputError(_nothing(where, _unread(rows, Times())[0], pattern))
    kept = ways[:1] if alone else _habitual(ways)
    lost = sum(seen[f"only {a}, not {b}"] for a, b in rivals if a not in kept and b in kept)
    even = [(a, b) for a, b in rivals if a in kept and seen[f"ok {a}"] == seen[f"ok {b}"] and not b.startswith("%y")]
    for a, b in even:
        if seen[f"{a} or {b}"] and "." not in a:  # nobody puts the month first with dots
            raise InputError(_ambiguous(rows, times, where, (a, b), called))
    known = seen[f"ok {kept[0]}"] if alone and kept else seen["read"] - lost
    ways_kept = {way: times.ways[way] for way in kept}
    return replace(times, ways=ways_kept, unreadable=known < seen["all"], decided=not even)


def _habitual(ways: list[str]) -> list[str]:
    """Of the ways that a column cannot mix, the most frequent."""
    kept: list[str] = []
    for way in ways:
        if not any(way in habit and set(habit) & set(kept) for habit in _HABITS):
            kept.append(way)
    return kept


def _ambiguous(rows: ir.Table, times: Times, where: str, ways: tuple[str, str], called: Callable[[str], str]) -> str:
    """Both readings of one value, where such values are, and how to say which is right."""
    first, second = (times.read_as(rows.when, way) for way in ways)
    unclear = rows.filter(first != second)
    row = unclear.limit(1).select("when", first=first, second=second).to_pyarrow().to_pylist()[0]
    files, of = (set(lines.select("file").distinct().to_pyarrow()["file"].to_pylist()) for lines in (unclear, rows))
    inside = f" ({listed(sorted(map(called, files)))})" if len(of) > 1 else ""
    mends = " or ".join(f"--set source.date_format={day}" for day in ways)
    return (
        f"{where}: day and month could change places in every value like {row['when']!r}{inside}, which is "
        f"{row['first']:%-d %B %Y} or {row['second']:%-d %B %Y}. Say which: {mends}"
    )
