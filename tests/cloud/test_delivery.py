"""Tables sent to BigQuery: checked, whole, in place of what was there, and told in a sentence where they cannot be."""

import json
import math
import re
import shutil
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from bigqueries import PROJECT, failed

from clientage import cli_monitor, delivery
from clientage.cli import main
from clientage.cloud.views import views
from clientage.errors import ClientageError, DriftError, SettingsError, SinkError, TableError, WorkspaceError
from clientage.settings import load
from clientage.tables import SPECS, arrow_schema

pytestmark = pytest.mark.slow

DRIFT = {
    "window": date(2024, 1, 1), "days": 7, "reference": False, "model": "m", "area": "volume", "measure": "orders",
    "subject": "", "value": 5.0, "verdict": "drift", "score": 1.5, "because": "orders: 5, usually 9", "rows": 5,
}  # fmt: skip


def customer(name, spend=10.0, **more):
    row = {name: 0 for name, column in SPECS["customers"].columns.items() if not column.optional}
    row |= {"customer_id": name, "as_of": date(2024, 1, 9), "spend": spend, "monetary": spend, "recency_days": 3}
    return row | more


@pytest.fixture
def settings(tmp_path):
    return load(overrides=[f"workspace={tmp_path / 'workspace'}"])


@pytest.fixture
def write(settings):
    """Put a table into the workspace; columns that no row has are left out."""

    def write(name, rows):
        folder = settings.workspace / "tables"
        folder.mkdir(parents=True, exist_ok=True)
        there = {column for row in rows for column in row}
        fields = [
            each for each in arrow_schema(name) if each.name in there or not SPECS[name].columns[each.name].optional
        ]
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), folder / f"{name}.parquet")

    return write


@pytest.fixture
def address(dataset):
    return f"bigquery://{PROJECT}/{dataset}"


@pytest.fixture
def shop(write):
    write("customers", [customer("c1"), customer("c2", 20.0, country="France")])
    write("drift", [DRIFT])


def jobs(gate):
    return [path for method, path in gate.calls if method == "POST" and "/jobs" in path]


def test_tables_are_there_with_every_promised_column_and_twice_is_once(settings, shop, address, client, dataset, ask):
    for _ in range(2):
        sent = delivery.send(settings, address)
        assert sent.tables == {"customers": 2, "drift": 1}
    for name in sent.tables:
        made = client.get_table(f"{dataset}.{name}")
        assert [field.name for field in made.schema] == list(SPECS[name].columns)
        assert {field.name: field.description for field in made.schema} == {
            column: promise.meaning for column, promise in SPECS[name].columns.items()
        }
    assert ask("SELECT customer_id, spend, country, units_per_line FROM `{}.customers` ORDER BY 1") == [
        ("c1", 10.0, None, None), ("c2", 20.0, "France", None),
    ]  # fmt: skip
    assert not [table.table_id for table in client.list_tables(dataset) if "_loading_" in table.table_id]


def test_a_later_table_takes_the_place_of_the_former(settings, shop, write, address, ask):
    delivery.send(settings, address)
    write("customers", [customer("c3", expected_spend=4.0)])
    assert delivery.send(settings, address, ["customers"]).tables == {"customers": 1}
    assert ask("SELECT customer_id, expected_spend FROM `{}.customers`") == [("c3", 4.0)]
    assert ask("SELECT measure FROM `{}.drift`") == [("orders",)]


def test_calls_that_fail_before_or_after_they_acted_double_and_lose_nothing(settings, shop, address, gate, ask):
    """Every second call that begins a job fails.

    An id that was taken is refused, and its job told when it is asked for, as BigQuery does and the emulator does not.
    """
    turn, known = iter(range(1000)), {}

    def plan(method, path, body):
        if "/jobs" not in path:
            return None
        if method == "GET":
            return next(((200, job) for name, job in known.items() if f"/{name}?" in path), None)
        name = re.search(rb'"jobId": ?"(\w+)"', body)[1].decode()
        if name in known:
            return failed(409, "duplicate")
        number = next(turn) % 4

        def done(status, answer):
            known[name] = answer
            return failed(503, "backendError") if number == 2 else (status, answer)

        return failed(503, "backendError") if number == 0 else done

    gate.plan = plan
    assert delivery.send(settings, address).tables == {"customers": 2, "drift": 1}
    gate.plan = lambda *_: None
    assert [name.rpartition("_2")[0] for name in known] == [
        f"clientage_{what}_{table}" for what in ("load", "copy") for table in ("customers", "drift")
    ]
    assert next(turn) > len(known)
    assert ask("SELECT customer_id FROM `{}.customers` ORDER BY 1") == [("c1",), ("c2",)]
    assert ask("SELECT COUNT(*) FROM `{}.drift`") == [(1,)]


def test_no_table_is_touched_where_one_cannot_be_loaded(settings, shop, write, address, gate, ask):
    delivery.send(settings, address)
    write("customers", [customer("c9")])

    def plan(method, path, body):
        return failed(400, "invalid", "secret") if method == "POST" and b"drift_loading" in body else None

    gate.plan = plan
    with pytest.raises(SinkError, match=r"BigQuery refuses \(BadRequest\)") as told:
        delivery.send(settings, address)
    assert "secret" not in str(told.value)
    gate.plan = lambda *_: None
    assert ask("SELECT customer_id FROM `{}.customers` ORDER BY 1") == [("c1",), ("c2",)]


@pytest.mark.parametrize(
    ("failing", "status", "told", "there"),
    [
        (
            0,
            400,
            r"BigQuery refuses \(BadRequest\)\. Look at its log\. Replaced already: perhaps customers\. Send",
            ["c1", "c2"],
        ),
        (
            1,
            400,
            r"log\. Replaced already: customers, perhaps drift\. Send them again, and all tables are of one run",
            ["c9"],
        ),
        (
            1,
            503,
            r"Mend the network, or do it again later\. Replaced already: customers, perhaps drift\. Send",
            ["c9"],
        ),
    ],
)
def test_a_copy_that_fails_tells_which_tables_are_new_already(
    settings, shop, write, address, gate, ask, monkeypatch, failing, status, told, there
):
    delivery.send(settings, address)
    write("customers", [customer("c9")])
    write("drift", [DRIFT | {"measure": "revenue"}])
    monkeypatch.setattr("clientage.cloud.bigquery.LONGEST", 1.0)
    name = (b"customers", b"drift")[failing]

    def plan(method, path, body):
        copies = method == "POST" and "/jobs" in path and b'"copy"' in body and name + b"_loading" in body
        return failed(status, "invalid" if status == 400 else "backendError", "secret") if copies else None

    gate.plan = plan
    with pytest.raises(SinkError, match=told) as refused:
        delivery.send(settings, address)
    assert not re.search("secret|[Nn]othing was changed", str(refused.value))
    gate.plan = lambda *_: None
    assert [row for (row,) in ask("SELECT customer_id FROM `{}.customers` ORDER BY 1")] == there
    assert ask("SELECT measure FROM `{}.drift`") == [("orders",)]
    delivery.send(settings, address)
    assert ask("SELECT customer_id FROM `{}.customers`") == [("c9",)]
    assert ask("SELECT measure FROM `{}.drift`") == [("revenue",)]


def test_views_that_cannot_be_made_do_not_deny_that_tables_were_sent(settings, shop, address, gate, ask, monkeypatch):
    monkeypatch.setattr("clientage.cloud.bigquery.LONGEST", 1.0)
    gate.plan = lambda method, path, _: failed(503, "backendError") if path.endswith("/tables/predictions") or (
        "/tables/predictions?" in path) else None  # fmt: skip
    with pytest.raises(SinkError, match=r"again later\. The tables are sent already; --views makes") as told:
        delivery.send(settings, address)
    assert "othing was changed" not in str(told.value)
    gate.plan = lambda *_: None
    assert len(ask("SELECT * FROM `{}.customers`")) == 2


def test_a_table_that_took_over_the_end_of_the_one_on_the_way_is_told_to_stay(settings, shop, address, gate):
    """The emulator forgets ends: here each table that is asked for after its copy has one."""
    copied, changed, lifted = [], [], []

    def plan(method, path, body):
        name = path.partition("?")[0].rpartition("/")[2]
        if method == "POST" and "/jobs" in path and b'"copy"' in body:
            copied.append(re.search(rb"(\w+)_loading", body)[1].decode())
            lifted.append(changed[-1])
        if method == "PATCH":
            changed.append((name, json.loads(body)))
        if method == "GET" and name in copied and name not in [each for each, _ in changed]:
            return lambda status, answer: (status, json.dumps(json.loads(answer) | {"expirationTime": "1"}).encode())
        return None

    gate.plan = plan
    delivery.send(settings, address)
    assert [each for each in changed if each[0] in copied] == [
        (name, {"expirationTime": None}) for name in ("customers", "drift")
    ]
    assert [(name.partition("_loading_")[0], told) for name, told in lifted] == [
        (name, {"expirationTime": None}) for name in ("customers", "drift")
    ]


def test_what_died_while_it_was_copied_goes_with_the_next_sending(
    settings, shop, address, client, dataset, monkeypatch
):
    def beside():
        return [each.table_id for each in client.list_tables(dataset) if "_loading_" in each.table_id]

    for name in ("customers_loading_dead", "theirs_loading_dead"):
        client.query(f"CREATE TABLE `{dataset}.{name}` AS SELECT 1 AS one").result()
    delivery.send(settings, address, ["customers"])
    assert len(beside()) == 2
    monkeypatch.setattr("clientage.cloud.loading.KEPT", timedelta())
    delivery.send(settings, address, ["customers"])
    assert beside() == ["theirs_loading_dead"]


def test_rows_that_did_not_arrive_are_told_and_nothing_is_changed(settings, shop, address, gate, client, dataset):
    def fewer(status, answer):
        return status, re.sub(rb'"outputRows": ?"2"', b'"outputRows": "1"', answer)

    gate.plan = lambda method, path, body: fewer if "/jobs" in path else None
    with pytest.raises(SinkError, match=r"of 2 rows of customers 1 arrived\. Nothing was changed"):
        delivery.send(settings, address, ["customers"])
    assert not list(client.list_tables(dataset))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (
            "CREATE TABLE `{}.customers` (customer_id INT64, mine STRING)",
            r"another shape \(customer_id, mine\). Rename it",
        ),
        ("CREATE VIEW `{}.customers` AS SELECT 1 AS one", "no table but a view, such as a run on BigQuery makes"),
    ],
)
def test_what_is_not_ours_is_left_alone(settings, shop, address, ask, made, told):
    ask(made)
    with pytest.raises(SinkError, match=told) as refused:
        delivery.send(settings, address)
    assert refused.value.kind == "another shape"
    assert len(ask("SELECT * FROM `{}.customers`")) == (1 if "VIEW" in made else 0)


def test_a_column_that_an_older_table_lacks_is_added(settings, shop, address, gate, dataset, ask):
    """A copy that truncates brings its columns along; the emulator does so where no table is there."""
    ask("CREATE TABLE `{}.customers` (customer_id STRING, spend FLOAT64)")

    def plan(method, path, body):
        if method == "POST" and "/jobs" in path and b'"copy"' in body:
            assert b'"writeDisposition": "WRITE_TRUNCATE"' in body
            gate.asked("DELETE", f"/bigquery/v2/projects/{PROJECT}/datasets/{dataset}/tables/customers", None, {})

    gate.plan = plan
    delivery.send(settings, address, ["customers"])
    assert ask("SELECT recency_days FROM `{}.customers` WHERE customer_id = 'c1'") == [(3,)]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([customer("c1"), customer("c1")], "customer_id must be there and differ"),
        ([customer(None)], "customer_id must be there and differ"),
        ([customer("c1", math.nan), customer("c2", -math.inf)], "monetary, spend has values that are no numbers"),
    ],
)
def test_rows_that_break_their_promise_are_not_sent(settings, write, address, gate, rows, told):
    write("customers", rows)
    with pytest.raises(TableError, match=f"table customers: {told}"):
        delivery.send(settings, address)
    assert not jobs(gate)


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [
        (403, "accessDenied", "roles/bigquery.dataEditor on the dataset, and roles/bigquery.jobUser"),
        (403, "quotaExceeded", "a quota of BigQuery is used up. Raise it, or wait; nothing was changed"),
        (404, "notFound", "there is no such dataset"),
    ],
)
def test_what_bigquery_denies_is_told_with_the_mend(settings, shop, address, gate, status, reason, told):
    gate.plan = lambda *_: failed(status, reason, "secret")
    with pytest.raises(SinkError, match=told) as refused:
        delivery.send(settings, address)
    assert "secret" not in str(refused.value)


def test_a_server_that_is_away_is_told_soon(settings, shop, address, gate, monkeypatch):
    monkeypatch.setattr("clientage.cloud.bigquery.LONGEST", 1.0)
    gate.close()
    with pytest.raises(SinkError, match=r"does not answer\. Nothing was changed; do it again"):
        delivery.send(settings, address)


@pytest.mark.parametrize(
    ("tables", "kind", "told"),
    [
        (["lines"], SettingsError, "--table: 'lines' cannot be sent. Those that can: customers"),
        (["profiles"], WorkspaceError, "there is no table profiles yet"),
    ],
)
def test_what_cannot_be_sent_is_told(settings, shop, tables, kind, told):
    with pytest.raises(kind, match=told):
        delivery.send(settings, f"bigquery://{PROJECT}/shop", tables)


def test_an_empty_workspace_is_told(settings):
    with pytest.raises(WorkspaceError, match="there are no tables yet"):
        delivery.send(settings, f"bigquery://{PROJECT}/shop")


def test_views_are_made_over_what_is_there_and_anew_when_their_sql_changed(settings, shop, address, gate, monkeypatch):
    without = {"segment_mix"}  # there are no profiles
    assert set(delivery.send(settings, address).views) == {view.name for view in views()} - without
    names = {view.name for view in views()}

    def changed():
        """Views that were told to be something else."""
        told = [path.partition("?")[0].rpartition("/")[2] for method, path in gate.calls if method == "PATCH"]
        return [name for name in told if name in names]

    delivery.renew_views(address)
    assert not changed()
    newer = tuple(
        type(view)(view.name, view.meaning, view.statement.replace("AS sent_twice", "AS twice")) for view in views()
    )
    monkeypatch.setattr("clientage.cloud.views.views", lambda: newer)
    delivery.renew_views(address)
    assert changed() == ["records_by_day"]


def test_a_table_in_the_place_of_a_view_is_left_alone(settings, shop, address, ask):
    ask("CREATE TABLE `{}.drift_verdicts` (mine STRING)")
    with pytest.raises(SinkError, match=r"drift_verdicts there is no view\. Rename it"):
        delivery.send(settings, address)


def test_the_command_tells_what_was_sent(shop, settings, address, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["export", "bigquery", *arguments])
        return ended.value.code, capsys.readouterr()

    code, said = called(address)
    told = said.out
    assert code == 0
    assert told.startswith("sent        2 customers · 1 drift\nviews       ")
    assert f"next: clientage deploy looker-studio {address}\n" in told
    _, said = called("--table", "drift", "--set", f"serve.sink={address}", "--json")
    assert json.loads(said.out)["tables"] == {"drift": 1}
    _, said = called(address, "--views", "--json")
    assert json.loads(said.out)["tables"] == {}
    code, said = called()
    assert code == SettingsError.exit_code
    assert "which dataset? Write it as bigquery://project/dataset" in said.err
    code, said = called(address, "--views", "--refused")
    assert "Give one of them" in said.err


def test_what_monitoring_found_is_sent_where_the_settings_say(settings, shop, address, ask):
    assert delivery.send_monitored(settings) is None
    wanted = load(overrides=[f"workspace={settings.workspace}", f"monitor.send={address}"])
    assert delivery.send_monitored(wanted).tables == {"drift": 1}
    assert ask("SELECT first_day, measure, verdict, is_latest FROM `{}.drift_verdicts`") == [
        (date(2024, 1, 1), "orders", "drift", True)
    ]


def test_monitoring_goes_on_where_it_cannot_be_sent(tmp_path, sample_run, monkeypatch, gate, capsys):
    shutil.copytree(sample_run[0].workspace, tmp_path / "workspace")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["monitor", "--set", f"monitor.send=bigquery://{PROJECT}/nothing"])
    told = capsys.readouterr()
    assert ended.value.code == ClientageError.exit_code
    assert "windows" in told.out
    assert f"bq mk --dataset {PROJECT}:nothing" in told.err
    assert (tmp_path / "workspace/tables/drift.parquet").exists()


def test_drift_is_told_before_what_could_not_be_sent(capsys):
    with pytest.raises(typer.Exit) as ended:
        cli_monitor._end(SinkError("shop: away.", "away"), drifts=True)
    assert ended.value.exit_code == DriftError.exit_code
    assert capsys.readouterr().err == "warning: shop: away.\n"
    with pytest.raises(SinkError):
        cli_monitor._end(SinkError("shop: away.", "away"), drifts=False)
    assert cli_monitor._end(None, drifts=False) is None
