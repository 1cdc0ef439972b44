"""Files in a bucket, or in a folder of this machine where an address names one."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clientage.errors import CloudError


def copied(files: Mapping[str, Path], address: str) -> None:
    """Copy files to a folder, in their order: put what makes it whole last.

    Args:
        files: By what they are called there.
        address: gs://bucket/folder, or a folder of this machine.

    Raises:
        CloudError: It could not be done.
    """
    with _explained(address):
        there, root = _folder(address)
        for name, path in files.items():
            place = f"{root}/{name}"
            if not address.startswith("gs://"):
                there.makedirs(place.rpartition("/")[0], exist_ok=True)
            there.put_file(str(path), place)


def has(address: str) -> bool:
    """Whether a file is there.

    Raises:
        CloudError: It cannot be seen.
    """
    with _explained(address):
        there, path = _folder(address)
        return bool(there.isfile(path))


def text(address: str) -> str | None:
    """A document; None where it is not there.

    Raises:
        CloudError: It cannot be read.
    """
    with _explained(address):
        there, path = _folder(address)
        try:
            return str(there.cat_file(path).decode())
        except FileNotFoundError:
            return None


def fetched(address: str, path: Path) -> bool:
    """Copy a file to this machine; whether it was there.

    Raises:
        CloudError: It could not be done.
    """
    with _explained(address):
        there, name = _folder(address)
        try:
            there.get_file(name, str(path))
        except FileNotFoundError:
            return False
        return True


def fingerprint(address: str) -> str:
    """Of names, sizes and checksums of what lies at an address, file or folder: another one when any of it changes.

    Raises:
        CloudError: There is nothing, or it cannot be seen.
    """
    with _explained(address):
        there, path = _folder(address)
        found = there.glob(path, detail=True) if "*" in path else there.find(path, detail=True)
        if not found:
            raise CloudError(f"{address}: there is nothing. Copy the order lines there.", "not found")
        told = [
            [name, about.get("size"), about.get("md5Hash") or about.get("etag") or str(about.get("mtime"))]
            for name, about in sorted(found.items())
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _folder(address: str) -> tuple[Any, str]:
    import fsspec  # noqa: PLC0415 - and with it the library of the bucket

    there, path = fsspec.core.url_to_fs(address)
    there.invalidate_cache()
    return there, path.rstrip("/")


@contextlib.contextmanager
def _explained(address: str) -> Iterator[None]:
    try:
        kinds = _kinds(address)
        yield
    except ImportError as error:
        raise CloudError(
            f"{address}: gcsfs is not installed. Install it: pip install 'clientage[gcs]'.", "not installed"
        ) from error
    except kinds as error:
        raise CloudError(f"{address}: {_said(error, address)}", "bucket") from error


def _kinds(address: str) -> tuple[type[Exception], ...]:
    if not address.startswith("gs://"):
        return (OSError, ValueError)
    from gcsfs.retry import HttpError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    return (OSError, ValueError, RuntimeError, HttpError, GoogleAuthError)


def _said(error: Exception, address: str) -> str:
    said = " ".join(str(error).split())[:160]
    if not address.startswith("gs://"):
        return f"cannot be used ({said}). Give another place."
    bucket = address.removeprefix("gs://").partition("/")[0]
    if isinstance(error, FileNotFoundError) or "bucket does not exist" in said:
        return f"there is no such bucket, or nothing in it. Make it: gcloud storage buckets create gs://{bucket}"
    if "orbidden" in said or "credential" in said.lower() or "401" in said:
        return (
            f"this account may not use the bucket ({said}). Grant it roles/storage.objectAdmin on gs://{bucket}, "
            "and log in with `gcloud auth application-default login`."
        )
    return f"cannot be used ({type(error).__name__}: {said}). Do it again later."
