"""A customer who was forgotten is nowhere in the workspace, does not come back, and nobody else is touched."""

import contextlib
import csv
import hashlib
import json
import re
import shutil
import sys

import pyarrow.parquet as pq
import pytest

import clientage
from clientage import forget as forgetting
from clientage.errors import ClientageError, InputError, WorkspaceError
from clientage.forget import forget
from clientage.forgotten import forgotten, remembered
from clientage.serving import spool
from clientage.serving.folder import FolderSink, read_predictions
from clientage.serving.log import PredictionLog
from clientage.serving.ship import Shipper
from clientage.serving.sinks import open_sink
from clientage.settings import load
from clientage.tables import TABLES
from clientage.warehouse import connect

ZOE = "zoe.forgotten@example.com"
OVERRIDES = ["segments.k=3", "segments.bootstraps=2"]


def written(path):
    """A small shop in which Zoe has good lines, one that cannot be read, and one without a name of the product."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["order", "date", "customer", "sku", "description", "qty", "price", "country"])
        for i in range(400):
            customer = ZOE if i % 25 == 0 else f"c{i % 30}@example.com" if i % 40 else ""
            name, quantity = "" if i in (3, 25) else f"Thing {i % 17}", "many" if i == 50 else 1 + i % 5
            when = f"2024-{1 + i % 9:02}-{13 + i % 15:02} 10:00"
            price, country = f"{1 + i % 11}.50", "France" if i % 2 else "Spain"
            writer.writerow([1000 + i, when, customer, 22000 + i % 17, name, quantity, price, country])
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The order lines and a workspace made of them."""
    folder = tmp_path_factory.mktemp("forget")
    source = written(folder / "orders.csv")
    clientage.run(str(source), workspace=folder / "ws", overrides=OVERRIDES)
    return source, folder / "ws"


@pytest.fixture
def workspace(shop, tmp_path):
    return shutil.copytree(shop[1], tmp_path / "ws")


def settings(workspace):
    return load(None, [f"workspace={workspace}"])


def contents(workspace):
    return {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file() and path.name != ".lock"}


def tables(workspace):
    return {path.stem: pq.read_table(path) for path in sorted((workspace / "tables").glob("*.parquet"))}


def places(workspace, text):
    """Where a text stands: in the bytes of any file, its name, or the values of any table."""
    found = [path.name for path, data in contents(workspace).items() if text.encode() in data or text in str(path.name)]
    return found + [name for name, table in tables(workspace).items() if text in str(table.to_pylist())]


def test_nothing_is_left_and_nobody_else_is_touched(workspace):
    before = tables(workspace)
    with_ids = [name for name in before if "customer_id" in TABLES[name].columns]
    assert (
        {"transactions", "lines", "rejected", "customers", "segments"} <= set(with_ids) <= set(places(workspace, ZOE))
    )

    receipt = forget(settings(workspace), ZOE)

    assert places(workspace, ZOE) == []
    after = tables(workspace)
    for name in ("transactions", "lines", "rejected", "customers", "segments"):
        table = before[name]
        others = [row for row in table.to_pylist() if row.get("customer_id") != ZOE]
        assert after[name].to_pylist() == others, f"{name}: other rows, or another order"
        assert receipt.rows.get(name, 0) == table.num_rows - len(others)
    assert any(row["customer_id"] is None for row in after["rejected"].to_pylist())
    assert set(after) == set(before)
    assert sum(after["profiles"]["customers"].to_pylist()) == after["customers"].num_rows
    ids = set(after["customers"]["customer_id"].to_pylist())
    assert set(after["recommendations"]["customer_id"].to_pylist()) <= ids


def test_what_only_they_bought_and_where_only_they_lived_goes_too(tmp_path):
    rows = ["customer,date,sku,description,quantity,price,country"]
    rows += [
        f"c{i:02},2024-0{1 + (i + j) % 9}-1{j},{1000 + (i + j) % 5},Mug {j},{1 + i % 3},{4 + i % 7},France"
        for i in range(40)
        for j in range(4)
    ]
    rows += [f"{ZOE},2024-09-0{day},9999,Engraved mug,1,90.5,Freedonia" for day in (1, 2)]
    (tmp_path / "orders.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    clientage.run(str(tmp_path / "orders.csv"), workspace=tmp_path / "ws", overrides=["segments.k=3"])
    assert places(tmp_path / "ws", "Freedonia")
    assert places(tmp_path / "ws", "Engraved")
    forget(settings(tmp_path / "ws"), ZOE)
    assert places(tmp_path / "ws", "Freedonia") == places(tmp_path / "ws", "Engraved") == []


def test_what_a_killed_run_left_goes_before_anything_is_asked(tmp_path):
    for left in (".scratch/judged.parquet", ".staging/tables/lines.parquet"):
        path = tmp_path / left
        path.parent.mkdir(parents=True)
        path.write_text(ZOE, encoding="utf-8")
    with pytest.raises(WorkspaceError, match="there are no tables yet"):
        forget(settings(tmp_path), ZOE)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_report_that_cannot_be_renewed_goes(workspace):
    (workspace / "tables/traits.parquet").unlink()
    (workspace / "model/segments.json").unlink()
    forget(settings(workspace), ZOE)
    assert not (workspace / "report.html").exists()
    assert places(workspace, ZOE) == []


def test_run_json_and_report_tell_of_what_is_left(workspace):
    before = json.loads((workspace / "run.json").read_text(encoding="utf-8"))
    page = (workspace / "report.html").read_text(encoding="utf-8")
    receipt = forget(settings(workspace), ZOE)
    after = json.loads((workspace / "run.json").read_text(encoding="utf-8"))
    found = tables(workspace)
    assert after["tables"] == {name: found[name].num_rows for name in before["tables"]}
    assert sum(before["reasons"].values()) - sum(after["reasons"].values()) == receipt.rows["rejected"] == 2
    assert list(after["reasons"]) == [reason for reason in before["reasons"] if reason in after["reasons"]]
    counted = re.compile(r"<dt>customers</dt><dd>(\d+)</dd>")
    renewed = (workspace / "report.html").read_text(encoding="utf-8")
    assert int(counted.search(page)[1]) - int(counted.search(renewed)[1]) == 1


def answer(request, *customers):
    """An answered request as the log has it."""
    n = len(customers)
    part = {"form": "customer", "place": list(range(n)), "customer_id": list(customers), "names": ["spend"]}
    part |= {"values": [[9.5]] * n, "segment_id": [1] * n, "segment": ["Loyal"] * n}
    return {"id": request, "time": 1.7e9, "latency": 0.001, "version": "1", "parts": [part]}


@contextlib.contextmanager
def served(workspace, sink):
    """Predictions shipped, waiting, and being written while the body runs."""
    folder = workspace / spool.FOLDER
    with contextlib.closing(PredictionLog(folder)) as log:
        log.append(answer("shipped", ZOE, "c1@example.com"))
        log.append({"unreadable": [ZOE]})
        Shipper(folder, sink).once()
        log.append(answer("waiting", "c1@example.com", ZOE, "c2@example.com"))
        log.append(answer("waiting too", ZOE))
        yield log


def test_what_was_predicted_for_them_goes_too_wherever_it_is(workspace):
    sink = FolderSink(workspace / spool.SINK)
    with served(workspace, sink) as log:
        assert len(places(workspace, ZOE)) > 6
        receipt = forget(settings(workspace), ZOE)
        assert receipt.rows["predictions"] == 3
        assert receipt.rows["transactions"] > 0
        assert places(workspace, ZOE) == []
        log.append(answer("later", ZOE, "c3@example.com"))
    Shipper(workspace / spool.FOLDER, sink, lambda ids: forgotten(workspace, ids)).once()
    assert places(workspace, ZOE) == []
    found = read_predictions(sink.folder)["prediction_id"].to_pylist()
    assert found == ["later-1", "shipped-1", "waiting-0", "waiting-2"]


def test_who_is_known_from_predictions_alone_is_forgotten(workspace):
    with contextlib.closing(PredictionLog(workspace / spool.FOLDER)) as log:
        log.append(answer("r", "new@example.com"))
        report = (workspace / "report.html").stat()
        assert forget(settings(workspace), "new@example.com").rows == {"predictions": 1}
        assert (workspace / "report.html").stat().st_ino == report.st_ino
    assert places(workspace, "new@example.com") == []
    with pytest.raises(InputError, match="exactly as it came"):
        forget(settings(workspace), "new@example.com")


def test_predictions_without_any_table_suffice(tmp_path):
    with contextlib.closing(PredictionLog(tmp_path / spool.FOLDER)) as log:
        log.append(answer("r", ZOE))
    assert forget(settings(tmp_path), ZOE).rows == {"predictions": 1}
    assert places(tmp_path, ZOE) == []


def test_predictions_in_a_database_go_too_and_where_it_is_away_all_stays(workspace, postgres):
    postgres("DROP TABLE IF EXISTS predictions")
    set_ = load(None, [f"workspace={workspace}", f"serve.sink={postgres.address()}"])
    with contextlib.closing(open_sink(postgres.address())) as sink, served(workspace, sink):
        sink.close()
        (workspace / "challenger").mkdir()
        (workspace / "challenger/run.json").write_text(f'"{ZOE}"')
        before = contents(workspace)
        postgres.stop()
        try:
            with pytest.raises(ClientageError, match="the database cannot be reached"):
                forget(set_, ZOE)
        finally:
            postgres.start()
        assert contents(workspace) == before
        assert forget(set_, ZOE).rows["predictions"] == 3
        assert places(workspace, ZOE) == []
        assert postgres("SELECT customer_id FROM predictions").split()[1:] == ["c1@example.com"]


def test_while_predictions_are_removed_none_are_shipped(workspace, monkeypatch):
    """What was read before would come back after."""
    sink = FolderSink(workspace / spool.SINK)
    with served(workspace, sink), monkeypatch.context() as patch:
        patch.setattr(forgetting, "remembered", lambda folder: (busy(workspace), remembered(folder))[1])
        forget(settings(workspace), ZOE)
    assert Shipper(workspace / spool.FOLDER, sink).once() == 2


def busy(workspace):
    """Somebody holds the lock of the log."""
    with pytest.raises(WorkspaceError, match="being shipped"), spool.locked(workspace / spool.FOLDER, seconds=0):
        pass


def test_without_the_library_of_the_log_it_says_what_to_install(workspace, monkeypatch):
    (workspace / spool.SINK).mkdir()
    monkeypatch.delitem(sys.modules, "clientage.serving.erase", raising=False)
    monkeypatch.setitem(sys.modules, "orjson", None)
    before = contents(workspace)
    with pytest.raises(WorkspaceError, match=r"without orjson.* pip install 'clientage\[serve\]'"):
        forget(settings(workspace), ZOE)
    assert contents(workspace) == before


def test_the_receipt_says_what_went_and_not_who(workspace):
    receipt = forget(settings(workspace), ZOE)
    (path,) = (workspace / "forgotten").glob("*.json")
    said = json.loads(path.read_text(encoding="utf-8"))
    salt = (workspace / "forgotten/salt").read_text(encoding="utf-8")
    assert said["customer"] == hashlib.sha256(f"{salt}{ZOE}".encode()).hexdigest()
    assert said["rows"] == receipt.rows
    assert said["time"].endswith("Z")
    assert said["time"].replace(":", "-") == path.stem
    assert "duckdb" in said["versions"]


def test_copies_of_deployed_models_are_told_where_there_may_be_some(workspace, monkeypatch):
    deployed = load(None, [f"workspace={workspace}", "google.bucket=gs://our-shop-models/clientage"])
    receipt = forget(deployed, ZOE)
    bucket = "gs://our-shop-models/clientage"
    assert receipt.left == (f"{bucket}/models", f"{bucket}/training", f"{bucket}/pipeline")
    assert json.loads((workspace / receipt.name).read_text(encoding="utf-8"))["left"] == list(receipt.left)
    assert forget(settings(workspace), "c1@example.com").left == ()
    monkeypatch.setattr("clientage.warehouse.Warehouse.elsewhere", lambda _: ("bigquery://our-shop/shop/*_5d0c1f42_*",))
    assert forget(settings(workspace), "c2@example.com").left == ("bigquery://our-shop/shop/*_5d0c1f42_*",)


def test_a_later_run_on_the_same_source_keeps_them_out(shop, workspace):
    first = forget(settings(workspace), ZOE)
    second = forget(settings(workspace), "c1@example.com")
    salts = {path.read_text(encoding="utf-8") for path in (workspace / "forgotten").glob("salt")}
    manifest = clientage.run(str(shop[0]), workspace=workspace, overrides=OVERRIDES)
    assert places(workspace, ZOE) == places(workspace, "c1@example.com") == []
    assert manifest.source["forgotten"] == first.rows["transactions"] + second.rows["transactions"]
    assert manifest.tables["transactions"] == 400 - manifest.source["forgotten"]
    assert any(row["customer_id"] is None for row in tables(workspace)["rejected"].to_pylist()), "nobody's lines stay"
    assert len(salts) == 1
    with pytest.raises(InputError):
        forget(settings(workspace), ZOE)


def test_a_workspace_without_forgotten_customers_does_not_speak_of_them(shop):
    assert "forgotten" not in (shop[1] / "run.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("unknown", ["nobody@example.com", ZOE.upper(), f" {ZOE}", "", "\udcff", "' OR '1' = '1"])
def test_an_unknown_customer_changes_nothing_and_names_nobody(workspace, unknown):
    before = contents(workspace)
    with pytest.raises(InputError, match="exactly as it came") as caught:
        forget(settings(workspace), unknown)
    assert "example.com: no" not in str(caught.value).replace(unknown, "")
    assert contents(workspace) == before


def test_a_failure_in_the_middle_leaves_everything_as_it_was(workspace, monkeypatch):
    before = contents(workspace)
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(forgetting, "remembered", lambda _: 1 / 0)
        forget(settings(workspace), ZOE)
    assert contents(workspace) == before
    assert not {".staging", ".scratch"} & {path.name for path in workspace.iterdir()}


def test_one_at_a_time(workspace):
    with connect(workspace).transaction(), pytest.raises(WorkspaceError, match="another run"):
        forget(settings(workspace), ZOE)


def test_without_tables_there_is_nobody_to_forget(tmp_path):
    with pytest.raises(WorkspaceError, match="there are no tables yet"):
        forget(settings(tmp_path / "absent"), ZOE)
    assert not (tmp_path / "absent").exists()


def test_without_a_report_none_is_made(workspace):
    (workspace / "report.html").unlink()
    (workspace / "run.json").unlink()
    forget(settings(workspace), ZOE)
    assert places(workspace, ZOE) == []
    assert not (workspace / "report.html").exists()


def test_some_tables_suffice(workspace):
    for path in (workspace / "tables").glob("*.parquet"):
        if path.stem != "transactions":
            path.unlink()
    assert set(forget(settings(workspace), ZOE).rows) == {"transactions"}


@pytest.mark.parametrize("spoil", [lambda folder: (folder / "salt").unlink(),
                                   lambda folder: next(folder.glob("*.json")).write_text("{}")])  # fmt: skip
def test_a_spoilt_memory_stops_a_run_before_anybody_comes_back(shop, workspace, spoil):
    forget(settings(workspace), ZOE)
    spoil(workspace / "forgotten")
    with pytest.raises(WorkspaceError, match="Restore the folder"):
        clientage.run(str(shop[0]), workspace=workspace, overrides=OVERRIDES)
    assert places(workspace, ZOE) == []


def test_every_workspace_has_a_salt_of_its_own(tmp_path):
    assert remembered(tmp_path).salt != remembered(tmp_path).salt
    assert remembered(tmp_path).digests == ()
