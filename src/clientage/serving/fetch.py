"""A model from elsewhere, brought to where the workers read it: from the registry, or from a bucket."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from clientage.context import store
from clientage.errors import ClientageError, InputError
from clientage.serving.logs import say
from clientage.serving.models import read_document
from clientage.serving.place import Place, envelope, place_of
from clientage.settings import Settings
from clientage.tracking import registry


def bring(settings: Settings, wanted: str) -> None:
    """Bring a model to its place, unless it is there.

    Args:
        settings: All of them.
        wanted: An address, or an alias or version in the registry.

    Raises:
        ClientageError: It cannot be brought; what is there stays.
    """
    place, remote = place_of(settings, wanted)
    if "://" in wanted:
        _download(wanted, place.document.parent)
    elif remote:
        _take(settings, wanted, place.document)
    read_document(place)


def keep(settings: Settings, wanted: list[str], wait: Callable[[float], bool]) -> None:
    """Bring models of the registry again and again, until told to end; one that cannot be brought stays as it is.

    Args:
        settings: All of them.
        wanted: What to bring; what lies at an address is taken once, for such copies do not change.
        wait: Waits for so many seconds, and tells whether to end.
    """
    named = [each for each in wanted if "://" not in each]
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
        found = Place.in_folder(draft).document
        if found.parent != draft or found.name != "model.json":
            shutil.copyfile(found, draft / "model.json")
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        draft.rename(folder)
