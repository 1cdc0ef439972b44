"""Services in processes and a session of their own: started, asked, and what their processes used."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.runner import environment

HOST, WORKERS = "127.0.0.1", 2
PATIENCE = 120.0  # seconds to start, to come to rest, or to end
STILL, IDLE = 1.5, 0.05  # it is at rest that used this share of a processor, so many seconds long


@dataclass(frozen=True)
class Service:
    """A service that runs.

    Attributes:
        name: As the table shows it.
        port: Of this machine.
        process: The first of its session.
        said: File with what it wrote on standard error.
        headers: Of every request.
    """

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    said: Path
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of an answer; 0 where there is none.

        Args:
            path: Of the route.
            body: Sent by POST; None for GET.
            headers: Other ones than usual.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        given = self.headers if headers is None else headers
        try:
            connection.request("GET" if body is None else "POST", path, body, dict(given))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def wait(self, path: str, body: bytes) -> None:
        """Until it answers, and all of it has started.

        Raises:
            RuntimeError: It ended, refuses, or takes too long.
        """
        end = time.monotonic() + PATIENCE
        while (status := self.ask(path, body)[0]) != 200:
            if self.process.poll() is not None or status not in (0, 503) or time.monotonic() > end:
                raise RuntimeError(f"{self.name} answers {status or 'nothing'}: {self.last_words()}")
            time.sleep(0.1)
        self.rest()

    def rest(self) -> None:
        """Until it does nothing any more, such as loading models or shipping what it logged.

        Raises:
            RuntimeError: It goes on for too long.
        """
        end, before = time.monotonic() + PATIENCE, self.used()
        while time.monotonic() < end:
            time.sleep(STILL)
            now = self.used()
            if now - before < IDLE * STILL:
                return
            before = now
        raise RuntimeError(f"{self.name} is still busy after {PATIENCE:g} s without a request: {self.last_words()}")

    def used(self) -> float:
        """Seconds of processor of all its processes."""
        return sum(_seconds(stat) for stat in self._processes().values())

    def workers(self) -> dict[int, float]:
        """Seconds of processor of those that answer, by id: the youngest generation.

        Raises:
            RuntimeError: There are not as many as there should be.
        """
        processes = self._processes()
        ages = {pid: self._age(pid, processes) for pid in processes}
        found = {pid: _seconds(processes[pid]) for pid, age in ages.items() if age == max(ages.values())}
        if len(found) != WORKERS:
            raise RuntimeError(f"{self.name} has {len(found)} workers, not {WORKERS}: {self.last_words()}")
        return found

    def last_words(self) -> str:
        """The end of what it wrote on standard error."""
        return self.said.read_text(encoding="utf-8", errors="replace")[-2000:]

    def _processes(self) -> dict[int, list[bytes]]:
        """All of its session, by id, as the kernel tells of them from the state on (see proc(5))."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                stat = path.read_bytes().rpartition(b")")[2].split()
                if int(stat[3]) == self.process.pid:
                    found[int(path.parent.name)] = stat
        return found

    def _age(self, pid: int, processes: Mapping[int, list[bytes]]) -> int:
        """Generations from the first process to this one."""
        return 1 + self._age(int(processes[pid][1]), processes) if pid in processes else 0


@contextlib.contextmanager
def started(
    name: str, command: Sequence[str], folder: Path, headers: Mapping[str, str], **variables: str
) -> Iterator[Service]:
    """A service, ended afterwards with all its processes.

    Args:
        name: As the table shows it.
        command: With `{port}` where the port goes.
        folder: Where it runs.
        headers: Of every request to it.
        variables: Of its environment.
    """
    port = _free_port()
    said = folder / f"{port}.log"
    given = [part.replace("{port}", str(port)) for part in command]
    with said.open("wb") as errors:
        process = subprocess.Popen(
            given, cwd=folder, env=environment() | variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=errors, start_new_session=True,
        )  # fmt: skip
    try:
        yield Service(name, port, process, said, headers)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _seconds(stat: Sequence[bytes]) -> float:
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
