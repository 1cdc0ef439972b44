"""Excel and OpenDocument files: every sheet, no cell silently dropped."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from clientage.errors import InputError
from clientage.transactions.sources.files import File

if TYPE_CHECKING:
    import fastexcel

_LOSSY = ("int", "null")  # types guessed from the first rows into which later cells would not fit


def sheets(file: File) -> Iterator[tuple[str, pa.Table]]:
    """The sheets of a workbook that have rows under a header: how messages call each, and its cells.

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
                yield (file.name if len(names) == 1 else f"{file.name}, sheet {name}"), cells
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
