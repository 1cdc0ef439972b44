"""How a service elsewhere is reached: its address, the key, patience, and what it says when it cannot answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from clientage.errors import ServiceError, SettingsError

if TYPE_CHECKING:
    import urllib3

KEY = "CLIENTAGE_SERVE_KEY"
PAUSE = 0.5  # seconds; the waits between attempts are 0, 2, 4, 8 … of these
PASSING = (429, 502, 503, 504)  # what may be otherwise a little later
SIDE_BY_SIDE = 4  # requests that are under way at a time


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status.
        value: The object in the body; an empty one where there is none.
        version: Of the model that answered; empty where it is not told.
        moved: The address that it points to; empty for most.
    """

    status: int
    value: Mapping[str, Any]
    version: str = ""
    moved: str = ""

    @property
    def sentence(self) -> str:
        """Why a request is not answered, in the service's words where it has any."""
        said = self.value.get("error")
        if isinstance(said, str) and said:
            return clean(said)
        return f"status {self.status}{f', moved to {self.moved}' if self.moved else ''}."


@dataclass(frozen=True)
class Connection:
    """Connections to a service. Threads may share them.

    Attributes:
        url: Its address.
        http: What keeps them open.
    """

    url: str
    http: "urllib3.PoolManager"

    def get(self, route: str) -> Answer:
        """Ask for something, for the first time: a wrong address is told at once.

        Raises:
            ServiceError: Nobody answers.
        """
        return self._request("GET", route, retries=self.http.connection_pool_kw["retries"].new(connect=2, read=2))

    def post(self, route: str, body: bytes) -> Answer:
        """Send something, several times where the service is busy or away for a moment.

        Raises:
            ServiceError: Nobody answers.
        """
        return self._request("POST", route, body=body)

    def failed(self, answer: Answer) -> ServiceError:
        """What an answer means that is none."""
        if answer.status in (401, 403):
            return ServiceError(f"{self.url}: {answer.sentence} It is read from the environment variable {KEY}.")
        how = "is still busy after many attempts" if answer.status in PASSING else "cannot answer"
        return ServiceError(f"{self.url}: {how}: {answer.sentence}")

    def _request(self, method: str, route: str, **options: Any) -> Answer:
        import orjson  # noqa: PLC0415 - both of the extra `serve`
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            response = self.http.request(method, self.url + route, redirect=False, **options)
        except HTTPError as error:
            raise ServiceError(
                f"{self.url}: does not answer ({_reason(error)}). Is `clientage serve` running there?"
            ) from error
        try:
            value = orjson.loads(response.data)
        except orjson.JSONDecodeError:
            value = {}
        told = [clean(response.headers.get(name, "")) for name in ("X-Model-Version", "Location")]
        return Answer(response.status, value if isinstance(value, dict) else {}, *told)


def connect(url: str, key: str = "", pause: float = PAUSE) -> Connection:
    """Get ready to ask a service; nothing is sent yet.

    Args:
        url: Its address.
        key: The key that opens it, where it needs one.
        pause: Seconds; the waits between attempts are multiples of it.

    Raises:
        SettingsError: The address or the key is none, or the client is not installed.
    """
    address = _address(url)
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SettingsError(f"{KEY}: has a sign that no key has. Set it to the key as it was shown.")
    try:
        import orjson  # noqa: F401, PLC0415 - both of the extra `serve`
        import urllib3  # noqa: PLC0415
    except ImportError as missing:
        raise SettingsError("the client is not installed. Install it: pip install 'clientage[serve]'.") from missing
    retries = urllib3.Retry(
        total=20, connect=6, read=3, other=3, redirect=0, raise_on_redirect=False, raise_on_status=False,
        allowed_methods=None, status_forcelist=PASSING, backoff_factor=pause, backoff_max=30,
    )  # fmt: skip
    headers = {"Content-Type": "application/json", "User-Agent": "clientage"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    patience = urllib3.Timeout(connect=10, read=60)
    return Connection(
        address, urllib3.PoolManager(maxsize=SIDE_BY_SIDE, headers=headers, retries=retries, timeout=patience)
    )


def clean(text: str) -> str:
    """A text from elsewhere on one line, without signs that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "·" for letter in text[:2000])


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if fine and (parts.username or parts.password):
        raise SettingsError(f"--url: has a name or password in it. Leave it out; a key is read from {KEY}.")
    if not fine or parts.query or parts.fragment or " " in url or not (url.isascii() and url.isprintable()):
        raise SettingsError(f"--url {clean(url)}: not the address of a service. Write it as http://127.0.0.1:8080.")
    return url.rstrip("/")


def _reason(error: BaseException) -> str:
    """What the system says, below what the libraries make of it."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        inner = getattr(following, "reason", None)
        following = inner if isinstance(inner, BaseException) else following.__cause__ or following.__context__
    said = [str(each.strerror) for each in chain if isinstance(each, OSError) and each.strerror]
    if said:
        return clean(said[-1])
    return "no answer in time" if any("Timeout" in type(each).__name__ for each in chain) else "the connection was cut"
