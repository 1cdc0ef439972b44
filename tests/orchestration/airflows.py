"""A real Airflow on this machine: an environment of its own, made once, and a home for each test."""

import json
import os
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import environments
from shops import free_port

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "airflow" / "dags"
CONSTRAINTS = ROOT / "airflow" / "constraints.txt"
PROGRAMS = ("api-server", "scheduler", "dag-processor")
ENDED = ("success", "failed", "skipped", "upstream_failed")
PATIENCE = 600.0  # seconds


def environment() -> Path:
    """The folder of programs of an environment with Airflow alone."""
    return environments.made("airflow", CONSTRAINTS) / "bin"


def until(what: str, found: Any, patience: float = PATIENCE) -> Any:
    """The first answer that is one, asked for again and again."""
    end = time.monotonic() + patience
    while not (answer := found()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.5)
    return answer


@dataclass
class Airflow:
    """An Airflow, started in a process group of its own.

    Attributes:
        home: Its folder.
        variables: Of the environment, for all of its tasks.
        programs: Its commands by name, each a process of its own.
    """

    home: Path
    variables: dict[str, str]
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {name: (name,) for name in PROGRAMS})
    bin: Path = field(default_factory=environment)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _token: str = ""

    def __post_init__(self) -> None:
        """A database with its tables, before anything starts."""
        self.home.mkdir(parents=True)
        url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "AIRFLOW"))}
        self.env = kept | {
            "PATH": f"{self.bin}:{kept['PATH']}",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",  # DAGs stay as they are: to read them again costs much
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            **self.variables,
        }
        subprocess.run([self.bin / "airflow", "db", "migrate"], env=self.env, check=True, capture_output=True)

    def start(self, *names: str) -> "Airflow":
        """Start those of its programs, or all; return when they answer."""
        for name in names or self.programs:
            with (self.home / f"{name}.out").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [self.bin / "airflow", *self.programs[name]],
                    env=self.env, cwd=self.home, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
        until("Airflow answers", self._healthy, 120)
        return self

    def kill(self, *names: str) -> None:
        """End programs, or all, at once and with whatever they started."""
        for name in names or list(self.processes):
            process = self.processes.pop(name)
            for stop, patience in ((signal.SIGKILL if names else signal.SIGTERM, 20), (signal.SIGKILL, None)):
                try:
                    os.killpg(process.pid, stop)
                except ProcessLookupError:
                    break
                try:
                    process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    continue

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The API's answer."""
        if not self._token:
            self._token = self._send("GET", "/auth/token", None)["access_token"]
        return self._send(method, f"/api/v2{path}", body)

    def _send(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {self._token}"} if self._token else {}),
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def _healthy(self) -> bool:
        try:
            health = self._send("GET", "/api/v2/monitor/health", None)
        except (OSError, urllib.error.URLError):
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    def unpause(self, dag: str) -> None:
        """Let a DAG run, once it is known."""

        def known() -> bool:
            try:
                return self.ask("PATCH", f"/dags/{dag}", {"is_paused": False})["is_paused"] is False
            except urllib.error.HTTPError:
                return False

        until(f"{dag} is known", known, 120)

    def trigger(self, dag: str, day: str | None = None, **conf: Any) -> str:
        """Start a run for a logical date."""
        moment = f"{day}T00:00:00Z" if day and "T" not in day else day
        body = {"logical_date": moment, "conf": conf}
        return str(self.ask("POST", f"/dags/{dag}/dagRuns", body)["dag_run_id"])

    def ended(self, dag: str, run: str) -> str:
        """How a run ended, when it has."""

        def state() -> str:
            found = str(self.ask("GET", f"/dags/{dag}/dagRuns/{run}")["state"])
            return found if found in ENDED else ""

        return str(until(f"{dag} {run} ends", state))

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """All runs of a DAG."""
        return list(self.ask("GET", f"/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"])

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        """The tasks of a run, by name."""
        found = self.ask("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances?limit=100")["task_instances"]
        return {each["task_id"]: each for each in found}

    def run(self, dag: str, day: str | None = None, **conf: Any) -> tuple[str, dict[str, dict[str, Any]]]:
        """Trigger a run and wait for its end: how it ended, and its tasks."""
        run = self.trigger(dag, day, **conf)
        return self.ended(dag, run), self.tasks(dag, run)

    def log(self, dag: str, run: str, task: str) -> str:
        """What the attempts of a task wrote."""
        folder = self.home / "logs" / f"dag_id={dag}" / f"run_id={run}" / f"task_id={task}"
        return "\n".join(path.read_text() for path in sorted(folder.rglob("*.log")))
