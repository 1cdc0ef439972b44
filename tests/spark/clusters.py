"""A standalone cluster of Spark on this machine: a master and workers, each a process of its own."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from databases import program


class Cluster:
    """A master; a worker each time it is asked for one.

    Attributes:
        address: Of the master, as spark://host:port.
        workers: Processes of workers, in the order they were started.
    """

    def __init__(self, folder):
        program("java", "openjdk-17-jre-headless")
        self.folder, self.workers, self._ends = folder, [], contextlib.ExitStack()
        port = _free()
        self.address = f"spark://127.0.0.1:{port}"
        self._run("master", "master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0")
        self._wait("master", "I have been elected leader")

    def work(self, memory="2g"):
        """Start a worker with one core."""
        name = f"worker-{len(self.workers)}"
        place = ("--work-dir", self.folder / name, "--webui-port", "0", "--host", "127.0.0.1")
        self.workers.append(self._run(name, "worker.Worker", "--cores", 1, "--memory", memory, *place, self.address))
        self._wait(name, "Successfully registered with master")

    def kill(self, worker):
        """End a worker and its executors at once."""
        os.killpg(self.workers[worker].pid, signal.SIGKILL)

    def end(self):
        """End all."""
        self._ends.close()

    def _run(self, name, of, *arguments):
        import pyspark  # noqa: PLC0415

        start = Path(pyspark.__path__[0], "bin", "spark-class")
        own = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOG_DIR": str(self.folder)}
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(part) for part in (start, f"org.apache.spark.deploy.{of}", *arguments)],
                env=os.environ | own,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._ends.callback(_ended, process)
        return process

    def _wait(self, name, said):
        log, until = self.folder / f"{name}.log", time.monotonic() + 120
        while not re.search(said, log.read_text()):
            assert time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.1)


def _ended(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
