"""What `clientage dashboard` starts: gunicorn with one process and several threads, which share the engine's answers.

Nothing heavy is imported before the process that answers is forked: DuckDB and the libraries of linear algebra start
threads when they are imported, which a fork does not take along.
"""

import os
import sys
import threading
from functools import partial
from typing import Any

from clientage.dashboard.works import Actions
from clientage.errors import SettingsError
from clientage.settings import Settings

THREADS = 24  # most of them wait: for an answer that takes long, or for a browser


def serve(settings: Settings, actions: Actions, *, insecure: bool) -> None:
    """Show the dashboard until told to end.

    Args:
        settings: All of them.
        actions: What operators may ask for.
        insecure: Whether others than this machine may look without keys.

    Raises:
        SettingsError: The extra is not installed, the address cannot be listened on, or is open without keys.
    """
    require_installed()
    from clientage.dashboard.access import Access, secret  # noqa: PLC0415 - after that is known
    from clientage.serving.server import require_free  # noqa: PLC0415
    from clientage.serving.workers import Application, Quiet  # noqa: PLC0415

    wanted = settings.dashboard
    allowed, signed = Access.of_environment(wanted.host, insecure=insecure, hours=wanted.hours), secret()
    require_free(wanted.host, wanted.port, "dashboard")
    bind = f"[{wanted.host}]:{wanted.port}" if ":" in wanted.host else f"{wanted.host}:{wanted.port}"
    options = {
        "bind": bind, "workers": 1, "threads": THREADS, "worker_class": "gthread", "graceful_timeout": 5,
        "control_socket_disable": True, "logger_class": Quiet, "when_ready": partial(_say, bind),
    }  # fmt: skip
    Application(lambda: make(settings, actions, allowed, signed), options).run()


def make(settings: Settings, actions: Actions, allowed: Any, signed: bytes) -> Any:
    """The application of the process that answers; its first answers are looked up before anybody asks."""
    from clientage import copies  # noqa: PLC0415 - after the fork
    from clientage.dashboard.app import Options, create_app  # noqa: PLC0415
    from clientage.dashboard.data.source import Source  # noqa: PLC0415
    from clientage.dashboard.warm import keep_warm  # noqa: PLC0415
    from clientage.dashboard.works import Works  # noqa: PLC0415

    wanted, limits = settings.dashboard, settings.warehouse
    cores = limits.threads or os.cpu_count() or 1
    opened = partial(Source, settings.workspace, limits.memory, url=limits.url, most_bytes=limits.most_bytes)
    source = opened(cores)
    slow = opened(max(1, cores // 2))  # leaves room for who looks meanwhile
    following = settings.workspace, settings.serve.refresh_seconds, threading.Event().wait
    threading.Thread(target=copies.keep, args=following, daemon=True).start()
    threading.Thread(target=keep_warm, args=(source, slow), daemon=True).start()
    return create_app(Options(source, Works(actions), allowed, slow, wanted.port, https=wanted.https, secret=signed))


def require_installed() -> None:
    """Refuse what cannot be imported.

    Raises:
        SettingsError: The extra is not installed.
    """
    from importlib.util import find_spec  # noqa: PLC0415

    needed = ("flask", "gunicorn", "dash", "dash_mantine_components", "dash_ag_grid", "orjson")
    if [name for name in needed if find_spec(name) is None]:
        raise SettingsError("the dashboard is not installed. Install it: pip install 'clientage[dashboard]'.")


def _say(bind: str, _: object) -> None:
    os.write(sys.stdout.fileno(), f"dashboard   http://{bind}        Ctrl-C ends it\n".encode())
