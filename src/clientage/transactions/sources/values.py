"""Text, identifiers and numbers as shops write them, read on the whole column.

A column is looked at once by one aggregate query, never row by row in Python; what is decided there (the decimal sign)
holds for every row. `clientage.transactions.sources.times` does the same for dates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

IDENTIFIERS = ("invoice", "product", "customer_id")
TEXTS = ("description", "country")
NUMBERS = ("quantity", "unit_price", "total")

_SPACES = " \t\r\n\u00a0\u202f\ufeff"
_CURRENCY = (
    r"R\$|\p{Sc}|(?i:\b(?:USD|EUR|GBP|CHF|AUD|CAD|NZD|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|ZAR|TRY|RUB"
    r"|kr|Rs|Fr|lei)\b\.?|zł|Kč)"
)
_GROUP = "[%s\\s'’\u00a0\u202f]"
_COMMA_GROUP, _DOT_GROUP = _GROUP % ",", _GROUP % "."
_WRITTEN = {
    ".": rf"^(?:\d{{1,3}}(?:{_COMMA_GROUP}\d{{2,3}})*{_COMMA_GROUP}\d{{3}}|\d+)(?:\.\d*)?$|^\.\d+$",
    ",": rf"^(?:\d{{1,3}}(?:{_DOT_GROUP}\d{{3}})+|\d+)(?:,\d*)?$|^,\d+$",
}
_SMALL = 1e15  # below it, a double holds a whole number exactly


@ibis.udf.scalar.builtin(name="trim")  # type: ignore[untyped-decorator]
def _trim(text: str, characters: str) -> str: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="trunc")  # type: ignore[untyped-decorator]
def _trunc(number: float) -> float: ...  # type: ignore[empty-body]


def trimmed(text: ir.StringValue) -> ir.StringValue:
    """The text without blanks at its ends, of whatever kind; null where nothing is left."""
    return _trim(text, _SPACES).nullif("")


def as_text(column: ir.Value) -> ir.StringValue:
    """A cell as it would stand in a file: whole numbers without a decimal point, true NaN as null."""
    kind = column.type()
    if kind.is_string():
        return column
    if kind.is_floating() or kind.is_decimal():
        number = column.cast("float64")
        whole = (number == _trunc(number)) & (number.abs() < _SMALL)
        return ibis.cases(
            (whole, number.try_cast("int64").cast("string")),
            (number.isnan(), ibis.null("string")),
            else_=number.cast("string"),
        )
    return column.cast("string")


def text(column: ir.Value) -> ir.StringValue:
    """Text as it came; blank becomes null."""
    if not column.type().is_string():
        return as_text(column)
    maybe_blank = (column < "!") | (column > "~")  # only such text can be all blanks; spares trimming the rest
    return ibis.ifelse(maybe_blank & trimmed(column).isnull(), ibis.null("string"), column)


def unfloated(text: ir.StringValue) -> ir.StringValue:
    """`17850` for `17850.0`, which some spreadsheet or data frame made of it; other text as it came."""
    return ibis.ifelse(text.endswith(".0"), text.re_replace(r"^(-?[1-9]\d*)\.0$", r"\1"), text)


def floated(raw: ir.Table, roles: Iterable[str], *, spreadsheet: bool) -> frozenset[str]:
    """Which id columns hold whole numbers written as `17850.0`.

    From a spreadsheet every such id is meant as a number; elsewhere only where the whole column is written so, as data
    frames write a column with gaps.
    """
    texts = [role for role in roles if role in IDENTIFIERS and raw[role].type().is_string()]
    counts = {f"{role} ends": raw[role].endswith(".0").sum() for role in texts}
    for role in () if spreadsheet else texts:
        bare = trimmed(raw[role])
        counts[f"{role} others"] = (bare.notnull() & ~bare.re_search(r"^[1-9]\d*\.0$")).sum()
    seen = one(raw.aggregate(**counts)) if texts else {}
    return frozenset(role for role in texts if seen[f"{role} ends"] and not seen.get(f"{role} others"))


def one(row: ir.Table) -> dict[str, float]:
    """The single row of an aggregate, nulls as 0."""
    found: dict[str, float | None] = row.to_pyarrow().to_pylist()[0]
    return {name: value or 0 for name, value in found.items()}


def plain_number(written: ir.StringValue) -> ir.FloatingValue:
    """The number, where it is written as computers do (`-1234.5`, `1e3`, `inf`)."""
    return written.try_cast("float64").nullif(float("nan"))


def styled_number(written: ir.StringValue, decimal: str) -> ir.FloatingValue:
    """The number, where it is written as people do: `£1,234.50`, `1.234,50 €`, `(12.50)`, `12.50-`."""
    bare = trimmed(written.re_replace(rf"\s*(?:{_CURRENCY})\s*", ""))
    negative = bare.re_search(r"^[-−]|^\(.*\)$|[-−]$")
    digits = bare.re_replace(rf"^[(+\-−][\s\-−]*|[\s{_SPACES}]*[)\-−]$", "")
    only = digits.re_replace(rf"[^\d{decimal}]", "").replace(decimal, ".")
    size = ibis.ifelse(digits.re_search(_WRITTEN[decimal]), only, ibis.null("string")).try_cast("float64")
    return ibis.ifelse(negative, -size, size)


def written_number(column: ir.StringValue, decimal: str) -> ir.FloatingValue:
    """The number in a text, with this decimal sign; null where there is none."""
    written = trimmed(column)
    # Where the comma is the decimal sign, a dot separates thousands, so only the styled reading may judge it.
    plain = written if decimal == "." else ibis.ifelse(written.contains("."), "", written.replace(",", "."))
    return ibis.coalesce(plain_number(plain), styled_number(written, decimal))


def number(column: ir.Value, decimal: str) -> ir.FloatingValue:
    """A column of numbers as doubles, from text or not; NaN becomes null, infinity stays for a cleaning rule."""
    if column.type().is_string():
        return written_number(column, decimal)
    return column.cast("float64").nullif(float("nan"))


@dataclass(frozen=True)
class Numbers:
    """What was found out about the columns of numbers.

    Attributes:
        decimal: Decimal sign for each role that is text.
        unreadable: Roles with at least one value that is no number.
        currency: The sign that stands beside the prices, empty where there is none or more than one.
    """

    decimal: Mapping[str, str] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    currency: str = ""


def find_numbers(raw: ir.Table, roles: Iterable[str], decimal: str = "") -> Numbers:
    """Decide on the decimal sign of every text column of numbers, each on its whole length.

    A column that can be read both ways follows the columns beside it (`1.000` pieces beside prices of `12,50` is a
    thousand), and the point where nothing decides.
    """
    texts = [role for role in roles if role in NUMBERS and raw[role].type().is_string()]
    evidence = _plain(raw, texts, decimal)
    unclear = [role for role in texts if role not in evidence]
    failed = {sign: _failures(raw, unclear, sign) for sign in decimal or ".,"}
    for role in unclear:
        fewest = min(counts[role] for counts in failed.values())
        best = [sign for sign, counts in failed.items() if counts[role] == fewest]
        evidence[role] = best[0] if len(best) == 1 else ""
    signs = set(evidence.values()) - {""}
    usual = decimal or (signs.pop() if len(signs) == 1 else ".")
    found = {role: decimal or evidence[role] or usual for role in texts}
    return Numbers(found, frozenset(role for role in unclear if failed[found[role]][role]), _currency(raw, unclear))


def _plain(raw: ir.Table, roles: list[str], decimal: str) -> dict[str, str]:
    """Columns that need no closer look, as most do not: the point where they have it, else nothing; one cheap pass."""
    counts: dict[str, ir.Value] = {}
    for role in roles:
        written = trimmed(raw[role])
        dot = written.find(".")
        counts[f"{role} odd"] = (written.notnull() & plain_number(written).isnull()).sum()
        counts[f"{role} dots"] = (dot >= 0).sum()
        counts[f"{role} sure"] = ((dot >= 0) & (written.length() - dot != 4)).sum()
    seen = one(raw.aggregate(**counts)) if roles else {}
    clear = [r for r in roles if not seen[f"{r} odd"] and (seen[f"{r} sure"] or not seen[f"{r} dots"])]
    return {r: "." if seen[f"{r} dots"] else "" for r in clear if decimal != "," or not seen[f"{r} dots"]}


def _failures(raw: ir.Table, roles: list[str], sign: str) -> dict[str, float]:
    """Values of each column that are no number with this decimal sign."""
    counts = {role: (trimmed(raw[role]).notnull() & written_number(raw[role], sign).isnull()).sum() for role in roles}
    return one(raw.aggregate(**counts)) if roles else {}


def _currency(raw: ir.Table, roles: list[str]) -> str:
    """The one currency sign in the first prices."""
    signs: set[str] = set()
    for role in roles:
        sign = raw[role].re_extract(r"(\p{Sc})", 1).nullif("").name("sign")
        signs |= set(raw.limit(1000).select(sign).to_pyarrow().column(0).drop_null().to_pylist())
    return signs.pop() if len(signs) == 1 else ""


def fits(kind: dt.DataType, role: str) -> bool:
    """Whether a column of this type can be read as this role at all."""
    number = kind.is_numeric() and not kind.is_boolean()
    if kind.is_string() or kind.is_null():
        return True
    if role in NUMBERS:
        return bool(number)
    if role == "invoiced_at":
        return bool(kind.is_timestamp() or kind.is_date() or number)
    if role == "time":
        return bool(kind.is_timestamp() or kind.is_time() or number)
    return not (kind.is_nested() or kind.is_binary())


def noted(role: str, raw: ir.Value, read: ir.Value) -> ir.StringValue:
    """`role='as it stood'` where a value could not be read, else null."""
    stood = as_text(raw)
    lost = trimmed(stood).notnull() & read.isnull()
    return ibis.ifelse(lost, ibis.literal(f"{role}='") + stood + "'", ibis.null("string"))
