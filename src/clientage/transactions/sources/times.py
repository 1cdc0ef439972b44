"""When an order was placed, out of any way to write it.

A way to write a date is a strptime format of the day with those of the clock behind it, ISO 8601, or a number counted
from some day. Which ways a column uses is found out in `clientage.transactions.sources.formats`; here they are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from clientage.transactions.sources.values import as_text, trimmed

ISO = "ISO 8601"
SERIAL = "spreadsheet day number"
COMPACT = "%Y%m%d"
EPOCHS: Mapping[str, tuple[float, float, int, int]] = {
    # smallest and largest number taken for it (dates of 1954 to 2119 and of 1973 to 2286), milliseconds in one, shift
    SERIAL: (20_000, 80_000, 86_400_000, -25_569),
    "unix seconds": (1e8, 1e10, 1_000, 0),
    "unix milliseconds": (1e11, 1e13, 1, 0),
}
ISO_SHAPE = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"
TIDY: Mapping[str, str] = {
    # what may stand around a date, applied in this order and only where it occurs
    "[\u00a0\u202f]": " ",
    r"(?i)([ap])\.\s?m\.?$": r"\1m",
    r"^(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+": "",
    r"(\d)[Tt](\d)": r"\1 \2",
    r"(:\d\d(?:[.,]\d+)?|(?i:[ap]m))\s*(?:Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$": r"\1",
    r"(:\d\d),(\d+)$": r"\1.\2",
    r",\s*": " ",
    r"(?i)\b(sep)t\b": r"\1",
    r"([A-Za-z]{3})\.": r"\1",
    r"(?i)(\d)(?:st|nd|rd|th)\b": r"\1",
    r"(?i)(\d)([ap]m)$": r"\1 \2",
    r"\s\s+": " ",
}


@ibis.udf.scalar.builtin(name="try_strptime")  # type: ignore[untyped-decorator]
def _strptime(text: str, formats: list[str]) -> dt.timestamp: ...


@ibis.udf.scalar.builtin(name="make_timestamp")  # type: ignore[untyped-decorator]
def _from_micros(micros: int) -> dt.timestamp: ...


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, dt.Timestamp(timezone="UTC")), dt.timestamp))
def _wall_clock(zone, moment): ...  # type: ignore[no-untyped-def]


@dataclass(frozen=True)
class Times:
    """How the dates of a column are written.

    Attributes:
        ways: Day formats that occur, most frequent first, each with its clock formats; or the name of another way.
        tidy: Patterns of `TIDY` that occur around the dates.
        unreadable: Whether some value is written in no such way.
        decided: Whether no other way reads as many values.
    """

    ways: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tidy: tuple[str, ...] = ()
    unreadable: bool = False
    decided: bool = True

    def __str__(self) -> str:
        return " or ".join(day + (clocks[0] if clocks else "") for day, clocks in self.ways.items())

    def among(self, lines: ir.Table) -> "Times":
        """The same ways, whether or not they read every one of these dates (`when`)."""
        lost = lines.filter(as_text(lines.when).notnull(), self.read(lines.when).isnull())
        return replace(self, unreadable=bool(lost.count().to_pyarrow().as_py()))

    def read(self, column: ir.Value) -> ir.TimestampValue:
        """The column as timestamps, the shop's own time; null where a value cannot be read."""
        if not self.ways:
            return _if(column.isnull(), column).try_cast("timestamp")
        bare = trimmed(column) if column.type().is_string() else column
        return ibis.coalesce(*(self.read_as(bare, way) for way in self.ways))

    def read_as(self, column: ir.Value, way: str) -> ir.TimestampValue:
        """The values written in one of the ways, null elsewhere; text comes without blanks at its ends."""
        if not column.type().is_string():
            return _counted(column, way)
        written = column
        for pattern in self.tidy:
            written = written.re_replace(pattern, TIDY[pattern])
        return _written(written, way, self.ways[way])


def _written(written: ir.StringValue, way: str, clocks: Sequence[str]) -> ir.TimestampValue:
    if way == ISO:
        # The shape is checked first: a cast alone would take `epoch`, and shift what carries an offset.
        return _if(written.re_search(ISO_SHAPE), written).try_cast("timestamp")
    if way in EPOCHS:
        return _counted(_if(written.re_search(r"^\d+(\.\d+)?$"), written), way)
    # %Y also takes the 11 of 01/02/11, for the year 11; and DuckDB takes `epoch` and `infinity` whatever the format.
    shaped = _if(written.re_search(r"\d{4}" if "%Y" in way else r"\d"), written)
    return _strptime(shaped, ibis.array([way + clock for clock in clocks or ("",)]))


def _counted(column: ir.Value, way: str) -> ir.TimestampValue:
    """Numbers: days since 1900, seconds or milliseconds since 1970, or 20111231."""
    number = column.try_cast("float64")
    if way == COMPACT:
        return _written(number.try_cast("int64").cast("string"), way, ())
    low, high, factor, shift = EPOCHS[way]
    inside = _if(number.between(low, high), number)
    millis = ((inside + shift) * factor).round().try_cast("int64")
    return _from_micros(millis * 1000)


def _if(condition: ir.Value, value: ir.Value) -> ir.Value:
    return ibis.ifelse(condition, value, ibis.null(value.type()))


def typed(column: ir.Value, zone: str = "") -> ir.TimestampValue | None:
    """A column that holds times already, as the shop's own clock showed them; None for text and numbers."""
    kind = column.type()
    if isinstance(kind, dt.Timestamp) and kind.timezone:
        return _wall_clock(zone or kind.timezone, column)
    if kind.is_timestamp() or kind.is_date():
        return column.cast("timestamp(6)")
    return None


def with_clock(day: ir.Value, clock: ir.Value) -> ir.StringValue:
    """Date and time of day from two columns as one text; a date that has a time of its own keeps it."""
    moment = typed(day)
    if moment is None and day.type().is_numeric():
        moment = _counted(day, SERIAL)
    stamp = as_text(day) if moment is None else ibis.coalesce(moment.strftime("%Y-%m-%d %H:%M:%S"), as_text(day))
    date = trimmed(stamp.re_replace(r"[ T]0?0:00(:00(\.0+)?)?\s*$", ""))
    time = trimmed(_clock(clock))
    bare = date.notnull() & ~date.contains(":") & time.notnull()
    return ibis.ifelse(bare, date + " " + time, date)


def _clock(clock: ir.Value) -> ir.StringValue:
    """A time of day as text: `8` is an hour; numbers below one, as spreadsheets hold times, are parts of a day."""
    kind = clock.type()
    if kind.is_timestamp():
        return clock.strftime("%H:%M:%S")
    hour = as_text(clock).re_replace(r"^\s*(\d{1,2})(\.0+)?\s*$", r"\1:00")
    if not kind.is_floating():
        return hour
    seconds = (clock * 86_400).round().try_cast("int64")
    part = (clock > 0) & (clock < 1)
    return ibis.ifelse(part, _from_micros(seconds * 1_000_000).strftime("%H:%M:%S"), hour)
