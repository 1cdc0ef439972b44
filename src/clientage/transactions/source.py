"""Order lines from anywhere, in one layout.

A file, a folder, a glob, an archive or an address goes through four steps: find the files (`files`, `fetch`), see how
each is written (`parts`), map its columns (`mapping`), read its values (`reading`).
"""

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from ibis.backends.duckdb import Backend

from clientage import tables
from clientage.errors import InputError, joined, listed
from clientage.transactions.received import Reading, Received, Role, Understood
from clientage.transactions.sources import archives, fetch, files, reading
from clientage.transactions.sources.files import Part, Progress
from clientage.transactions.sources.mapping import WORDS, Mapped, has_no_header, map_columns
from clientage.transactions.sources.names import Layout
from clientage.transactions.sources.parts import look, rows
from clientage.transactions.sources.times import Times

UCI = "https://archive.ics.uci.edu/static/public/352/online+retail.zip"
SAMPLE_CUSTOMERS, SAMPLE_SEED = 2000, 7
_NAMELESS = {f"column {i}" for i in range(1, 100)}  # what a blank heading is called
_NEEDED = {"customer_id", "invoiced_at", "quantity", "unit_price", "total"}


def silent(doing: str, share: float | None) -> None:
    """Progress that nobody watches."""


def load(
    location: str,
    engine: Backend,
    *,
    columns: Mapping[str, str] | None = None,
    date_format: str = "",
    decimal: str = "",
    delimiter: str = "",
    max_bytes: int = 20 * 10**9,
    settle: float = 0,
    scratch: Path,
    cache: Path,
    progress: Progress = silent,
    former: Reading | None = None,
    hindrance: str = "",
) -> Received:
    """Read order lines and map them to the one layout.

    Args:
        location: A file, folder, glob or address; `uci` (the public data set) or `sample` (the simulated shop).
        engine: The DuckDB that reads.
        columns: Columns named by the user, by role; an empty name leaves it to be found.
        date_format: strptime format of dates; empty: found.
        decimal: Decimal sign of numbers in text; empty: found.
        delimiter: Sign between fields of CSV files; empty: found.
        max_bytes: Refuse archives and downloads larger than this, unpacked.
        settle: Refuse files that were changed less than so many seconds ago.
        scratch: Folder for what is unpacked or converted; keep it until the transactions are written somewhere.
        cache: Folder of downloads, kept.
        progress: Told what is being done, and which share of it where that is known.
        former: How files were read before: where some were added to these, those alone are read.
        hindrance: Why all are to be read nevertheless.

    Raises:
        InputError: The order lines cannot be used as they are: every problem and its mend.
    """
    scratch = scratch / f"received-{uuid4().hex[:8]}"
    scratch.mkdir(parents=True)
    origins = _located(location, scratch, cache, max_bytes, progress)
    if settle and not fetch.is_url(location):
        files.require_settled([path for path, _ in origins if scratch not in path.parents], settle)
    signs, digests = {name: files.sign(path) for path, name in origins}, {}
    for path, name in origins:
        known = former is not None and former.signs.get(name) == signs[name]
        digests[name] = former.digests[name] if former and known else files.digest(path)

    def read(wanted: Sequence[tuple[Path, str]], decimal: str, known: Times | None = None) -> Received:
        found = [f for path, name in wanted for f in archives.unpacked(path, name, scratch, max_bytes, progress)]
        progress("reading", None)
        return _read(
            engine,
            found,
            location,
            scratch,
            columns=columns or {},
            date_format=date_format,
            decimal=decimal,
            delimiter=delimiter,
            known=known,
        )

    anew = ""
    if former and former.changed(digests) and not (anew := hindrance or former.hindrance(digests)):
        added, anew = former.added(digests), "an added file is not like the others"
        with contextlib.suppress(InputError):  # where they cannot be used, that is said of all files
            wanted = [(path, name) for path, name in origins if name in added]
            more = read(wanted, decimal or former.decimal, former.times)
            if former.covers(more.reading):
                whole = former.with_added(more.reading).of_files(digests, signs)
                return replace(more, reading=whole, added=True)
    received = read(origins, decimal)
    return replace(received, reading=received.reading.of_files(digests, signs), anew=anew)


def _read(
    engine: Backend,
    found: Sequence[files.File],
    location: str,
    scratch: Path,
    *,
    columns: Mapping[str, str],
    date_format: str,
    decimal: str,
    delimiter: str,
    known: Times | None,
) -> Received:
    """Order lines from files on disk."""
    notes: list[str] = []
    parts = _with_rows([part for file in found for part in look(file, scratch, delimiter)], found, notes)
    mapped = _mapped(parts, columns, notes)
    parts = [part for part in parts if part.name in mapped]
    layouts = list(dict.fromkeys(m.layout for m in mapped.values() if m.layout))
    notes += [f"{layout.name}: {layout.remark}" for layout in layouts if layout.remark]
    notes += (uneven := _uneven(mapped))
    roles = _roles(mapped)
    order_level = [role for layout in layouts for role in layout.order_level]
    spreadsheet = all(part.kind == "spreadsheet" for part in parts)
    names = {part.content.absolute(): part.name for part in parts if isinstance(part.content, Path)}
    read = reading.read(
        reading.united([rows(engine, same, mapped[same[0].name].columns, scratch) for same in _alike(parts)]),
        found[0].name if len(found) == 1 else shown(location),
        {role.role: " / ".join(role.columns) for role in roles},
        date_format=date_format,
        decimal=decimal,
        known=known,
        spreadsheet=spreadsheet,
        order_level=order_level,
        called=lambda file: names.get(Path(file).absolute(), file),
    )
    transactions = tables.check("transactions", read.table)
    currency, name = _shop(location, layouts, read.currency)
    found_out = Reading(
        {},
        {},
        tuple(dict.fromkeys(file.name for file in found)),
        _understood(parts, mapped, roles, read, notes),
        tuple(transactions.columns),
        read.kinds,
        tuple(sorted(read.floated)),
        spreadsheet,
        currency,
        apart=not order_level and not uneven,
        times=read.times,
        fits=read.fits,
        spoilt=read.spoilt,
    )
    return Received(transactions, found_out, name)


def _understood(
    parts: Sequence[Part], mapped: Mapping[str, Mapped], roles: tuple[Role, ...], read: reading.Read, notes: list[str]
) -> Understood:
    return Understood(
        roles,
        str(read.times),
        read.decimal,
        " and ".join(dict.fromkeys(part.delimiter for part in parts if part.delimiter)),
        " and ".join(dict.fromkeys(part.encoding for part in parts if part.encoding)),
        _ignored(parts, mapped),
        tuple(dict.fromkeys(notes)),
    )


def shown(location: str) -> str:
    """A location fit to be shown."""
    return fetch.shown(location) if fetch.is_url(location) else location


def _located(location: str, scratch: Path, cache: Path, max_bytes: int, progress: Progress) -> list[tuple[Path, str]]:
    """The files on disk behind a location, each with the name to call it by."""
    if location == "sample":
        return [(_simulated(scratch, progress), "sample")]
    url = UCI if location == "uci" else location
    if url.lower().startswith("file://"):
        raise InputError(f"{shown(location)}: give the path without file://.")
    if fetch.is_url(url):
        return [
            (
                fetch.fetch(url, cache, keep=location == "uci", max_bytes=max_bytes, progress=progress),
                shown(url).rstrip("/").split("/")[-1],
            )
        ]
    found = files.find(location)
    if len(found) == 1:
        return [(found[0], found[0].name)]
    base = Path(location).expanduser()
    if not base.is_dir():
        base = Path(os.path.commonpath([path.parent for path in found]))
    return [(path, path.relative_to(base).as_posix()) for path in found]


def _simulated(scratch: Path, progress: Progress) -> Path:
    from clientage.transactions.simulate import simulate  # noqa: PLC0415 (only the sample needs it)

    progress("simulating a shop", None)
    path = scratch / "sample.parquet"
    simulate(customers=SAMPLE_CUSTOMERS, seed=SAMPLE_SEED, out=path)
    return path


def _with_rows(parts: Sequence[Part], found: Sequence[files.File], notes: list[str]) -> list[Part]:
    """The parts that have order lines; a day without sales among many is no problem, nothing at all is.

    Raises:
        InputError: No part has an order line.
    """
    filled = [part for part in parts if not part.empty]
    if not filled:
        raise InputError(f"{listed([f.name for f in found])}: a header at most, no order lines. Export them again.")
    notes += [f"{part.name} has no order lines" for part in parts if part.empty]
    return filled


def _uneven(mapped: Mapping[str, Mapped]) -> list[str]:
    """What some files have and others have not; a line total and a price do for one another."""
    found = []
    for role in ("invoice", "product", "description", "country"):
        without = [name for name, result in mapped.items() if role not in result.columns]
        if 0 < len(without) < len(mapped):
            aside = role == "description"
            mend = "; their lines are set aside, unless you --set clean.no_description=false" if aside else ""
            what, have = WORDS[role].removeprefix("the "), "has" if len(without) == 1 else "have"
            found.append(f"{len(without)} of {len(mapped)} files ({listed(without)}) {have} no {what}{mend}")
    return found


def _mapped(parts: Sequence[Part], columns: Mapping[str, str], notes: list[str]) -> dict[str, Mapped]:
    """The columns of each part by role.

    A sheet in which nothing at all is recognized, beside one that is in order, is no order lines; it is noted.

    Raises:
        InputError: A needed column is missing or unclear somewhere; equal problems are told once.
    """
    known = {names: map_columns(names, columns) for names in {part.columns for part in parts}}
    mapped = {part.name: known[part.columns] for part in parts}
    good = {name: m for name, m in mapped.items() if not m.problems}
    problems: dict[str, list[str]] = {}
    for part in parts:
        if part.name in good:
            continue
        result = mapped[part.name]
        if part.kind == "spreadsheet" and good and not _NEEDED & set(result.columns):
            notes.append(f"{part.name} was passed over: no column of it is known")
        elif not result.columns and has_no_header(part.columns):
            first = ", ".join(part.columns)[:80]
            problems.setdefault(f"the first row is no header ({first}). Put the column names there.", []).append(
                part.name
            )
        elif not result.columns and _NAMELESS & set(part.columns):
            first = ", ".join(part.columns)[:80]
            mend = "Where the column names stand further down, remove the rows above them."
            problems.setdefault(f"the first row names no columns ({first}). {mend}", []).append(part.name)
        else:
            for problem in result.problems:
                problems.setdefault(problem, []).append(part.name)
    if problems:
        raise InputError(joined(f"{listed(names)}: {problem}" for problem, names in problems.items()))
    return good


def _alike(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts that can be read in one go, in order of their first."""
    groups: dict[object, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.alike, []).append(part)
    return list(groups.values())


def _roles(mapped: Mapping[str, Mapped]) -> tuple[Role, ...]:
    """Every role in use, with its columns in all files."""
    found: dict[str, dict[str, str]] = {}
    for result in mapped.values():
        for role, column in result.columns.items():
            found.setdefault(role, {})[column] = result.by[role]
    return tuple(Role(role, tuple(found[role]), next(iter(found[role].values()))) for role in WORDS if role in found)


def _ignored(parts: Sequence[Part], mapped: Mapping[str, Mapped]) -> tuple[str, ...]:
    used = {column for result in mapped.values() for column in result.columns.values()}
    return tuple(dict.fromkeys(name for part in parts for name in part.columns if name not in used))


def _shop(location: str, layouts: Collection[Layout], sign: str) -> tuple[str, str]:
    """Currency and name of the shop where they are known."""
    if location == "sample":
        return "£", "Sample shop"
    currencies = {layout.currency for layout in layouts}
    currency = sign or (currencies.pop() if len(currencies) == 1 else "")
    return currency, "Online Retail" if location == "uci" else ""
