"""A model from elsewhere, brought to where the workers read it: from the registry, or from a bucket.

In a bucket lies a workspace that is published, which is followed, or a plain folder, which is taken once: such as the
copy of a model that Vertex AI makes, which nobody changes. Tables of the workspace that live in a dataset are brought
here as files.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from clientage import copies
from clientage.cloud.storage import SCHEME
from clientage.contents import LIVING
from clientage.context import store
from clientage.copies import Copy, Files
from clientage.errors import ClientageError, InputError
from clientage.serving import carried
from clientage.serving.logs import say
from clientage.serving.models import read_document
from clientage.serving.place import (
    DOCUMENTS,
    TABLES,
    Place,
    elsewhere,
    envelope,
    gathered,
    lives_elsewhere,
    place_of,
)
from clientage.settings import Settings
from clientage.tracking import registry

GATHERED = "gathered"  # says which model and tables a folder was made from


def bring(settings: Settings, wanted: str) -> None:
    """Bring a model to its place, unless it is there.

    Args:
        settings: All of them.
        wanted: An address, an alias or version in the registry, or the workspace, where that is the copy of a
            published one.

    Raises:
        ClientageError: It cannot be brought; what is there stays.
    """
    place, remote = place_of(settings, wanted)
    if "://" in wanted:
        if not (wanted.startswith(SCHEME) and _published(wanted, place)):
            _download(wanted, place.document.parent)
    elif lives_elsewhere(settings, wanted):
        if copy := copies.of(settings.workspace):
            copy.follow()
        Place.in_folder(settings.workspace)  # which says what is wrong with it
        _gather(settings, gathered(settings))
    elif remote:
        _take(settings, wanted, place.document)
        if settings.warehouse.elsewhere:
            _gather(settings, gathered(settings))
    elif copy := copies.of(Path(wanted)):
        copy.follow()
    read_document(place)


def keep(settings: Settings, wanted: list[str], wait: Callable[[float], bool]) -> None:
    """Bring models of the registry again and again, until told to end; one that cannot be brought stays as it is.

    Args:
        settings: All of them.
        wanted: What to bring; of addresses those are followed where a workspace is published.
        wait: Waits for so many seconds, and tells whether to end.
    """
    named = [each for each in wanted if "://" not in each or _state(place_of(settings, each)[0]).exists()]
    while not wait(settings.serve.refresh_seconds):
        for each in named:
            try:
                bring(settings, each)
            except (ClientageError, OSError, ValueError) as error:
                say("model not fetched", model=each, error=type(error).__name__, reason=str(error)[:300])


def _take(settings: Settings, wanted: str, path: Path) -> None:
    """Write a version of the registry into a file, unless it is what the file has already."""
    there = store(settings)
    version = registry.get(there, wanted)
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["version"] == str(version.version):
        return
    text = envelope(str(version.version), registry.document(there, version))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _gather(settings: Settings, folder: Path) -> None:
    """Tables of the workspace that live elsewhere, with the model they belong to; unless they are there already."""
    document, note = settings.workspace / DOCUMENTS[0], folder / GATHERED
    model = document.read_bytes() if document.is_file() else b""
    now = f"{carried.signature(settings.workspace)} {hashlib.sha256(model).hexdigest()}"
    if note.is_file() and note.read_text(encoding="utf-8") == now:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        draft = Path(scratch) / "draft"
        carried.carry(settings, draft)
        if model:
            (draft / "model.json").write_bytes(model)
        (draft / GATHERED).write_text(now, encoding="utf-8")
        _replaced(draft, folder)


def _published(address: str, place: Place) -> bool:
    """Bring what a service reads of a published workspace; whether there is one."""
    copy = Copy(address, place.document.parent, _state(place), partial(_served, address))
    if not copy.is_published():
        return False
    with copy.alone(copies.PATIENCE):
        copy.fetch()
    return True


def _state(place: Place) -> Path:
    return place.document.parent.with_suffix(".json")


def _served(address: str, files: Files) -> Files:
    """What a service reads of a workspace: the model, under the name of one that was fetched, and tables.

    Raises:
        InputError: There is no model in it, or its tables live elsewhere.
    """
    if LIVING in files:
        raise elsewhere(address)
    document = next((name for name in DOCUMENTS if name in files), None)
    if files and document is None:
        raise InputError("no model is published there. Make one with `clientage run FILE`, or give another --model.")
    names = {**({"model.json": document} if document else {}), **{name: name for name in TABLES}}
    return {name: files[there] for name, there in names.items() if there in files}


def _download(address: str, folder: Path) -> None:
    """Copy a folder from a bucket; it takes the place of what is there by a rename."""
    import fsspec  # noqa: PLC0415 - and with it the library of the bucket

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        draft = Path(scratch) / "draft"
        try:
            there, path = fsspec.core.url_to_fs(address)
            there.get(path.rstrip("/") + "/", f"{draft}/", recursive=True)
        except ImportError as error:
            raise InputError(
                f"{address}: a library is missing for it. For gs:// install it: pip install 'clientage[gcs]'."
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(f"{address}: cannot be read ({type(error).__name__}: {str(error)[:160]}).") from error
        if (draft / LIVING).is_file():
            raise elsewhere(address)
        found = Place.in_folder(draft).document
        if found.parent != draft or found.name != "model.json":
            shutil.copyfile(found, draft / "model.json")
        _replaced(draft, folder)


def _replaced(draft: Path, folder: Path) -> None:
    """Put a folder in place of another, which goes away with what is beside the draft."""
    if folder.exists():
        folder.rename(draft.with_name("old"))
    draft.rename(folder)
