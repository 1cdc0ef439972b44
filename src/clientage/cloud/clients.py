"""Clients of Google Cloud's services for one project and region, and a rehearsal in which nothing is changed."""

import importlib
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from clientage.errors import CloudError

ENDPOINT = "CLIENTAGE_GOOGLE_ENDPOINT"  # all requests go to this address, without credentials: for tests
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
ATTEMPT = 60.0  # seconds of one request
LABEL = "clientage"  # on all that is made, so that it is found again

Say = Callable[[str], None]


@dataclass(frozen=True)
class Call:
    """A request that changes something.

    Attributes:
        method: Of HTTP.
        url: Where to.
        body: What is sent.
    """

    method: str
    url: str
    body: Any


class Google:
    """Where requests go, and with whose credentials.

    Attributes:
        project: Its id.
        region: Where models run.
        rehearsal: Whether requests that change something are only noted.
        calls: Those that were noted.
    """

    def __init__(self, project: str, region: str, *, rehearsal: bool = False, every: float = 5.0,
                 longest: float = 3600.0, say: Say = lambda sentence: None) -> None:  # fmt: skip
        self.project, self.region, self.rehearsal = project, region, rehearsal
        self.calls: list[Call] = []
        self.say, self._every, self._longest = say, every, longest
        self._made: dict[type, Any] = {}

    @property
    def parent(self) -> str:
        """Of everything that is made."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.project}/{self.region}"

    def client(self, kind: type, host: str) -> Any:
        """A client of a kind, made once.

        Args:
            kind: A class of Google's libraries.
            host: Of the service; another one where `CLIENTAGE_GOOGLE_ENDPOINT` says so.
        """
        if kind not in self._made:
            options = {"api_endpoint": os.environ.get(ENDPOINT) or host}
            made = kind(transport="rest", credentials=credentials(), client_options=options)
            if self.rehearsal:
                for scheme in ("https://", "http://"):
                    made.transport._session.mount(scheme, _noting(self.calls))
            self._made[kind] = made
        return self._made[kind]

    def session(self) -> Any:
        """Requests by hand, with the same credentials."""
        from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

        return AuthorizedSession(credentials())  # type: ignore[no-untyped-call]

    def address(self, host: str) -> str:
        """Where requests to a service go that are made by hand."""
        return os.environ.get(ENDPOINT) or f"https://{host}"

    def finished(self, operation: Any, what: str, called_off: str = "") -> Any:
        """What came of something that takes time; None in a rehearsal. What is not waited for to its end is called off.

        Args:
            operation: As Google's library gave it.
            what: Is being done, for whoever waits.
            called_off: Beginning of the address that calls it off; empty where it cannot be.

        Raises:
            CloudError: It takes too long.
        """
        if self.rehearsal:
            return None
        with ExitStack() as cut_off:
            if called_off:
                cut_off.callback(self._call_off, f"{called_off}/{operation.operation.name}:cancel")
            self.until(lambda: operation.done(retry=again()), what)
            cut_off.pop_all()
        return operation.result()

    def _call_off(self, address: str) -> None:
        """Ask for the end of something under way; where that is refused, it goes on.

        By hand, as the library (2.7) fails on it: it looks for a body that there is none of.
        """
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from requests import RequestException  # noqa: PLC0415

        with suppress(GoogleAuthError, RequestException):
            self.session().post(address, json={}, timeout=ATTEMPT)

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait until something is done, and say so now and then.

        Raises:
            CloudError: It takes too long.
        """
        began = time.monotonic()
        while not done():
            passed = time.monotonic() - began
            if passed > self._longest:
                raise CloudError(
                    f"{self.place}: {what} takes longer than {self._longest / 60:,.0f} minutes. "
                    "Look at it in the console, or raise deploy.wait_minutes.",
                    "too long",
                )
            self.say(f"{what}, {passed:,.0f} s")
            time.sleep(self._every)


def again() -> Any:
    """Look again where a look fails for a moment: what is under way shall not be undone for that."""
    from google.api_core.retry import Retry  # noqa: PLC0415

    return Retry(initial=0.5, maximum=10, timeout=ATTEMPT)


def credentials() -> Any:
    """Those of this machine; none where requests go to a local address.

    Raises:
        GoogleAuthError: There are none.
    """
    import google.auth  # noqa: PLC0415
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    if os.environ.get(ENDPOINT):
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    return google.auth.default(scopes=SCOPES)[0]


def _noting(calls: list[Call]) -> Any:
    """Takes the place of the network for requests that change something: they are noted, and answered with nothing."""
    from requests import PreparedRequest, Response  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    class Noting(HTTPAdapter):
        def send(self, request: PreparedRequest, *given: Any, **named: Any) -> Response:
            if request.method == "GET":
                return super().send(request, *given, **named)
            address = urlsplit(str(request.url))
            query = "&".join(part for part in address.query.split("&") if part and not part.startswith(("%24", "$")))
            url = f"{address.scheme}://{address.netloc}{address.path}{f'?{query}' if query else ''}"
            body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "null")
            calls.append(Call(str(request.method), url, json.loads(body)))
            answer = Response()
            answer.status_code, answer._content, answer.request = 200, b"{}", request
            return answer

    return Noting()


def library(name: str, extra: str = "vertex") -> Any:
    """A library of Google's that is not always installed.

    Args:
        name: As it is imported.
        extra: What it comes with.

    Raises:
        CloudError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        raise CloudError(
            f"{name} is not installed. Install it: pip install 'clientage[{extra}]'.", "not installed"
        ) from missing
