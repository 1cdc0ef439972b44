"""The DAGs name the steps of the flow, and nothing else of it."""

import ast
import json
import os
import re
import subprocess

import pytest
import yaml
from airflows import DAGS, ROOT

from clientage import pipeline
from clientage.drafts import DRAFTED

SHOWN = """
import importlib, json, sys
found = {}
for name in ("clientage_daily", "clientage_retrain", "clientage_backfill"):
    module = importlib.import_module(name)
    dag = getattr(module, name)()
    found[name] = {
        task.task_id: [
            (task.partial_kwargs if task.is_mapped else vars(task)).get("bash_command", ""),
            sorted(task.downstream_task_ids),
            task.retries,
            [asset.name for asset in task.outlets],
        ]
        for task in dag.tasks
    }
print(json.dumps(found))
"""


def named(module, name):
    """A list of words in a file that cannot be imported here."""
    for node in ast.walk(ast.parse((DAGS / module).read_text())):
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise LookupError(name)


@pytest.fixture(scope="module")
def dags(airflow_bin, tmp_path_factory):
    """Tasks by DAG and name: command, what follows, retries, assets."""
    home = tmp_path_factory.mktemp("dags")
    variables = {"AIRFLOW_HOME": str(home), "CLIENTAGE_BIN": "clientage", "CLIENTAGE_WORKSPACE": "/data/workspace"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "CLIENTAGE"))}
    done = subprocess.run(
        [airflow_bin / "python", "-W", "ignore", "-c", SHOWN],
        cwd=DAGS, env=kept | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_flow_dvc_and_airflow_name_the_same_steps():
    dag = named("clientage_commands.py", "STAGES")
    recipe = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert dag == DRAFTED
    assert [stage for stage in recipe if stage in dag] == list(dag)
    assert set(recipe) - set(dag) <= {"train", "evaluate", "sweep"}
    assert list(dag) == [stage.name for stage in pipeline.STAGES if stage.name not in ("train", "evaluate", "sweep")]


def test_a_day_is_a_task_for_each_stage_one_after_the_other(dags):
    tasks = dags["clientage_daily"]
    assert list(tasks) == ["ready", *DRAFTED, "publish", "monitor", "drift"]
    assert [tasks[name][1] for name in tasks] == [[name] for name in list(tasks)[1:]] + [[]]
    for stage in DRAFTED:
        assert tasks[stage][0].startswith(f"clientage step {stage} ")
    assert tasks["ready"][2] == 0
    assert {tasks[name][2] for name in tasks if name != "ready"} == {3}
    assert tasks["drift"][3] == ["clientage_drift"]
    assert "clientage_segments" in tasks["publish"][3]


def test_a_retraining_goes_through_the_gate(dags):
    tasks = dags["clientage_retrain"]
    assert set(tasks) == {"ready", "train", "gate", "promote", "verify", "tell"}
    assert tasks["promote"][3] == ["clientage_model"]
    assert sorted(tasks["train"][1]) == ["gate", "tell"]
    assert [tasks[name][1] for name in ("ready", "gate", "promote", "verify")] == [
        ["train"],
        ["promote"],
        ["verify"],
        ["tell"],
    ]


def test_words_of_commands_are_verbs_and_options_of_the_command(dags):
    from typer.main import get_command  # noqa: PLC0415

    from clientage.cli import app  # noqa: PLC0415

    verbs = get_command(app).commands
    used = [task[0] for tasks in dags.values() for task in tasks.values() if task[0]]
    calls = [words.split() for text in used for line in text.splitlines() for words in re.split("[|;]", line)]
    calls = [words[words.index("clientage") + 1 :] for words in calls if "clientage" in words]
    assert {words[0] for words in calls} >= {"step", "publish", "monitor", "run", "train", "promote", "verify", "tell"}
    for verb, *words in calls:
        known = {option for parameter in verbs[verb].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("gone", [("CLIENTAGE_INBOX", "CLIENTAGE_WORKSPACE"), ("CLIENTAGE_INBOX",)])
def test_what_is_not_set_is_named_at_once_and_before_anything_starts(dags, gone):
    known = {"CLIENTAGE_INBOX": "/inbox", "CLIENTAGE_WORKSPACE": "/workspace", "PATH": os.environ["PATH"]}
    variables = {name: value for name, value in known.items() if name not in gone}
    done = subprocess.run(
        ["bash", "-c", dags["clientage_daily"]["ready"][0]], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == f"not set where the workers start: {' '.join(gone)}. See docs/airflow.md.\n"


def test_only_the_sdk_and_the_standard_operators_are_imported():
    for path in DAGS.glob("*.py"):
        nodes = [*ast.walk(ast.parse(path.read_text()))]
        names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        of_airflow = {name for name in names if name.startswith("airflow")}
        assert of_airflow <= {"airflow.sdk", "airflow.providers.standard.operators.bash"}
        assert "clientage" not in {name.split(".")[0] for name in names}
