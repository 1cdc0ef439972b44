"""gunicorn with our application: worker processes that answer.

Nothing heavy is imported before a worker is forked: DuckDB and the libraries of linear algebra start threads when they
are imported, which a fork does not take along and waits for at its end.
"""

import gc
import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from clientage.serving import logs
from clientage.serving.server import Plan

PROMETHEUS = "PROMETHEUS_MULTIPROC_DIR"
KEEP_ALIVE = 75  # seconds, longer than load balancers keep a connection


def answer(plan: Plan) -> None:
    """Answer until told to end, which finishes the requests that are under way.

    Args:
        plan: What is served.
    """
    settings = plan.settings.serve
    os.environ[PROMETHEUS] = str(plan.folder / "metrics")
    options = {
        "bind": f"[{settings.host}]:{plan.port}" if ":" in settings.host else f"{settings.host}:{plan.port}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": "gthread",
        "keepalive": KEEP_ALIVE,
        "graceful_timeout": 30,
        "control_socket_disable": True,
        "logger_class": Quiet,
        "when_ready": _say_ready,
        "child_exit": _forget,
    }
    Application(partial(make, plan), options).run()


class Application(BaseApplication):  # type: ignore[misc]
    """gunicorn, set up by us rather than by a command line.

    Args:
        made: Makes the application; called in each worker.
        options: Of gunicorn.
    """

    def __init__(self, made: Callable[[], Any], options: Mapping[str, Any]) -> None:
        self._made, self._options = made, options
        super().__init__()

    def load_config(self) -> None:
        """Our options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Our application."""
        return self._made()


def make(plan: Plan) -> Any:
    """The application of one worker, with a model, a log and counters of its own."""
    from clientage.serving import metrics  # noqa: PLC0415 - see above
    from clientage.serving.app import Options, create_app  # noqa: PLC0415
    from clientage.serving.engine import Engine  # noqa: PLC0415
    from clientage.serving.guard import Keys, Limiter  # noqa: PLC0415
    from clientage.serving.log import PredictionLog  # noqa: PLC0415
    from clientage.serving.models import Models, load  # noqa: PLC0415

    wanted, engine = plan.settings.serve, Engine()
    models = Models(
        lambda place: load(place, plan.settings, engine),
        plan.place,
        plan.shadow,
        lambda well: metrics.RELOADS.labels("loaded" if well else "failed").inc(),
    )
    models.watch()
    options = Options(
        plan.log,
        f"http://{wanted.host}:{plan.port}",
        os.environ.get("AIP_HEALTH_ROUTE", "/ping"),
        os.environ.get("AIP_PREDICT_ROUTE", "/predict"),
        wanted.max_instances,
        int(wanted.max_megabytes * 1e6),
        wanted.log_requests,
        Keys.of_environment(),
    )
    app = create_app(
        options, models, PredictionLog(plan.log, sync=wanted.sync), Limiter(wanted.requests_per_minute, wanted.workers)
    )
    gc.collect()
    gc.freeze()  # all of it lives to the end: looking for garbage in it would only cost answers
    return app


def _say_ready(arbiter: Any) -> None:
    logs.say("listening", addresses=[str(listener) for listener in arbiter.LISTENERS], workers=arbiter.num_workers)


def _forget(_: object, worker: Any) -> None:
    from prometheus_client import multiprocess  # noqa: PLC0415

    multiprocess.mark_process_dead(worker.pid)


class Quiet(Logger):  # type: ignore[misc]
    """gunicorn's logger, speaking as the service does."""

    def setup(self, cfg: Any) -> None:
        """Only what goes wrong, to where the service speaks."""
        self.error_log.handlers = [logs.Lines()]
        self.error_log.setLevel(logging.WARNING)
        self.error_log.propagate = False
