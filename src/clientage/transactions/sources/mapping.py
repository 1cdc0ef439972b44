"""Your column names, mapped to one layout: settings first, then known exports, then common names."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clientage.transactions.sources.names import CURRENCIES, LAYOUTS, NAMES, Layout

WORDS = {
    "customer_id": "the customer",
    "invoiced_at": "the date",
    "time": "the time of day",
    "invoice": "the order number",
    "product": "the stock code",
    "description": "the product name",
    "quantity": "the quantity",
    "unit_price": "the unit price",
    "total": "the line total",
    "country": "the country",
}
_SHOWN = 20


@dataclass(frozen=True)
class Mapped:
    """Which column plays which role, and how that is known.

    Attributes:
        columns: Source column for each role.
        by: For each role `settings`, the name of a known export, or `common names`.
        layout: The known export, where it is one.
        problems: What keeps the file from being used, a sentence each, without the file's name.
    """

    columns: Mapping[str, str]
    by: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None
    problems: tuple[str, ...] = ()


def key(name: str) -> str:
    """A name without case, blanks and signs: `Customer ID` and `customer_id` are one."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _bare(name: str) -> str:
    """The same without a remark in brackets or a currency at the end: `Price (GBP)`, `price_eur`."""
    words = re.split(r"[\W_]+", re.sub(r"[(\[].*?[)\]]", "", name).strip().casefold())
    while len(words) > 1 and (words[-1] in CURRENCIES or not words[-1]):
        words.pop()
    return "".join(words)


def map_columns(names: Sequence[str], chosen: Mapping[str, str]) -> Mapped:
    """Find the column for every role.

    Args:
        names: The file's columns.
        chosen: The columns the user named, by role; an empty name leaves it to be found.
    """
    chosen = {role: name for role, name in chosen.items() if name}
    problems = [_unknown(role, name, names) for role, name in chosen.items() if name not in names]
    columns = {role: name for role, name in chosen.items() if name in names}
    by = dict.fromkeys(columns, "settings")
    skip = set(chosen) | ({"unit_price"} if "total" in chosen else set())
    layout = next((known for known in LAYOUTS if _is(known, names)), None)
    if layout:
        for role, name in _of_layout(layout, names).items():
            if role not in skip and name not in columns.values():
                columns[role], by[role] = name, layout.name
    else:
        common, unclear = _common(names, columns, skip)
        problems += unclear.values()
        skip |= set(unclear)
        by |= dict.fromkeys(common, "common names")
        columns |= common
    problems += _missing(columns, skip, names)
    return Mapped({role: columns[role] for role in WORDS if role in columns}, by, layout, tuple(problems))


def _is(layout: Layout, names: Sequence[str]) -> bool:
    present = {key(name) for name in names}
    return all(key(name) in present for name in layout.signature)


def _of_layout(layout: Layout, names: Sequence[str]) -> dict[str, str]:
    """The first column of each role's candidates that the file has."""
    present = {key(name): name for name in reversed(names)}
    found = {role: [present[key(c)] for c in options if key(c) in present] for role, options in layout.columns.items()}
    return {role: columns[0] for role, columns in found.items() if columns}


def _common(names: Sequence[str], columns: Mapping[str, str], skip: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Roles recognized by common names; the better known name wins, equally good ones are the user's to choose."""
    found: dict[str, str] = {}
    unclear: dict[str, str] = {}
    for role in NAMES:
        free = [name for name in names if name not in columns.values() and name not in found.values()]
        best = [] if role in skip or _superfluous(role, found, columns) else _best(role, free)
        if len(best) == 1:
            found[role] = best[0]
        elif best:
            listed = " and ".join(best) if len(best) == 2 else ", ".join(best)
            mend = f"Choose one: --set source.columns.{role}={_quoted(best[0])}"
            unclear[role] = f"{listed} could each be {WORDS[role]}. {mend}"
    return found, unclear


def _superfluous(role: str, found: Mapping[str, str], columns: Mapping[str, str]) -> bool:
    """A total is not looked for beside quantity and price (it may be the order's), nor a clock without a date."""
    have = {*found, *columns}
    return (role == "total" and {"quantity", "unit_price"} <= have) or (role == "time" and "invoiced_at" not in have)


def _best(role: str, names: Sequence[str]) -> list[str]:
    for tier in NAMES[role]:
        for simplified in (key, _bare):
            if best := [name for name in names if simplified(name) in tier]:
                return best
    return []


def _missing(columns: Mapping[str, str], skip: set[str], names: Sequence[str]) -> list[str]:
    """Needed roles without a column."""
    found = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    problems = [
        f"no column for {WORDS[role]} (found: {found}). Name it: --set source.columns.{role}=…"
        for role in ("customer_id", "invoiced_at")
        if role not in columns and role not in skip
    ]
    wanted = [role for role in ("quantity", "unit_price") if role not in columns]
    if "total" not in columns and wanted and not skip & {"total", *wanted}:
        mend = " and ".join(f"--set source.columns.{role}=…" for role in wanted)
        words = " and ".join(WORDS[role] for role in wanted)
        problems.append(
            f"no column for the amount: {words} or {WORDS['total']} (found: {found}). "
            f"Name it: {mend}, or --set source.columns.total=…"
        )
    return problems


def _unknown(role: str, name: str, names: Sequence[str]) -> str:
    by_case = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.casefold(), by_case, 1, 0.5) or [k for k in by_case if key(k) == key(name)]
    mend = f"Did you mean --set source.columns.{role}={_quoted(by_case[near[0]])}?" if near else "Name another."
    found = ", ".join(names[:_SHOWN])
    return f"no column {name!r}, set as {WORDS.get(role, role)} (found: {found}). {mend}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"


def has_no_header(names: Sequence[str]) -> bool:
    """Whether a first row looks like an order line rather than names of columns."""
    return any(re.fullmatch(r"[-+£$€]?\d[\d.,/:\- ]*", name.strip()) for name in names)
