"""A PostgreSQL server for tests, for real."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def program(name, package="postgresql"):
    """A program of a server, wherever Debian keeps it."""
    found = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        reason = f"{name} is not installed: the Debian package {package} has it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return str(found)


class Server:
    """A server that listens on a socket in a folder of its own; a call hands a script to psql and gives its CSV."""

    def __init__(self, folder):
        self.folder = folder
        # root may not run one, and the folders of tests are closed to others
        self._who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self._who:
            shutil.chown(folder, "nobody", "nogroup")
        self._quietly("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C")

    def __call__(self, script):
        command = ["-X", "-q", "--csv", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "tester", "postgres"]
        done = subprocess.run([program("psql"), *command], input=script, capture_output=True, text=True, check=True)
        return done.stdout

    def start(self):
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self._quietly("pg_ctl", "-w", "-l", "log", "-o", options, "start")

    def stop(self):
        self._quietly("pg_ctl", "-m", "immediate", "-w", "stop")

    @property
    def pid(self):
        return int((Path(self.folder) / "data" / "postmaster.pid").read_text().split()[0])

    def address(self, user="tester", database="postgres"):
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def _quietly(self, name, *arguments):
        quiet = {"cwd": self.folder, "stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL} | self._who
        subprocess.run([program(name), "-D", "data", *arguments], check=True, **quiet)
