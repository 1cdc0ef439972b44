"""Reading: from a file as the shop has it to a table in memory."""

# ruff: noqa: PLC0415 - each way imports only what it measures
import zipfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import Data
from benchmarks.goals import Goal
from benchmarks.runner import Benchmark, Work, way

if TYPE_CHECKING:
    import pyarrow as pa

OPENPYXL = "pandas and openpyxl"
PATIENCE = 120  # seconds that pandas may take for the spreadsheet


def benchmarks(data: Data) -> list[Benchmark]:
    """Spreadsheet and CSV."""
    given = {"location": data.csv}
    ways = (way("clientage", clientage, given), way("pandas", pandas_csv, given))
    found = [Benchmark("read-csv", "reading a CSV file", ways)]
    return [_spreadsheet(data.spreadsheet), *found] if data.spreadsheet else found


def _spreadsheet(location: str) -> Benchmark:
    given = {"location": location}
    ways = [way("clientage", clientage, given), way("fastexcel alone", fastexcel_alone, given)]
    notes = []
    if find_spec("openpyxl"):
        ways.append(way(OPENPYXL, pandas_excel, given, rounds=1, seconds=PATIENCE))
    else:
        notes.append("pandas left out: openpyxl is not installed")
    goals = (Goal(OPENPYXL, "ratio", least=12),)
    return Benchmark("read-spreadsheet", "reading a spreadsheet", tuple(ways), notes=tuple(notes), goals=goals)


def clientage(location: str) -> Work:
    """Columns and formats found out, values read, what cannot be read noted."""
    import fastexcel  # noqa: F401 - loaded before the clock starts
    import ibis

    from clientage.transactions import source

    engine = ibis.duckdb.connect()

    def work() -> "pa.Table":
        here = Path()
        received = source.load(location, engine, scratch=here / "scratch", cache=here / "cache")
        return engine.to_pyarrow_batches(received.transactions).read_all()

    return work


def fastexcel_alone(location: str) -> Work:
    """The cells as they are, in memory: what no reader can be faster than."""
    import fastexcel

    return lambda: fastexcel.read_excel(_unzipped(location)).load_sheet(0).to_arrow()


def pandas_excel(location: str) -> Work:
    """The cells as pandas reads them."""
    import pandas as pd

    import_module("openpyxl")

    return lambda: pd.read_excel(_unzipped(location))


def pandas_csv(location: str) -> Work:
    """Columns and formats known beforehand."""
    import pandas as pd

    def work() -> pd.DataFrame:
        ids = dict.fromkeys(("invoice", "product", "description", "customer_id", "country"), "str")
        lines = pd.read_csv(location, dtype=ids)
        lines["invoiced_at"] = pd.to_datetime(lines["invoiced_at"], format="%Y-%m-%d %H:%M:%S")
        return lines

    return work


def _unzipped(location: str) -> str:
    """The workbook, out of its zip where it is in one."""
    if not location.endswith(".zip"):
        return location
    with zipfile.ZipFile(location) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".xlsx"))
        return archive.extract(name, "unzipped")
