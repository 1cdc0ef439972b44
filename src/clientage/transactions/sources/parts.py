"""Files and sheets with the same face: a name, columns, and rows to be read when the columns' roles are known."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from clientage.errors import InputError
from clientage.transactions.sources import delimited, spreadsheet
from clientage.transactions.sources.files import File, Kind, safe
from clientage.transactions.sources.times import typed


@dataclass(frozen=True)
class Columnar:
    """A Parquet file and the zones of its times (DuckDB reads them as UTC and forgets)."""

    path: Path
    zones: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Part:
    """A file or sheet before its rows are read.

    Attributes:
        name: How messages call it.
        kind: What it is.
        columns: Its columns, as they are called there.
        content: What its rows are read from.
        empty: Whether it has no rows.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    content: delimited.Delimited | pa.Table | Columnar
    empty: bool = False

    @property
    def alike(self) -> Hashable:
        """Parts with an equal mark are laid out alike and can be read in one go."""
        if isinstance(self.content, delimited.Delimited):
            return self.columns, self.content.delimiter, self.content.skipped
        return (self.columns, self.content.zones) if isinstance(self.content, Columnar) else id(self)


def look(file: File, scratch: Path, delimiter: str = "") -> Iterator[Part]:
    """The parts of a file: its sheets, or itself.

    Raises:
        InputError: The file is empty or damaged.
    """
    if file.kind == "csv":
        text = delimited.look(file, scratch, delimiter)
        yield Part(file.name, "csv", text.columns, text, text.empty)
    elif file.kind == "parquet":
        yield _columnar(file, scratch)
    else:
        for name, cells in spreadsheet.sheets(file):
            yield Part(name, "spreadsheet", tuple(cells.column_names), cells)


def _columnar(file: File, scratch: Path) -> Part:
    try:
        with pq.ParquetFile(file.path) as parquet:
            schema, count = parquet.schema_arrow, parquet.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file.name}: the Parquet file is damaged. Write it again.") from error
    zones = tuple((f.name, f.type.tz) for f in schema if pa.types.is_timestamp(f.type) and f.type.tz)
    return Part(file.name, "parquet", tuple(schema.names), Columnar(safe(file.path, scratch), zones), count == 0)


def rows(engine: Backend, parts: Sequence[Part], roles: Mapping[str, str], scratch: Path) -> ir.Table:
    """The rows of parts laid out alike: a column for each role, as it stands there."""
    first = parts[0].content
    if isinstance(first, delimited.Delimited):
        texts = [part.content for part in parts if isinstance(part.content, delimited.Delimited)]
        return delimited.stage(engine, texts, roles, scratch)
    if isinstance(first, Columnar):
        paths = [str(part.content.path) for part in parts if isinstance(part.content, Columnar)]
        table, zones = engine.read_parquet(paths, union_by_name=True), dict(first.zones)
    else:
        name = f"clientage_sheet_{uuid4().hex}"
        engine.con.register(name, first)
        table, zones = engine.table(name), {}
    return table.select(**{role: _local(table[name], zones.get(name, "")) for role, name in roles.items()})


def _local(column: ir.Value, zone: str) -> ir.Value:
    """A moment with a zone as the clock there showed it."""
    kind = column.type()
    zoned = isinstance(kind, dt.Timestamp) and kind.timezone
    moment = typed(column, zone) if zoned else None
    return column if moment is None else moment
