"""What the DAGs have in common: commands that can be run by hand, and who is told when one fails.

A task is a `clientage` command in an environment of its own. Between tasks there are tables in the workspace, and
nothing else. Settings are those of the command: `clientage.toml` in the folder CLIENTAGE_HOME, and the environment.
"""

import json
import os
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Asset, conf

BIN = os.environ.get("CLIENTAGE_BIN", "clientage")
HOME = os.environ.get("CLIENTAGE_HOME") or str(Path.cwd())
_WORKSPACE = os.environ.get("CLIENTAGE_WORKSPACE", "workspace")
WORKSPACE = _WORKSPACE.rstrip("/") if "://" in _WORKSPACE else f"file://{Path(HOME, _WORKSPACE).absolute()}"
NEEDED = ("CLIENTAGE_INBOX", "CLIENTAGE_WORKSPACE")

STAGES = ("read", "clean", "features", "segment", "profile", "recommend", "report")
"""The stages of a day, as `clientage step` names them; models are trained by `clientage_retrain`."""

PUBLISHED = ("lines", "customers", "segments", "profiles", "recommendations")
TABLES = [Asset(name=f"clientage_{name}", uri=f"{WORKSPACE}/tables/{name}.parquet") for name in PUBLISHED]
MODEL = Asset(name="clientage_model", uri=f"{WORKSPACE}/model/segments.json")
DRIFT = Asset(name="clientage_drift", uri=f"{WORKSPACE}/tables/drift.parquet")

DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"
"""The day of a run: it looks back from its morning on."""

DAILY = os.environ.get("CLIENTAGE_DAILY", "0 4 * * *")
WEEKLY = os.environ.get("CLIENTAGE_WEEKLY", "0 6 * * 1")
"""When, in UTC, as cron has it; empty for never."""

NOT_DUE = 3  # what the command ends with where a gate was not passed, or nothing is due
LAST_LINES = 20

READY = f"""\
missing=
for name in {" ".join(NEEDED)}; do [ -n "${{!name}}" ] || missing="$missing $name"; done
[ -z "$missing" ] || {{ echo "not set where the workers start:$missing. See docs/airflow.md."; exit 1; }}
{BIN} doctor
"""


def ready() -> BashOperator:
    """All that is needed is set, and the settings fit: said at once and before anything starts."""
    return BashOperator(task_id="ready", bash_command=READY, retries=0)


def command(task_id: str, words: str, **options: Any) -> BashOperator:
    """A task that runs `clientage` with some words.

    Args:
        task_id: Its name.
        words: What stands behind `clientage`; a template.
        options: Further ones of the operator.
    """
    return BashOperator(task_id=task_id, bash_command=f"{BIN} {words}", **options)


def tell_of_failure(context: Any) -> None:
    """Whoever CLIENTAGE_ALERTS names hears of a task that failed for good, with the last lines of its log."""
    task = context["ti"]
    lines = [*_last_lines(task), f"Run {task.run_id}, attempt {task.try_number}."]
    subject = f"{task.dag_id}: {task.task_id} failed"
    words = [*shlex.split(BIN), "tell", subject]
    subprocess.run(words, input="\n".join(lines), text=True, cwd=HOME, check=False, timeout=600)  # noqa: S603 - no shell


def _last_lines(task: Any) -> list[str]:
    """What the command said last, from the log on this machine; nothing where it lies elsewhere."""
    name = f"dag_id={task.dag_id}/run_id={task.run_id}/task_id={task.task_id}"
    name += f"/map_index={task.map_index}" * (task.map_index >= 0)
    path = Path(conf.get("logging", "base_log_folder"), name, f"attempt={task.try_number}.log")
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return []
    said = [str(entry["event"]) for entry in entries if "SubprocessHook" in entry.get("logger", "")]
    return said[-LAST_LINES:]


DEFAULTS: dict[str, Any] = {
    "owner": "clientage",
    "cwd": HOME,
    "append_env": True,
    "do_xcom_push": False,
    "retries": 3,
    "retry_delay": timedelta(seconds=float(os.environ.get("CLIENTAGE_RETRY_SECONDS", "60"))),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": tell_of_failure,
}
