"""The verbs of models, as a person types them: what they say, and how they leave."""

import json
import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(sample_run, tmp_path_factory):
    """A workspace with tables and a model, and no registry yet."""
    folder = tmp_path_factory.mktemp("models") / "workspace"
    shutil.copytree(sample_run[0].workspace, folder)
    return folder


def test_a_training_says_where_it_is_and_what_to_do_next(command, workspace):
    pytest.importorskip("mlflow")
    sets = ["--set", "segments.bootstraps=5"]
    done = command("train", "--workspace", workspace, *sets)
    assert done.returncode == 0, done.stderr
    assert "challenger  version 1 of clientage-segments" in done.stdout
    assert f"next: clientage promote --workspace {workspace}" in done.stdout
    assert done.stderr == ""
    assert not list(workspace.glob("**/*.pkl"))

    stopped = command("promote", "--workspace", workspace, *sets, "--set", "segments.min_share=0.9")
    assert stopped.returncode == 3
    assert "smallest segment" in stopped.stdout
    assert stopped.stderr.startswith("error: version 1 of clientage-segments does not pass the gate")

    told = command("promote", "--workspace", workspace, *sets, "--set", "segments.min_share=0.9", "--json")
    assert told.returncode == 3
    assert [check["passed"] for check in json.loads(told.stdout)["checks"]].count(False) == 1

    twice = command("promote", "--workspace", workspace, "--force", "we know", "--reason", "for spring")
    assert (twice.returncode, "Give one of them." in twice.stderr) == (2, True)

    forced = command(
        "promote", "--workspace", workspace, "--force", "we know", "--set", "segments.min_share=0.9", "--json"
    )
    assert forced.returncode == 0, forced.stderr
    assert json.loads(forced.stdout)["change"]["reason"] == "we know"

    shown = command("models", "--workspace", workspace)
    assert "champion" in shown.stdout
    assert "forced: we know" in shown.stdout
    told = json.loads(command("models", "--workspace", workspace, "--json").stdout)
    assert [each["version"] for each in told["versions"]] == [1]
    assert told["champions"][0]["forced"] is True

    back = command("rollback", "--workspace", workspace)
    assert (back.returncode, "no champion before this one" in back.stderr) == (1, True)
    absent = command("promote", "9", "--workspace", workspace)
    assert (absent.returncode, "no version 9. It has 1" in absent.stderr) == (1, True)


def test_models_where_nothing_was_trained(command, tmp_path):
    done = command("models", "--workspace", tmp_path / "nothing")
    assert (done.returncode, "no model was ever trained here" in done.stderr) == (1, True)
    assert not (tmp_path / "nothing").exists()


def test_an_address_with_a_password_is_refused_and_not_repeated(command, tmp_path):
    done = command("models", "--set", "tracking.uri=https://ann:hunter2@example.com", "--workspace", tmp_path)
    assert done.returncode == 2
    assert "MLFLOW_TRACKING_PASSWORD" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
