"""An Airflow for the tests, and shops that its tasks work on."""

import os
import subprocess

import pytest
from airflows import Airflow, environment
from flowing import Shop


@pytest.fixture(scope="session")
def airflow_bin():
    """The programs of Airflow; skips where it cannot be installed."""
    try:
        return environment()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"Airflow cannot be installed: {str(error)[-300:]}")


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
