"""The Flask application: routes, and what every answer has in common."""

import itertools
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException

from clientage.errors import RequestError, WorkspaceError
from clientage.serving import metrics
from clientage.serving.contract import MOST_PRODUCTS, Wanted, encode, read_request
from clientage.serving.guard import HEADERS, PAGE_HEADERS, Keys, Limiter
from clientage.serving.log import PredictionLog
from clientage.serving.logs import Lines, say
from clientage.serving.models import Models
from clientage.serving.openapi import openapi, page
from clientage.serving.reading import Wrong
from clientage.serving.served import Scored, Served

Row = dict[str, Any]

JSON, HTML = "application/json", "text/html; charset=utf-8"
OPEN = frozenset({"health", "openapi", "page"})  # routes that ask for no key
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST"})
CHUNK = 2**16
MOST_OFFERS = 20_000  # products in one answer
NOTHING_WRONG: Wrong = {}
TOP = 10  # products, where a request for them does not say how many


@dataclass(frozen=True)
class Options:
    """How the service answers.

    Attributes:
        log: Folder of the prediction log.
        address: Where it answers, for examples.
        health: Route of the health check.
        predict: Route of predictions.
        most_instances: Most instances of a request.
        most_bytes: Most bytes of a request, and of an answer.
        log_requests: Whether every request is told of on standard error.
        keys: Who may ask; everybody where there are none.
    """

    log: Path
    address: str = "http://127.0.0.1:8080"
    health: str = "/ping"
    predict: str = "/predict"
    most_instances: int = 2000
    most_bytes: int = 1_500_000
    log_requests: bool = True
    keys: Keys = field(default_factory=lambda: Keys({}))


def create_app(options: Options, models: Models, log: PredictionLog, limiter: Limiter) -> Flask:
    """The application.

    Args:
        options: How it answers.
        models: What it answers with.
        log: Where predictions are kept before they are answered.
        limiter: How often each key may ask.
    """
    service = Service(options, models, log, limiter)
    app = _App(service)
    routes: dict[str, tuple[Callable[..., Response], str]] = {
        options.health: (service.health, "GET"),
        options.predict: (service.predict, "POST"),
        "/recommend": (service.recommend, "POST"),
        "/customers/<path:customer_id>": (service.customer, "GET"),
        "/segments": (service.segments, "GET"),
        "/metrics": (service.metrics, "GET"),
        "/openapi.json": (service.openapi, "GET"),
        "/": (service.page, "GET"),
    }
    for rule, (view, method) in routes.items():
        app.add_url_rule(rule, view.__name__, view, methods=[method])
    app.register_error_handler(RequestError, service.refused)
    app.register_error_handler(HTTPException, service.not_found)
    app.register_error_handler(Exception, service.failed)
    return app


class _Asked(threading.local):
    """The request that a thread answers.

    Attributes:
        id: Its id, unlike any other.
        began: When it came, by the clock of `time.perf_counter`.
        key: Name of the key it came with; empty for none.
        request: The request itself, which Flask would look for each time.
    """

    id, began, key = "", 0.0, ""
    request: Request


class Service:
    """What the routes do (see `create_app`)."""

    def __init__(self, options: Options, models: Models, log: PredictionLog, limiter: Limiter) -> None:
        self._options, self._models, self._log, self._limiter = options, models, log, limiter
        self._ids = map(f"{secrets.token_hex(8)}-{{:x}}".format, itertools.count(1))
        self._asked = _Asked()
        self._documents = lru_cache(maxsize=2)(self._written)

    def health(self) -> Response:
        """200 as soon as a model is loaded."""
        return self._answer({"status": "ready"}, self._models.require())

    def predict(self) -> Response:
        """The segment of each instance."""
        return self._predictions(0)

    def recommend(self) -> Response:
        """The same with products, whether asked for or not."""
        return self._predictions(TOP)

    def customer(self, customer_id: str) -> Response:
        """All that is known of a customer."""
        top = request.args.get("recommend", str(TOP))
        if not (top.isascii() and top.isdigit() and len(top) < 4 and int(top) <= MOST_PRODUCTS):
            raise RequestError(f"recommend: not a whole number from 0 to {MOST_PRODUCTS}.")
        served = self._models.require()
        asked = Wanted([{"customer_id": customer_id}], int(top))
        shadow = self._models.shadow
        try:
            scored, _ = served.score(asked, shadow)
        except RequestError as error:
            raise RequestError(str(error).removeprefix("instances[0]."), 404) from error
        answer = served.about(customer_id) | next(_told(served, scored[0], asked.recommend))
        answer["profile"] = next(row for row in served.segments() if row["segment_id"] == answer["segment_id"])
        return self._kept(served, shadow, scored, answer)

    def segments(self) -> Response:
        """The segments, what they are and what to do with them."""
        served = self._models.require()
        return self._answer({"version": served.version, "segments": served.segments()}, served)

    def metrics(self) -> Response:
        """Counts and times for Prometheus."""
        return self._response(metrics.exposition(self._models, self._options.log), None, kind=CONTENT_TYPE_LATEST)

    def openapi(self) -> Response:
        """This interface, for machines."""
        served = self._models.served
        return self._response(self._documents(served)[0], served)

    def page(self) -> Response:
        """This interface, for people."""
        response = self._response(self._documents(self._models.served)[1], None, kind=HTML)
        response.headers.extend(PAGE_HEADERS)
        return response

    def _written(self, served: Served | None) -> tuple[bytes, bytes]:
        """This interface, for machines and for people."""
        document = openapi(self._options, served)
        return encode(document), page(document, self._options.address).encode()

    def _predictions(self, recommend: int) -> Response:
        served = self._models.require()
        asked = read_request(self._body(), self._options.most_instances, recommend)
        shadow = self._models.shadow
        if (offers := len(asked.instances) * asked.recommend) > MOST_OFFERS:
            raise RequestError(f"{offers:,} products, above {MOST_OFFERS:,}. Ask for fewer instances or products.", 413)
        scored, wrong = served.score(asked, shadow)
        predictions = {place: {"error": sentence} for place, sentence in wrong.items()}
        for each in scored:
            predictions |= zip(each.group.places, _told(served, each, asked.recommend), strict=True)
        if wrong:
            metrics.REFUSED.inc(len(wrong))
        answer = {"predictions": [predictions[place] for place in range(len(predictions))]}
        return self._kept(served, shadow, scored, answer, wrong)

    def _body(self) -> bytes:
        """What was sent.

        Raises:
            RequestError: It is not JSON, or too large.
        """
        now, most = self._asked.request, self._options.most_bytes
        environ = now.environ
        if (environ.get("CONTENT_TYPE") != JSON and now.mimetype != JSON) or "HTTP_CONTENT_ENCODING" in environ:
            raise RequestError("the body: send it as application/json, not compressed.", 415)
        try:
            body: bytes = environ["wsgi.input"].read(_readable(environ, most + 1))
        except OSError as error:  # gunicorn's complaints about chunks are such
            raise RequestError("the body: cut off, or not sent as it says.") from error
        if len(body) > most:
            raise RequestError(f"the request has more than {most:,} bytes. Send it in several requests.", 413)
        return body

    def _kept(
        self, served: Served, shadow: Served | None, scored: list[Scored], answer: Row, wrong: Wrong = NOTHING_WRONG
    ) -> Response:
        """The answer, once its predictions are in the log, and of what is wrong the kind."""
        text, asked = encode(answer), self._asked
        if len(text) > self._options.most_bytes:
            raise RequestError(f"the answer would have {len(text):,} bytes. Ask for fewer instances or products.", 413)
        record = {
            "id": asked.id,
            "time": time.time(),
            "latency": time.perf_counter() - asked.began,
            "version": served.version,
            "shadow": shadow.version if shadow and any(each.shadow for each in scored) else None,
            "parts": [each.logged(served.names) for each in scored],
        }
        if wrong:
            record["refused"] = {"place": list(wrong), "error": [problem.kind for problem in wrong.values()]}
        try:
            self._log.append(record)
        except WorkspaceError as error:
            say("prediction not kept", id=asked.id, reason=type(error.__cause__).__name__)
            raise RequestError(
                "the prediction could not be kept, so it is not answered. Ask again later.", 503
            ) from error
        for each in scored:
            _count(served, each)
        return self._response(text, served)

    def _answer(self, value: Mapping[str, Any], served: Served | None, status: int = 200) -> Response:
        return self._response(encode(value), served, status)

    def _response(self, text: bytes, served: Served | None, status: int = 200, kind: str = JSON) -> Response:
        headers = [("Content-Type", kind), *HEADERS, ("X-Request-Id", self._asked.id)]
        return Response(text, status, [*headers, ("X-Model-Version", served.version)] if served else headers)

    def enter(self) -> None:
        """Before anything else: who asks, and whether they may."""
        asked = self._asked
        asked.began, asked.id, asked.key = time.perf_counter(), next(self._ids), ""
        asked.request = now = request._get_current_object()  # type: ignore[attr-defined]
        if now.endpoint is not None and now.endpoint not in OPEN:
            environ = now.environ
            asked.key = self._options.keys.name(environ.get("HTTP_AUTHORIZATION"))
            self._limiter.require(asked.key or environ.get("REMOTE_ADDR", ""))

    def leave(self, response: Response) -> Response:
        """After everything else: what all answers have in common."""
        asked, now, status = self._asked, self._asked.request, response.status_code
        seconds = time.perf_counter() - asked.began
        route = now.url_rule.rule if now.url_rule else "unknown"
        method = now.method if now.method in METHODS else "other"
        metrics.timed(route, method, status).observe(seconds)
        if status >= 400 or method != "POST":
            _drain(now.environ, 4 * self._options.most_bytes)
        if status >= 400 or self._options.log_requests:
            facts = {"method": method, "route": route, "status": status, "key": asked.key}
            say("request", id=asked.id, seconds=round(seconds, 6), **facts)
        return response

    def refused(self, error: RequestError) -> Response:
        """A request that cannot be answered."""
        response = self._answer({"error": str(error)}, self._models.served, error.status)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if error.status in (429, 503):
            response.headers["Retry-After"] = str(error.after)
        return response

    def not_found(self, error: HTTPException) -> Response:
        """A route, method or size that there is not."""
        response = self._answer(
            {"error": _SENTENCES.get(error.code or 400, "the request cannot be read.")}, None, error.code or 400
        )
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    def failed(self, error: Exception) -> Response:
        """What should not happen: told in the log by its place, and to nobody else."""
        last = error.__traceback__
        while last and last.tb_next:
            last = last.tb_next
        where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
        say("failed", id=self._asked.id, error=type(error).__name__, where=where)
        return self._answer(
            {"error": f"something went wrong here. Its number is {self._asked.id}."}, self._models.served, 500
        )


_SENTENCES = {
    404: "there is no such address. See /openapi.json.",
    405: "this address does not take that method. See /openapi.json.",
}


def _readable(environ: Mapping[str, Any], most: int) -> int:
    """How much of a body may be read without waiting for ever: where its end is not marked, what it is said to have."""
    return most if environ.get("wsgi.input_terminated") else min(most, int(environ.get("CONTENT_LENGTH") or 0))


def _drain(environ: Mapping[str, Any], most: int) -> None:
    """Read what is left of a request: on a connection that goes on, the next one would wait behind it.

    Args:
        environ: Of the request.
        most: Bytes to read; a client that sends more is hung up on by the server.
    """
    if not environ.get("wsgi.input_terminated"):
        return
    with suppress(OSError):  # it has gone, or sends nonsense: the server hangs up
        while most > 0 and (part := environ["wsgi.input"].read(min(most, CHUNK))):
            most -= len(part)


def _told(served: Served, scored: Scored, top: int) -> Iterator[Row]:
    """The answers of a group, in its order."""
    found, names = scored.found, served.names
    nothing = itertools.repeat(None)
    distances = nothing if found.distance is None else found.distance
    runners = nothing if found.runner_up is None else found.runner_up
    rows = (
        {"segment_id": id_, "segment": names[id_], "distance": distance, "runner_up": runner}
        for id_, distance, runner in zip(found.segment_id, distances, runners, strict=False)
    )
    if not top:
        return rows
    return (row | {"recommendations": offers} for row, offers in zip(rows, served.offers(scored, top), strict=True))


def _count(served: Served, scored: Scored) -> None:
    found = scored.found.segment_id
    for segment, count in Counter(found).items():
        metrics.predicted(served.version, segment).inc(count)
    if scored.shadow:
        agree = sum(a == b for a, b in zip(found, scored.shadow.segment_id, strict=True))
        metrics.SHADOW.labels("true").inc(agree)
        metrics.SHADOW.labels("false").inc(len(found) - agree)


class _App(Flask):
    """Flask without what this application has none of, looked for at every request: coroutines, sessions, hooks."""

    def __init__(self, service: Service) -> None:
        super().__init__("clientage", static_folder=None)
        self.url_map.merge_slashes = False
        self.logger.handlers, self.logger.propagate = [Lines()], False
        self._service = service

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: it is a plain one."""
        return func

    def preprocess_request(self) -> None:
        """Before all else."""
        self._service.enter()

    def process_response(self, response: Response) -> Response:
        """After all else."""
        return self._service.leave(response)
