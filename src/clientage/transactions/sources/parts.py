"""Files and sheets with the same face: looked at first, their rows read when the columns' roles are known.

Every sheet of Excel and OpenDocument files is a part, and no cell of it is silently dropped.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from clientage.errors import InputError
from clientage.transactions.sources import delimited
from clientage.transactions.sources.files import File, Part, safe
from clientage.transactions.sources.times import typed

if TYPE_CHECKING:
    import fastexcel

_LOSSY = ("int", "null")  # types guessed from the first rows of a sheet into which later cells would not fit


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
        yield from _sheets(file)


def _columnar(file: File, scratch: Path) -> Part:
    try:
        with pq.ParquetFile(file.path) as parquet:
            schema, count = parquet.schema_arrow, parquet.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file.name}: the Parquet file is damaged. Write it again.") from error
    zones = tuple((f.name, f.type.tz) for f in schema if pa.types.is_timestamp(f.type) and f.type.tz)
    return Part(file.name, "parquet", tuple(schema.names), safe(file.path, scratch), count == 0, zones=zones)


def _sheets(file: File) -> Iterator[Part]:
    """The sheets of a workbook that have rows under a header.

    Raises:
        InputError: The workbook cannot be opened.
    """
    import fastexcel  # noqa: PLC0415 (only spreadsheets need it)

    try:
        book = fastexcel.read_excel(str(file.path))
        names = book.sheet_names
        for name in names:
            cells = _cells(book, name)
            if cells.num_rows:
                shown = file.name if len(names) == 1 else f"{file.name}, sheet {name}"
                yield Part(shown, "spreadsheet", tuple(cells.column_names), cells)
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0].removeprefix("calamine error: ")
        raise InputError(
            f"{file.name}: cannot be opened as a spreadsheet ({reason}). "
            "If it has a password, remove it; else save it again."
        ) from error


def _cells(book: "fastexcel.ExcelReader", name: str) -> pa.Table:
    """The cells in the type of their column; a column of more than one kind as text.

    The types are guessed from the first rows, which is quick. Where a later cell does not fit, fastexcel says so, and
    the sheet is read once more with that column as text.
    """
    sheet = book.load_sheet(name, whitespace_as_null=True)
    batch, misfits = sheet.to_arrow_with_errors()
    columns = sheet.selected_columns
    as_text = {columns[error.position[1]].name for error in (misfits.errors if misfits else ())}
    as_text |= {column.name for column in columns if column.dtype in _LOSSY and batch.num_rows}
    if not as_text:
        return pa.Table.from_batches([batch])
    sheet = book.load_sheet(name, whitespace_as_null=True, dtypes=dict.fromkeys(as_text, "string"))
    batch, misfits = sheet.to_arrow_with_errors()
    return _with_errors(pa.Table.from_batches([batch]), misfits)


def _with_errors(cells: pa.Table, misfits: "fastexcel.CellErrors | None") -> pa.Table:
    """Put cells such as #N/A, which have no value, into their places as text."""
    places: dict[int, list[int]] = {}
    for error in misfits.errors if misfits else ():
        places.setdefault(error.position[1], []).append(error.offset_position[0])
    for column, rows in places.items():
        values = cells.column(column).to_pylist()
        for row in rows:
            values[row] = "#N/A"
        cells = cells.set_column(column, cells.field(column).name, pa.array(values, pa.string()))
    return cells


def rows(engine: Backend, parts: Sequence[Part], roles: Mapping[str, str], scratch: Path) -> ir.Table:
    """The rows of parts laid out alike: a column for each role, as it stands there, and `file`, a path or a sheet."""
    first, origin = parts[0], f"clientage_file_{uuid4().hex}"  # no column has that name already
    if first.kind == "csv":
        return delimited.stage(engine, parts, roles, scratch)
    if first.kind == "parquet":
        table = engine.read_parquet([str(part.content) for part in parts], union_by_name=True, filename=origin)
    else:
        name = f"clientage_sheet_{uuid4().hex}"
        engine.con.register(name, first.content)
        table = engine.table(name)
    zones = dict(first.zones)
    cells = {role: _local(table[name], zones.get(name, "")) for role, name in roles.items()}
    return table.select(**cells, file=table[origin] if origin in table.columns else ibis.literal(first.name))


def _local(column: ir.Value, zone: str) -> ir.Value:
    """A moment with a zone as the clock there showed it."""
    kind = column.type()
    zoned = isinstance(kind, dt.Timestamp) and kind.timezone
    moment = typed(column, zone) if zoned else None
    return column if moment is None else moment
