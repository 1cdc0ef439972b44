"""What comes of reading order lines: the transactions, and how they were understood."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import ibis.expr.types as ir


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
class Received:
    """Order lines as they came, in the layout of `clientage.tables`.

    Attributes:
        transactions: One row per order line; reads the files when it is run.
        understood: How they were read.
        files: Names of the files read, in order.
        fingerprint: SHA-256 over the content of the source files.
        currency: Sign of the prices where it is known, such as £.
        name: The shop's name where it is known.
    """

    transactions: ir.Table
    understood: Understood
    files: tuple[str, ...]
    fingerprint: str
    currency: str = ""
    name: str = ""
