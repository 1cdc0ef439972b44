"""The application: Dash on Flask, one page at a time, each made from its address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, dcc, html
from dash import State as Beside
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from clientage.dashboard import access, parts
from clientage.dashboard.access import Access, Person, secret
from clientage.dashboard.changes import register
from clientage.dashboard.data.source import Source
from clientage.dashboard.frame import INDEX, frame
from clientage.dashboard.pages import LATE, PAGES, customers
from clientage.dashboard.parts import Component, State
from clientage.dashboard.routes import routes
from clientage.dashboard.works import Works
from clientage.errors import ClientageError
from clientage.serving.logs import say

# what a page may load, and why it may more than nothing
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",  # and, by their digests, the lines that Dash starts itself with
    "style-src": "'self' 'unsafe-inline'",  # Mantine, AG Grid and Plotly write their styles as they draw
    "img-src": "'self' data: blob:",  # signs of the controls, and the 3-D map's labels
    "font-src": "'self' data:",  # AG Grid's signs
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
PROGRAMS = (access.ASSETS, "/_dash-component-suites/")  # what a browser may keep: no data in any of it
PART, FAR, NEAR = ({"type": kind, "name": MATCH, "query": MATCH} for kind in (parts.LATE, parts.FAR, parts.NEAR))
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Options:
    """How the dashboard is shown.

    Attributes:
        source: The tables.
        works: What takes long.
        access: Who may look.
        slow: The tables again, for what takes long where there are many order lines; None to make no difference.
        port: Where it listens; cookies of several dashboards on one machine are told apart by it.
        https: Whether it is reached by https alone.
        secret: What sessions are signed with.
    """

    source: Source
    works: Works
    access: Access = field(default_factory=Access)
    slow: Source | None = None
    port: int = 8050
    https: bool = False
    secret: bytes = field(default_factory=secret, repr=False)


def create_app(options: Options) -> Flask:
    """The application.

    Args:
        options: How it is shown.
    """
    server = Flask("clientage.dashboard", static_folder=None)
    server.secret_key = options.secret
    server.config.update(
        SESSION_COOKIE_NAME=f"clientage-{options.port}", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=options.https, PERMANENT_SESSION_LIFETIME=timedelta(hours=options.access.hours),
        SESSION_REFRESH_EACH_REQUEST=False, MAX_CONTENT_LENGTH=1_000_000,
    )  # fmt: skip
    cookie = f"{access.TOKEN}-{options.port}"
    server.before_request(options.access.refusal)  # before any of Dash
    dash = Dash(
        "clientage.dashboard", server=server, title="Clientage", update_title=None, serve_locally=True,  # type: ignore[arg-type]
        suppress_callback_exceptions=True, add_log_handler=False, include_assets_files=True, use_pages=False,
        csrf_token_name=cookie, csrf_header_name=access.TOKEN_HEADER, index_string=INDEX, compress=False,
        on_error=_failed, enable_mcp=False,
    )  # fmt: skip
    dash.layout = lambda: frame(_person(options.access), signed_in=bool(options.access.keys))
    _callbacks(dash, options)
    register(dash, options.works, options.access)
    routes(server, options.access, options.source, options.port)
    _guarded(server, dash, options, cookie)
    return server


def _person(given: Access) -> Person:
    """Who looks; only asked where somebody may."""
    return given.person() or Person("", access.VIEWER)


def _callbacks(dash: Dash, options: Options) -> None:
    """What is answered while people look."""

    def state(query: Mapping[str, str], scheme: str = "light") -> State:
        return State(options.source, options.works, _person(options.access), query, scheme, options.slow)

    @dash.callback(
        Output("page", "children"), Input("url", "pathname"), Input("url", "search"), Input("scheme", "data")
    )
    def _page(path: str, search: str | None, scheme: str | None) -> Component:
        return shown(path, state(dict(parse_qsl((search or "").lstrip("?"))), scheme or "light"))

    @dash.callback(
        Output({"type": customers.GRID, "query": MATCH}, "getRowsResponse"),
        Input({"type": customers.GRID, "query": MATCH}, "getRowsRequest"),
        Beside({"type": customers.GRID, "query": MATCH}, "id"),
        prevent_initial_call=True,
    )
    def _rows(request: Mapping[str, Any] | None, own: Mapping[str, str]) -> dict[str, Any]:
        try:
            return customers.answer(state(dict(parse_qsl(own["query"]))), request or {})
        except ClientageError:
            return {"rowData": [], "rowCount": 0}  # the page says why, as soon as it is asked for again

    @dash.callback(Output(PART, "children"), Input(PART, "id"), Beside("scheme", "data"))
    def _late(own: Mapping[str, str], scheme: str | None) -> Component:
        return part(own["name"], state(dict(parse_qsl(own["query"])), scheme or "light"))

    @dash.callback(
        Output(FAR, "children"), Input(NEAR, "data"), Beside(NEAR, "id"), Beside("scheme", "data"),
        prevent_initial_call=True,
    )  # fmt: skip
    def _near(_: Any, own: Mapping[str, str], scheme: str | None) -> Component:
        return _late(own, scheme)

    @dash.callback(
        Output("models", "children"), Output("poll", "disabled"), Input("poll", "n_intervals"),
        prevent_initial_call=True,
    )  # fmt: skip
    def _models(_: int) -> tuple[list[Component], bool]:
        from clientage.dashboard.pages import models  # noqa: PLC0415 - beside its own page

        return models.body(state({})), not options.works.busy

    _in_the_browser(dash)


def _in_the_browser(dash: Any) -> None:
    """What needs no asking (see `assets/dashboard.js`)."""
    query = {"type": parts.QUERY, "name": ALL, "default": ALL}
    path, page = ("url", "pathname"), ("page", "children")
    for name, output, *inputs in (
        ("scheme", Output("scheme", "data"), Input("toggle", "n_clicks"), Beside("scheme", "data")),
        ("paint", Output("mantine", "forceColorScheme"), Input("scheme", "data")),
        ("burger", Output("shell", "navbar"), Input("burger", "opened"), Input(*path), Beside("shell", "navbar")),
        ("arrive", Output("arrived", "data"), Input(*page), Beside(*path), Beside("arrived", "data")),
        ("address", Output("url", "search"), Input(query, "value"), Beside(query, "id"), Beside("url", "search")),
    ):
        dash.clientside_callback(ClientsideFunction("clientage", name), output, *inputs)


def shown(path: str, state: State) -> Component:
    """A page, or in a sentence why it cannot be shown."""
    page = PAGES.get(path.rstrip("/") or "/")
    if page is None:
        return parts.page("Not here", parts.empty("There is no such page."), html.P(dcc.Link("Overview", href="/")))
    try:
        return page.layout(state)
    except ClientageError as error:
        return parts.page(
            page.name,
            parts.trouble(str(error)),
            parts.empty("To begin, or to make the tables anew:", "clientage run FILE"),
        )


def part(name: str, state: State) -> Component:
    """A part that comes after its page, or in a sentence why it cannot be shown."""
    if name not in LATE:
        return None
    try:
        return LATE[name](state)
    except ClientageError as error:
        return parts.trouble(str(error))


def _failed(error: Exception) -> Component:
    """A fault of ours: the page says that much."""
    _told(error)
    return parts.page("Something went wrong", parts.trouble("The one who runs this dashboard finds it in its log."))


def _told(error: Exception) -> None:
    """Kind and place of a fault of ours, on standard error; nothing of what was asked for."""
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    at = f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where else "?"
    say("failed", error=type(error).__name__, at=at)


def _guarded(server: Flask, dash: Dash, options: Options, cookie: str) -> None:
    """What every answer has: a policy, and the token that the page's own requests bring along."""
    hashes = " ".join(dash.csp_hashes())
    policy = "; ".join(
        f"{name} {value}{f' {hashes}' if name == 'script-src' else ''}" for name, value in POLICY.items()
    )

    @server.after_request
    def _headers(response: Response) -> Response:
        response.headers.update(HEADERS | {"Content-Security-Policy": policy})
        if not request.path.startswith(PROGRAMS):
            response.headers["Cache-Control"] = "no-store"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-cache"  # kept, and held against ours before it is used
        if response.mimetype == "text/html" and not g.get("ended"):
            response.set_cookie(cookie, access.token(), secure=options.https, samesite="Lax")
        return response

    @server.errorhandler(Exception)
    def _broken(error: Exception) -> Any:
        if isinstance(error, HTTPException):
            return error
        _told(error)
        return "Something went wrong here.\n", 500
