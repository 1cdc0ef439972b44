"""Order lines from workbooks, written here cell by cell."""

import zipfile
from datetime import datetime
from xml.sax.saxutils import escape

import pytest

from clientage.errors import InputError
from clientage.transactions.source import load

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats"
MORNING = 40513.351388888892  # 2010-12-01 08:26
HEADER = ["order_id", "customer_id", "order_date", "quantity", "unit_price", "sku"]


class Failed(str):
    """A cell with an error, such as #N/A."""


class When(float):
    """A cell formatted as date and time."""


class Clock(float):
    """A cell formatted as time of day."""


FIRST = When(MORNING)


def cell(place, value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, Failed):
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    if isinstance(value, float | int):
        style = 1 if isinstance(value, When) else 2 if isinstance(value, Clock) else 0
        return f'<c r="{place}" s="{style}"><v>{float(value)!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def workbook(path, sheets):
    """A workbook of the given rows by sheet."""
    count = range(1, len(sheets) + 1)
    named = "".join(f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{i}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in count
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="{TYPE}-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}-officedocument.spreadsheetml.sheet.main+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{named}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{links}'
        f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="22"/>'
        '<xf numFmtId="21"/></cellXfs></styleSheet>',
    }
    for i, rows in enumerate(sheets.values(), 1):
        body = "".join(
            f'<row r="{r}">{"".join(cell(f"{chr(64 + c)}{r}", value) for c, value in enumerate(row, 1))}</row>'
            for r, row in enumerate(rows, 1)
        )
        parts[f"xl/worksheets/sheet{i}.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def line(number=1, customer=17850.0, when=FIRST, quantity=2, price=2.5, sku="85123A"):
    return [number, customer, when, quantity, price, sku]


@pytest.fixture
def read(engine, tmp_path):
    """Load a workbook of the given sheets."""

    def read(name="orders.xlsx", sheets=None, **how):
        path = workbook(tmp_path / name, sheets or {})
        received = load(str(path), engine, scratch=tmp_path / "scratch", cache=tmp_path / "cache", **how)
        return engine.to_pyarrow(received.transactions).to_pylist(), received

    return read


def test_a_workbook(read):
    rows, received = read(sheets={"Orders": [HEADER, line(), line(2, "017850", sku=71053)]})
    assert rows[0] == {
        "invoice": "1",
        "product": "85123A",
        "quantity": 2.0,
        "invoiced_at": datetime(2010, 12, 1, 8, 26),
        "unit_price": 2.5,
        "customer_id": "17850",
        "unreadable": None,
    }
    assert (rows[1]["customer_id"], rows[1]["product"]) == ("017850", "71053")
    assert received.files == ("orders.xlsx",)


def test_every_sheet_is_read_and_empty_ones_are_not(read):
    turned = [HEADER[::-1], line(3)[::-1]]
    rows, _ = read(sheets={"2010": [HEADER, line(), line(2)], "empty": [], "header": [HEADER], "2011": turned})
    assert sorted(row["invoice"] for row in rows) == ["1", "2", "3"]


def test_a_sheet_of_something_else_is_passed_over_and_told(read):
    rows, received = read(sheets={"Orders": [HEADER, line()], "Notes": [["remark"], ["mind the gap"]]})
    assert len(rows) == 1
    assert "orders.xlsx, sheet Notes was passed over: no column of it is known" in received.understood.notes


def test_a_sheet_that_lacks_a_column_is_named(read):
    with pytest.raises(InputError, match="sheet 2011: no column for the customer"):
        read(sheets={"2010": [HEADER, line()], "2011": [["order_id", "order_date", "total"], [1, When(MORNING), 5]]})


@pytest.mark.parametrize("late", [False, True])
def test_no_cell_is_dropped_in_silence(read, late):
    """Whether the odd cell stands among the first rows, of which the types are guessed, or far below."""
    odd = [
        line(2, "guest"),
        line(3, when="31/31/2011"),
        line(4, quantity="two"),
        line(5, price=Failed("#N/A")),
        line("C6", quantity="(3)"),
        line(7, when=MORNING),
        line(8, when="2010-12-02 10:00"),
        line(9, customer="17850.0"),
    ]
    usual = [line() for _ in range(1500)]
    rows, _ = read(sheets={"a": [HEADER, *(usual + odd if late else odd + usual)]})
    by = {row["invoice"]: row for row in rows}
    assert by["2"]["customer_id"] == "guest"
    assert by["3"]["unreadable"] == "invoiced_at='31/31/2011'"
    assert by["4"]["unreadable"] == "quantity='two'"
    assert by["5"]["unreadable"] == "unit_price='#N/A'"
    assert by["C6"]["quantity"] == -3
    assert by["7"]["invoiced_at"] == datetime(2010, 12, 1, 8, 26)
    assert by["8"]["invoiced_at"] == datetime(2010, 12, 2, 10)
    assert {by[key]["customer_id"] for key in ("9", "1")} == {"17850"}
    assert sum(row["unreadable"] is not None for row in rows) == 3


def test_a_column_that_is_empty_in_the_first_rows(read):
    rows, _ = read(sheets={"a": [HEADER, *[line(sku=None)] * 1500, line(2, sku="A1"), line(3, sku=5)]})
    assert [row["product"] for row in rows[-3:]] == [None, "A1", "5"]


def test_plain_numbers_as_dates_and_times_of_day(read):
    header = ["date", "time", "customer", "amount"]
    rows, received = read(sheets={"a": [header, [40513.0, Clock(0.351388888892), "x", 5]]})
    assert rows[0]["invoiced_at"] == datetime(2010, 12, 1, 8, 26)
    rows, received = read(sheets={"a": [["date", "customer", "amount"], [MORNING, "x", 5]]})
    assert rows[0]["invoiced_at"] == datetime(2010, 12, 1, 8, 26)
    assert received.understood.date_format == "spreadsheet day number"


def test_a_workbook_without_lines(read):
    with pytest.raises(InputError, match=r"orders\.xlsx: .*no order lines"):
        read(sheets={"a": [HEADER], "b": []})


def test_the_ending_does_not_matter(read):
    assert len(read("orders.csv", {"a": [HEADER, line()]})[0]) == 1
