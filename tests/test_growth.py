"""A day that is added costs the day, and gives the tables that a run of all days gives."""

import csv
import gzip
import json
import shutil
import zipfile
from collections import Counter
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clientage import growth, pipeline
from clientage.cli import main
from clientage.context import opened
from clientage.drafts import DRAFTED, draft, publish
from clientage.errors import ClientageError, WorkspaceError
from clientage.forget import forget
from clientage.growth import DOCUMENT, GROWING, Growth
from clientage.settings import load

START = datetime(2024, 3, 1, 9)
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
TABLES = ("transactions", "lines", "rejected", "baskets", "customers")
PARTS = ("transactions", "lines", "rejected")


def sold(invoice, day, product=1, *, quantity=2, price=2.5, customer=None, hour=0, country="France"):
    """An order line as it stands in a file."""
    at = START + timedelta(days=day, hours=hour)
    customer = f"c{invoice % 5}" if customer is None else customer
    name, code = f"THING {product}", f"{22000 + product}"
    return (str(1000 + invoice), code, name, str(quantity), at.isoformat(" "), str(price), customer, country)


def day_of(number, *others):
    """The lines of one day."""
    return [sold(number, number, product) for product in range(number % 3 + 1)] + list(others)


class Shop:
    """A folder of order lines, and the tables made of them."""

    def __init__(self, home):
        self.inbox, self.workspace, self.anew = home / "inbox", home / "workspace", home / "anew"
        self.inbox.mkdir(exist_ok=True)

    def give(self, name, rows, columns=COLUMNS, encoding="utf-8"):
        with (self.inbox / f"{name}.csv").open("w", newline="", encoding=encoding) as file:
            csv.writer(file).writerows([columns, *rows])

    def run(self, *overrides, names=GROWING, workspace=None):
        given = load(overrides=[f"workspace={workspace or self.workspace}", *overrides])
        return pipeline.step(given, list(names), str(self.inbox))

    def pieces(self, table="transactions"):
        return len(opened(load(overrides=[f"workspace={self.workspace}"])).files(table))

    def table(self, name, workspace=None):
        warehouse = opened(load(overrides=[f"workspace={workspace or self.workspace}"]))
        return Counter(tuple(row.values()) for row in warehouse.collect(warehouse.read(name)).to_pylist())

    def times(self):
        return json.loads((self.workspace / DOCUMENT).read_text())["times"]

    def assert_as_if_anew(self, *overrides):
        """Rows of the tables, and bytes of facts and of customers, are those of a run of all files."""
        shutil.rmtree(self.anew, ignore_errors=True)
        self.run(*overrides, workspace=self.anew)
        for name in TABLES:
            assert self.table(name) == self.table(name, self.anew), name
        paths = [f"facts/{stage}.json" for stage in GROWING] + ["tables/customers.parquet"]
        for path in paths:
            assert (self.workspace / path).read_bytes() == (self.anew / path).read_bytes(), path


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A shop of three days, in tables."""
    shop = Shop(tmp_path_factory.mktemp("before"))
    for number in range(3):
        shop.give(f"day-{number}", day_of(number))
    shop.run()
    assert shop.pieces() == 1
    return shop


@pytest.fixture
def shop(before, tmp_path):
    return Shop(shutil.copytree(before.inbox.parent, tmp_path / "shop"))


def test_a_day_that_is_added_is_added_to_the_tables(shop):
    before = {name: (shop.workspace / f"tables/{name}.parquet").stat().st_ino for name in PARTS}
    shop.give("day-3", day_of(3))
    shop.run()
    assert [shop.pieces(name) for name in (*PARTS, "baskets", "customers")] == [2, 2, 2, 2, 1]
    after = {name: (shop.workspace / f"tables/{name}.parquet/000000.parquet").stat().st_ino for name in PARTS}
    assert after == before  # nothing of them was written again
    shop.give("day-4", day_of(4))
    shop.run()
    assert (shop.pieces(), shop.times()) == (3, 2)
    assert pq.read_table(shop.workspace / "tables/lines.parquet").num_rows == sum(shop.table("lines").values())
    shop.assert_as_if_anew()


LATE = {
    "a line that came late": (sold(1, 1, 7, hour=3), {"lines": 2, "baskets": 2}),
    "of an order and an hour that are there": (sold(1, 1, 7), {"lines": 2, "baskets": 1}),
    "the same line again": (sold(1, 1, 0), {"lines": 2, "baskets": 2}),
    "a dearer one": (sold(1, 1, 0, price=9), {"lines": 2, "baskets": 2}),
    "a cheaper one takes its place": (sold(1, 1, 0, price=0.5), {"lines": 1, "baskets": 1}),
    "one without a price": (sold(1, 1, 0, price=0), {"lines": 2, "baskets": 2}),
    "a return": (sold(1, 4, 0, quantity=-2), {"lines": 2, "baskets": 2}),
    "of nobody": (sold(9, 1, 1, customer=""), {"lines": 2, "baskets": 2}),
    "from before all others": (sold(9, -20, 1), {"lines": 2, "baskets": 2}),
    "of a new customer": (sold(9, 3, 1, customer="new"), {"lines": 2, "baskets": 2}),
    "an impossible number": (sold(9, 3, 1, quantity=10**12), {"lines": 2, "baskets": 2}),
}


@pytest.mark.parametrize(("row", "pieces"), LATE.values(), ids=LATE)
def test_late_and_corrected_lines(shop, row, pieces):
    shop.give("day-3", [row])
    shop.run()
    assert {name: shop.pieces(name) for name in pieces} == pieces
    shop.give("day-4", day_of(4))
    shop.run()
    assert shop.pieces() == 3
    shop.assert_as_if_anew()


ROWS = st.builds(
    sold,
    invoice=st.integers(0, 12),
    day=st.integers(0, 40),
    product=st.integers(0, 3),
    quantity=st.sampled_from([1, 2, -1, 10**12]),
    price=st.sampled_from([1.25, 2.5, 0]),
    customer=st.sampled_from(["c1", "c2", "c3", ""]),
    hour=st.integers(0, 2),
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(days=[[sold(1, 0)], [sold(1, 0, price=1.25)], [sold(1, 0, price=0)]])
@example(days=[[sold(1, 0, customer=""), sold(2, 0)], [sold(1, 0, customer="")], [sold(1, 30), sold(1, 0)]])
@given(days=st.lists(st.lists(ROWS, min_size=1, max_size=8), min_size=2, max_size=4))
def test_however_lines_are_split_into_days_the_tables_are_those_of_all(tmp_path_factory, days):
    shop = Shop(tmp_path_factory.mktemp("split"))
    shop.give("day-0", [sold(0, 0, 9, customer="c0"), *days[0]])
    shop.run()
    for number, rows in enumerate(days[1:], 1):
        shop.give(f"day-{number}", rows)
        shop.run()
        assert shop.pieces() == number + 1
    shop.assert_as_if_anew()


def rewritten(shop):
    shop.give("day-1", day_of(1, sold(8, 1)))


def removed(shop):
    (shop.inbox / "day-1.csv").unlink()


def between(shop):
    shop.give("day-1b", day_of(5))


def twice(shop):
    shutil.copyfile(shop.inbox / "day-2.csv", shop.inbox / "day-2 (1).csv")


def nothing(shop):
    """A run of the same files mends what was damaged."""


def told(manifest):
    """Why all was read anew."""
    return manifest.stages["read"].get("anew", "")


@pytest.mark.parametrize("added", [False, True], ids=["alone", "beside an added one"])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (rewritten, "changed: day-1.csv"),
        (removed, "removed: day-1.csv"),
        (between, "added, but not behind the others by name: day-1b.csv"),
        (nothing, ""),
    ],
)
def test_where_other_files_changed_all_is_made_anew(shop, change, why, added):
    shop.give("day-3", day_of(3))
    shop.run()
    change(shop)
    if added and change is not nothing:
        shop.give("day-4", day_of(4))
    assert told(shop.run()) == why
    assert [shop.pieces(name) for name in TABLES] == [1] * 5
    shop.assert_as_if_anew()


def test_what_is_said_of_files_that_were_added(shop, capsys):
    for name, said in (
        ("day-3", "7 lines from 4 files · 1 of them new"),
        ("day-2b", "all read anew: added, but not behind the others by name: day-2b.csv"),
    ):
        shop.give(name, day_of(3))
        with pytest.raises(SystemExit, match=r"^0$"):
            main(["step", "read", str(shop.inbox), "--workspace", str(shop.workspace)])
        assert said in capsys.readouterr().out


def test_a_day_that_is_given_twice_counts_once(shop):
    before = shop.table("lines")
    twice(shop)
    shop.run()
    assert (shop.table("lines"), shop.pieces("rejected")) == (before, 1)  # by its name it comes between the others
    shutil.copyfile(shop.inbox / "day-2.csv", shop.inbox / "day-3.csv")
    shop.run()
    assert (shop.table("lines"), shop.pieces("rejected")) == (before, 2)
    shop.assert_as_if_anew()


def test_other_settings_and_versions_make_all_anew(shop, monkeypatch):
    shop.give("day-3", day_of(3))
    assert told(shop.run("clean.service_code=false")) == ""
    assert [shop.pieces(name) for name in ("transactions", "lines")] == [2, 1]
    shop.give("day-4", day_of(4))
    why = "a setting, a version or a table is not that of before"
    assert told(shop.run("source.decimal=.")) == why
    assert shop.pieces() == 1
    shop.give("day-5", day_of(5))
    monkeypatch.setattr(pipeline, "installed", lambda: {"python": "4"})
    assert told(shop.run("source.decimal=.")) == why
    assert shop.pieces() == 1
    assert told(shop.run()) == "", "no file was added"


def test_from_time_to_time_all_is_made_anew(shop, monkeypatch):
    monkeypatch.setattr(growth, "MOST_TIMES", 2)
    found = []
    for number in range(3, 7):
        shop.give(f"day-{number}", day_of(number))
        why = told(shop.run())
        found.append((shop.pieces(), why))
    assert found == [(2, ""), (3, ""), (1, "files were added 2 times"), (2, "")]


def test_who_is_forgotten_stays_away(shop):
    shop.give("day-3", day_of(3, sold(3, 3, customer="c1")))
    shop.run()
    forget(load(overrides=[f"workspace={shop.workspace}"]), "c1")
    assert not any("c1" in row for name in TABLES for row in shop.table(name))
    for number, pieces in ((4, 1), (5, 2)):  # the first time all is read again
        shop.give(f"day-{number}", day_of(number, sold(number, number, customer="c1")))
        facts = shop.run()
        assert shop.pieces() == pieces
        assert told(facts) == ("somebody was forgotten" if pieces == 1 else "")
        assert not any("c1" in row for name in TABLES for row in shop.table(name))
        assert facts.source["forgotten"] == sum(b"c1" in row for f in shop.inbox.iterdir() for row in f.open("rb"))


def test_who_was_forgotten_stays_away_from_tables_of_before(shop, tmp_path):
    settings = load(overrides=[f"workspace={shop.workspace}"])
    kept = {name: shutil.copytree(shop.workspace / name, tmp_path / name) for name in ("tables", "facts")}
    forget(settings, "c1")
    shop.run()
    for name, path in kept.items():  # such as DVC does
        shutil.rmtree(shop.workspace / name)
        shutil.copytree(path, shop.workspace / name)
    shop.give("day-3", day_of(3))
    shop.run()
    assert not any("c1" in row for name in TABLES for row in shop.table(name))


def test_customers_of_other_settings_do_not_outlive_them(shop):
    shop.give("day-3", day_of(3))
    shop.run()
    shop.run("clean.duplicate=false", names=["clean"])
    with pytest.raises(WorkspaceError, match=r"needs customers and model, which are not there yet"):
        shop.run("clean.duplicate=false", names=["segment"])


def test_a_stage_whose_tables_were_restored_alone_can_run(shop):
    (shop.workspace / "facts/read.json").unlink()
    (shop.workspace / "tables/transactions.parquet").unlink()
    assert shop.run(names=["features"]).tables["customers"] == 3


@pytest.mark.parametrize(
    "rows",
    [
        [("", "A1", "THING", "2", "", "2.5", "c1", "France")],
        [("1", "A1", "THING", "2", "", "2.5", "c1", "France"), ("1", "A2", "THING", "2", "", "2.5", "c1", "France")],
    ],
    ids=["the same line", "of one order"],
)
def test_lines_without_a_time_that_are_kept(shop, rows):
    for number, row in enumerate((rows[0], rows[-1]), 3):
        shop.give(f"day-{number}", [row, sold(number, number)])
        shop.run("clean.incomplete=false", "as_of=2024-03-30")
        assert shop.pieces() == number - 1
    shop.assert_as_if_anew("clean.incomplete=false", "as_of=2024-03-30")


def test_a_part_that_is_missing_is_not_given_anew(shop):
    for number in (3, 4):
        shop.give(f"day-{number}", day_of(number))
        shop.run()
    (shop.workspace / "tables/rejected.parquet/000001.parquet").unlink()  # it has no rows
    shop.give("day-5", [sold(9, 5, customer="")])
    shop.run()
    shop.assert_as_if_anew()


KINDS = {
    "ids": (["A17", "17850"], [17850.0, None]),
    "whole numbers": ([2**53 + 1, 1], [float(2**53), 1.0]),
    "of one kind": (["c1", "c2"], ["c1", "c3"]),
}


@pytest.mark.parametrize(("first", "second"), KINDS.values(), ids=KINDS)
def test_columns_of_other_types_have_all_read_again(tmp_path, first, second):
    shop = Shop(tmp_path)
    for number, customers in enumerate((first, second)):
        columns = zip(*(sold(i, number * 20 + i) for i in range(2)), strict=True)
        values = dict(zip(COLUMNS, map(list, columns), strict=True)) | {"CustomerID": customers}
        pq.write_table(pa.table(values), shop.inbox / f"day-{number}.parquet")
        shop.run()
    assert shop.pieces() == (2 if first == ["c1", "c2"] else 1)
    shop.assert_as_if_anew()


def test_dates_that_leave_it_open_are_asked_for_when_others_do_not(tmp_path):
    shop, american = Shop(tmp_path), write_as("%m/%d/%Y")
    shop.give("day-0", american([sold(0, -60)]))  # 01/01/2024
    shop.run()
    shop.give("day-1", american([sold(1, -59)]))
    with pytest.raises(ClientageError, match=r"day and month could change places"):
        shop.run()
    shop.give("day-2", american([sold(2, -40)]))
    shop.run()
    assert shop.pieces() == 1
    shop.assert_as_if_anew()


def test_a_stray_quote_in_one_file_changes_no_other(shop):
    row = sold(3, 3)
    text = ",".join(row).replace("THING 1", '"BIG\r\nTHING"')
    (shop.inbox / "day-3.csv").write_bytes(f"{','.join(COLUMNS)}\r\n{text}\r\n".encode())
    shop.run()
    (shop.inbox / "day-4.csv").write_text(
        f"{','.join(COLUMNS)}\n" + ",".join(sold(4, 4)).replace("THING", '3" THING') + "\n"
    )
    shop.run()
    assert shop.pieces() == 3
    assert "BIG\r\nTHING" in {row[2] for row in shop.table("lines")}
    shop.assert_as_if_anew()


def test_packed_files(shop):
    rows = "\n".join(",".join(row) for row in (COLUMNS, *day_of(2)))
    (shop.inbox / "day-2.csv.gz").write_bytes(gzip.compress(rows.encode(), mtime=0))
    with zipfile.ZipFile(shop.inbox / "day-3.zip", "w") as archive:
        for number in (3, 4):
            archive.writestr(f"{number}.csv", "\n".join(",".join(row) for row in (COLUMNS, *day_of(number))))
    shop.run()
    assert shop.pieces() == 2
    shop.assert_as_if_anew()


def test_a_damaged_document_costs_time_alone(shop):
    for number, text in enumerate(('{"times": "often"}', "{"), 3):
        (shop.workspace / DOCUMENT).write_text(text)
        shop.give(f"day-{number}", day_of(number))
        shop.run()
        assert shop.pieces() == 1
        shop.assert_as_if_anew()


def test_tables_and_facts_of_an_earlier_moment_are_not_added_to(shop):
    shop.give("day-3", day_of(3))
    shop.run()
    before = {
        name: shutil.copytree(shop.workspace / name, shop.workspace.parent / name) for name in ("tables", "facts")
    }
    shop.give("day-4", day_of(4))
    shop.run(names=["read"])
    for name, copy in before.items():  # as DVC does, which knows of the tables and facts alone
        shutil.rmtree(shop.workspace / name)
        shutil.copytree(copy, shop.workspace / name)
    for _ in range(2):
        shop.run(names=["clean"])
    assert sum(shop.table("lines").values()) == sum(shop.table("transactions").values())
    shop.run()
    shop.assert_as_if_anew()


@pytest.mark.parametrize("grown", [False, True], ids=["in one piece", "grown"])
@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_damaged_or_not_there_is_made_anew(shop, table, grown):
    if grown:
        shop.give("day-3", day_of(3))
        shop.run()
    path = shop.workspace / f"tables/{table}.parquet"
    first = path / "000000.parquet" if path.is_dir() else path
    if table == "lines":
        first.write_bytes(b"PAR1")
    else:
        first.unlink()
    shop.give("day-4", day_of(4))
    shop.run()
    shop.assert_as_if_anew()


def write_as(way):
    """Lines whose dates and numbers are written in some way."""

    def written(rows):
        for row in rows:
            at = datetime.fromisoformat(row[4])
            yield (*row[:4], at.strftime(way), row[5].replace(".", ","), *row[6:])

    return written


def test_what_was_found_out_before_holds_for_a_day_that_does_not_tell(tmp_path):
    shop, european = Shop(tmp_path), write_as("%d/%m/%Y %H:%M")
    shop.give("day-0", european([sold(0, 20), sold(1, 21)]))  # the 21st and 22nd: no months
    shop.run()
    shop.give("day-1", european([sold(2, 33), sold(3, 33)]))  # 03/04: the fourth of March, elsewhere
    shop.run()
    assert shop.pieces() == 2
    assert max(row[4] for row in shop.table("transactions")).date() == date(2024, 4, 3)
    shop.assert_as_if_anew()


@pytest.mark.parametrize("way", ["%d/%m/%Y, %H:%M", "%d/%m/%Y %I:%M%p", "%d %B %Y", "%Y-%m-%dT%H:%M:%SZ"])
def test_days_are_added_however_dates_are_written(tmp_path, way):
    shop, written = Shop(tmp_path), write_as(way)
    for number in (20, 21, 33):
        shop.give(f"day-{number}", written([sold(number, number), sold(number + 100, number)]))
        shop.run()
    assert shop.pieces() == 3
    shop.assert_as_if_anew()


def test_a_day_with_another_clock_has_all_read_again(tmp_path):
    shop = Shop(tmp_path)
    for number, way in ((20, "%d/%m/%Y"), (21, "%d/%m/%Y %H:%M:%S")):
        shop.give(f"day-{number}", write_as(way)([sold(number * 10 + i, number) for i in range(number)]))
        shop.run()
    assert shop.pieces() == 1
    shop.assert_as_if_anew()


OTHERWISE = {
    "a date of another way": [(*sold(3, 3)[:4], "4.3.2024 9:00", *sold(3, 3)[5:])],
    "a date that is none": [(*sold(3, 3)[:4], "soon", *sold(3, 3)[5:]), *day_of(4)],
    "a number that is none": [(*sold(3, 3)[:3], "two", *sold(3, 3)[4:]), *day_of(4)],
    "a number of another way": [(*sold(3, 3)[:5], "2,50", *sold(3, 3)[6:])],
    "a price in another currency": [(*sold(3, 3)[:5], "€2.50", *sold(3, 3)[6:])],
    "ids of a data frame": [(*sold(3, 3)[:6], "17850.0", "France")],
}


@pytest.mark.parametrize("rows", OTHERWISE.values(), ids=OTHERWISE)
def test_a_day_that_may_change_how_others_are_read_has_all_read_again(shop, rows):
    shop.run("source.max_unreadable=1")
    shop.give("day-3", rows)
    assert told(shop.run("source.max_unreadable=1")) == "an added file is not like the others"
    assert shop.pieces() == 1
    shop.assert_as_if_anew("source.max_unreadable=1")


def test_other_columns_and_letters_have_all_read_again(shop):
    shop.give("day-3", [row[:-1] for row in day_of(3)], columns=COLUMNS[:-1])
    assert told(shop.run()) == "an added file is not like the others"
    assert shop.pieces() == 1
    (shop.inbox / "day-3.csv").unlink()
    shop.run()
    shop.give("day-4", [sold(4, 4, country="Curaçao")], encoding="cp1252")
    shop.run()
    assert shop.pieces() == 1
    shop.assert_as_if_anew()


def test_a_file_without_lines_is_told_and_the_tables_stay(shop):
    before = {name: shop.table(name) for name in TABLES}
    shop.give("day-3", [])
    assert "day-3.csv has no order lines" in shop.run().source["understood"]["notes"]
    assert {name: shop.table(name) for name in TABLES} == before
    (shop.inbox / "day-4.csv").write_text("nothing\nof use\n")
    with pytest.raises(ClientageError, match=r"day-4\.csv"):
        shop.run()
    assert {name: shop.table(name) for name in TABLES} == before
    (shop.inbox / "day-4.csv").unlink()
    shop.give("day-5", day_of(5))
    shop.run()
    shop.assert_as_if_anew()


def test_stages_take_in_what_was_added_one_by_one_and_none_goes_by_what_was_there_before(shop):
    shop.give("day-3", day_of(3))
    shop.run(names=["read"])
    with pytest.raises(WorkspaceError, match=r"needs lines and baskets, which are from before the last lines\. Make"):
        shop.run(names=["features"])
    with pytest.raises(WorkspaceError, match=r"needs customers and model"):
        shop.run(names=["segment"])
    shop.give("day-4", day_of(4))
    before = {name: shop.table(name) for name in TABLES}
    with pytest.raises(WorkspaceError, match=r"features needs lines and baskets, which are from before the last lines"):
        shop.run(names=["read", "features"])
    assert {name: shop.table(name) for name in TABLES} == before
    (shop.inbox / "day-4.csv").unlink()
    shop.run(names=["clean"])
    shop.run(names=["features"])
    assert [shop.pieces(name) for name in PARTS] == [2, 2, 2]
    shop.assert_as_if_anew()


def test_two_days_that_were_read_before_the_next_stage_have_it_made_anew(shop):
    for number in (3, 4):
        shop.give(f"day-{number}", day_of(number))
        shop.run(names=["read"])
    shop.run(names=["clean", "features"])
    assert [shop.pieces(name) for name in PARTS] == [3, 1, 1]
    shop.assert_as_if_anew()


@pytest.fixture
def trained(tmp_path):
    """A shop with a model, and days of which the last are still to come."""
    shop = Shop(tmp_path)
    for number in range(6):
        shop.give(
            f"day-{number}",
            [sold(30 * number + i, number, i % 7, customer=f"c{i}", quantity=1 + i * i) for i in range(25)],
        )
    shop.run("segments.k=2", "segments.bootstraps=2", "source.until=2024-03-05", "as_of=2024-03-05", names=[
        stage for stage in pipeline.STAGE if stage not in ("sweep", "evaluate")])  # fmt: skip
    return shop


def test_drafts_of_a_name_take_in_day_after_day(trained):
    def drafted(day):
        given = load(overrides=[f"workspace={trained.workspace}", f"as_of={day}", f"source.until={day}"])
        for stage in DRAFTED:
            draft(given, "daily", [stage], str(trained.inbox))
        publish(given, "daily")

    trained.inbox.joinpath("day-5.csv").rename(trained.inbox.parent / "day-5.csv")
    drafted("2024-03-06")
    assert trained.pieces() == 1
    (trained.inbox.parent / "day-5.csv").rename(trained.inbox / "day-5.csv")
    drafted("2024-03-07")
    assert [trained.pieces(name) for name in PARTS] == [2, 2, 2]
    assert sum(trained.table("lines").values()) == 150
    trained.assert_as_if_anew("source.until=2024-03-07", "as_of=2024-03-07")
    with trained.inbox.joinpath("day-6.csv").open("w") as file:  # lines of days to come are cut, and read again
        csv.writer(file).writerows([COLUMNS, sold(900, 6), sold(901, 7)])
    drafted("2024-03-08")
    assert trained.pieces() == 3
    assert sum(trained.table("lines").values()) == 151
    drafted("2024-03-09")
    assert trained.pieces() == 1
    assert sum(trained.table("lines").values()) == 152


def test_products_are_counted_of_all_where_lines_lay_behind_the_day(shop):
    shop.run("as_of=2024-03-02")
    shop.give("day-3", day_of(3))
    shop.run("as_of=2024-03-30")
    shop.assert_as_if_anew("as_of=2024-03-30")
    shop.give("day-4", day_of(4))
    shop.run("as_of=2024-03-03")
    shop.assert_as_if_anew("as_of=2024-03-03")


def test_nothing_is_known_of_tables_that_are_not_files(tmp_path):
    warehouse = opened(load(overrides=[f"workspace={tmp_path}"]))
    warehouse.grows = False
    with warehouse.transaction():
        warehouse.write_text(DOCUMENT, "{}")
        Growth(times=3).write(warehouse)
    assert not (tmp_path / DOCUMENT).exists()
    assert Growth.read(warehouse) == Growth()
