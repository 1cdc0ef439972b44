"""Tables in BigQuery appear together or not at all, and what is refused is told with its mend."""

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from bigqueries import PROJECT, failed
from shops import bought, line, table

from clientage.backup import backup, restore
from clientage.context import opened
from clientage.errors import CloudError, InputError, SettingsError, TableError, WorkspaceError
from clientage.forget import forget
from clientage.settings import load
from clientage.warehouse import connect

pytestmark = pytest.mark.slow


@pytest.fixture
def warehouse(dataset, tmp_path):
    return connect(tmp_path / "ws", url=f"bigquery://{PROJECT}/{dataset}")


def lines(*amounts):
    return table("lines", [bought(quantity=float(amount)) for amount in amounts])


def quantities(warehouse):
    return sorted(warehouse.collect(warehouse.read("lines"))["quantity"].to_pylist())


def there(client, dataset, kind="TABLE"):
    return {found.table_id for found in client.list_tables(dataset) if found.table_type == kind}


def test_a_table_comes_back_and_a_view_shows_it(warehouse, client, dataset, ask):
    with warehouse.transaction():
        assert warehouse.write("lines", lines(1, 2)) == 2
        assert quantities(warehouse) == [1, 2]
        assert there(client, dataset, "VIEW") == set()
    assert quantities(warehouse) == [1, 2]
    assert ask("SELECT SUM(quantity) FROM `{}.lines`") == [(3.0,)]
    (name,) = there(client, dataset)
    made = client.get_table(f"{dataset}.{name}")
    assert (made.time_partitioning.field, made.clustering_fields, made.expires) == (
        "invoiced_at",
        ["customer_id"],
        None,
    )


def noted(gate):
    """Requests that change something, as they go by: the emulator forgets when a table shall go away."""
    found = []

    def plan(method, path, body):
        if method != "GET" and body[:1] == b"{":
            found.append((method, path.split("?")[0].rpartition("/")[2], json.loads(body)))

    gate.plan = plan
    return found


def ending(milliseconds):
    """How long from now, of a time as BigQuery is told."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) - datetime.now(UTC)


def test_a_newer_table_takes_the_place_and_the_former_goes_in_a_day(warehouse, client, dataset, ask, gate):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    (former,) = there(client, dataset)
    asked = noted(gate)
    with warehouse.transaction():
        warehouse.write("lines", lines(5))
    assert ask("SELECT quantity FROM `{}.lines`") == [(5.0,)]
    (newer,) = there(client, dataset) - {former}
    told = {name: body["expirationTime"] for method, name, body in asked if "expirationTime" in body}
    assert told[newer] is None
    assert timedelta(hours=23) < ending(told[former]) < timedelta(hours=25)


def test_expressions_of_the_engine_and_of_this_machine_meet(warehouse, client, dataset):
    with warehouse.transaction() as scratch:
        warehouse.write("lines", lines(1, 2, 3))
        kept = warehouse.kept(warehouse.read("lines").filter(ibis._.quantity > 1), "large-ones")
        assert warehouse.collect(kept.agg(n=kept.count())).to_pylist() == [{"n": 2}]
        names = ibis.memtable(pa.table({"quantity": [2.0], "name": ["two; DROP TABLE lines -- '"]}))
        assert warehouse.collect(kept.join(names, "quantity").select("name"))["name"].to_pylist() == [
            "two; DROP TABLE lines -- '"
        ]
        warehouse.local.to_parquet(names, scratch / "names.parquet")
        taken = warehouse.taken(scratch / "names.parquet")
        assert warehouse.batches(warehouse.recalled("large-ones").join(taken, "quantity")).read_all().num_rows == 1
    assert {name[:6] for name in there(client, dataset)} == {"lines_"}  # nothing on the way, nor what was brought there


def test_what_fails_leaves_the_tables_of_before_and_nothing_on_the_way(warehouse, client, dataset):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    before = there(client, dataset)
    with pytest.raises(ZeroDivisionError), warehouse.transaction():
        warehouse.write("lines", lines(7))
        warehouse.kept(warehouse.read("lines"), "some")
        raise ZeroDivisionError
    assert quantities(warehouse) == [1]
    assert there(client, dataset) == before


def test_a_table_that_ended_before_the_run_did_is_not_published(warehouse, client, dataset):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    before = there(client, dataset)
    with pytest.raises(CloudError, match=r"lines_\w+ was gone before the run ended"), warehouse.transaction():
        warehouse.write("lines", lines(7))
        (newer,) = there(client, dataset) - before
        client.delete_table(f"{dataset}.{newer}")
    assert quantities(warehouse) == [1]


def test_a_set_that_is_whole_and_not_yet_in_place_keeps_its_tables(warehouse, monkeypatch):
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError), warehouse.transaction():
        broken.setattr("clientage.warehouse.workspace._publish", lambda _: 1 / 0)
        warehouse.write("lines", lines(7))
    assert quantities(connect(warehouse.workspace, url=warehouse.engine.dataset.address)) == [7]


DYING = """
import os, signal, sys
from pathlib import Path
import google.cloud.bigquery.client
from shops import bought, table
from clientage.warehouse import connect
google.cloud.bigquery.client._GENERIC_CONTENT_TYPE = "application/octet-stream"  # all that the emulator reads
house = connect(Path(sys.argv[1]), url=sys.argv[2])
with house.transaction():
    house.write("lines", table("lines", [bought(quantity=9.0)]))
    house.kept(house.read("lines"), "some")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_is_killed_leaves_nothing_that_stays(warehouse, client, dataset, gate):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    before, asked = there(client, dataset), noted(gate)
    command = [sys.executable, "-c", DYING, str(warehouse.workspace), f"bigquery://{PROJECT}/{dataset}"]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": paths})
    assert ended.returncode == -signal.SIGKILL
    assert quantities(warehouse) == [1]
    assert len(there(client, dataset) - before) == 2
    (loaded,) = [body for _, name, body in asked if name == "tables"]
    assert timedelta(hours=23) < ending(loaded["expirationTime"]) < timedelta(hours=25)
    queries = {body["configuration"].get("query", {}).get("query", "") for _, name, body in asked if name == "jobs"}
    (made,) = (query for query in queries if "CREATE" in query)
    assert "OPTIONS (expiration_timestamp = TIMESTAMP" in made


def test_who_is_forgotten_leaves_nothing_that_waits(warehouse, client, dataset):
    with warehouse.transaction():
        warehouse.write("lines", lines(1, 2))
    with warehouse.transaction():
        warehouse.leave_nothing()
        warehouse.write("lines", warehouse.read("lines").filter(ibis._.quantity > 1))
    assert quantities(warehouse) == [2]
    assert len(there(client, dataset)) == 1


def test_what_could_not_be_removed_of_who_is_forgotten_goes_when_asked_again(warehouse, client, dataset, gate):
    with warehouse.transaction():
        warehouse.write("lines", table("lines", [bought(customer_id="c1"), bought(customer_id="c2", quantity=2.0)]))
    (former,) = there(client, dataset)
    wanted = load(overrides=[f"workspace={warehouse.workspace}", f"warehouse.url={warehouse.engine.dataset.address}"])
    gate.plan = lambda method, path, body: (
        failed(403, "accessDenied") if method == "DELETE" and former in path else None
    )
    with pytest.raises(CloudError, match="follow with the next one"):
        forget(wanted, "c1")
    gate.plan = lambda *_: None
    assert former in there(client, dataset)
    with pytest.raises(InputError, match="no table of"):
        forget(wanted, "c1")
    assert former not in there(client, dataset)
    assert quantities(warehouse) == [2]


def test_a_workspace_within_another_shows_nothing_and_ends_no_table_of_it(warehouse, client, dataset, ask, gate):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    (outer,) = there(client, dataset)
    within = connect(warehouse.workspace / "drafts/daily", url=f"bigquery://{PROJECT}/{dataset}")
    with pytest.raises(ZeroDivisionError), within.transaction():
        within.adopt_table("lines", warehouse)
        raise ZeroDivisionError
    assert quantities(warehouse) == [1]
    with within.transaction():
        within.adopt_table("lines", warehouse)
    asked = noted(gate)
    with within.transaction():
        within.write("lines", lines(5))
    assert ask("SELECT quantity FROM `{}.lines`") == [(1.0,)]
    assert outer not in {name for method, name, _ in asked if method == "PATCH"}
    with warehouse.transaction():
        warehouse.adopt_table("lines", within)
    assert ask("SELECT quantity FROM `{}.lines`") == [(5.0,)]
    assert outer in {name for method, name, _ in asked if method == "PATCH"}


def test_a_copy_of_what_is_published_elsewhere_lets_all_follow_later(dataset, client, ask, tmp_path, gate):
    url = f"bigquery://{PROJECT}/{dataset}"
    warehouse = connect(tmp_path / "ws", url=url, published="gs://shop/ws")
    for amount in (1, 5):
        with warehouse.transaction():
            warehouse.write("lines", lines(amount))
    assert there(client, dataset, "VIEW") == set()
    assert len(there(client, dataset)) == 2  # what is published elsewhere may still name the first
    warehouse.settle()
    assert ask("SELECT quantity FROM `{}.lines`") == [(5.0,)]


def test_what_nothing_names_any_more_goes_once_it_is_a_day_old(warehouse, client, dataset, gate, monkeypatch):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    (former,) = there(client, dataset)
    lost = former.replace(former[-6:], "abcdef")  # as of a machine that died before it could publish
    client.query(f"CREATE TABLE `{dataset}.{lost}` AS SELECT 1 AS one").result()
    client.query(f"CREATE TABLE `{dataset}.lines_of_somebody` AS SELECT 1 AS one").result()
    asked = noted(gate)
    warehouse.settle()
    assert not asked
    monkeypatch.setattr("clientage.warehouse.following.LASTING", timedelta(microseconds=1))
    warehouse.settle()
    assert [(method, name) for method, name, _ in asked] == [("PATCH", lost)]


def test_a_workspace_that_was_copied_lets_go_of_nothing_that_the_other_names(
    warehouse, dataset, gate, monkeypatch, caplog
):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    other = warehouse.workspace.with_name("other")
    shutil.copytree(warehouse.workspace, other)
    monkeypatch.setattr("clientage.warehouse.following.LASTING", timedelta(microseconds=1))
    asked, other = noted(gate), connect(other, url=f"bigquery://{PROJECT}/{dataset}")
    with other.transaction():
        other.leave_nothing()
        other.write("lines", lines(5))
        (left,) = other.elsewhere()
    assert f"were made by a workspace in {warehouse.workspace}, and stay there" in caplog.text
    assert caplog.text.count(left.rpartition("/")[2]) == 1
    other.settle()
    ended = [name for method, name, body in asked if method == "PATCH" and body.get("expirationTime")]
    assert not ended
    assert quantities(warehouse) == [1]
    assert quantities(other) == [5]


def test_a_workspace_that_was_moved_lets_go_of_its_tables(warehouse, dataset, gate, caplog):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    (former,) = json.loads(warehouse.read_text("tables.json"))["tables"].values()
    moved = connect(
        warehouse.workspace.rename(warehouse.workspace.with_name("moved")), url=warehouse.engine.dataset.address
    )
    asked = noted(gate)
    with moved.transaction():
        moved.write("lines", lines(5))
        assert moved.elsewhere() == ()
    assert former in {name for method, name, body in asked if method == "PATCH" and body.get("expirationTime")}
    assert not caplog.records


def test_a_back_up_says_that_tables_are_not_in_it_and_makes_a_workspace_of_its_own(warehouse, tmp_path, gate):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    url = warehouse.engine.dataset.address
    first, second = (load(overrides=[f"workspace={tmp_path / name}", f"warehouse.url={url}"]) for name in ("ws", "new"))
    assert backup(first, tmp_path / "shop.zip").elsewhere == url
    assert restore(second, tmp_path / "shop.zip").elsewhere == url
    asked, restored = noted(gate), opened(second)
    assert quantities(restored) == [1]
    with restored.transaction():
        restored.write("lines", lines(5))
    assert not [body for method, _, body in asked if method == "PATCH" and body.get("expirationTime")]
    assert quantities(warehouse) == [1]


def test_names_that_views_need_must_be_free(warehouse, client, dataset, tmp_path):
    client.query(f"CREATE TABLE `{dataset}.lines` AS SELECT 1 AS one").result()
    with pytest.raises(CloudError, match=r"lines are tables there, .*warehouse\.views=false"), warehouse.transaction():
        warehouse.write("rejected", table("rejected", [line() | {"reason": "no price"}]))
    assert there(client, dataset) == {"lines"}
    unseen = connect(tmp_path / "unseen", url=f"bigquery://{PROJECT}/{dataset}", views=False)
    with unseen.transaction():
        unseen.write("lines", lines(3))
    assert quantities(unseen) == [3]


def test_views_that_cannot_be_made_are_made_by_the_next_run(warehouse, ask, gate):
    gate.plan = lambda method, path, body: failed(403, "accessDenied") if b'"view"' in body else None
    with pytest.raises(CloudError, match=r"follow with the next one\."), warehouse.transaction():
        warehouse.write("lines", lines(1))
    gate.plan = lambda *_: None
    assert quantities(warehouse) == [1]
    with warehouse.transaction():
        pass
    assert ask("SELECT quantity FROM `{}.lines`") == [(1.0,)]


def ended(reason):
    """A job that BigQuery began and could not bring to its end."""

    def told(status, answer):
        said = json.loads(answer)
        said["status"] = {"state": "DONE", "errorResult": {"reason": reason, "message": "no"}}
        return status, json.dumps(said).encode()

    return told


def asks(path, body):
    """Whether a call begins a statement that is not a rehearsal."""
    return "/jobs" in path and b'"query"' in body and b'"dryRun": true' not in body


def test_a_statement_that_ends_by_what_passes_is_asked_again(warehouse, gate):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    left = [ended("backendError")]
    gate.plan = lambda method, path, body: left.pop() if asks(path, body) and left else None
    assert quantities(warehouse) == [1]
    assert not left


def test_a_statement_that_turns_out_to_be_too_costly_is_told(warehouse, gate):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    gate.plan = lambda method, path, body: ended("bytesBilledLimitExceeded") if asks(path, body) else None
    with pytest.raises(CloudError, match=r"more than is allowed. Nothing was billed; .*max_gigabytes"):
        quantities(warehouse)


def test_a_table_that_is_dropped_has_no_view_any_more(warehouse, client, dataset):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    with warehouse.transaction():
        warehouse.drop("lines")
    assert not warehouse.exists("lines")
    assert there(client, dataset, "VIEW") == set()
    with pytest.raises(WorkspaceError, match="there is no table lines yet"):
        warehouse.read("lines")


def test_a_table_that_somebody_changed_is_told(warehouse, client, dataset):
    with warehouse.transaction():
        warehouse.write("rejected", table("rejected", [line() | {"reason": "no price"}]))
    (name,) = there(client, dataset)
    client.query(f"CREATE OR REPLACE TABLE `{dataset}.{name}` AS SELECT 'c1' AS customer_id").result()
    with pytest.raises(TableError, match=r"column invoiced_at is missing; .*column reason is missing"):
        warehouse.read("rejected")


def costs(some_bytes):
    """A plan by which statements would read so much."""

    def plan(method, path, body):
        asked = json.loads(body)["configuration"] if body and method == "POST" and "/jobs" in path else {}
        if not asked.get("dryRun"):
            return None
        said = {
            "jobReference": {"projectId": PROJECT, "jobId": "dry"},
            "configuration": asked,
            "status": {"state": "DONE"},
            "statistics": {"query": {"totalBytesProcessed": str(some_bytes)}},
        }
        return 200, json.dumps(said).encode()

    return plan


def test_a_statement_that_would_cost_more_than_allowed_is_not_asked(dataset, tmp_path, gate, client):
    warehouse = connect(tmp_path / "ws", url=f"bigquery://{PROJECT}/{dataset}", most_bytes=10**9)
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    gate.plan = costs(5 * 10**9)
    with pytest.raises(CloudError, match=r"would read 5\.0 GB, above the 1\.0 GB .* warehouse\.max_gigabytes=6"):
        quantities(warehouse)


def test_what_is_read_is_told(warehouse, gate):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
        warehouse.spent()
        gate.plan = costs(3 * 10**9)
        quantities(warehouse)
        assert warehouse.spent() == {"statements": 1, "gigabytes": 3.0}
        assert warehouse.spent()["statements"] == 0


@pytest.mark.parametrize(
    ("status", "reason", "mend"),
    [
        (403, "accessDenied", "roles/bigquery.jobUser on the project"),
        (401, "authError", "gcloud auth application-default login"),
        (403, "quotaExceeded", "a quota of BigQuery is used up"),
        (403, "billingNotEnabled", f"Link one to {PROJECT}"),
        (404, "notFound", f"bq mk --dataset {PROJECT}:"),
    ],
)
def test_what_bigquery_denies_is_told_and_the_tables_are_those_of_before(warehouse, gate, status, reason, mend):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    gate.plan = lambda method, *_: failed(status, reason, "secret c1") if method == "POST" else None
    with pytest.raises(CloudError, match=mend) as told, warehouse.transaction():
        warehouse.write("lines", warehouse.read("lines").filter(ibis._.quantity > 5))
    assert "secret" not in str(told.value)
    gate.plan = lambda *_: None
    assert quantities(warehouse) == [1]


def test_a_dataset_that_is_missing_is_told_with_the_command_that_makes_it(gate, tmp_path):
    warehouse = connect(tmp_path / "ws", url=f"bigquery://{PROJECT}/nothing")
    with pytest.raises(CloudError, match=f"bq mk --dataset {PROJECT}:nothing"), warehouse.transaction():
        warehouse.write("lines", lines(1))


@pytest.mark.parametrize("url", ["bigquery://our-shop", "bigquery://Our/shop", "snowflake://host", "bigquery://a/b.c"])
def test_what_is_no_dataset_is_refused(tmp_path, url):
    with pytest.raises(SettingsError, match=r"warehouse\.url.*bigquery://project/dataset"):
        connect(tmp_path, url=url)


def test_tables_of_two_places_are_not_mixed_in_a_workspace(warehouse, dataset, client, tmp_path):
    with warehouse.transaction():
        warehouse.write("lines", lines(1))
    lives = f"bigquery://{PROJECT}/{dataset}"
    for url in ("", f"bigquery://{PROJECT}/another"):
        with pytest.raises(WorkspaceError) as told:
            connect(warehouse.workspace, url=url)
        assert f"{warehouse.workspace}: its tables live in {lives}. Name it: --set warehouse.url={lives}" in str(
            told.value
        )
    assert quantities(connect(warehouse.workspace, url=f"{lives}/")) == [1]
    here = connect(tmp_path / "here")
    with here.transaction():
        here.write("lines", lines(2))
    with pytest.raises(WorkspaceError, match=f"live in this folder. For those of {lives} give another --workspace"):
        connect(tmp_path / "here", url=lives)


def test_a_dataset_that_lets_days_end_is_refused(warehouse, gate):
    def ending(status, answer):
        return status, json.dumps(
            json.loads(answer) | {"defaultPartitionExpirationMs": str(60 * 24 * 3600 * 1000)}
        ).encode()

    gate.plan = lambda method, path, body: ending if method == "GET" and "/tables" not in path else None
    with pytest.raises(CloudError, match="bq update --default_partition_expiration 0"), warehouse.transaction():
        warehouse.write("lines", lines(1))
