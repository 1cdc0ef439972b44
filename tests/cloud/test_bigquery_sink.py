"""Predictions in BigQuery, by its own library against an emulator: each once, and a sentence for what goes wrong."""

import contextlib
import json
import sys
import time
from pathlib import Path

import orjson
import pytest
from bigqueries import PROJECT, failed

from clientage.cli import main
from clientage.cloud import bigquery as door
from clientage.errors import SettingsError, SinkError
from clientage.serving import spool
from clientage.serving.bigquery import sent
from clientage.serving.rows import table
from clientage.serving.ship import Shipper
from clientage.serving.sinks import open_sink

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from predictions import logged, record

pytestmark = pytest.mark.slow


@pytest.fixture
def sink(dataset):
    with contextlib.closing(open_sink(f"bigquery://{PROJECT}/{dataset}")) as sink:
        yield sink


def rows(request="r", customers=("c1",), **changes):
    return table([orjson.dumps(record(request, customers, **changes))])[0]


def test_what_is_written_is_there_once_in_full(sink, ask, client, dataset):
    given = rows("r1", ["x", None], distance=None, shadow="4", shadow_segment_id=[1, None])
    for each in (given, given, rows("r2")):
        assert sink.write("a-0", each) == []
    assert ask("SELECT prediction_id FROM `{}.predictions_once` ORDER BY 1") == [("r1-0",), ("r1-1",), ("r2-0",)]
    (found,) = client.query(f"SELECT * FROM `{dataset}.predictions_once` WHERE prediction_id = 'r1-1'").result()
    assert {**found, "time": found["time"].replace(tzinfo=None)} == given.to_pylist()[1]
    made = client.get_table(f"{dataset}.predictions")
    assert (made.time_partitioning.field, made.clustering_fields) == ("time", ["customer_id", "segment_id"])


def of_dataset(dataset, **more):
    """A plan under which BigQuery says more of the dataset."""

    def told(status, answer):
        return status, json.dumps(json.loads(answer) | more).encode()

    return lambda method, path, _: told if method == "GET" and path.partition("?")[0].endswith(f"/{dataset}") else None


def test_no_table_is_made_where_its_rows_would_vanish(sink, dataset, gate, client):
    gate.plan = of_dataset(dataset, defaultPartitionExpirationMs=str(60 * 86_400_000))
    with pytest.raises(SinkError, match=r"lose the rows of each day after 60 days, .* Take it away: ") as told:
        sink.write("a-0", rows())
    assert str(told.value).endswith(f"bq update --default_partition_expiration 0 {PROJECT}:{dataset}")
    assert told.value.kind == "rows end"
    gate.plan = lambda *_: None
    assert not list(client.list_tables(dataset))
    sink.write("a-0", rows())
    gate.plan = of_dataset(dataset, defaultPartitionExpirationMs=str(60 * 86_400_000))
    assert sink.write("b-0", rows("r2")) == []  # the table is there, and its days are its owner's matter


def test_a_table_that_has_an_end_from_its_dataset_is_told_to_stay(sink, gate):
    changed = []

    def plan(method, path, body):
        if method == "PATCH":
            changed.append((path.partition("?")[0].rpartition("/")[2], json.loads(body)))
        if method == "POST" and path.partition("?")[0].endswith("/tables") and b'"predictions"' in body:
            return lambda status, answer: (status, json.dumps(json.loads(answer) | {"expirationTime": "1"}).encode())
        return None

    gate.plan = plan
    sink.write("a-0", rows())
    assert changed == [("predictions", {"expirationTime": None})]


def test_views_tell_of_days(sink, ask):
    sink.write("a-0", rows("r1", ["x", "y"], latency=0.5))
    sink.write("b-0", rows("r2", ["z"], latency=0.1))
    days = "SELECT CAST(day AS STRING), version, requests, instances, refused FROM `{}.requests_by_day`"
    assert ask(days) == [("2023-11-14", "3", 2, 3, 0)]
    assert ask("SELECT segment_id, segment, predictions, mean_distance FROM `{}.segments_by_day`") == [
        (2, "Top spenders · active", 3, 0.25)
    ]


NASTY = ["O'Hara", '"', "\\N", "a\tb\nc", "'); DROP TABLE predictions; --", "@customer", "é✓"]


def test_a_text_stays_a_text_and_a_customer_is_forgotten(sink, ask):
    assert sink.forget("c1") == 0
    sink.write("a-0", rows("r1", [*NASTY, None]))
    found = ask("SELECT customer_id FROM `{}.predictions` ORDER BY place")
    assert [each for (each,) in found] == [*NASTY, None]
    for name in NASTY:
        assert sink.forget(name) == 1
    assert ask("SELECT customer_id FROM `{}.predictions`") == [(None,)]


def test_a_server_that_fails_every_tenth_call_loses_and_doubles_nothing(sink, ask, gate, tmp_path):
    turn = iter(range(10**6))

    def plan(method, path, body):
        number = next(turn) % 20
        if number == 9:
            return failed(503, "backendError")  # before it did anything
        return (lambda *_: failed(503, "backendError")) if number == 19 else None  # after it did it

    logged(tmp_path, *(record(f"r{i}", [f"c{j}" for j in range(200)]) for i in range(150)))
    gate.plan = plan
    shipper = Shipper(tmp_path, sink, most_bytes=200_000)
    for _ in range(20):
        with contextlib.suppress(SinkError):
            shipper.once()
        if not spool.files(tmp_path):
            break
    gate.plan = lambda *_: None
    assert sum("insertAll" in path for _, path in gate.calls) > 60
    counted = "SELECT COUNT(*), COUNT(DISTINCT prediction_id) FROM `{}.predictions_once`"
    assert ask(counted) == [(30_000, 30_000)]


def test_a_row_that_is_refused_is_put_aside_and_the_others_are_there(sink, ask, gate, tmp_path):
    def plan(method, path, body):
        if "insertAll" not in path:
            return None
        sent = json.loads(body)["rows"]
        place = next(i for i, row in enumerate(sent) if row["json"]["customer_id"] == "bad")
        del sent[place]
        told = {"index": place, "errors": [{"reason": "invalid", "location": "inputs", "message": "secret"}]}
        gate.asked("POST", path, json.dumps({"rows": sent}).encode(), {"Content-Type": "application/json"})
        return 200, json.dumps({"insertErrors": [told]}).encode()

    logged(tmp_path, record("r1", ["a", "bad", "c"]))
    gate.plan = plan
    assert Shipper(tmp_path, sink).once() == 2
    assert ask("SELECT customer_id FROM `{}.predictions_once` ORDER BY place") == [("a",), ("c",)]
    (aside,) = (tmp_path / spool.UNREADABLE).read_bytes().splitlines()
    kept = orjson.loads(aside)
    assert (kept["prediction_id"], kept["refused"]) == ("r1-1", "invalid inputs")


def test_a_table_that_somebody_changed_is_told_and_no_row_put_aside(sink, client, dataset, gate):
    sink.write("a-0", rows("r1"))
    client.delete_table(f"{dataset}.predictions")
    client.query(f"CREATE TABLE `{dataset}.predictions` (prediction_id INT64, time TIMESTAMP)").result()
    refused = {"index": 0, "errors": [{"reason": "invalid", "location": "place", "message": "no such field"}]}
    gate.plan = lambda _, path, body: (
        (200, json.dumps({"insertErrors": [refused]}).encode()) if "insertAll" in path else None
    )
    with pytest.raises(SinkError, match=r"another shape \(prediction_id, request_id") as told:
        sink.write("b-0", rows("r2"))
    assert told.value.kind == "another shape"


@pytest.mark.parametrize(
    ("status", "reason", "kind", "mend"),
    [
        (403, "accessDenied", "no permission", "roles/bigquery.dataEditor"),
        (401, "authError", "no credentials", "gcloud auth application-default login"),
        (403, "quotaExceeded", "quota", "quota of BigQuery is used up"),
        (403, "billingNotEnabled", "billing", f"Link one to {PROJECT}"),
        (400, "invalid", "BadRequest", "Look at its log"),
    ],
)
def test_what_bigquery_denies_is_told_with_the_mend_and_without_data(sink, gate, status, reason, kind, mend):
    gate.plan = lambda *_: failed(status, reason, "secret c1")
    for act in (lambda: sink.write("a-0", rows()), lambda: sink.forget("c1")):
        with pytest.raises(SinkError, match=mend) as refused:
            act()
        assert refused.value.kind == kind
        assert "secret" not in str(refused.value)


def test_rows_that_came_just_now_cannot_be_removed_yet(sink, gate):
    sink.write("a-0", rows())
    late = failed(400, "invalidQuery", "would affect rows in the streaming buffer, which is not supported")
    gate.plan = lambda method, *_: late if method == "POST" else None
    with pytest.raises(SinkError, match="less than 90 minutes ago") as told:
        sink.forget("c1")
    assert told.value.kind == "too new"


def test_a_deletion_that_takes_long_is_waited_for(sink, gate, ask, monkeypatch):
    """Longer than a request and all its attempts may take."""
    sink.write("a-0", rows())
    for name in ("bigquery", "predictions"):
        monkeypatch.setattr(f"clientage.cloud.{name}.LONGEST", 0.5, raising=name == "bigquery")
    until, asked = time.monotonic() + 3, []

    def running(status, answer):
        told = json.loads(answer)
        if time.monotonic() < until and status == 200:
            told |= {"jobComplete": False} if "jobComplete" in told else {}
            told |= {"status": {"state": "RUNNING"}} if "status" in told else {}
        return status, json.dumps(told).encode()

    def plan(method, path, body):
        if method == "POST" and "/jobs" in path:
            asked.append(json.loads(body)["configuration"])
        return running if "/jobs" in path or "/queries" in path else None

    gate.plan = plan
    assert sink.forget("c1") == 1
    assert time.monotonic() >= until
    gate.plan = lambda *_: None
    assert ask("SELECT COUNT(*) FROM `{}.predictions`") == [(0,)]


def test_a_deletion_of_which_nothing_is_heard_is_told_as_one(sink, gate, monkeypatch):
    sink.write("a-0", rows())
    monkeypatch.setattr(door, "LONGEST", 1.0)
    for silent in (lambda method, path: "/tables/" in path, lambda method, path: "/jobs" in path or "/queries" in path):
        gate.plan = lambda method, path, _, silent=silent: failed(503, "backendError") if silent(method, path) else None
        with pytest.raises(SinkError, match=r"does not answer\. Rows of the customer may be left; do it again") as told:
            sink.forget("c1")
        assert "sent again" not in str(told.value)


def test_a_dataset_that_is_missing_is_told_with_the_command_that_makes_it(gate):
    with contextlib.closing(open_sink(f"bigquery://{PROJECT}/nothing")) as sink:
        with pytest.raises(SinkError, match=f"bq mk --dataset {PROJECT}:nothing") as missing:
            sink.write("a-0", rows())
        assert missing.value.kind == "not found"


def test_a_server_that_is_away_is_told_soon(monkeypatch, sink, gate):
    monkeypatch.setattr(door, "LONGEST", 1.0)
    gate.close()
    with pytest.raises(SinkError, match="does not answer") as away:
        sink.write("a-0", rows())
    assert away.value.kind == "away"


def test_without_credentials_the_mend_is_to_log_in(monkeypatch, tmp_path):
    monkeypatch.delenv(door.EMULATOR, raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with contextlib.closing(open_sink(f"bigquery://{PROJECT}/shop")) as sink:
        with pytest.raises(SinkError, match="gcloud auth application-default login") as without:
            sink.write("a-0", rows())
        assert without.value.kind == "no credentials"


@pytest.mark.parametrize("rest", ["", "our-shop", "Our/shop", "a`b/c", "our-shop/a.b"])
def test_what_is_no_dataset_is_refused(rest):
    with pytest.raises(SettingsError, match="bigquery://project/dataset"):
        open_sink(f"bigquery://{rest}")


def test_rows_that_bigquery_would_not_take_are_not_sent_but_put_aside(sink, ask, gate, tmp_path):
    logged(tmp_path, record("r1", ["a"]), record("r2", ["b"], time=10.0), record("r3", ["c"]))
    assert Shipper(tmp_path, sink).once() == 2
    assert ask("SELECT customer_id FROM `{}.predictions_once` ORDER BY 1") == [("a",), ("c",)]
    (aside,) = (tmp_path / spool.UNREADABLE).read_bytes().splitlines()
    assert orjson.loads(aside)["refused"] == "out of range time"


def test_what_was_put_aside_is_sent_again_by_the_command(sink, dataset, ask, gate, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "workspace" / spool.FOLDER
    folder.mkdir(parents=True)
    (row,) = rows("r1", ["a"]).to_pylist()
    spool.keep_unreadable(folder, [orjson.dumps({**sent(row), "refused": "invalid place"}) + b"\n", b"nothing\n"])
    with pytest.raises(SystemExit) as ended:
        main(["export", "bigquery", f"bigquery://{PROJECT}/{dataset}", "--refused"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.splitlines()[0] == "sent        1 predictions that had been put aside"
    assert ask("SELECT prediction_id FROM `{}.predictions`") == [("r1-0",)]
    assert (folder / spool.UNREADABLE).read_bytes() == b"nothing\n"


def test_a_table_with_the_name_of_a_view_does_not_stop_predictions(sink, ask, capfd):
    ask("CREATE TABLE `{}.records_by_day` (mine STRING)")
    assert sink.write("a-0", rows()) == []
    assert ask("SELECT customer_id FROM `{}.predictions`") == [("c1",)]
    assert "records_by_day there is no view" in capfd.readouterr().err


def test_rows_go_in_requests_that_are_not_too_large(sink, ask, gate):
    long = rows("r1", [f"c{i}" for i in range(20)], segment=["x" * 1_000_000] * 20)
    assert sink.write("a-0", long) == []
    assert sum("insertAll" in path for _, path in gate.calls) == 3
    assert ask("SELECT COUNT(*) FROM `{}.predictions`") == [(20,)]
