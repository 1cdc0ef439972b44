"""Environments of their own for large servers, made once and kept outside the checkout by their constraints."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock


def made(name, constraints):
    """The folder of an environment with all that a file of constraints names."""
    key = hashlib.sha256((sys.version + constraints.read_text()).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clientage-tests"
    folder = cache / f"{name}-{key}"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # tests run side by side
        if not (folder / "complete").exists():
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True)
            install = [*uv, "pip", "install", "--python", str(folder / "bin/python"), "--requirement", str(constraints)]
            done = subprocess.run(install, check=False, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            (folder / "complete").touch()
    return folder
