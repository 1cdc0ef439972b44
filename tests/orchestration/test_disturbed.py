"""Whatever is killed, full or away: once it is back, a day ends with the tables of an undisturbed one."""

import shutil
import subprocess
from datetime import date

import pytest
from airflows import Airflow, until
from flowing import QUICK, end, running, shown
from mlflows import mlflow_server
from receivers import Hook
from shops import free_port

from clientage.transactions.simulate import simulate

pytestmark = pytest.mark.slow

MADE, DAY = "2024-09-02", "2024-09-09"
DAILY, RETRAIN = "clientage_daily", "clientage_retrain"


@pytest.fixture(scope="module")
def told():
    """Whoever hears of failures."""
    with Hook() as hook:
        yield hook


@pytest.fixture(scope="module")
def pristine(shop_of, told, tmp_path_factory):
    """A small shop with a model; its registry is on a server that is away."""
    variables = {"CLIENTAGE_TRACKING__URI": f"http://127.0.0.1:{free_port()}", "CLIENTAGE_ALERTS": told.address}
    shop = shop_of(tmp_path_factory.mktemp("disturbed") / "shop", **variables, **QUICK)
    simulate(300, out=shop.inbox / "lines.parquet", start=date(2024, 1, 1), months=9)
    (shop.inbox / "lines_truth.parquet").unlink()
    shop.command("run", shop.inbox, *shop.day(MADE))
    shutil.copytree(shop.workspace, shop.home / "kept")
    return shop


@pytest.fixture(scope="module")
def expected(pristine):
    """What the commands of a day make, one after the other and without Airflow."""
    pristine.command("run", pristine.inbox, "--draft", "daily", *pristine.day(DAY))
    pristine.command("publish", "daily", *pristine.day(DAY))
    pristine.command("monitor", status=None)
    return shown(pristine.workspace)


@pytest.fixture(scope="module")
def flow(airflow_bin, pristine):
    """An Airflow for all of these tests."""
    started = Airflow(pristine.home / "airflow", pristine.variables)
    try:
        started.start()
        for dag in (DAILY, RETRAIN):
            started.unpause(dag)
        yield started
    finally:
        started.kill()


@pytest.fixture
def shop(pristine, expected, flow):
    """The shop as it was on the day of the model."""
    shutil.rmtree(pristine.workspace)
    shutil.copytree(pristine.home / "kept", pristine.workspace)
    return pristine


def test_a_task_and_the_scheduler_are_killed_and_the_same_day_runs_again(shop, flow, expected):
    before = shown(shop.workspace)
    run = flow.trigger(DAILY, DAY)
    end(running(shop, "step", "features"))
    halted = running(shop, "step", "profile")
    flow.kill("scheduler")
    end(halted)
    flow.start("scheduler")
    assert flow.ended(DAILY, run) == "success"
    tasks = flow.tasks(DAILY, run)
    assert tasks["features"]["try_number"] == 2
    assert tasks["profile"]["try_number"] >= 2
    assert shown(shop.workspace) == expected != before
    again = {"dag_run_id": run, "dry_run": False, "only_failed": False, "reset_dag_runs": True}
    flow.ask("POST", f"/dags/{DAILY}/clearTaskInstances", again)
    assert flow.ended(DAILY, run) == "success"
    assert flow.tasks(DAILY, run)["publish"]["try_number"] == 2
    assert shown(shop.workspace) == expected


def test_a_file_that_is_half_written_and_a_disk_that_is_full(shop, flow, expected, small_disk):
    (shop.workspace / "drafts").symlink_to(small_disk)
    (small_disk / "filled").write_bytes(b"0" * 1_900_000)
    path = shop.inbox / "lines.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    run = flow.trigger(DAILY, "2024-09-09T01:00:00Z")
    until("it is told", lambda: "error: lines.parquet" in flow.log(DAILY, run, "read"), 120)
    path.write_bytes(whole)
    until("it is told", lambda: "the disk is full" in flow.log(DAILY, run, "clean"), 120)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert flow.ended(DAILY, run) == "success"
    assert shown(shop.workspace) == expected
    (shop.workspace / "drafts").unlink()


def test_a_day_without_data_is_told_and_changes_nothing(shop, flow, told):
    before = shown(shop.workspace)
    told.got.clear()
    run = flow.trigger(DAILY, "2010-06-01")
    assert flow.ended(DAILY, run) == "failed"
    assert {name: task["state"] for name, task in flow.tasks(DAILY, run).items()} == {
        "ready": "success", "read": "success", "clean": "failed",
        **dict.fromkeys(["features", "segment", "profile", "recommend", "report"], "upstream_failed"),
        **dict.fromkeys(["publish", "monitor", "drift"], "upstream_failed"),
    }  # fmt: skip
    until("somebody hears of it", lambda: told.got, 60)
    (notice,) = told.got
    assert notice["title"] == "clientageˍdaily: clean failed"
    assert "error: no line is left after cleaning" in notice["message"]
    assert ", attempt 4." in notice["message"]
    assert shown(shop.workspace) == before


def test_a_registry_that_is_away_is_waited_for(shop, flow, tmp_path):
    run = flow.trigger(RETRAIN)
    until("it is told", lambda: "the tracking store cannot be used" in flow.log(RETRAIN, run, "gate"), 240)
    with mlflow_server(tmp_path, int(shop.variables["CLIENTAGE_TRACKING__URI"].rpartition(":")[2])):
        assert flow.ended(RETRAIN, run) == "success"
        assert flow.tasks(RETRAIN, run)["promote"]["state"] == "success"
        shop.command("verify")
