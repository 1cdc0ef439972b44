"""What a table promises: what one row stands for, its key, and its columns with their types and units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "time", "date", "flag"]


@dataclass(frozen=True)
class Column:
    """A column's promise.

    Attributes:
        kind: `text`, `integer`, `number` (double), `time` (timestamp without zone), `date` or `flag` (true or false).
        meaning: What it says, in the shop's words.
        unit: Unit of measure, empty where there is none.
        optional: Whether a shop may lack it; then it is absent from the table, never a column of nulls.
    """

    kind: Kind
    meaning: str
    unit: str = ""
    optional: bool = False


@dataclass(frozen=True)
class TableSpec:
    """A table's promise: what one row stands for, its key (empty where rows repeat) and its columns in order."""

    row: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
