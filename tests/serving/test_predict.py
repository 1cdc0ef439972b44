"""A file in, the same rows with their segments out: each once, in order, whole or not at all."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moody import GOOD, told
from shops import free_port

from clientage.errors import ClientageError, InputError, ServiceError, SettingsError
from clientage.serving import guard, predict
from clientage.serving.connection import SIDE_BY_SIDE, connect
from clientage.serving.instances import _number

COUNT = 1200
LINE = {"product": "22423", "quantity": 2, "unit_price": 3.5, "invoiced_at": "2011-11-01T10:00:00", "invoice": "1"}


def ask(address, path, out, **options):
    return predict.predict(path, connect(address, pause=0), out, **options)


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content, encoding="utf-8")
    return path


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbered(instances):
    """Each row's number as its segment, so that answers can be told apart."""
    return [GOOD | {"segment_id": int(each["recency_days"])} for each in instances]


@pytest.fixture
def many(tmp_path):
    """A table that takes several requests."""
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"recency_days": range(COUNT), "note": [f"n{i}" for i in range(COUNT)]}), path)
    return path


def test_a_table_of_customers_is_in_the_segments_of_the_run(address, shop, tmp_path):
    customers = shop / "tables/customers.parquet"
    found = ask(address, customers, tmp_path / "a.parquet")
    answered = pq.read_table(tmp_path / "a.parquet")
    given = pq.read_table(customers)
    assert answered.column_names == [*given.column_names, "segment_id", "segment", "distance", "runner_up", "error"]
    assert answered.select(given.column_names).equals(given.replace_schema_metadata())
    segments = {row["customer_id"]: row for row in pq.read_table(shop / "tables/segments.parquet").to_pylist()}
    for row in answered.to_pylist():
        wanted = segments[row["customer_id"]]
        assert (row["segment_id"], row["segment"]) == (wanted["segment_id"], wanted["segment"])
        assert row["distance"] == pytest.approx(wanted["distance"])
        assert row["error"] is None
    assert (found.by, found.rows, found.refused) == ("features", given.num_rows, 0)
    assert sum(found.segments.values()) == sum(found.versions.values()) == given.num_rows


def test_ids_are_looked_up_when_asked_for(address, shop, tmp_path):
    ids = pq.read_table(shop / "tables/segments.parquet").to_pylist()[:3]
    path = written(tmp_path, "ids.csv", "customer_id\n" + "".join(f"{row['customer_id']}\n" for row in ids))
    assert ask(address, path, tmp_path / "a.csv").by == "customer_id"
    assert [int(row["segment_id"]) for row in rows(tmp_path / "a.csv")] == [row["segment_id"] for row in ids]
    customers = shop / "tables/customers.parquet"
    assert ask(address, customers, tmp_path / "b.csv", by_id=True, recommend=2).by == "customer_id"
    recommended = pq.read_table(shop / "tables/recommendations.parquet").to_pylist()
    wanted = {(row["customer_id"], row["rank"]): row["product"] for row in recommended if row["rank"] <= 2}
    for row in rows(tmp_path / "b.csv"):
        for rank in (1, 2):
            assert row[f"product_{rank}"] == wanted.get((row["customer_id"], rank), "")


def test_cells_are_left_as_they_stood(address, tmp_path):
    text = (
        "\ufeffcustomer_id;recency_days;frequency;monetary;lines_per_basket;units_per_line;balance;phone;note\r\n"
        '007;10;5;100.50;10;4;-1.50;+49 30;"a;\nb"\r\n'
        "\r\n"
        "=1+1;10;5;1e2;10.0; 4 ;+5;;=2*3\r\n"
        "008;10;5;x;10;;-;;\r\n"
        "009;10;5\r\n"
    )
    found = ask(address, written(tmp_path, "in.csv", text), tmp_path / "a.csv")
    first, second, third, fourth = rows(tmp_path / "a.csv")
    assert (first["customer_id"], first["monetary"], first["balance"]) == ("007", "100.50", "-1.50")
    assert (first["phone"], first["note"], first["error"]) == ("'+49 30", "a;\nb", "")
    assert (second["customer_id"], second["monetary"], second["balance"], second["note"]) == (
        "'=1+1", "1e2", "+5", "'=2*3"
    )  # fmt: skip
    assert first["segment"] == second["segment"] != ""
    assert third["segment"] == third["segment_id"] == ""
    assert third["error"] == (
        'monetary: not a number that can be used: "x". units_per_line: not a number that can be used: null.'
    )
    assert fourth["error"] == "the row has 3 cells, the header 9."
    assert (found.rows, found.refused, found.first_refused) == (4, 2, f"row 3: {third['error']}")


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_cell_is_sent_as_the_number_it_is_and_else_as_it_stands(cell):
    sent = _number(cell)
    if isinstance(sent, str):
        assert sent == cell.strip()
    elif isinstance(sent, float):
        assert math.isnan(sent) or sent == float(cell)
    else:
        assert cell.strip().lower() == {None: "", True: "true", False: "false"}[sent]


def test_numbers_that_are_almost_some():
    cells = ["5", "-0.5", " 1e3 ", "TRUE", "", "1_000", "1,5", "1.000,5", "12.5 €"]
    assert [_number(cell) for cell in cells] == [5.0, -0.5, 1000.0, True, None, "1_000", "1,5", "1.000,5", "12.5 €"]


def test_json_lines_are_sent_as_they_are(address, client, shop, tmp_path):
    customer = pq.read_table(shop / "tables/segments.parquet")["customer_id"][0].as_py()
    bought = {"purchases": [LINE], "as_of": "2011-12-10"}
    given = [bought, bought | {"customer_id": "c7"}, {"customer_id": customer}, {"customer_id": "nobody"}, 5]
    text = "\n\n".join(json.dumps(each) for each in given) + "\n{]\n"
    found = ask(address, written(tmp_path, "in.jsonl", text), tmp_path / "a.jsonl")
    answered = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["line"] for row in answered] == [1, 3, 5, 7, 9, 10]
    assert [row["customer_id"] for row in answered] == [None, "c7", customer, "nobody", None, None]
    first, known = client.predict(bought, {"customer_id": customer})
    told = [{name: row[name] for name in first} for row in answered[:3]]
    assert told == [first, first, known]
    assert [row["error"] for row in answered[3:]] == [
        "customer_id: there is no customer nobody.",
        "not an object. Give customer_id, purchases, or the features by name.",
        "the line is not JSON.",
    ]
    assert (found.by, found.rows, found.refused) == ("instances", 6, 3)


def test_json_lines_by_id(moody, tmp_path):
    service = moody()
    path = written(tmp_path, "in.ndjson", '\ufeff{"customer_id": 7, "recency_days": 1}\n{"recency_days": 1}')
    ask(service.address, path, tmp_path / "a.csv", by_id=True)
    assert service.asked == [[{"customer_id": "7"}, {"recency_days": 1}]]


def test_large_lines_go_in_requests_of_their_own(moody, tmp_path):
    service = moody()
    lines = [json.dumps({"purchases": "x" * 600_000}) for _ in range(3)]
    ask(service.address, written(tmp_path, "in.jsonl", "\n".join(lines)), tmp_path / "a.csv")
    assert sorted(map(len, service.asked)) == [1, 2]


def test_components_are_sent_where_the_model_has_them(moody, tmp_path):
    service = moody(components=("PC1", "PC2"))
    path = written(tmp_path, "in.csv", "customer_id,PC2,PC1\n7,1,2\n")
    assert ask(service.address, path, tmp_path / "a.csv").by == "components"
    assert service.asked == [[{"PC1": 2, "PC2": 1}]]


@pytest.mark.parametrize(
    ("column", "values", "sent"),
    [
        ("recency_days", [Decimal("1.5"), None], [1.5, None]),
        ("recency_days", [math.nan, 2.0], [None, 2.0]),
        ("recency_days", [True, False], [True, False]),
        ("recency_days", [date(2024, 1, 2)], ["2024-01-02"]),
        ("recency_days", [b"a"], ["b'a'"]),
        ("customer_id", ["007", None], ["007", None]),
        ("customer_id", [7, None], ["7", None]),
        ("customer_id", [1.0, 2.5, math.nan], ["1", "2.5", None]),
    ],
)
def test_values_of_a_parquet_file_are_sent_as_what_they_are(moody, tmp_path, column, values, sent):
    service = moody()
    pq.write_table(pa.table({column: values}), tmp_path / "in.parquet")
    ask(service.address, tmp_path / "in.parquet", tmp_path / "a.csv")
    assert service.asked == [[{column: value} for value in sent]]


def test_earlier_answers_are_replaced_and_other_columns_kept(moody, many, tmp_path):
    service = moody()
    ask(service.address, many, tmp_path / "a.parquet", recommend=1)
    again = ask(service.address, tmp_path / "a.parquet", tmp_path / "a.parquet")
    answer = ("segment_id", "segment", "distance", "runner_up", "error")
    assert again.columns == ("recency_days", "note", "product_1", *answer)
    assert pq.read_table(tmp_path / "a.parquet").num_rows == COUNT


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_rows_stay_in_order_whoever_is_answered_first(moody, many, tmp_path, form):
    later = threading.Event()

    def slow(instances):
        assert later.wait(30), "the second request did not come while the first was waited for"
        return numbered(instances)

    def quick(instances):
        later.set()
        return numbered(instances)

    service = moody(slow, quick, *[numbered] * 9)
    shares = []
    out = tmp_path / f"a.{form}"
    found = ask(service.address, many, out, tell=lambda what, share: shares.append((what, share)))
    read = {
        "csv": rows,
        "parquet": lambda path: pq.read_table(path).to_pylist(),
        "jsonl": lambda path: [json.loads(line) for line in path.read_text().splitlines()],
    }[form](out)
    assert [int(row["segment_id"]) for row in read] == [int(row["recency_days"]) for row in read] == list(range(COUNT))
    assert found.rows == COUNT
    assert [what for what, _ in shares] == ["progress"] * 3
    assert [share for _, share in shares] == [500 / COUNT, 1000 / COUNT, 1]


def test_a_parquet_file_is_not_in_many_small_pieces(moody, many, tmp_path, monkeypatch):
    ask(moody().address, many, tmp_path / "a.parquet")
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 1
    monkeypatch.setattr(predict, "GROUP", 600)
    ask(moody().address, many, tmp_path / "a.parquet")
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2


def test_no_more_is_read_than_is_under_way():
    read = []

    class Service:
        def ask(self, instances):
            return [GOOD for _ in instances]

    def batches():
        for i in range(50):
            read.append(i)
            yield predict.Batch(pa.record_batch({"i": [i]}), [b"{}"], {}, 0)

    for i, _ in enumerate(predict._answered(Service(), batches())):
        assert len(read) <= i + 1 + SIDE_BY_SIDE
    assert len(read) == i + 1 == 50


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.xlsx", "x", "cannot be read: give a file that ends in .csv, .tsv, .parquet or .jsonl."),
        ("in.csv", "", "no column customer_id; without customer_id the model there needs recency_days. Add"),
        ("in.csv", "name,age\na,1\n", "no column customer_id; without customer_id the model there needs recency_days."),
        ("in.csv", "recency_days\n", "has no rows. Write a customer on each."),
        ("in.csv", "recency_days,a,a\n1,2,3\n", "has the column 'a' twice."),
        ("in.csv", b"recency_days,a\n1,\xff\n", "is not in UTF-8. Save it so."),
        ("in.csv", 'recency_days,a\n1,"b\n', "cannot be read (unexpected end of data). Write it again."),
        ("in.csv", 'recency_days,a\n1,"b"c\n', "cannot be read ("),
        ("in.csv", "recency_days,a\n1," + "b" * 200_000, "cannot be read (field larger than field limit"),
        ("in.parquet", "PAR1", "cannot be read ("),
        ("in.jsonl", "\n \n", "has no rows."),
        ("in.jsonl", "{\n", "the service can use no row of it (1 refused). The first is row 1: the line is not JSON."),
        ("in.jsonl", "x" * 16_000_001, "line 1 is too long to be a customer."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_cannot_be_used(moody, tmp_path, name, content, said):
    path = written(tmp_path, name, content)
    with pytest.raises(InputError) as refused:
        ask(moody().address, path, tmp_path / "a.csv")
    assert str(refused.value).startswith(f"{path}: {said}")
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_file_that_is_not_there(moody, tmp_path):
    for name in ("no.csv", "folder.csv"):
        (tmp_path / "folder.csv").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=r"there is no such file\. Check the path"):
            ask(moody().address, tmp_path / name, tmp_path / "a.csv")


def test_ids_asked_for_and_not_there(moody, many, tmp_path):
    with pytest.raises(InputError, match=r"many\.parquet: no column customer_id\. Add it\.$"):
        ask(moody().address, many, tmp_path / "a.csv", by_id=True)


@pytest.mark.parametrize("out", ["a", "a.xlsx", "a.csv.gz", "folder.csv", "-"])
def test_an_out_that_cannot_be_written(moody, many, tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    service = moody()
    with pytest.raises(SettingsError, match=r"^--out "):
        ask(service.address, many, predict.Path(out))
    assert service.asked == []


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        (told(500), ServiceError),
        (lambda _: [], ServiceError),
        (lambda rows: [GOOD | {"segment_id": 2**63} for _ in rows], ServiceError),
        (lambda rows: [{"error": "no."} for _ in rows], InputError),
    ],
    ids=["failed", "too few", "too large", "all refused"],
)
def test_what_stood_there_stays_unless_all_is_answered(moody, many, tmp_path, mood, error):
    out = written(tmp_path, "a.csv", "before")
    with pytest.raises(error):
        ask(moody(mood, mood, mood).address, many, out)
    assert out.read_text() == "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "many.parquet"]


def test_a_full_disk_is_told_as_one(moody, many, small_disk):
    service = moody(*[lambda rows: [GOOD | {"segment": "x" * 10_000} for _ in rows]] * 3)
    with pytest.raises(ClientageError, match=r"a\.csv: cannot be written \(No space left on device\)\."):
        ask(service.address, many, small_disk / "a.csv")
    assert not list(small_disk.iterdir())


# As people type it


def test_the_command_and_the_service(command, server, shop, tmp_path):
    key = guard.new_key("shop")
    service = server(shop, "--set", "serve.requests_per_minute=0", CLIENTAGE_SERVE_KEYS=f"mail:{guard.digest(key)}")
    customers = shop / "tables/customers.parquet"
    count = pq.read_metadata(customers).num_rows
    arguments = ("predict", customers, "--url", service.address, "--out", "a.csv")
    for environment, said in (({}, "no key: send it in"), ({"CLIENTAGE_SERVE_KEY": "wrong"}, "wrong key: ask the one")):
        refused = command(*arguments, **environment)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"error: {service.address}: {said}")
        assert refused.stderr.endswith("It is read from the environment variable CLIENTAGE_SERVE_KEY.\n")
        assert refused.stderr.count("\n") == 1
        assert not list(tmp_path.iterdir())
    found = command(*arguments, CLIENTAGE_SERVE_KEY=key)
    assert (found.returncode, found.stdout, found.stderr) == (
        0, f"{count:,} of {count:,} customers answered in a.csv\n", ""
    )  # fmt: skip
    assert len(rows(tmp_path / "a.csv")) == count
    told = command(*arguments[:-1], "b.parquet", "--json", "--recommend", "1", CLIENTAGE_SERVE_KEY=key)
    summary = json.loads(told.stdout)
    assert (summary["rows"], summary["refused"], summary["out"]) == (count, 0, "b.parquet")
    assert list(summary["versions"].values()) == [count]
    assert pq.read_schema(tmp_path / "b.parquet").names == summary["columns"]


def test_without_out_the_answers_are_on_standard_output(command, moody, tmp_path):
    path = written(tmp_path, "in.csv", "customer_id,recency_days\n007,1\n008,x\n")
    refuse = {"error": "instances[1].recency_days: not a number."}
    found = command("predict", path, "--url", moody(lambda _: [GOOD, refuse]).address)
    assert found.returncode == 0
    assert found.stdout.splitlines() == [
        "customer_id,recency_days,segment_id,segment,distance,runner_up,error",
        "007,1,1,Top,0.5,2,",
        "008,x,,,,,recency_days: not a number.",
    ]
    assert found.stderr.splitlines() == [
        "1 of 2 customers answered",
        "1 refused, see the column error; the first is row 2: recency_days: not a number.",
    ]
    failed = command("predict", path, "--url", moody(told(500, "no.")).address)
    assert (failed.returncode, failed.stdout) == (1, "")


def test_answers_of_two_models_are_told_of(command, moody, many):
    service = moody()

    def changed(instances):
        service.version = "4"
        return numbered(instances)

    service.moods = [(200, {"X-Model-Version": "3"}, {"predictions": [GOOD] * 500}), changed, changed]
    found = command("predict", many, "--url", service.address, "--out", "a.csv")
    assert found.returncode == 0
    last = found.stdout.splitlines()[-1]
    assert last.startswith("the model changed meanwhile: ")
    assert last.endswith(". Ask again for answers of one model.")
    assert "by 3" in last
    assert "by 4" in last


def test_usage(command, many):
    for arguments, said in (
        (["--url", "http://127.0.0.1:1", "--json"], "error: --json: standard output is taken by the answers."),
        (["--url", "nowhere"], "error: --url nowhere: not the address of a service."),
        (["--url", "http://127.0.0.1:1", "--recommend", "101"], "Usage: clientage predict"),
        ([], "Usage: clientage predict"),
    ):
        found = command("predict", many, *arguments)
        assert (found.returncode, found.stdout) == (2, "")
        assert found.stderr.startswith(said)
    away = command("predict", many, "--url", f"http://127.0.0.1:{free_port()}")
    assert away.returncode == 1
    assert "does not answer (Connection refused)" in away.stderr


def test_an_interrupted_one_ends_at_once_and_leaves_what_stood_there(moody, many, tmp_path):
    came, leave = threading.Event(), threading.Event()

    def hang(instances):
        came.set()
        leave.wait(60)
        return numbered(instances)

    out = written(tmp_path, "a.csv", "before")
    service = moody(*[hang] * 3)
    arguments = ["predict", str(many), "--url", service.address, "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from clientage.cli import main; main()", *arguments],
        env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert came.wait(60)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)
    assert not leave.is_set(), "it waited for the service"
    leave.set()
    assert (process.returncode, *said) == (130, "", "interrupted: nothing was written.\n")
    assert out.read_text() == "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "many.parquet"]
