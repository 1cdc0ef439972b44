"""A model that was copied to where Google Cloud reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from clientage import artifacts
from clientage.cloud.clients import Google
from clientage.cloud.storage import SCHEME, Folder, fingerprint
from clientage.deployment import connection
from clientage.deployment.digests import KEPT
from clientage.errors import CloudError
from clientage.settings import Settings


@dataclass(frozen=True)
class Delivered:
    """A model in a bucket.

    Attributes:
        address: Its folder.
        digest: Of what it is made of.
        registered: Its number in the registry; empty where it has none.
        aliases: That it has there.
    """

    address: str
    digest: str
    registered: str = ""
    aliases: tuple[str, ...] = ()


def deliver(to: Google, settings: Settings, wanted: str, *, savedmodel: bool = False) -> Delivered:
    """Copy a model to the bucket, unless it is there already.

    Args:
        to: Google Cloud; in a rehearsal nothing is copied.
        settings: All of them.
        wanted: A folder, gs://…, an alias or version of the registry; empty: the model of the workspace.
        savedmodel: Whether as a SavedModel.

    Raises:
        ClientageError: What the user can mend.
    """
    if wanted.startswith(SCHEME):
        return _there(wanted.rstrip("/"))
    root = connection.bucket(settings)
    with _chosen(settings, wanted, savedmodel) as artifact:
        *_, last = artifact.files
        address = f"{root}/models/{artifact.digest[:16]}"
        if to.rehearsal:
            to.say(f"{len(artifact.files):,} files would be copied to {address}, unless they are there")
        elif not Folder(address, CloudError).generation(last):
            to.say(f"copying {len(artifact.files):,} files to {address}")
            artifacts.copy(artifact.files, address)
        return Delivered(address, artifact.digest[:KEPT], artifact.registered, artifact.aliases)


@contextmanager
def _chosen(settings: Settings, wanted: str, savedmodel: bool) -> Iterator[artifacts.Artifact]:
    with artifacts.saved(settings) if savedmodel else artifacts.chosen(settings, wanted) as found:
        yield found


def _there(address: str) -> Delivered:
    folder = Folder(address, CloudError)
    if any(folder.generation(name) for name in (artifacts.DOCUMENT, artifacts.ENVELOPE, "saved_model.pb")):
        return Delivered(address, fingerprint(address, CloudError)[:KEPT])
    raise CloudError(f"{address}: no model in it. Train one: clientage deploy vertex train gs://….", "not found")
