"""An Airflow for the tests, and shops that its tasks work on."""

import os
import subprocess
import sys

import pytest
from airflows import ROOT, Airflow, environment


@pytest.fixture(scope="session")
def airflow_bin():
    """The programs of Airflow; skips where it cannot be installed."""
    try:
        return environment()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"Airflow cannot be installed: {str(error)[-300:]}")


class Shop:
    """A folder with an inbox and a workspace, as Airflow's workers see it."""

    def __init__(self, home, **variables):
        self.home, self.inbox, self.workspace = home, home / "inbox", home / "workspace"
        self.inbox.mkdir(parents=True)
        self.bin = home / "clientage"
        code = "from clientage.cli import main; main()"
        self.bin.write_text(f"#!/bin/sh\nPYTHONPATH={ROOT / 'src'} exec {sys.executable} -c '{code}' \"$@\"\n")
        self.bin.chmod(0o755)
        self.variables = {
            "CLIENTAGE_BIN": str(self.bin),
            "CLIENTAGE_HOME": str(home),
            "CLIENTAGE_INBOX": str(self.inbox),
            "CLIENTAGE_WORKSPACE": str(self.workspace),
            "CLIENTAGE_WAREHOUSE__WAIT_SECONDS": "120",
            "CLIENTAGE_RETRY_SECONDS": "1",
            "CLIENTAGE_DAILY": "",
            "CLIENTAGE_WEEKLY": "",
            **variables,
        }

    def command(self, *words, status=0):
        """What a person would type, and what they see."""
        done = subprocess.run(
            [self.bin, *map(str, words)], env=os.environ | self.variables, capture_output=True, text=True, check=False
        )
        assert status is None or done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def day(self, day):
        """The options of a day."""
        return "--as-of", day, "--set", f"source.until={day}"


@pytest.fixture(scope="session")
def shop_of():
    return Shop


@pytest.fixture
def airflow(airflow_bin, tmp_path):
    """Start an Airflow for a shop; it ends with the test."""
    started = []

    def start(shop):
        started.append(Airflow(tmp_path / "airflow", shop.variables))
        return started[-1].start()

    yield start
    for each in started:
        each.kill()
