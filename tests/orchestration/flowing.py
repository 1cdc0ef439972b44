"""A shop whose days Airflow runs: its folders, what a person would type, and what is to be seen after it."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from airflows import ROOT, until

QUICK = {
    "CLIENTAGE_SEGMENTS__K": "3", "CLIENTAGE_SEGMENTS__BOOTSTRAPS": "2", "CLIENTAGE_SEGMENTS__MIN_STABILITY": "0",
    "CLIENTAGE_SEGMENTS__WORST_STABILITY": "0", "CLIENTAGE_MONITOR__RETRAIN_DAYS": "0",
    "CLIENTAGE_RETRY_SECONDS": "5",
}  # fmt: skip
"""Settings that make little of a training."""


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


def shown(workspace):
    """Checksums of all that a workspace shows; what a run cost differs from run to run."""
    names = [
        *workspace.glob("tables/*"),
        *workspace.glob("facts/*"),
        *workspace.glob("model/*"),
        workspace / "report.html",
    ]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in names}
    return found | {"run.json": json.loads((workspace / "run.json").read_text()) | {"stages": {}}}


def running(shop, verb, stage=""):
    """The process of a command, once there is one, stopped before it is done."""

    def found():
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
                own = str(shop.home).encode() in (place / "environ").read_bytes()
                if own and "-c" in words and verb in words and (not stage or stage in words):
                    return int(place.name)
        return None

    process = until(f"{verb} {stage} runs", found, 120)
    os.kill(process, signal.SIGSTOP)
    return process


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
