"""Files and sheets with the same face: looked at first, their rows read when the columns' roles are known."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from clientage.errors import InputError
from clientage.transactions.sources import delimited, spreadsheet
from clientage.transactions.sources.files import File, Part, safe
from clientage.transactions.sources.times import typed


def look(file: File, scratch: Path, delimiter: str = "") -> Iterator[Part]:
    """The parts of a file: its sheets, or itself.

    Raises:
        InputError: The file is empty or damaged.
    """
    if file.kind == "csv":
        yield delimited.look(file, scratch, delimiter)
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
    return Part(file.name, "parquet", tuple(schema.names), safe(file.path, scratch), count == 0, zones=zones)


def rows(engine: Backend, parts: Sequence[Part], roles: Mapping[str, str], scratch: Path) -> ir.Table:
    """The rows of parts laid out alike: a column for each role, as it stands there."""
    first = parts[0]
    if first.kind == "csv":
        return delimited.stage(engine, parts, roles, scratch)
    if first.kind == "parquet":
        table = engine.read_parquet([str(part.content) for part in parts], union_by_name=True)
    else:
        name = f"clientage_sheet_{uuid4().hex}"
        engine.con.register(name, first.content)
        table = engine.table(name)
    zones = dict(first.zones)
    return table.select(**{role: _local(table[name], zones.get(name, "")) for role, name in roles.items()})


def _local(column: ir.Value, zone: str) -> ir.Value:
    """A moment with a zone as the clock there showed it."""
    kind = column.type()
    zoned = isinstance(kind, dt.Timestamp) and kind.timezone
    moment = typed(column, zone) if zoned else None
    return column if moment is None else moment
