"""What `clientage serve` starts: processes that answer, one that ships the prediction log, one that fetches models.

The process itself only watches over them. It starts no thread and loads no model, so that nothing is inherited by
those that gunicorn forks.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clientage.errors import InputError, SettingsError
from clientage.serving import spool
from clientage.serving.guard import Keys, require_keys
from clientage.serving.logs import say
from clientage.serving.place import Place, place_of
from clientage.settings import Settings

ONE = ".lock"
ANSWER, SHIP, KEEP, BRING = "answer", "ship", "keep", "bring"
DRAIN, PATIENCE, FETCH = (
    40.0,
    15.0,
    120.0,
)  # seconds to end by themselves: who answers, who works beside; to fetch a model
PR_SET_PDEATHSIG = 1  # of prctl(2)


@dataclass(frozen=True)
class Plan:
    """What is to be served.

    Attributes:
        settings: All of them.
        place: Of the model.
        shadow: Of the model in its shadow; None for none.
        wanted: What was asked for: the model and its shadow, with the place of each and whether it is brought there.
    """

    settings: Settings
    place: Place
    shadow: Place | None
    wanted: tuple[tuple[str, Place, bool], ...]

    @property
    def port(self) -> int:
        """The port to listen on: what the platform says, else what is set."""
        given = os.environ.get("AIP_HTTP_PORT", "")
        return int(given) if given.isdigit() else self.settings.serve.port

    @property
    def folder(self) -> Path:
        """What the service keeps for itself."""
        return self.settings.workspace / "serving"

    @property
    def sink(self) -> str:
        """Where predictions are shipped."""
        return self.settings.serve.sink or str(self.settings.workspace / spool.SINK)

    @property
    def log(self) -> Path:
        """The prediction log."""
        return self.settings.workspace / spool.FOLDER


def plan(settings: Settings) -> Plan:
    """What the settings and the environment ask for.

    Raises:
        InputError: A folder that was named has no model.
    """
    wanted = [wanted_model(settings), *([settings.serve.shadow] if settings.serve.shadow else [])]
    found = [(each, *place_of(settings, each)) for each in wanted]
    return Plan(settings, found[0][1], found[1][1] if len(found) > 1 else None, tuple(found))


def wanted_model(settings: Settings) -> str:
    """Which model to serve: what is set, else what the platform gives, else the champion, else the workspace's."""
    given = settings.serve.model or os.environ.get("AIP_STORAGE_URI", "")
    return given or ("champion" if settings.tracking.uri else str(settings.workspace))


def ready(settings: Settings, *, insecure: bool) -> Plan:
    """Everything that can be checked before it starts; models from elsewhere are there afterwards.

    Args:
        settings: All of them.
        insecure: Whether others than this machine may ask without keys.

    Raises:
        ClientageError: What the user can mend.
    """
    try:
        import flask  # noqa: F401, PLC0415 - of the extra `serving`
    except ImportError as missing:
        raise SettingsError("the service is not installed. Install it: pip install 'clientage[serve]'.") from missing
    require_keys(settings.serve.host, Keys.of_environment(), insecure=insecure)
    from clientage.serving.sinks import open_sink  # noqa: PLC0415 - with the library that it needs

    planned = plan(settings)
    open_sink(planned.sink).close()
    require_free(settings.serve.host, planned.port)
    for wanted, place, remote in planned.wanted:
        _first(planned, wanted, place, remote=remote)
    return planned


def require_free(host: str, port: int, what: str = "serve") -> None:
    """Nobody else listens there.

    Args:
        host: The address.
        port: The port.
        what: Wants to listen.

    Raises:
        SettingsError: Somebody does, or the address is not of this machine.
    """
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise SettingsError(
                f"{what}: {host}:{port} cannot be listened on ({error.strerror}). Give another --port or --host."
            ) from error


def _first(planned: Plan, wanted: str, place: Place, *, remote: bool) -> None:
    """Bring a model for the first time, and read it; where that fails and one was brought before, that one is served.

    In a process of its own, so that what it loads does not stay in memory.

    Raises:
        InputError: There is none at all.
    """
    process = _started(planned.settings, BRING, wanted, errors=subprocess.PIPE)
    try:
        _, errors = process.communicate(timeout=FETCH)
    except subprocess.TimeoutExpired:
        process.kill()
        _, errors = process.communicate()
    reason = (errors or b"").decode(errors="replace").strip().splitlines()[-1:] or ["it ended without a word"]
    if process.returncode and not (remote and place.document.exists()):
        raise InputError(reason[0].removeprefix("error: "))
    if process.returncode:
        say("model not fetched", model=wanted, reason=reason[0], instead="the one fetched last")


def watch(planned: Plan) -> int:
    """Start all processes, start those again that die, and end them when told to: who answers first, the log last.

    Returns:
        The exit code.

    Raises:
        WorkspaceError: Another service keeps its log and counters there.
    """
    with spool.locked(
        planned.folder,
        ONE,
        seconds=1,
        busy="another service runs in this workspace. End it, or give another --workspace.",
    ):
        return _watch(planned)


def _watch(planned: Plan) -> int:
    shutil.rmtree(planned.folder / "metrics", ignore_errors=True)
    for folder in (planned.folder / "metrics", planned.log):
        folder.mkdir(parents=True, exist_ok=True)
    spool.remember_sink(planned.log, planned.sink)
    from clientage import copies  # noqa: PLC0415 - with the libraries of buckets

    home = str(planned.settings.workspace)
    fetched = [wanted for wanted, _, remote in planned.wanted if remote]
    fetched += [home] if home not in fetched and copies.address_of(planned.settings.workspace) else []
    names = {ANSWER: [], SHIP: [], **({KEEP: fetched} if fetched else {})}
    with until_told(orphan=True) as wait:
        running = {name: _started(planned.settings, name, *models) for name, models in names.items()}
        while not (told := wait(0.5)) and running[ANSWER].poll() is None:
            for name, process in running.items():
                if process.poll() is not None:
                    say("started again", process=name)
                    running[name] = _started(planned.settings, name, *names[name])
    running[SHIP].send_signal(spool.NOW)  # a platform may end everything before the last answer is given
    ended = _ended(running.pop(ANSWER), DRAIN)
    for process in running.values():
        process.terminate()
    for process in running.values():
        _ended(process, PATIENCE)
    return 0 if told else max(ended, 1)


# memory that one thread frees is used again by the others, not kept by each: by the C library, and by Arrow; large
# pieces go back to the system, where the C library would learn to keep them, and small ones would pin what is around
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def _started(settings: Settings, name: str, *models: str, errors: int | None = None) -> subprocess.Popen[bytes]:
    """A process of ours, with the settings on its standard input."""
    command = [sys.executable, "-m", "clientage.serving", name, *models]
    environment = os.environ | MEMORY
    process = subprocess.Popen(  # noqa: S603 - ours
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, env=environment
    )
    if process.stdin:
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(settings.model_dump_json().encode())
    process.stdin = None
    return process


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int:
    """End a process, by force where it takes longer than this."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextlib.contextmanager
def until_told(*, orphan: bool = False) -> Iterator[Callable[[float], bool]]:
    """Wait in a process: for so many seconds, until it is told to end, or until its parent is gone unless it may be."""
    ended, parent = threading.Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())

    def wait(seconds: float) -> bool:
        return ended.wait(seconds) or not (orphan or os.getppid() == parent)

    yield wait


def work(name: str, models: list[str]) -> None:
    """What a process of the service does, with the settings as JSON on standard input.

    Args:
        name: `answer`, `ship`, `keep`, or `bring` for once.
        models: That are brought from elsewhere.

    Raises:
        ClientageError: A model cannot be brought.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # who watches over us may be killed
    settings = Settings(**json.loads(sys.stdin.buffer.read()))
    if name == ANSWER:
        from clientage.serving.workers import answer  # noqa: PLC0415

        answer(plan(settings))
    elif name == SHIP:
        from clientage.forgotten import forgotten  # noqa: PLC0415
        from clientage.serving.ship import ship  # noqa: PLC0415

        planned, home = plan(settings), settings.workspace
        ship(planned.log, planned.sink, settings.serve.ship_seconds, os.getppid(), partial(forgotten, home))
    else:
        from clientage.serving.fetch import bring, keep  # noqa: PLC0415

        if name == BRING:
            bring(settings, models[0])
            return
        with until_told() as wait:
            keep(settings, models, wait)
