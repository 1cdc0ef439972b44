"""A session of Spark, on this machine or in a cluster; one at a time in a process, as Spark has it."""

import contextlib
import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from clientage.errors import SparkError
from clientage.spark.addresses import is_local, masters, require_java, require_master
from clientage.spark.refusals import explained, log

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WORKERS = 60.0  # seconds in which a cluster gives workers
_ALWAYS = {
    "spark.app.name": "clientage",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # a shop's own time has no zone
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.shuffle.partitions": "8",  # more where tables are larger, see `Engine`
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_LOCK = threading.Lock()
_OURS: dict[str, Any] = {}  # the context that was started here, and what for


def session(
    url: str, *, memory: str = "", threads: int = 0, options: Mapping[str, str] | None = None
) -> "SparkSession":
    """The session at an address; the one that is there, where it is the same.

    Args:
        url: `local[*]`, or `spark://host:port`.
        memory: What it may use, such as `4GB`: here in all, in a cluster for each executor and for what collects here.
        threads: Cores in all; 0 for those that there are.
        options: Of Spark, by their names; they win.

    Raises:
        SparkError: PySpark, Java or the cluster is missing, no worker takes the work, or somebody else's session runs.
    """
    if find_spec("pyspark") is None:
        raise SparkError("Spark needs PySpark. Install it: pip install 'clientage[spark]'.")
    wanted = _settings(url, memory, threads) | dict(options or {})
    with _LOCK:
        found = _running(wanted)
        if found is None:
            end()
            require_java()
            if not is_local(url):
                require_master(url)
            with explained(url):
                found = _started(wanted)
        if not is_local(url):
            _require_workers(found, url)
    return found


def end() -> None:
    """End our session, where there is one, and its Java with it: its memory cannot be changed while it runs.

    Raises:
        SparkError: There is one, and it is not ours.
    """
    if find_spec("pyspark") is None:
        return
    from pyspark import SparkContext  # noqa: PLC0415

    context: Any = SparkContext._active_spark_context
    gateway: Any = SparkContext._gateway
    if context is not None:
        if context is not _OURS.get("context"):
            raise SparkError("a session of Spark that is not ours runs in this process. End it first: spark.stop().")
        with contextlib.suppress(Exception):  # it may be dead already
            _OURS["context"].stop()
    if gateway is not None:
        with contextlib.suppress(Exception):
            gateway.shutdown()
        if (process := getattr(gateway, "proc", None)) is not None:
            process.terminate()
            process.wait()
    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
    _OURS.clear()


def _running(wanted: Mapping[str, str]) -> "SparkSession | None":
    """Our session, where it was started for the same and lives."""
    from py4j.protocol import Py4JError  # noqa: PLC0415
    from pyspark import SparkContext  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    context = SparkContext._active_spark_context
    if context is None or {"context": context, "wanted": wanted} != _OURS:
        return None
    try:
        return None if context._jsc.sc().isStopped() else SparkSession(context)
    except (Py4JError, OSError, AttributeError):  # it is dead
        return None


def _settings(url: str, memory: str, threads: int) -> dict[str, str]:
    """What Spark is told, by its own names."""
    here, size = is_local(url), _megabytes(memory)
    found = _ALWAYS | {"spark.master": f"local[{threads or '*'}]" if here and (threads or url == "local") else url}
    if here or all(host in ("127.0.0.1", "localhost", "::1") for host, _ in masters(url)):
        found |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    limits = {"spark.driver.memory": size}
    if not here:
        limits |= {"spark.executor.memory": size, "spark.cores.max": str(threads or "")}
    return found | {name: value for name, value in limits.items() if value}


def _megabytes(size: str) -> str:
    """A size as DuckDB takes it, such as `1.5GB` or `800MiB`, as Spark takes it; empty for none.

    Raises:
        SparkError: It is none.
    """
    if not size:
        return ""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?)B?\s*", size, re.IGNORECASE)
    if not found:
        raise SparkError(f"warehouse.memory: {size!r} is no size. Write it such as 4GB.")
    return f"{max(1, int(float(found[1]) * _UNITS[found[2].upper()] / 2**20))}m"


def _started(wanted: Mapping[str, str]) -> "SparkSession":
    """A session, with what Java says in a file instead of between our own words."""
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    for name in ("py4j", "SQLQueryContextLogger"):  # what they would say is raised
        logging.getLogger(name).setLevel(logging.CRITICAL)
    conf = SparkConf(loadDefaults=False).setAll(list(wanted.items()))
    with _log() as log, _home():
        gateway = launch_gateway(conf, popen_kwargs={"stdout": log, "stderr": log})
    context = SparkContext(gateway=gateway, conf=conf)
    _OURS.update(context=context, wanted=wanted)
    context.setLogLevel("ERROR")
    return SparkSession(context)


@contextlib.contextmanager
def _log() -> Iterator[IO[bytes]]:
    """The log anew, for nobody else to read."""
    path = log()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield file
    except OSError as error:
        raise SparkError(f"{path}: the log of Spark cannot be written ({error.strerror}). Make it possible.") from error


@contextlib.contextmanager
def _home() -> Iterator[None]:
    """Spark as PySpark brings it, not another one that the machine may have: its parts would not fit."""
    import pyspark  # noqa: PLC0415

    before = os.environ.get("SPARK_HOME")
    os.environ["SPARK_HOME"] = pyspark.__path__[0]
    try:
        yield
    finally:
        os.environ.pop("SPARK_HOME")
        if before is not None:
            os.environ["SPARK_HOME"] = before


def _require_workers(session: "SparkSession", url: str) -> None:
    """See that somebody does the work: Spark waits for them without an end.

    Raises:
        SparkError: No worker has the cores and the memory that are asked for.
    """
    scala = session.sparkContext._jsc.sc()
    until = time.monotonic() + WORKERS
    while scala.getExecutorMemoryStatus().size() < 2:  # the driver is one of them
        if time.monotonic() > until:
            asked = session.conf.get("spark.executor.memory", "1g")
            session.stop()
            raise SparkError(
                f"{url}: the master answers, and no worker took the work in {WORKERS:.0f} s (asked for {asked} each). "
                "Start workers, wait until they are free, or ask for less: --set warehouse.memory=1GB."
            )
        time.sleep(0.2)
