"""A real Airflow runs the days of a real shop: drift retrains, the champion moves, and the service follows."""

import json
import os
import shutil
import signal
import subprocess
import urllib.request

import pytest
from airflows import until
from shops import free_port

pytestmark = [pytest.mark.slow, pytest.mark.real]

DAYS = ("2011-08-08", "2011-08-15", "2011-08-22")
DRIFTED = "2011-10-10"


@pytest.fixture
def shop(real, shop_of, tmp_path):
    """The public data set in an inbox, and a champion from the first of July."""
    pytest.importorskip("mlflow")
    shop = shop_of(tmp_path / "shop")
    shutil.copy(real, shop.inbox / "lines.parquet")
    shop.command("run", shop.inbox, *shop.day("2011-07-01"))
    shop.command("train")
    shop.command("promote", "--force", "the first")
    return shop


@pytest.fixture
def service(shop):
    """A service that follows the champion: its address."""
    port = free_port()
    words = ["serve", "--model", "champion", "--port", str(port), "--workers", "1", "--set", "serve.refresh_seconds=1"]
    process = subprocess.Popen([shop.bin, *words], env=os.environ | shop.variables, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until("the service answers", lambda: version(url), 60)
        shop.variables["CLIENTAGE_SERVICE_URL"] = url
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def version(url):
    try:
        with urllib.request.urlopen(f"{url}/openapi.json", timeout=5) as answer:
            return answer.headers["X-Model-Version"]
    except OSError:
        return None


def test_days_then_drift_then_a_new_champion_that_answers(shop, service, airflow):
    assert version(service) == "1"
    flow = airflow(shop)
    for dag in ("clientage_daily", "clientage_retrain"):
        flow.unpause(dag)
    for day in DAYS:
        state, tasks = flow.run("clientage_daily", day)
        assert state == "success", tasks
        assert tasks["drift"]["state"] == "skipped"
        assert str(as_of(shop)) == day
    assert flow.runs("clientage_retrain") == []
    state, tasks = flow.run("clientage_daily", DRIFTED)
    assert (state, tasks["drift"]["state"]) == ("success", "success")
    (begun,) = until("drift starts a retraining", lambda: flow.runs("clientage_retrain"), 60)
    assert flow.ended("clientage_retrain", begun["dag_run_id"]) == "success"
    tasks = flow.tasks("clientage_retrain", begun["dag_run_id"])
    assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(tasks, "success")
    assert version(service) == "2"
    assert str(as_of(shop)) == DRIFTED


def as_of(shop):
    return json.loads((shop.workspace / "run.json").read_text())["as_of"]
