"""Clientage beside an Airflow that somebody else runs: made once on a worker, and again for another version."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SHOWS = """
import os, sys

def main():
    print(*sys.argv[1:], "|", os.environ.get("CLIENTAGE_ALERTS"), "|", os.environ.get("PYTHONPATH"), "|", {version!r})
    sys.exit(3 if "monitor" in sys.argv else 0)
"""


def wheel(folder, version):
    """A package of our name that needs nothing, and tells its words."""
    about = f"clientage-{version}.dist-info"
    files = {
        "clientage.py": SHOWS.format(version=version),
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: clientage\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[console_scripts]\nclientage = clientage:main\n",
    }
    record = "".join(f"{name},sha256={_digest(text)},{len(text.encode())}\n" for name, text in files.items())
    with zipfile.ZipFile(folder / f"clientage-{version}-py3-none-any.whl", "w") as made:
        for name, text in (files | {f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}).items():
            made.writestr(name, text)


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def worker(tmp_path):
    """A folder as it lies in the bucket, without the right to execute, and what starts a command there."""
    folder, programs = tmp_path / "data", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    shutil.copyfile(ROOT / "airflow" / "composer", folder / "composer")
    (folder / "constraints.txt").write_text("")
    (programs / "gcloud").write_text('#!/bin/sh\n[ "$6" = shop-alerts ] && echo "mailto://of $6"\n')
    (programs / "gcloud").chmod(0o755)

    def start(*words, **variables):
        environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "CLIENTAGE_ENVIRONMENTS": str(tmp_path / "environments"),
            "CLIENTAGE_PYTHON": sys.executable,
            "PYTHONPATH": "/opt/airflow",
            "PIP_NO_INDEX": "1",
        }
        return subprocess.Popen(
            ["bash", folder / "composer", *words],
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return folder, start


def ended(process):
    said, errors = process.communicate(timeout=240)
    return process.returncode, said.strip(), errors


@pytest.mark.slow
def test_one_environment_is_made_for_all_tasks_of_a_version(worker, tmp_path):
    folder, start = worker
    wheel(folder, "1.0")
    at_once = [start("step", name) for name in ("read", "clean")]
    assert [ended(each)[:2] for each in at_once] == [
        (0, f"step {name} | None | None | 1.0") for name in ("read", "clean")
    ]
    assert len(list((tmp_path / "environments").glob("*/complete"))) == 1

    assert ended(start("monitor"))[0] == 3
    code, said, _ = ended(start("tell", "a b", CLIENTAGE_SECRETS="CLIENTAGE_ALERTS=shop-alerts"))
    assert (code, said) == (0, "tell a b | mailto://of shop-alerts | None | 1.0")
    assert ended(start("tell", CLIENTAGE_SECRETS="CLIENTAGE_ALERTS=unknown"))[0] != 0

    (folder / "clientage-1.0-py3-none-any.whl").unlink()
    wheel(folder, "2.0")
    assert ended(start("doctor"))[:2] == (0, "doctor | None | None | 2.0")


def test_what_must_lie_there_is_said(worker):
    folder, start = worker
    assert "one clientage-….whl and constraints.txt must lie here" in ended(start("doctor"))[2]
    for version in ("1.0", "2.0"):
        wheel(folder, version)
    code, said, errors = ended(start("doctor"))
    assert (code, said) == (1, "")
    assert "docs/composer.md" in errors
