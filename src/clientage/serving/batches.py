"""Some rows of a file at a time: what is sent of them, and what is kept beside the answers."""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from clientage.errors import InputError
from clientage.serving.client import Contract

CUSTOMER = "customer_id"


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        kept: What stands beside the answers, n rows.
        sent: Instances as JSON, in order, of all rows but those in `wrong`.
        wrong: By place, why a row is not even sent.
        share: How much of the file is read with it, in [0, 1].
    """

    kept: pa.RecordBatch
    sent: list[bytes]
    wrong: dict[int, str]
    share: float


@dataclass(frozen=True)
class Instances:
    """A file that is understood.

    Attributes:
        by: What is sent: `features`, `components`, `customer_id`, or `instances` as they are.
        schema: What is kept of its rows.
        batches: Reads them.
    """

    by: str
    schema: pa.Schema
    batches: Iterator[Batch]


@dataclass(frozen=True)
class Wanted:
    """What the service takes.

    Attributes:
        contract: What it says of itself.
        most: Rows of a batch.
        by_id: Whether to send ids although there are features.
    """

    contract: Contract
    most: int
    by_id: bool = False

    def columns(self, path: Path, names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """Which of a table's columns to send, and what they are.

        Raises:
            InputError: They do not suffice.
        """
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"{path}: has the column {doubled[0]!r} twice. Give each a name of its own.")
        ways = {"features": self.contract.needs, "components": self.contract.components, CUSTOMER: (CUSTOMER,)}
        for by, columns in ways.items():
            if columns and set(columns) <= set(names) and by in ((CUSTOMER,) if self.by_id else ways):
                return by, columns
        lacking = [] if self.by_id else [name for name in self.contract.needs if name not in names]
        but = f"; without {CUSTOMER} the model there needs {', '.join(lacking)}" if lacking else ""
        raise InputError(f"{path}: no column {CUSTOMER}{but}. Add it{' or those' if lacking else ''}.")


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Read a file.

    Raises:
        InputError: It cannot be read, or is not what its name says.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not in UTF-8. Save it so.") from error
    except (OSError, pa.ArrowException, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0].rstrip(".")
        raise InputError(f"{path}: cannot be read ({reason}). Write it again.") from error


def dumped(instance: Any) -> bytes:
    """An instance as JSON; what JSON has no word for as text, which the service will name."""
    return orjson.dumps(instance, default=lambda value: float(value) if isinstance(value, Decimal) else str(value))
