"""A session of Spark, on this machine or in a cluster; one at a time in a process, as Spark has it."""

import json
import logging
import re
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from clientage.errors import SparkError
from clientage.spark.addresses import is_local, masters, require_java, require_master
from clientage.spark.refusals import explained

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WORKERS = 60.0  # seconds in which a cluster gives workers
_ASKED = "spark.clientage.asked"  # for what a session was started
_ALWAYS = {
    "spark.app.name": "clientage",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # a shop's own time has no zone
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.shuffle.partitions": "8",  # more where tables are larger, see `Engine.table`
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}

LOG = Path(tempfile.gettempdir()) / "clientage-spark.log"


def session(
    url: str, *, memory: str = "", threads: int = 0, options: Mapping[str, str] | None = None
) -> "SparkSession":
    """The session at an address; the one that is there, where it is the same.

    Args:
        url: `local[*]`, or `spark://host:port`.
        memory: What it may use, such as `4GB`: here in all, in a cluster for each executor.
        threads: Cores in all; 0 for those that there are.
        options: Of Spark, by their names; they win.

    Raises:
        SparkError: PySpark, Java or the cluster is missing, or no worker takes the work.
    """
    if find_spec("pyspark") is None:
        raise SparkError("Spark needs PySpark. Install it: pip install 'clientage[spark]'.")
    from pyspark.sql import SparkSession  # noqa: PLC0415

    wanted = _settings(url, memory, threads) | dict(options or {})
    wanted[_ASKED] = json.dumps(wanted, sort_keys=True)
    active = SparkSession.getActiveSession()
    if active is not None:
        if active.conf.get(_ASKED, "") == wanted[_ASKED]:
            return active
        active.stop()
    require_java()
    if not is_local(url):
        require_master(url)
    with explained(url):
        started = _started(wanted)
        if not is_local(url):
            _require_workers(started, url)
    return started


def _settings(url: str, memory: str, threads: int) -> dict[str, str]:
    """What Spark is told, by its own names."""
    found = dict(_ALWAYS)
    size = re.sub(r"(?i)i?b$", "", memory.replace(" ", "")).lower()  # 4GB and 4GiB are 4g there
    if is_local(url):
        found["spark.master"] = f"local[{threads}]" if threads else "local[*]" if url == "local" else url
        limits = {
            "spark.driver.memory": size,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
        }
    else:
        found["spark.master"] = url
        limits = {"spark.executor.memory": size, "spark.cores.max": str(threads or "")}
        if all(host in ("127.0.0.1", "localhost") for host, _ in masters(url)):
            limits |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return found | {name: value for name, value in limits.items() if value}


def _started(wanted: Mapping[str, str]) -> "SparkSession":
    """A session, with what Java says in a file instead of between our own words."""
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    for name in ("py4j", "SQLQueryContextLogger"):  # what they would say is raised
        logging.getLogger(name).setLevel(logging.CRITICAL)
    conf = SparkConf(loadDefaults=False).setAll(list(wanted.items()))
    if SparkContext._gateway is None:
        with LOG.open("ab") as log:
            gateway = launch_gateway(conf, popen_kwargs={"stdout": log, "stderr": log})
    else:
        gateway = SparkContext._gateway
    context = SparkContext(gateway=gateway, conf=conf)
    context.setLogLevel("ERROR")
    return SparkSession(context)


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
