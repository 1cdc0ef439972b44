"""Where Spark computes: what is written in the settings, and whether somebody answers there."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator

from clientage import forms
from clientage.errors import SparkError

JAVA = (17, 21)  # what Spark 4 runs on
PORT = 7077
_MASTER = re.compile(r"(?P<name>\[[^\]]*\]|[^:]+)(?::(?P<port>\d+))?")
ANSWER = 5.0  # seconds in which a machine that is up answers


def is_local(url: str) -> bool:
    """Whether it means this machine alone."""
    return bool(re.fullmatch(forms.HERE, url))


def masters(url: str) -> Iterator[tuple[str, int]]:
    """Hosts and ports of a cluster; more than one where it has masters that stand in for one another."""
    for each in url.removeprefix("spark://").split(","):
        if found := _MASTER.fullmatch(each):
            yield found["name"].strip("[]"), int(found["port"] or PORT)


def require_master(url: str) -> None:
    """See that a cluster is there, before Spark asks for a minute and a half.

    Raises:
        SparkError: None of its masters answers.
    """
    refused = []
    for host, port in masters(url):
        try:
            with socket.create_connection((host, port), ANSWER):
                return
        except (OSError, UnicodeError) as error:
            refused.append(f"{host}:{port} ({getattr(error, 'strerror', None) or error})")
    raise SparkError(
        f"{url}: no master of Spark answers at {', '.join(refused)}. Start it, or compute here: --warehouse 'local[*]'."
    )


def require_java() -> None:
    """See that there is a Java that Spark runs on.

    Raises:
        SparkError: There is none, or another one.
    """
    wanted = f"Spark needs Java {' or '.join(map(str, JAVA))}"
    mend = "Install it (Debian: openjdk-17-jre-headless), and let JAVA_HOME name its folder."
    home = os.environ.get("JAVA_HOME", "")
    path = shutil.which("java", path=f"{home}/bin" if home else None)
    if path is None:
        where = f"JAVA_HOME is {home}, and there is no bin/java" if home else "there is no java on the path"
        raise SparkError(f"{wanted}, and {where}. {mend}")
    try:
        told = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    except OSError as error:
        raise SparkError(f"{wanted}; {path} cannot be run ({error.strerror}). {mend}") from error
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found is None or int(found[1]) not in JAVA:
        raise SparkError(f"{wanted}; {path} is {f'Java {found[1]}' if found else 'no Java'}. {mend}")
