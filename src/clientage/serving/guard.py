"""Who may ask, how often, and what a browser may do with the answer."""

import hashlib
import ipaddress
import math
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from clientage.errors import RequestError, SettingsError, joined

KEYS = "CLIENTAGE_SERVE_KEYS"

# an answer is kept by nobody on the way, and never taken for anything but what it says it is
HEADERS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))

# a page loads nothing from elsewhere, runs nothing, and stands in no other page
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Keys:
    """The keys that open the service, as digests: the keys themselves are kept by those who use them.

    Attributes:
        names: Name of each key, by SHA-256 of the key in hexadecimal.
    """

    names: Mapping[str, str]

    @classmethod
    def of_environment(cls) -> "Keys":
        """Those of the variable `CLIENTAGE_SERVE_KEYS`, as `name:digest,name:digest`.

        Raises:
            SettingsError: An entry is none; the entries themselves are not repeated.
        """
        mend = "is not NAME:DIGEST. Make one with `clientage serve --new-key NAME`."
        return cls(digests(KEYS, "[^:]+", mend))

    def name(self, authorization: str | None) -> str:
        """The name of the key in the header `Authorization`; empty where no keys are asked for.

        The digest of what was sent is looked up, so that the time it takes tells nothing of a key.

        Raises:
            RequestError: There is no key in it, or a wrong one.
        """
        if not self.names:
            return ""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise RequestError("no key: send it in the header Authorization: Bearer KEY.", 401)
        if (name := self.names.get(digest(key.strip()))) is None:
            raise RequestError("wrong key: ask the one who runs this service for another.", 401)
        return name


def digests(variable: str, name: str, mend: str) -> dict[str, str]:
    """Names of keys by digest, from a variable of the environment with entries of the form `name:digest`.

    Args:
        variable: The variable.
        name: How a name looks, as a regular expression.
        mend: What is wrong with an entry that is none, and what to do.

    Raises:
        SettingsError: An entry is none; the entries themselves are not repeated.
    """
    entries = [entry.strip() for entry in os.environ.get(variable, "").split(",") if entry.strip()]
    found = [re.fullmatch(rf"({name}):([0-9a-f]{{64}})", entry, re.ASCII) for entry in entries]
    if problems := [f"{variable}: entry {i} {mend}" for i, match in enumerate(found, 1) if not match]:
        raise SettingsError(joined(problems))
    return {match[2]: match[1] for match in found if match}


def digest(key: str) -> str:
    """SHA-256 of a key in hexadecimal. Keys are 256 random bits, so that no salt or slow hash is needed."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def new_key(name: str) -> str:
    """A key, 256 random bits.

    Raises:
        SettingsError: The name cannot stand in the list of keys.
    """
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise SettingsError(f"--new-key {name!r}: write a name of letters, digits, dots and dashes.")
    return secrets.token_urlsafe(32)


def require_keys(host: str, keys: Keys, *, insecure: bool) -> None:
    """Refuse to open the service to others without keys.

    Raises:
        SettingsError: The address is not of this machine alone, and there are no keys.
    """
    if not (keys.names or insecure or loopback(host)):
        raise SettingsError(
            f"serve: {host} is open to others, and there are no keys. Make one with `clientage serve --new-key NAME`, "
            "or add --insecure where something before the service asks for keys."
        )


def loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Limiter:
    """How often each key may ask, in windows of a minute.

    Each worker counts for itself and allows its share, rounded up: a client that keeps to one connection, and so to one
    worker, gets that share.

    Args:
        a_minute: Requests allowed in a minute; 0 for any number.
        workers: Among how many workers they are shared.
    """

    def __init__(self, a_minute: int, workers: int) -> None:
        self._most = math.ceil(a_minute / workers)
        self._counts: tuple[int, dict[str, int]] = 0, {}

    def require(self, who: str) -> None:
        """Count a request.

        Raises:
            RequestError: It is one too many.
        """
        if not self._most:
            return
        now = time.time()
        window, counts = self._counts
        if window != (minute := int(now // 60)):
            self._counts = _, counts = minute, {}
        counts[who] = count = counts.get(who, 0) + 1
        if count > self._most:
            wait = 60 - int(now % 60)
            raise RequestError(f"too many requests: ask again in {wait} seconds.", 429, wait)
