"""A model as a folder that a service can be given: the model, what was said of its run, and the tables it looks up."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clientage.cloud.container import MODEL_DIR
from clientage.cloud.storage import SCHEME, Folder
from clientage.context import store
from clientage.errors import CloudError, InputError
from clientage.export import savedmodel
from clientage.portable import write_savedmodel
from clientage.serving import carried
from clientage.serving.place import DOCUMENTS, TABLES, Place, envelope
from clientage.settings import Settings
from clientage.tracking import registry
from clientage.warehouse import LIVING, Workspace, explained

DOCUMENT, ENVELOPE = "segments.json", "model.json"


@dataclass(frozen=True)
class Artifact:
    """A model that is ready to be copied.

    Attributes:
        files: By what they are called there; the model comes last, as without it there is none.
        digest: Of all of them but for what is said of the run, which has times in it.
        registered: The model's number in the registry; empty where it has none.
        aliases: That it has there.
    """

    files: dict[str, Path]
    digest: str
    registered: str = ""
    aliases: tuple[str, ...] = ()


def hand_over(settings: Settings) -> str:
    """Copy the model of the workspace to where `AIP_MODEL_DIR` says; where to, or empty where it says nothing.

    Raises:
        ClientageError: It could not be copied.
    """
    address = os.environ.get(MODEL_DIR, "").rstrip("/")
    if address:
        with of_workspace(settings) as found:
            copy(found.files, address)
    return address


def copy(files: Mapping[str, Path], address: str) -> None:
    """Copy files to a folder, in their order: put what makes it whole last.

    Args:
        files: By what they are called there.
        address: gs://bucket/folder, or a folder of this machine.

    Raises:
        CloudError: It could not be done.
    """
    if address.startswith(SCHEME):
        folder = Folder(address, CloudError)
        for name, path in files.items():
            folder.put(name, path)
        return
    try:
        for name, path in files.items():
            place = Path(address, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    except OSError as error:
        raise CloudError(f"{address}: cannot be used ({error.strerror}). Give another place.", "folder") from error


@contextlib.contextmanager
def of_workspace(settings: Settings) -> Iterator[Artifact]:
    """The model of the workspace, with its tables wherever they live, as long as this lasts.

    Raises:
        ClientageError: There is no model, or its tables cannot be read.
    """
    with _still(settings) as found:
        yield _made(found)


@contextlib.contextmanager
def chosen(settings: Settings, wanted: str) -> Iterator[Artifact]:
    """The model to upload, as long as this lasts.

    Args:
        settings: All of them.
        wanted: A folder, or an alias or version of the registry; empty: the model of the workspace.

    Raises:
        ClientageError: It is not there.
    """
    if not wanted:
        with of_workspace(settings) as found:
            yield found
        return
    if (folder := Path(wanted)).is_dir():
        given = settings.within(folder)
        with _still(given if (folder / LIVING).is_file() else _in_folder(given)) as found:
            yield _made(found)
        return
    if os.sep in wanted:
        raise InputError(f"{wanted}: no such folder. Give another --model.")
    there = store(settings)
    version = registry.get(there, wanted)
    with tempfile.TemporaryDirectory(prefix="clientage-") as scratch, _still(settings, document=False) as tables:
        path = Path(scratch) / ENVELOPE
        path.write_text(envelope(str(version.version), registry.document(there, version)), encoding="utf-8")
        made = _made(tables | {ENVELOPE: path})
        yield Artifact(made.files, made.digest, str(version.version), version.aliases)


@contextlib.contextmanager
def saved(settings: Settings) -> Iterator[Artifact]:
    """The model of the workspace as a SavedModel, as long as this lasts.

    Raises:
        ClientageError: There is no model, or TensorFlow is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="clientage-") as scratch:
        folder = Path(scratch) / "savedmodel"
        made = write_savedmodel(settings, out=folder)
        files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        files["saved_model.pb"] = files.pop("saved_model.pb")  # the last
        digest = hashlib.sha256(f"savedmodel {made.model} {files[savedmodel.ABOUT].read_text()}".encode()).hexdigest()
        yield Artifact(files, digest)


@contextlib.contextmanager
def _still(settings: Settings, *, document: bool = True) -> Iterator[dict[str, Path]]:
    """The tables of the workspace, wherever they live, and its model last: all of one run, whatever another one writes.

    Raises:
        ClientageError: There is no model, its tables cannot be read, or another run holds the workspace.
    """
    home, taken = settings.workspace, {}
    with tempfile.TemporaryDirectory(prefix="clientage-") as scratch:
        with _alone(settings), explained(home):
            if settings.warehouse.elsewhere or (home / LIVING).is_file():
                carried.carry(settings, Path(scratch))
            else:
                copy(_files(home), scratch)
            if document:
                taken[DOCUMENT] = Path(scratch, DOCUMENT)
                shutil.copyfile(Place.in_folder(home).document, taken[DOCUMENT])
        yield _files(Path(scratch)) | taken


def _alone(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Nobody else works in a workspace meanwhile; in a copy of a model nobody works, and it may be read-only."""
    if not (settings.workspace / DOCUMENTS[0]).is_file():
        return contextlib.nullcontext()
    return Workspace(settings.workspace, settings.warehouse.wait_seconds).alone()


def _in_folder(settings: Settings) -> Settings:
    """The same, for a folder whose tables are files in it wherever those of the workspace live."""
    return settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update={"url": ""})})


def _files(folder: Path) -> dict[str, Path]:
    """What lies beside a model, where it is there."""
    return {name: folder / name for name in TABLES if (folder / name).is_file()}


def _made(files: dict[str, Path]) -> Artifact:
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        if name != "run.json":
            with path.open("rb") as file:
                total.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return Artifact(files, total.hexdigest())
