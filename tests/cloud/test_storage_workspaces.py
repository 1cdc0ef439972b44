"""Whole runs with a workspace in a bucket: the same as on a disk, and the same on every machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clientage
from clientage.cloud.storage import Folder
from clientage.contents import names
from clientage.transactions.simulate import simulate

sys.path.append(str(Path(__file__).parents[1] / "serving"))

pytestmark = pytest.mark.slow

QUICK = ["--set", "segments.bootstraps=2", "--set", "segments.k_max=4"]
ASK = {"instances": [{"customer_id": None}, {"customer_id": "nobody"}], "parameters": {"recommend": 2}}


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    path = tmp_path_factory.mktemp("lines") / "lines.parquet"
    simulate(400, out=path)
    return path


@pytest.fixture
def shop(bucket_gate, address, tmp_path):
    """Calls the command on a machine of its own."""

    def call(machine, *arguments, code=0, workspace=address, **environment):
        given = ["--workspace", workspace] if workspace else []
        done = subprocess.run(
            [sys.executable, "-c", "from clientage.cli import main; main()", *map(str, arguments), *map(str, given)],
            env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / machine), "COLUMNS": "200"} | environment,
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def copy_of(tmp_path, machine):
    (found,) = (tmp_path / machine).glob("clientage/workspaces/*/workspace")
    return found


def files_of(workspace):
    """All that two runs must have alike: what they cost is in `run.json`."""
    return {name: (workspace / name).read_bytes() for name in names(workspace) if name != "run.json"}


def test_a_run_in_a_bucket_equals_one_on_a_disk(shop, lines, tmp_path, address):
    """Byte for byte, as is what another machine reads; and everything else that is done with it goes on there."""
    shop("disk", "run", lines, *QUICK, workspace=tmp_path / "local")
    said = shop("one", "run", lines, *QUICK)
    assert f"published   {address} · publication 1" in said
    shop("two", "doctor")
    local = files_of(tmp_path / "local")
    assert local == files_of(copy_of(tmp_path, "one")) == files_of(copy_of(tmp_path, "two"))
    assert "publication 1," in shop("two", "doctor")

    said = shop("two", "run", lines, "--draft", "daily", *QUICK)
    assert "publication 2" in said
    assert "publication 3" in shop("one", "publish", "daily", *QUICK)
    somebody = clientage.read("customers", workspace=tmp_path / "local")["customer_id"][0].as_py()
    shop("one", "forget", somebody, "--yes")
    folder = Folder(address)
    for name in folder.names(""):
        assert folder.fetch(name, tmp_path / "object")
        assert somebody.encode() not in (tmp_path / "object").read_bytes()
    assert "there is no customer" in shop("two", "recommend", somebody, code=1)


def test_from_python_and_from_the_environment(shop, lines, tmp_path, address, monkeypatch):
    monkeypatch.setenv("CLIENTAGE_WAREHOUSE__COPIES", str(tmp_path / "copies"))
    overrides = ["segments.bootstraps=2", "segments.k_max=4"]
    clientage.run(str(lines), workspace=address, overrides=overrides)
    segments = clientage.read("segments", workspace=address)
    assert len(segments) > 100
    assert address in shop("one", "doctor", workspace="", CLIENTAGE_WORKSPACE=address)
    (tmp_path / "clientage.toml").write_text(f'workspace = "{address}"')
    said = shop("one", "recommend", "nobody", workspace="", code=1)
    assert "there is no customer nobody" in said
