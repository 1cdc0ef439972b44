"""Who may look, and who may change something: keys, roles, sessions, and what is refused before any page is made."""

import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from flask import Response, redirect, request, session

from clientage.errors import SettingsError
from clientage.serving.guard import digest, digests, loopback, new_key

KEYS, SECRET = "CLIENTAGE_DASHBOARD_KEYS", "CLIENTAGE_DASHBOARD_SECRET"
VIEWER, OPERATOR = "viewer", "operator"
ROLES = (VIEWER, OPERATOR)
SHORTEST = 32  # characters of a secret
LOGIN, ASSETS = "/login", "/assets/"  # what is seen without a key: no data in any of it
TOKEN, TOKEN_HEADER = "clientage-token", "X-Clientage-Token"
CALLBACKS = "/_dash-update-component"


@dataclass(frozen=True)
class Person:
    """Who looks.

    Attributes:
        name: Of their key; empty where no keys are asked for.
        role: viewer or operator.
    """

    name: str
    role: str

    @property
    def may_change(self) -> bool:
        """Whether they may promote and roll back."""
        return self.role == OPERATOR


@dataclass(frozen=True)
class Access:
    """Whom the dashboard lets in.

    Attributes:
        host: Address it listens on.
        keys: `role:name` of each key, by digest; empty where no keys are asked for.
        insecure: Whether others than this machine may look without a key.
        hours: How long a login lasts.
    """

    host: str = "127.0.0.1"
    keys: Mapping[str, str] = field(default_factory=dict)
    insecure: bool = False
    hours: float = 12

    @classmethod
    def of_environment(cls, host: str, *, insecure: bool, hours: float = 12) -> "Access":
        """With the keys of the variable `CLIENTAGE_DASHBOARD_KEYS`, as `role:name:digest,role:name:digest`.

        Raises:
            SettingsError: An entry is none, or others than this machine could look without a key.
        """
        mend = "is not ROLE:NAME:DIGEST. Make one with `clientage dashboard --new-key NAME --role viewer`."
        keys = digests(KEYS, rf"(?:{'|'.join(ROLES)}):[\w.-]+", mend)
        if not (keys or insecure or loopback(host)):
            raise SettingsError(
                f"dashboard: {host} is open to others, and there are no keys. Make one with "
                "`clientage dashboard --new-key NAME`, or add --insecure where something before it asks who they are."
            )
        return cls(host, keys, insecure, hours)

    @property
    def local(self) -> bool:
        """Whether only this machine may look, without a key."""
        return not self.keys and not self.insecure

    def person(self) -> Person | None:
        """Who asks; None for who has to log in first."""
        if not self.keys:
            return Person("", OPERATOR if self.local else VIEWER)
        if not 0 <= time.time() - session.get("since", 0) < self.hours * 3600:
            return None  # whatever the browser kept: a session that is used all the time would never end
        who = self.keys.get(_key_of(str(session.get("key", "")), self.keys), "")
        role, _, name = who.partition(":")
        return Person(name, role) if who else None

    def refusal(self) -> Response | None:
        """What to answer instead of what was asked for; None for who may have it."""
        if self.local and not _named_local(request.host):
            return _said("This dashboard has no keys, so it answers to localhost and 127.0.0.1 alone.", 403)
        if request.method not in ("GET", "HEAD") and not _same_origin():
            return _said("This did not come from the dashboard's own page.", 403)
        if request.path == LOGIN or request.path.startswith(ASSETS) or self.person():
            well = request.path != CALLBACKS or token_fits(request.headers.get(TOKEN_HEADER, ""))
            return None if well else _said("This page is too old. Load it again.", 403)
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            return redirect(f"/login?next={quote(request.full_path.rstrip('?'))}")  # type: ignore[return-value]
        return _said("Log in first.", 401)


def secret() -> bytes:
    """What sessions are signed with: that of the environment, else a new one, with which logins end with the process.

    Raises:
        SettingsError: It is so short that it could be found by trying.
    """
    given = os.environ.get(SECRET, "")
    if given and len(given) < SHORTEST:
        raise SettingsError(f"{SECRET}: too short. Give {SHORTEST} random characters or more, or leave it out.")
    return given.encode() if given else secrets.token_bytes(32)


def log_in(key: str, keys: Mapping[str, str]) -> bool:
    """Begin a session, where the key is one of ours.

    Args:
        key: What was typed.
        keys: Names by digest.
    """
    session.clear()
    token()
    if (found := digest(key.strip())) not in keys:
        return False
    session["key"], session["since"] = digest(found), int(time.time())
    session.permanent = True
    return True


def token() -> str:
    """The session's own token, which every request that may change something brings along."""
    if "token" not in session:
        session["token"] = secrets.token_urlsafe(24)
    return str(session["token"])


def token_fits(given: str) -> bool:
    """Whether a request brings the session's token along."""
    return bool(given) and secrets.compare_digest(given.encode(), str(session.get("token", "")).encode())


def landing(wanted: str) -> str:
    """Where to go after the login: a page of ours, or the first one."""
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not parts.netloc and not wanted.startswith(("//", "/\\", "/login", "/logout"))
    return wanted if ours and "\\" not in wanted and wanted.isprintable() else "/"


def new_entry(name: str, role: str) -> tuple[str, str]:
    """A key, and the entry that lets it in.

    Raises:
        SettingsError: The name cannot stand in the list of keys, or there is no such role.
    """
    if role not in ROLES:
        raise SettingsError(f"--role {role}: there is no such role. Give {' or '.join(ROLES)}.")
    key = new_key(name)
    return key, f"{role}:{name}:{digest(key)}"


def _key_of(kept: str, keys: Mapping[str, str]) -> str:
    """The digest of the key that a session was begun with; the session has only the digest of it."""
    return next((each for each in keys if secrets.compare_digest(digest(each), kept)), "") if kept else ""


def _named_local(host: str) -> bool:
    name = re.sub(r":\d*$", "", host).strip("[]")
    return name in {"localhost", "127.0.0.1", "::1"}


def _same_origin() -> bool:
    """Whether a page of ours asks: every browser says where a request that may change something comes from."""
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.host


def _said(sentence: str, status: int) -> Response:
    return Response(f"{sentence}\n", status, content_type="text/plain; charset=utf-8")
