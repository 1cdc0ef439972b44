"""A model that was trained on Vertex AI, left where its service will find it."""

import os
import shutil
from pathlib import Path

from clientage.cloud.storage import SCHEME, Folder
from clientage.errors import WorkspaceError
from clientage.serving.place import DOCUMENTS, TABLES

VARIABLE = "AIP_MODEL_DIR"  # names the folder, in a container that trains


def hand_over(workspace: Path) -> str:
    """Write what a service reads of a workspace into the folder that Vertex AI names; nothing where it names none.

    The model comes last, so that a folder with a model has its tables too.

    Returns:
        The folder; empty for none.

    Raises:
        ClientageError: It cannot be written.
    """
    given = os.environ.get(VARIABLE, "").rstrip("/")
    if not given:
        return ""
    names = [name for name in (*TABLES, DOCUMENTS[0]) if (workspace / name).is_file()]
    if given.startswith(SCHEME):
        folder = Folder(given)
        for name in names:
            folder.put(name, workspace / name)
        return folder.address
    if "://" in given:
        raise WorkspaceError(f"{VARIABLE}: only gs:// and folders can be written. Give it as gs://BUCKET/FOLDER.")
    try:
        for name in names:
            target = Path(given, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(workspace / name, target)
    except OSError as error:
        raise WorkspaceError(f"{given}: cannot be written ({error.strerror}). Give another {VARIABLE}.") from error
    return given
