"""Order lines from files as shops keep them."""

import gzip
import hashlib
import json
import math
import os
import zipfile
from datetime import datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clientage import tables
from clientage.errors import InputError
from clientage.transactions.source import load
from clientage.transactions.sources import delimited

HEADER = "order_id,sku,name of it,qty,order_date,unit_price,customer_id,country\n"
LINE = "1,A1,Mug,2,2011-12-01 08:26,2.50,017850,France\n"
CSV = HEADER + LINE + "2,A2,Jug,1,2011-12-02 09:00,3.00,017851,Germany\n"


@pytest.fixture
def read(engine, tmp_path):
    """Load a location: the rows as dictionaries, and what was received."""

    def read(location, **how):
        received = load(str(location), engine, scratch=tmp_path / "scratch", cache=tmp_path / "cache", **how)
        tables.check("transactions", received.transactions)
        return engine.to_pyarrow(received.transactions).to_pylist(), received

    return read


@pytest.fixture
def put(tmp_path):
    """Write a file of text or bytes."""

    def put(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def refused(read, location, **how):
    with pytest.raises(InputError) as error:
        read(location, **how)
    return str(error.value)


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_csv_file(read, put):
    rows, received = read(put("orders.csv", CSV))
    assert rows[0] == {
        "invoice": "1",
        "product": "A1",
        "quantity": 2.0,
        "invoiced_at": datetime(2011, 12, 1, 8, 26),
        "unit_price": 2.5,
        "customer_id": "017850",
        "country": "France",
        "unreadable": None,
    }
    assert not {"description", "total"} & set(received.transactions.columns)
    assert received.files == ("orders.csv",)
    assert received.fingerprint == hashlib.sha256(CSV.encode()).hexdigest()
    understood = received.understood
    assert (understood.date_format, understood.decimal, understood.delimiter) == ("ISO 8601", ".", ",")
    assert (understood.encoding, understood.ignored) == ("utf-8", ("name of it",))
    assert json.loads(json.dumps(understood.as_dict()))["roles"][0] == {
        "role": "customer_id",
        "columns": ["customer_id"],
        "by": "common names",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_delimiter_and_line_ending(read, put, delimiter, ending):
    text = CSV.replace(",", delimiter).replace("\n", ending)
    rows, received = read(put("orders.txt", text))
    assert [row["customer_id"] for row in rows] == ["017850", "017851"]
    assert received.understood.delimiter == delimiter


def test_a_given_delimiter_is_followed(read, put):
    assert len(read(put("orders.csv", CSV.replace(",", "#")), delimiter="#")[0]) == 2


def test_the_hint_and_blank_lines_above_the_header(read, put):
    assert len(read(put("orders.csv", "sep=;\n" + CSV.replace(",", ";")))[0]) == 2
    assert len(read(put("blank.csv", "\n\n" + CSV))[0]) == 2


def test_mixed_line_endings(read, put):
    rows, _ = read(put("orders.csv", HEADER.replace("\n", "\r\n") + LINE + LINE.replace("\n", "\r\n") + LINE))
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp1252", "cp1252"), ("latin-1", "cp1252")],
)
def test_encodings(read, put, encoding, said):
    rows, received = read(
        put("orders.csv", CSV.replace("France", "Côte d’Or" if encoding != "latin-1" else "Côte").encode(encoding))
    )
    assert rows[0]["country"].startswith("Côte")
    assert received.understood.encoding == said


def test_encodings_mixed_in_one_file(read, put):
    latin = LINE.replace("France", "Österreich").encode("cp1252")
    rows, received = read(put("orders.csv", (HEADER + LINE.replace("France", "España")).encode() + latin + b"\n"))
    assert [row["country"] for row in rows] == ["España", "Österreich"]
    assert received.understood.encoding == "utf-8 and cp1252 mixed"


def test_malformed_lines_are_kept_in_unreadable(read, put):
    bad = {5: "3,A3,Cup,1,2011-12-03", 10: "4,A4,Pot,1,2011-12-03,1.00,1,France,more,and more"}
    rows, _ = read(put("orders.csv", CSV + "\n".join(bad.values()) + "\n"))
    assert len(rows) == 4
    told = [f"{fields} fields instead of 8: {line}" for fields, line in bad.items()]
    assert [row["unreadable"] for row in rows] == [None, None, *told]
    assert all(value is None for row in rows[2:] for name, value in row.items() if name != "unreadable")


def test_quotes(read, put):
    good = '5,A5,"Big, ""blue""\nmug",1,2011-12-03,1.00,1,France\n6,A6,12" plate,1,2011-12-03,1.00,2,France\n'
    rows, _ = read(put("orders.csv", CSV + good), columns={"description": "name of it"})
    assert [row["description"] for row in rows[2:]] == ['Big, "blue"\nmug', '12" plate']


@pytest.mark.parametrize(
    "stray", ['9,A9,"open,1,2011-12-03,1.00,9,France', '9,A9,"12" plate",1,2011-12-03,1.00,9,France']
)
def test_a_stray_quote_costs_one_line_only(read, put, stray):
    after = "".join(f'{n},A1,"Mug, blue",2,2011-12-01,2.50,{n},France\n' for n in range(60_000))
    rows, _ = read(put("orders.csv", CSV + stray + "\n" + after))
    assert len(rows) == 60_003
    assert [row["unreadable"] for row in rows if row["unreadable"]] == [f"a stray quote: {stray}"]
    assert sum(row["customer_id"] is None for row in rows) == 1


@pytest.mark.parametrize("files", [1, 12, 40])
def test_a_stray_quote_in_one_of_many_files_costs_one_line_only(read, put, files):
    stray = '9,A9,"open,1,2011-12-03,1.00,9,France'
    after = "".join(f"{n},A1,Mug,2,2011-12-01,2.50,{n},France\n" for n in range(100))
    for number in range(files):
        put(f"days/{number:02}.csv", CSV + (stray + "\n" if number == files - 1 else "") + after)
    rows, _ = read(put(f"days/{files:02}.csv", CSV.replace("\n", "\r\n")).parent)
    assert len(rows) == 102 * files + 1 + 2
    assert [row["unreadable"] for row in rows if row["unreadable"]] == [f"a stray quote: {stray}"]


@pytest.mark.parametrize("stray", [True, False], ids=["one by one", "together"])
def test_files_of_which_lines_cannot_be_read_are_named(read, put, stray, monkeypatch):
    put("days/1.csv", CSV)
    put("days/2.csv", CSV.encode("cp1252").replace(b"Mug", b"M\xfcg") + b"3,A3,Cup,1,2011-12-03\n")  # malformed
    put("days/3.csv", CSV.replace("2011-12-0", "2011-31-3"))
    put("days/4.csv", CSV + ('9,A9,"open,1,2011-12-03,1.00,9,France\n' if stray else "9,A9,short\n"))
    put("days/5.csv.gz", gzip.compress(CSV.replace(",2,2011", ",two,2011").encode()))
    put("days/6.csv", CSV.replace(",", ";").replace("3.00", "free"))
    put("days/days/6.csv", CSV.replace(",", "|").replace("3.00", "free"))
    columns = {"invoice": ["1", "2"], "customer_id": ["5", "6"], "order_date": ["2011-12-01", "never"]}
    columns |= {"file": ["a", "b"], "filename": ["c", "d"]}
    pq.write_table(pa.table(columns | {"qty": [1, 2], "unit_price": [1.0, 2.0]}), put("days/7.parquet", ""))
    monkeypatch.chdir(put("days/8.csv", CSV).parent.parent)
    _, received = read("days")
    assert [(file.name, file.unreadable, file.lines) for file in received.reading.spoilt] == [
        ("2.csv", 1, 3), ("3.csv", 2, 2), ("4.csv", 1, 3), ("5.csv.gz", 1, 2), ("6.csv", 1, 2), ("7.parquet", 1, 2),
        ("days/6.csv", 1, 2),
    ]  # fmt: skip
    assert received.reading.spoilt[1].example == "invoiced_at='2011-31-32 09:00'"
    assert received.reading.spoilt[2].example == ("a stray quote" if stray else "3 fields instead of 8")


def test_an_example_is_short_and_rather_a_value_than_a_line(read, put):
    prices = "".join(f"{n},A1,Mug,1,2011-12-01,{'x' * 99},7,France\n" for n in range(3))
    _, received = read(put("orders.csv", CSV + "4,A4,short\n" + prices))
    assert received.reading.spoilt[0].example == f"unit_price='{'x' * 48}…"


def test_blank_lines_are_passed_over_and_cost_no_second_look(read, put, monkeypatch):
    monkeypatch.setattr(delimited, "_is_quoted_well", None)
    monkeypatch.setattr(delimited, "_mended", None)
    for end in ("\n", "\r\n"):
        put("days/1.csv", (CSV + LINE + "\n\n").replace("\n", end))
        put("days/2.csv", (HEADER + "\n" + LINE + "\n").replace("\n", end))
        rows, _ = read(put("days/3.csv", CSV.replace("\n", end)).parent)
        assert len(rows) == 6


def test_days_that_leave_it_open_beside_others_are_named_and_the_format_is_for_them_alone(read, put):
    for day in range(1, 4):
        days = put(f"days/{day}.csv", CSV).parent
    for day in (4, 5):
        put(f"days/{day}.csv", CSV.replace("2011-12-01 08:26", "12/01/2011").replace("2011-12-02 09:00", "12/02/2011"))
    with pytest.raises(InputError) as error:
        read(days)
    assert str(error.value) == (
        f"{days}, column order_date: day and month could change places in every value like '12/01/2011' (4.csv and 1 "
        "more), which is 12 January 2011 or 1 December 2011. Say which: --set source.date_format=%d/%m/%Y or --set "
        "source.date_format=%m/%d/%Y"
    )
    rows, received = read(days, date_format="%m/%d/%Y")
    assert {row["invoiced_at"].date().isoformat() for row in rows} == {"2011-12-01", "2011-12-02"}
    assert received.understood.date_format == "%m/%d/%Y or ISO 8601"
    rows, received = read(days, date_format="%Y-%d-%m %H:%M")  # the year is first there, too: it is one or the other
    assert {row["invoiced_at"] and row["invoiced_at"].month for row in rows} == {1, 2, None}


def test_files_that_can_be_read_are_not_spoilt(read, put):
    put("days/1.csv", CSV)
    _, received = read(put("days/2.csv", CSV).parent)
    assert received.reading.spoilt == ()


def test_values_that_cannot_be_read_are_noted(read, put):
    text = CSV + "3,A3,Cup,many,31/31/2011,1.00,5,\n4,A4,Cup,1,2011-12-03,free,,France\n"
    rows, _ = read(put("orders.csv", text))
    assert rows[2]["unreadable"] == "quantity='many'; invoiced_at='31/31/2011'"
    assert rows[2]["country"] is None
    assert rows[3]["unreadable"] == "unit_price='free'"
    assert rows[3]["customer_id"] is None


def test_european_numbers_and_dates(read, put):
    text = (
        "Bestelldatum;Kundennummer;Menge;Einzelpreis\n31.12.2011 08:26;017;1.000;2,50 €\n01.02.2011;018;2;1.234,00 €\n"
    )
    rows, received = read(put("bestellungen.csv", text))
    assert [(row["quantity"], row["unit_price"]) for row in rows] == [(1000, 2.5), (2, 1234)]
    assert rows[1]["invoiced_at"] == datetime(2011, 2, 1)
    assert (received.understood.decimal, received.currency) == (",", "€")


def test_date_and_hour_in_two_columns(read, put):
    rows, _ = read(put("orders.csv", "date,hour,customer,amount\n2011-12-01,8,1,5\n2011-12-02,17:30,2,6\n"))
    assert [row["invoiced_at"] for row in rows] == [datetime(2011, 12, 1, 8), datetime(2011, 12, 2, 17, 30)]
    assert rows[0]["total"] == 5


def test_ids_a_data_frame_made_floats(read, put):
    rows, _ = read(put("orders.csv", "customer_id,date,amount\n17850.0,2011-12-01,5\n,2011-12-02,6\n"))
    assert [row["customer_id"] for row in rows] == ["17850", None]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "empty.csv: is empty"),
        ("blank.csv", b"\n \n", "is empty"),
        ("header.csv", HEADER.encode(), "no order lines"),
        ("garbage.csv", bytes(range(256)) * 9, "is not text"),
        ("values.csv", LINE.encode() * 3, "the first row is no header"),
        ("orders.csv", b"order_no,sku,qty,price\n1,2,3,4\n", "orders.csv: no column for the customer (found: order_no"),
        ("dates.csv", b"customer,date,amount\n1,01/02/2011,5\n", "source.date_format=%d/%m/%Y"),
        ("dates.csv", b"customer,date,amount\n1,soon,5\n", "no value can be read as a date"),
        ("orders.pdf", b"%PDF-1.7", "is a PDF file"),
        ("orders.parquet", b"PAR1 but no more", "the Parquet file is damaged"),
        ("orders.xlsx", b"PK\x03\x04 but no more", "the archive is damaged"),
        ("orders.xls", b"\xd0\xcf\x11\xe0 but no more", "cannot be opened as a spreadsheet"),
        ("orders.csv.gz", b"\x1f\x8b but no more", "the archive is damaged"),
    ],
)
def test_files_that_cannot_be_used(read, put, name, content, said):
    message = refused(read, put(name, content))
    assert said in message
    assert name in message


def test_all_problems_at_once(read, put):
    put("day/1.csv", CSV)
    put("day/2.csv", CSV.replace("customer_id", "nobody").replace("order_date", "never"))
    message = refused(read, put("day/3.csv", CSV.replace("customer_id", "client_id,user_id")).parent)
    assert "2.csv: no column for the customer" in message
    assert "2.csv: no column for the date" in message
    assert "3.csv: client_id and user_id could each be the customer" in message


def test_nothing_there(read, tmp_path):
    assert "no such file or folder" in refused(read, tmp_path / "none.csv")
    assert "no order lines there" in refused(read, tmp_path)
    assert "no order lines there" in refused(read, tmp_path / "*.csv")


def test_many_daily_files_are_one(read, put):
    put("days/02.csv", "customer_id,unit_price,order_date,qty\n3,1.00,2011-12-03,1\n")
    put("days/01.csv", CSV)
    put("days/deep/03.csv.gz", gzip.compress(CSV.encode()))
    put("days/04.csv", HEADER)
    for aside in ("README.txt", ".hidden.csv", "_SUCCESS.csv", "~$orders.xlsx", "notes.docx"):
        put(f"days/{aside}", "no order lines")
    folder = put("days/05.tsv", CSV.replace(",", "\t")).parent
    rows, received = read(folder)
    assert received.files == ("01.csv", "02.csv", "04.csv", "05.tsv", "deep/03.csv.gz")
    assert len(rows) == 7
    assert sorted(row["customer_id"] for row in rows)[-1] == "3"
    assert "04.csv has no order lines" in received.understood.notes
    assert [row["country"] for row in rows].count(None) == 1
    assert received.understood.delimiter == ", and \t"
    globbed, again = read(f"{folder}/0*.csv")
    assert len(globbed) == 3
    assert again.files == ("01.csv", "02.csv", "04.csv")


def test_files_of_one_name_in_different_folders_keep_apart(read, put, tmp_path):
    put("shops/a/orders.csv", CSV)
    put("shops/b/orders.csv", "client,date,amount\n9,2011-12-05,4\n")
    rows, received = read(f"{tmp_path}/shops/*/orders.csv")
    assert received.files == ("a/orders.csv", "b/orders.csv")
    assert [row["customer_id"] for row in rows] == ["017850", "017851", "9"]


def test_the_order_of_dates_is_decided_over_all_files(read, put):
    put("days/1.csv", "customer,date,amount\n1,01/02/2011,5\n")
    folder = put("days/2.csv", "customer,date,amount\n1,25/02/2011,5\n").parent
    assert read(folder)[0][0]["invoiced_at"] == datetime(2011, 2, 1)


def test_a_name_with_signs_of_a_pattern(read, put):
    assert len(read(put("orders [1].csv", CSV))[0]) == 2
    assert len(read(put("it's.csv", CSV))[0]) == 2
    assert len(read(put("days [2011]/1.csv", CSV).parent)[0]) == 2


def test_column_names_with_quotes_are_no_code(read, put):
    text = CSV.replace("country", '"""; DROP TABLE x; --"').replace("sku", "'sku\"")
    rows, received = read(put("orders.csv", text), columns={"country": '"; DROP TABLE x; --', "product": "'sku\""})
    assert (rows[0]["country"], rows[0]["product"]) == ("France", "A1")
    assert received.understood.roles[-1].by == "settings"


def test_repeated_and_blank_column_names(read, put):
    rows, received = read(put("orders.csv", "customer_id,date,amount,,Note,note\n1,2011-12-01,5,x,y,z\n"))
    assert len(rows) == 1
    assert received.understood.ignored == ("column 4", "Note", "note (6)")


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_keeps_its_types(read, tmp_path):
    path = parquet(
        tmp_path / "orders.parquet",
        CustomerID=[17850.0, math.nan, None],
        date=pa.array([datetime(2011, 7, 1)] * 3, pa.timestamp("ns", tz="Europe/London")),
        quantity=[1, 2, 3],
        price=pa.array([1, 2, 3], pa.decimal128(5, 2)),
        country=["nan", " ", "FR"],
    )
    rows, received = read(path)
    assert [row["customer_id"] for row in rows] == ["17850", None, None]
    assert {row["invoiced_at"] for row in rows} == {datetime(2011, 7, 1, 1)}
    assert [row["country"] for row in rows] == ["nan", None, "FR"]
    assert received.understood.date_format == ""


def test_parquet_of_the_wrong_type_is_told(read, tmp_path):
    path = parquet(tmp_path / "orders.parquet", customer=["1"], date=[True], amount=[[1.0]])
    message = refused(read, path)
    assert "column date holds boolean, which cannot be the date" in message
    assert "column amount holds array<float64>, which cannot be the line total" in message


def test_files_of_different_kinds_are_united(read, put, tmp_path):
    put("all/a.csv", "customer_id,date,amount\n17850,2011-12-01 08:26,5\n")
    path = parquet(tmp_path / "all/b.parquet", customer_id=[17850.0], when=[datetime(2011, 12, 2)], amount=[6])
    message = refused(read, path.parent)
    assert "b.parquet: " not in message or "when" in message
    parquet(path, customer_id=[17850.0], date=[datetime(2011, 12, 2)], amount=[6])
    rows, _ = read(path.parent)
    assert [row["customer_id"] for row in rows] == ["17850", "17850"]
    assert [row["total"] for row in rows] == [5, 6]
    assert rows[1]["invoiced_at"] == datetime(2011, 12, 2)


def test_the_wrong_ending_is_seen_through(read, tmp_path):
    path = zipped(tmp_path / "orders.csv", {"a.csv": CSV})
    assert len(read(path)[0]) == 2
    wrong = parquet(tmp_path / "lines.txt", customer=["1"], date=[datetime(2011, 12, 2)], amount=[6])
    assert len(read(wrong)[0]) == 1


def test_an_archive(read, tmp_path):
    path = zipped(
        tmp_path / "orders.zip",
        {
            "2011/b.csv": CSV,
            "2011/a.csv.gz": gzip.compress(CSV.encode()),
            "2011/": "",
            "__MACOSX/2011/._b.csv": "junk",
            ".DS_Store": "junk",
            "readme.txt": "hello",
            "logo.png": "x",
        },
    )
    rows, received = read(path)
    assert len(rows) == 4
    assert received.files == ("orders.zip/2011/a.csv.gz", "orders.zip/2011/b.csv")
    assert received.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_without_a_column_that_others_have_are_told(read, put):
    put("daily/a.csv", "customer,date,product,description,quantity,price\nc1,2024-01-01,22423,Mug,2,3\n")
    put("daily/b.csv", "customer,date,product,quantity,price\nc1,2024-01-02,22423,2,3\n")
    path = put("daily/c.csv", "customer,date,product,description,total\nc1,2024-01-03,22424,Mug,6\n")
    rows, received = read(path.parent)
    assert {row["product"]: row["total"] for row in rows} == {"22423": None, "22424": 6}
    said = "1 of 3 files (b.csv) has no product name; their lines are set aside, unless you --set"
    assert said in " ".join(received.understood.notes)


@pytest.mark.parametrize("sign", ["run.json", "facts/read.json"])
def test_the_tables_of_a_workspace_among_the_files_are_not_read(read, put, sign):
    path = put("orders.csv", CSV)
    put(f"workspace/{sign}", "{}")
    put("workspace/tables/lines.parquet", "not looked at")
    _, received = read(path.parent)
    assert received.files == ("orders.csv",)


def test_a_name_that_is_nearly_right(read, put):
    path = put("orders.csv", CSV)
    assert f"Did you mean {path}?" in refused(read, path.with_name("order.csv"))


def test_rows_above_the_column_names(read, put):
    text = "Export of orders,,\n\ncustomer,date,total\nc1,2024-01-01,5\n"
    assert "further down, remove the rows above them" in refused(read, put("orders.csv", text))


def link():
    member = zipfile.ZipInfo("orders.csv")
    member.external_attr = 0o120777 << 16
    return member


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("../orders.csv", "leads outside"),
        ("/etc/orders.csv", "leads outside"),
        ("C:\\orders.csv", "leads outside"),
        ("inner.zip", "an archive inside an archive"),
        ("readme.md", "holds no order lines"),
        (link(), "is a link"),
    ],
)
def test_archives_that_are_refused(read, tmp_path, member, said):
    assert said in refused(read, zipped(tmp_path / "orders.zip", {member: CSV}))


def test_an_archive_in_disguise_inside_an_archive(read, tmp_path):
    inner = zipped(tmp_path / "inner", {"a.csv": CSV}).read_bytes()
    assert "an archive inside an archive" in refused(read, zipped(tmp_path / "orders.zip", {"a.csv": inner}))


def test_an_encrypted_archive(read, tmp_path):
    path = zipped(tmp_path / "orders.zip", {"orders.csv": CSV})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted" in refused(read, path)


def test_an_archive_with_a_damaged_member(read, tmp_path):
    path = tmp_path / "orders.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("orders.csv", CSV)
    path.write_bytes(path.read_bytes().replace(b"France", b"Frence"))
    assert "cannot be unpacked" in refused(read, path)


@pytest.mark.parametrize("name", ["orders.zip", "orders.csv.gz"])
def test_too_large_when_unpacked(read, put, tmp_path, name):
    text = CSV + LINE * 1000
    path = zipped(tmp_path / name, {"a.csv": text}) if name.endswith("zip") else put(name, gzip.compress(text.encode()))
    assert "max_gigabytes" in refused(read, path, max_bytes=10_000)


def test_shopify(read, put):
    text = (
        "Name,Email,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,"
        "Billing Country,Cancelled at\n"
        "#1001,a@x.com,paid,2011-12-01 23:26:00 -0500,2,Mug,2.50,M1,FR,\n"
        "#1001,a@x.com,,2011-12-01 23:26:00 -0500,1,Jug,3.00,J1,,\n"
        "#1002,b@x.com,refunded,2011-12-02 08:00:00 -0500,1,Jug,3.00,J1,DE,2011-12-03 08:00:00 -0500\n"
    )
    rows, received = read(put("orders_export.csv", text))
    by_product = {(row["invoice"], row["product"]): row for row in rows}
    assert by_product["#1001", "J1"]["country"] == "FR"
    assert by_product["#1001", "J1"]["invoiced_at"] == datetime(2011, 12, 1, 23, 26)
    assert by_product["#1002", "J1"]["customer_id"] == "b@x.com"
    assert "cancelled and refunded orders count" in received.understood.notes[-1]


def test_an_address(read, put, tmp_path):
    zipped(put("web/readme.txt", "").with_name("orders.zip"), {"orders.csv": CSV})

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "web"))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as web:
        Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        rows, received = read(f"http://anna:hunter2@127.0.0.1:{web.server_port}/orders.zip?token=tok3n")
        web.shutdown()
    assert len(rows) == 2
    assert received.files == ("orders.zip/orders.csv",)
    assert not any(secret in str(received) for secret in ("anna", "hunter2", "tok3n"))


def test_parquet_is_read_when_it_is_asked_for(read, engine, tmp_path):
    path = parquet(tmp_path / "o.parquet", customer=["1"], date=[datetime(2011, 12, 2)], amount=[6])
    read(path)
    kinds = engine.con.execute("SELECT DISTINCT table_type FROM information_schema.tables").fetchall()
    assert kinds in ([], [("VIEW",)])
    assert not list((tmp_path / "scratch").rglob("*.parquet"))


@pytest.mark.real
@pytest.mark.slow
def test_the_public_data_is_the_same_in_both_formats(read, engine, real):
    _, xlsx = read(real.with_name("online_retail.zip"))
    _, parquet = read(real)
    sums = {
        engine.con.execute(
            f"SELECT count(*), sum(hash(t)::HUGEINT) FROM ({ibis.to_sql(r.transactions)}) AS t"
        ).fetchone()
        for r in (xlsx, parquet)
    }
    ((count, _),) = sums
    assert count == 541_909
    assert (xlsx.currency, "total" in xlsx.transactions.columns) == ("£", False)


def test_the_sample_shop(read):
    rows, received = read("sample")
    assert len(rows) > 1000
    assert received.name


def test_a_file_that_may_still_be_written_is_not_read(read, put, tmp_path):
    put("drop/a.csv", CSV)
    put("drop/b.csv", CSV)
    os.utime(tmp_path / "drop/a.csv", (0, 0))
    assert refused(read, tmp_path / "drop", settle=3600).startswith("b.csv: changed less than 3600 s ago")
    os.utime(tmp_path / "drop/b.csv", (0, 0))
    assert len(read(tmp_path / "drop", settle=3600)[0]) == 4
    ahead = datetime(2090, 1, 1).timestamp()  # a clock that was wrong holds nothing up
    os.utime(tmp_path / "drop/b.csv", (ahead, ahead))
    assert len(read(tmp_path / "drop", settle=3600)[0]) == 4
