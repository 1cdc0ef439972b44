"""Downloads: once, resumed where cut off, checked by SHA-256, never larger than allowed."""

import base64
import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from filelock import FileLock

from clientage.errors import InputError
from clientage.transactions.sources.files import Progress, check_size, digest

_CHUNK = 1 << 18
_TIMEOUT = 60  # seconds without a byte
_TRIES = 3


@dataclass(frozen=True)
class Stream:
    """What a server sends: bytes from `start` on, of `total` bytes (None: not said), of the version `entity`."""

    body: IO[bytes]
    start: int
    total: int | None
    entity: str


def is_url(location: str) -> bool:
    """Whether a location is an address rather than a path (`C:` is a drive)."""
    return re.match(r"^[A-Za-z][A-Za-z0-9+.-]+://", location) is not None


def shown(url: str) -> str:
    """An address fit to be shown: no user, no password, no query, where tokens stand."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def fetch(url: str, cache: Path, *, keep: bool = True, max_bytes: int, progress: Progress) -> Path:
    """The file behind an address.

    A download that was cut off goes on where it stopped when the server allows it and the file there is the same one.
    Its SHA-256 is kept beside the file and checked whenever the file is used again.

    Args:
        url: http, https, or whatever fsspec can open.
        cache: Folder of downloads.
        keep: Whether a file downloaded before may be used again: right for one that does not change.
        max_bytes: Refuse more than this.
        progress: Told what is being done and which share of it.

    Raises:
        InputError: It is not there, cannot be reached, or is too large.
    """
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / _file_name(url)
    with FileLock(f"{target}.lock"):
        if not (keep and _intact(target)):
            _download(url, target, max_bytes, progress)
    return target


def _file_name(url: str) -> str:
    """A name that tells files apart by a digest and people what it is; nothing secret in it."""
    parts = urlsplit(url)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    name = re.sub(r"[^\w.-]+", "-", unquote(PurePosixPath(parts.path).name))[-80:].lstrip(".-")
    return f"{hashlib.sha256(bare.encode()).hexdigest()[:12]}-{name or 'download'}"


def _intact(target: Path) -> bool:
    """Whether the file is there as it was when it was downloaded."""
    kept = Path(f"{target}.sha256")
    return target.exists() and kept.exists() and kept.read_text().strip() == digest(target)


def _download(url: str, target: Path, max_bytes: int, progress: Progress) -> None:
    part = Path(f"{target}.part")
    for attempt in range(1, _TRIES + 1):
        try:
            if _receive(url, part, max_bytes, progress):
                break
            problem = f"was cut off after {part.stat().st_size:,} bytes"
        except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
            problem = f"was cut off ({error or type(error).__name__})"
        if attempt == _TRIES:
            raise InputError(f"{shown(url)}: {problem}. Run it again: the download goes on where it stopped.")
    Path(f"{target}.sha256").write_text(digest(part) + "\n")
    part.replace(target)
    Path(f"{part}.version").unlink(missing_ok=True)


def _entity(part: Path) -> str:
    """Which version of the file the partial download is of; empty when that is not known."""
    kept = Path(f"{part}.version")
    return kept.read_text() if part.exists() and kept.exists() else ""


def _receive(url: str, part: Path, max_bytes: int, progress: Progress) -> bool:
    """Add to the partial file what the server sends; whether that completes it."""
    entity = _entity(part)
    have = part.stat().st_size if entity else 0
    opener = _http if urlsplit(url).scheme.lower() in ("http", "https") else _store
    with opener(url, have, entity) as stream:
        check_size(stream.total or 0, shown(url), max_bytes)
        if stream.start not in (0, have):
            raise ConnectionError(f"the server went on at byte {stream.start:,} instead of {have:,}")
        Path(f"{part}.version").write_text(stream.entity)
        done = stream.start
        with part.open("ab" if stream.start else "wb") as file:
            while chunk := stream.body.read(_CHUNK):
                done += len(chunk)
                check_size(done, shown(url), max_bytes)
                file.write(chunk)
                progress(f"downloading {shown(url)}", done / stream.total if stream.total else None)
    return stream.total is None or done == stream.total


@contextmanager
def _http(url: str, have: int, entity: str) -> Iterator[Stream]:
    """Ask for the rest of the same version; a server without ranges, or with another version, sends all of it."""
    request = _request(url)
    if have and entity:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", entity)
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 (http and https only, see _receive)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise InputError(_refused(url, error.code)) from error
        response = urllib.request.urlopen(_request(url), timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.URLError as error:
        raise InputError(f"{shown(url)}: cannot be reached ({error.reason}). Is there a network?") from error
    with response:
        start = _start(response.headers.get("Content-Range")) if response.status == 206 else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        yield Stream(response, start, total, _version(response.headers))


def _request(url: str) -> urllib.request.Request:
    """The request, with a password from the address as a header that is not passed on to other servers."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    path = urllib.request.quote(parts.path, safe="/%:@!$&'()*+,;=~")  # type: ignore[attr-defined]
    request = urllib.request.Request(urlunsplit((parts.scheme, host, path, parts.query, "")))  # noqa: S310
    request.add_header("User-Agent", "clientage")
    if at:
        secret = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {secret}")
    return request


def _start(content_range: str | None) -> int:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return int(found[1]) if found else 0


def _version(headers: Any) -> str:
    """A mark that changes with the file; weak ones do not promise equal bytes."""
    tag = headers.get("ETag") or ""
    return str(tag if tag and not tag.startswith("W/") else headers.get("Last-Modified") or "")


def _refused(url: str, code: int) -> str:
    if code in (404, 410):
        return f"{shown(url)}: there is no such file (HTTP {code}). Check the address."
    if code in (401, 403, 407):
        return f"{shown(url)}: access is refused (HTTP {code}). Put user and password or a fresh token in the address."
    return f"{shown(url)}: the server answers HTTP {code}. Try again later."


@contextmanager
def _store(url: str, have: int, entity: str) -> Iterator[Stream]:
    """Object stores and the rest, through fsspec."""
    import fsspec  # noqa: PLC0415 (only other schemes need it)

    scheme = urlsplit(url).scheme
    try:
        system, path = fsspec.core.url_to_fs(url)
        info = system.info(path)
        body = system.open(path, "rb")
    except ValueError as error:
        raise InputError(
            f"{shown(url)}: {scheme}:// is not a known kind of address. Use https://, gs:// or s3://."
        ) from error
    except ImportError as error:
        raise InputError(f"{shown(url)}: {scheme}:// needs a package that is not installed: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"{shown(url)}: there is no such file. Check the address.") from error
    except OSError as error:
        raise InputError(f"{shown(url)}: cannot be read ({type(error).__name__}). Are you signed in there?") from error
    marks = (info.get(name) for name in ("etag", "ETag", "generation", "mtime", "created"))
    version = str(next((mark for mark in marks if mark), ""))
    with body:
        start = have if have and entity == version else 0
        body.seek(start)
        yield Stream(body, start, info.get("size"), version)
