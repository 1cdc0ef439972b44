"""What comes of reading order lines: the transactions, and how they were understood."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import ibis.expr.types as ir

from clientage.errors import listed
from clientage.transactions.sources import files
from clientage.transactions.sources.times import Times


@dataclass(frozen=True)
class Role:
    """Which columns play a role, and how that is known: `settings`, a known export, or `common names`."""

    role: str
    columns: tuple[str, ...]
    by: str


@dataclass(frozen=True)
class Understood:
    """How the order lines were read, to be shown to whoever wants to check.

    Attributes:
        roles: The columns in use.
        date_format: How dates are written, empty where they were dates already.
        decimal: Decimal sign of numbers in text, empty where they were numbers already.
        delimiter: Sign between fields, empty where there is none.
        encoding: Encodings of the files, empty where they are no text.
        ignored: Columns that play no role.
        notes: What else is good to know, a sentence each.
    """

    roles: tuple[Role, ...]
    date_format: str = ""
    decimal: str = ""
    delimiter: str = ""
    encoding: str = ""
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


@dataclass(frozen=True)
class Reading:
    """How files were read, by which those that are added later can be read alone.

    What is decided on whole columns, such as whether the day or the month comes first, is decided alike with the added
    files beside the others where these fit without a rest: no value of theirs speaks for another way.

    Attributes:
        digests: SHA-256 of every file by its name, in order.
        signs: What the file system said of each, by its name.
        names: Names of what was read in them, in order.
        understood: How it was read.
        columns: Those of the transactions.
        kinds: Types of the values of each role as they stood in the files.
        floated: Ids that were written as `17850.0` throughout.
        spreadsheet: Whether all of them are spreadsheets.
        currency: Sign of the prices where it is known.
        apart: Whether each line was read by itself: nothing was carried over from others of its order, and all files
            have the same columns.
        times: How dates are written, by which those of added files are read.
        fits: Whether every date and number could be read.
        spoilt: Files of which some lines cannot be read, in order of their names.
    """

    digests: Mapping[str, str]
    signs: Mapping[str, tuple[int, ...]]
    names: tuple[str, ...]
    understood: Understood
    columns: tuple[str, ...]
    kinds: Mapping[str, str]
    floated: tuple[str, ...]
    spreadsheet: bool
    currency: str
    apart: bool
    times: Times
    fits: bool
    spoilt: tuple[files.Spoilt, ...] = ()

    @property
    def decimal(self) -> str:
        """That by which added files are read; empty where numbers are numbers."""
        return self.understood.decimal

    def changed(self, digests: Mapping[str, str]) -> bool:
        """Whether some of these files are there as they were, and some are not."""
        return self.digests != digests and any(self.digests.get(name) == digests[name] for name in digests)

    def added(self, digests: Mapping[str, str]) -> list[str]:
        """Names of the files that came to these, in order."""
        return [name for name in digests if name not in self.digests]

    def hindrance(self, digests: Mapping[str, str]) -> str:
        """Why files that were added to these cannot be read alone; empty where they can."""
        kept = [name for name in digests if name in self.digests]
        last = list(digests).index(kept[-1]) if kept else 0
        found = {
            "removed": [name for name in self.digests if name not in digests],
            "changed": [name for name in kept if digests[name] != self.digests[name]],
            "added, but not behind the others by name": self.added(dict(list(digests.items())[:last])),
        }
        if reasons := [f"{what}: {listed(names)}" for what, names in found.items() if names]:
            return " · ".join(reasons)
        if not self.apart:
            return "what holds for an order stands on one of its lines"
        single = len(self.times.ways) < 2 and " and " not in self.understood.decimal
        return "" if self.times.decided and single else "dates or numbers may be meant in more than one way"

    def covers(self, added: "Reading") -> bool:
        """Whether added files, read by this, mean the same as if they had been read beside these."""
        ours, theirs = self.understood, added.understood
        columns = {role.role: (set(role.columns), role.by) for role in ours.roles}
        roles = {role.role: (set(role.columns), role.by) for role in theirs.roles}
        return (
            (added.apart and added.fits)
            and columns.keys() == roles.keys()
            and all(roles[role][0] <= known and roles[role][1] == by for role, (known, by) in columns.items())
            and ours.decimal == theirs.decimal
            and all(
                set(_listed(getattr(theirs, name))) <= set(_listed(getattr(ours, name)))
                for name in ("delimiter", "encoding", "ignored", "notes")
            )
            and (self.columns, self.kinds, self.floated, self.spreadsheet, self.currency)
            == (added.columns, added.kinds, added.floated, added.spreadsheet, added.currency)
        )

    def with_added(self, added: "Reading") -> "Reading":
        """That of all of them."""
        names = tuple(dict.fromkeys((*self.names, *added.names)))
        return replace(self, names=names, spoilt=(*self.spoilt, *added.spoilt))

    def of_files(self, digests: Mapping[str, str], signs: Mapping[str, tuple[int, ...]]) -> "Reading":
        """The same, of these files."""
        return replace(self, digests=digests, signs=signs)


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else tuple(value.split(" and ")) if value else ()


@dataclass(frozen=True)
class Received:
    """Order lines as they came, in the layout of `clientage.tables`.

    Attributes:
        transactions: One row per order line; reads the files when it is run.
        reading: How all files were read.
        name: The shop's name where it is known.
        added: Whether the transactions are those of added files alone.
        anew: Why they are those of all files although some of them are as they were; empty where there is no reason.
    """

    transactions: ir.Table
    reading: Reading
    name: str = ""
    added: bool = False
    anew: str = ""

    @property
    def understood(self) -> Understood:
        """How they were read, to be shown."""
        return self.reading.understood

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files read, in order."""
        return self.reading.names

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the content of the source files."""
        return files.fingerprint(self.reading.digests.values())

    @property
    def currency(self) -> str:
        """Sign of the prices where it is known, such as £."""
        return self.reading.currency
