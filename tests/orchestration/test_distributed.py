"""Airflow as a shop with several machines has it: Celery over Redis, and PostgreSQL under Airflow and MLflow."""

import os
import shutil
import signal
import socket
import subprocess
from datetime import date
from pathlib import Path

import pytest
from airflows import Airflow, until
from databases import program
from flowing import QUICK, end, running, shown
from mlflows import mlflow_server
from shops import free_port

from clientage.transactions.simulate import simulate

pytestmark = pytest.mark.slow

MADE, DAY, NEXT = "2024-09-02", "2024-09-09", "2024-09-10"
DAILY, RETRAIN, BACKFILL = "clientage_daily", "clientage_retrain", "clientage_backfill"
WORKERS = ("first", "second")
SCHEDULERS = ("scheduler", "another-scheduler")


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """The address of a Redis server."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    words = [program("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        until("Redis answers", lambda: listens(port), 30)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def listens(port):
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def registry(postgres, tmp_path_factory):
    """The address of an MLflow server that keeps everything in PostgreSQL."""
    pytest.importorskip("mlflow")
    postgres("CREATE DATABASE mlflow")
    address = postgres.address(database="mlflow").replace("postgresql:", "postgresql+psycopg:")
    with mlflow_server(tmp_path_factory.mktemp("mlflow"), free_port(), address) as server:
        yield server


@pytest.fixture(scope="module")
def shop(shop_of, registry, tmp_path_factory):
    """A small shop with a champion."""
    shop = shop_of(tmp_path_factory.mktemp("distributed") / "shop", CLIENTAGE_TRACKING__URI=registry, **QUICK)
    simulate(300, out=shop.inbox / "lines.parquet", start=date(2024, 1, 1), months=9)
    (shop.inbox / "lines_truth.parquet").unlink()
    shop.command("run", shop.inbox, *shop.day(MADE))
    shop.command("train")
    shop.command("promote", "--force", "the first")
    return shop


@pytest.fixture(scope="module")
def flow(airflow_bin, shop, redis, postgres):
    """Two schedulers, and two workers that take one task at a time."""
    postgres("CREATE DATABASE airflow")
    address = postgres.address(database="airflow").replace("postgresql:", "postgresql+psycopg2:")
    variables = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
        "AIRFLOW__CELERY__BROKER_URL": redis,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{address}",
    }
    worker = ("celery", "worker", "--concurrency", "1", "--skip-serve-logs", "--without-gossip", "--celery-hostname")
    programs = {
        "api-server": ("api-server",),
        "dag-processor": ("dag-processor",),
        **{name: ("scheduler", "--skip-serve-logs", "--pid", f"{name}.pid") for name in SCHEDULERS},
        **{name: (*worker, f"{name}@localhost", "--pid", f"{name}.pid") for name in WORKERS},
    }
    started = Airflow(shop.home / "airflow", shop.variables | variables, programs)
    try:
        started.start()
        for name in WORKERS:
            until(f"{name} is ready", lambda log=started.home / f"{name}.out": " ready." in log.read_text(), 120)
        for dag in (DAILY, RETRAIN, BACKFILL):
            started.unpause(dag)
        yield started
    finally:
        started.kill()


def owner(flow, process):
    """Which program of Airflow started a process, itself or through others."""
    names = {each.pid: name for name, each in flow.processes.items()}
    while process not in names:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return names[process]


def by_hand(shop, day):
    """What a day's commands make, one after the other, in a workspace that is as before after it."""
    kept = shop.home / "kept"
    shutil.copytree(shop.workspace, kept)
    shop.command("run", shop.inbox, "--draft", "daily", *shop.day(day))
    shop.command("publish", "daily", *shop.day(day))
    shop.command("monitor", status=None)
    found = shown(shop.workspace)
    shutil.rmtree(shop.workspace)
    kept.rename(shop.workspace)
    return found


def test_a_worker_and_a_scheduler_are_lost_and_the_others_make_the_same_tables(shop, flow):
    expected = by_hand(shop, DAY)
    run = flow.trigger(DAILY, DAY)
    halted = running(shop, "step", "features")
    lost = owner(flow, halted)
    assert lost in WORKERS
    flow.kill(lost)
    end(halted)
    halted = running(shop, "step", "profile")
    assert {lost, owner(flow, halted)} == set(WORKERS)
    flow.kill(SCHEDULERS[0])
    os.kill(halted, signal.SIGCONT)
    assert flow.ended(DAILY, run) == "success"
    assert flow.tasks(DAILY, run)["features"]["try_number"] >= 2
    assert shown(shop.workspace) == expected
    flow.start(lost, SCHEDULERS[0])


def test_days_of_the_past_are_those_that_the_command_makes(shop, flow):
    days = (DAY, NEXT)
    expected = {}
    for day in days:
        shop.command("run", shop.inbox, "--draft", day, *shop.day(day))
        expected[day] = shown(shop.workspace / "drafts" / day)
    shutil.rmtree(shop.workspace / "drafts")
    before = shown(shop.workspace)
    state, tasks = flow.run(BACKFILL, since=DAY, until=NEXT)
    assert state == "success", tasks
    assert {day: shown(shop.workspace / "drafts" / day) for day in days} == expected
    assert expected[DAY] != expected[NEXT]
    assert shown(shop.workspace) == before


def test_the_champion_moves_in_a_registry_on_postgresql(shop, flow, postgres):
    state, tasks = flow.run(RETRAIN)
    assert state == "success"
    assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(tasks, "success")
    shop.command("verify")
    script = "SELECT alias, version FROM registered_model_aliases ORDER BY alias"
    done = subprocess.run(
        [program("psql"), "-X", "-q", "-A", "-t", "-h", postgres.folder, "-U", "tester", "mlflow", "-c", script],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "champion|2" in done.stdout.splitlines()
