"""What Spark refuses, in the user's words."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from clientage.errors import SparkError

_BEFORE = "The tables are as they were."
# what stands in Spark's words, and what to say
_REASONS = {
    r"OutOfMemoryError|Not enough memory|exit code (?:52|137)\b|SIGKILL": "an executor ran out of memory. Give it "
    "more: --set warehouse.memory=8GB, or give the cluster more workers",
    r"No space left on device": "the disk is full. Free some space, or name another one: "
    """--set 'warehouse.spark={"spark.local.dir": "/disk"}'""",
    r"All masters are unresponsive|(?:SparkContext was shut down|stopped SparkContext)|Connection refused|"
    r"Application has been killed|Master removed our application": "the cluster went away. See that its master and "
    "workers run",
    r"ExecutorLostFailure|FetchFailed": "workers were lost more often than their work could be done again, "
    "perhaps out of memory. Give it more: --set warehouse.memory=8GB, or see in their logs why they ended",
    r"FileNotFoundException|PATH_NOT_FOUND": "a file is not there, or a worker cannot see it. The workspace must be at "
    "the same path on every machine of the cluster",
    r"AccessControlException|Permission denied": "no permission to write. Workers write into the workspace as the user "
    "that they run as",
    r"CANNOT_READ_FILE_FOOTER|not a Parquet file|FAILED_READ_FILE": "a table is damaged or half written. Make it again "
    "with `clientage run FILE`",
}


@contextlib.contextmanager
def explained(where: str) -> Iterator[None]:
    """Say what Spark refused.

    Args:
        where: Its address.

    Raises:
        SparkError: In place of what it raised.
    """
    from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError  # noqa: PLC0415
    from pyspark.errors import PySparkException  # noqa: PLC0415

    try:
        yield
    except Py4JNetworkError as error:
        raise SparkError(
            f"{where}: Spark ended unexpectedly; perhaps it ran out of memory. {_BEFORE} Run again."
        ) from error
    except (Py4JError, PySparkException) as error:
        java = error.java_exception if isinstance(error, Py4JJavaError) else getattr(error, "_origin", None)
        told = "\n".join(_told(java)) if java is not None else str(error)
        raise SparkError(f"{where}: {reason(told)}. {_BEFORE}") from error


def log() -> Path:
    """Where Java says more."""
    return platformdirs.user_log_path("clientage") / "spark.log"


def _told(java: Any) -> Iterator[str]:
    """What Java's exception says, and those that led to it."""
    for _ in range(20):
        if java is None:
            return
        yield str(java.toString())
        java = java.getCause()


def reason(told: str) -> str:
    """What Spark says, as a clause with its mend; its own first line where it is nothing known."""
    for pattern, clause in _REASONS.items():
        if re.search(pattern, told):
            return clause
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return f"Spark failed ({lines[0][:300] if lines else 'without a word'}); see {log()}"
