"""A folder of a bucket of Google Cloud Storage: objects that are read, put, replaced by condition, and removed."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clientage import forms
from clientage.cloud import refusals
from clientage.cloud.refusals import Raised, Service
from clientage.errors import ClientageError, SettingsError, WorkspaceError

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Bucket

SCHEME = "gs://"
SMALL, LARGE = 20.0, 120.0  # seconds for all attempts: at what is small, and at a file
ATTEMPT = 15.0  # seconds to wait for a byte
TRIES = 5
CONNECTIONS = 8  # at a time


def _of_workspace(sentence: str, kind: str) -> ClientageError:
    return WorkspaceError(sentence)


class Folder:
    """A folder of a bucket; nothing is reached before it is used.

    Attributes:
        address: As it is spoken of, without a slash at the end.
    """

    def __init__(self, address: str, raised: Raised = _of_workspace) -> None:
        """Take an address apart.

        Args:
            address: As `gs://bucket/folder`.
            raised: The error to raise where Cloud Storage refuses; that of a workspace, unless another is named.

        Raises:
            SettingsError: It is no address of a folder in a bucket.
            WorkspaceError: The library is not installed.
        """
        found = re.fullmatch(forms.FOLDER, address.rstrip("/"), re.ASCII)
        if not found:
            raise SettingsError(
                f"{address}: not an address of a folder. Write it as gs://BUCKET/FOLDER. {forms.BUCKETS}."
            )
        self._bucket_name, path = found["bucket"], found["path"]
        self._raised = raised
        self.address = f"{SCHEME}{self._bucket_name}{path}"
        self._prefix = f"{path.removeprefix('/')}/" if path else ""
        try:
            import google.cloud.storage  # noqa: F401, PLC0415 - an extra
        except ImportError as missing:
            raise raised(
                f"{address}: google-cloud-storage is not installed. Install it: pip install 'clientage[gcs]'.",
                "not installed",
            ) from missing

    def generation(self, name: str) -> int:
        """Which one of its versions an object is; 0 where there is none.

        Raises:
            WorkspaceError: The bucket is not there, or does not say.
        """
        found = self._found(name)
        return int(found.generation) if found else 0

    def read(self, name: str) -> tuple[bytes, int]:
        """A small object and its generation; nothing and 0 where there is none.

        Raises:
            WorkspaceError: The bucket is not there, or the object cannot be read.
        """
        from google.api_core.exceptions import NotFound, PreconditionFailed  # noqa: PLC0415

        for _ in range(TRIES):
            if (found := self._found(name)) is None:
                return b"", 0
            generation = int(found.generation)
            with self._explained(), contextlib.suppress(NotFound, PreconditionFailed):  # replaced meanwhile
                data = found.download_as_bytes(if_generation_match=generation, timeout=ATTEMPT, retry=_retry(SMALL))
                return bytes(data), generation
        raise self._raised(f"{self.address}/{name}: is being replaced all the time. Try again.", "replaced")

    def fetch(self, name: str, path: Path) -> bool:
        """Write an object into a file; False where there is none.

        Raises:
            WorkspaceError: It cannot be read.
        """
        from google.api_core.exceptions import NotFound  # noqa: PLC0415

        with self._explained():
            try:
                self._blob(name).download_to_filename(str(path), timeout=ATTEMPT, retry=_retry(LARGE))
            except NotFound:
                return False
        return True

    def put(self, name: str, path: Path) -> int:
        """Keep a file as an object, in place of what it was.

        Returns:
            Its generation.

        Raises:
            WorkspaceError: It cannot be written.
        """
        with self._explained():
            blob = self._blob(name)
            blob.upload_from_filename(
                str(path), "application/octet-stream", timeout=ATTEMPT, retry=_retry(LARGE), checksum="crc32c"
            )
        return int(blob.generation or 0)

    def replace(self, name: str, data: bytes, generation: int) -> int:
        """Put a small object in place of one generation of it.

        Args:
            name: Its name.
            data: What it is to be.
            generation: That it must be now; 0 where it must not be there.

        Returns:
            Its generation; 0 where it was another one, and is as it was.

        Raises:
            WorkspaceError: It cannot be written, or whether it was cannot be known.
        """
        from google.api_core.exceptions import PreconditionFailed  # noqa: PLC0415

        with self._explained():
            blob = self._blob(name)
            try:
                blob.upload_from_string(
                    data, "application/json", if_generation_match=generation, timeout=ATTEMPT, retry=_retry(SMALL)
                )
            except PreconditionFailed:
                there, found = self.read(name)
                return found if there == data else 0  # an answer that was lost, and asked for again
        return int(blob.generation or 0)

    def names(self, prefix: str) -> dict[str, int]:
        """Objects under a prefix by their names in this folder, with their generations.

        Raises:
            WorkspaceError: The bucket is not there, or does not say.
        """
        with self._explained():
            listed = self._bucket.list_blobs(prefix=self._prefix + prefix, timeout=ATTEMPT, retry=_retry(SMALL))
            return {blob.name.removeprefix(self._prefix): int(blob.generation) for blob in listed}

    def checksums(self, path: str) -> dict[str, str]:
        """Size and checksum of an object, of all in a folder, or of all that fit a pattern, by their names.

        Raises:
            WorkspaceError: The bucket is not there, or does not say.
        """
        plain = re.split(r"[*?\[{]", path)[0]
        pattern = self._prefix + path if plain != path else None
        with self._explained():
            listed = self._bucket.list_blobs(
                prefix=self._prefix + plain, match_glob=pattern, timeout=ATTEMPT, retry=_retry(SMALL)
            )
            found = {
                blob.name.removeprefix(self._prefix): f"{blob.size} {blob.md5_hash or blob.crc32c}" for blob in listed
            }
        return {name: told for name, told in found.items() if pattern or not path or f"{name}/".startswith(f"{path}/")}

    def remove(self, name: str, generation: int) -> None:
        """Remove one generation of an object, where that is what it is.

        Raises:
            WorkspaceError: It cannot be removed.
        """
        from google.api_core.exceptions import NotFound, PreconditionFailed  # noqa: PLC0415

        with self._explained(), contextlib.suppress(NotFound, PreconditionFailed):
            self._blob(name).delete(if_generation_match=generation, timeout=ATTEMPT, retry=_retry(SMALL))

    def _found(self, name: str) -> "Blob | None":
        with self._explained():
            found = self._bucket.get_blob(self._prefix + name, timeout=ATTEMPT, retry=_retry(SMALL))
            if found is None:  # or there is no bucket, which the list of its objects tells without a further role
                next(iter(self._bucket.list_blobs(max_results=1, timeout=ATTEMPT, retry=_retry(SMALL))), None)
            return found

    def _blob(self, name: str) -> "Blob":
        return self._bucket.blob(self._prefix + name)

    @cached_property
    def _bucket(self) -> "Bucket":
        from google.cloud import storage  # noqa: PLC0415
        from requests.adapters import HTTPAdapter  # noqa: PLC0415

        # a project is only needed for what is not done here, and so is not looked for
        client = storage.Client(project=os.environ.get("GOOGLE_CLOUD_PROJECT") or "none")
        for scheme in ("https://", "http://"):
            client._http.mount(scheme, HTTPAdapter(pool_connections=CONNECTIONS, pool_maxsize=CONNECTIONS))
        return client.bucket(self._bucket_name)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What Google said, in a sentence: what, where, and the role or command that is missing."""
        from google.cloud.storage.exceptions import DataCorruption, InvalidResponse  # noqa: PLC0415

        with refusals.explained(self.address, self._service, self._raised):
            try:
                yield
            except DataCorruption as error:
                raise self._raised(f"{self.address}: what came is not what was sent. Run again.", "altered") from error
            except InvalidResponse as error:
                raise self._raised(
                    f"{self.address}: Cloud Storage refuses (InvalidResponse). Look at its log.", "InvalidResponse"
                ) from error

    @property
    def _service(self) -> Service:
        bucket = f"gs://{self._bucket_name}"
        return Service(
            "Cloud Storage",
            "storage.googleapis.com",
            os.environ.get("GOOGLE_CLOUD_PROJECT", ""),
            permission="this account may not use the bucket, or there is no such bucket. Grant it "
            f"roles/storage.objectAdmin: gcloud storage buckets add-iam-policy-binding {bucket} "
            "--role=roles/storage.objectAdmin --member=serviceAccount:…",
            missing=f"there is no bucket {self._bucket_name}. Make it: gcloud storage buckets create {bucket} "
            "--uniform-bucket-level-access.",
            quiet=True,
        )


def fingerprint(address: str, raised: Raised = _of_workspace) -> str:
    """Of what lies at an address, its names, sizes and checksums: another one when any of it changes.

    Args:
        address: A file, a folder, or a pattern such as `gs://bucket/*.jsonl`.
        raised: The error to raise where there is nothing, or Cloud Storage refuses.

    Raises:
        SettingsError: It is no address in a bucket.
        ClientageError: There is nothing, or it cannot be seen.
    """
    bucket, _, path = address.removeprefix(SCHEME).strip("/").partition("/")
    found = Folder(f"{SCHEME}{bucket}", raised).checksums(path)
    if not found:
        raise raised(f"{address}: there is nothing. Copy the order lines there.", "not found")
    return hashlib.sha256(json.dumps(sorted(found.items())).encode()).hexdigest()


def _retry(seconds: float) -> Any:
    """Again on what passes: a server that fails, a limit on requests, a connection that ends."""
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

    return DEFAULT_RETRY.with_timeout(seconds).with_delay(initial=0.2, maximum=5)
