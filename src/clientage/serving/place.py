"""Where models lie: light to import, for those who start processes and load none."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from clientage.contents import lives
from clientage.errors import InputError
from clientage.settings import Settings

HOME = "serving/models"  # of a workspace: models from elsewhere
FETCHED = "fetched"  # begins the names of folders with what lies at an address
DOCUMENTS = ("model/segments.json", "segments.json", "artifacts/model.json", "model.json")

# tables that are read again when they change, beside the model
WATCHED = ("customers", "profiles", "products", "affinities", "popularity", "recommendations")

RUN = "run.json"
TABLES = (RUN, *(f"tables/{name}.parquet" for name in WATCHED))


@dataclass(frozen=True)
class Place:
    """Where a model lies.

    Attributes:
        document: The model, or an envelope with its version (see `envelope`).
        tables: The folder with the shop's tables, such as a workspace; None for none.
    """

    document: Path
    tables: Path | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> "Place":
        """That of a workspace, of a copy of one, or of a folder that holds a model.

        Raises:
            InputError: There is no model in it.
        """
        found = next((folder / name for name in DOCUMENTS if (folder / name).is_file()), None)
        if found is None:
            raise InputError(f"{folder}: no model in it. Make one with `clientage run FILE`, or give another --model.")
        return cls(found, folder if (folder / "tables").is_dir() else None)

    def signature(self) -> tuple[object, ...]:
        """Changes whenever a file of it does."""
        tables = [self.tables / "tables" / f"{name}.parquet" for name in WATCHED] if self.tables else []
        return tuple(_sign(path) for path in (self.document, *tables))


def _sign(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def envelope(version: str, text: str) -> str:
    """A model that was fetched from elsewhere, with what it is called there, in one file."""
    return json.dumps({"version": version, "document": text})


def place_of(settings: Settings, wanted: str) -> tuple[Place, bool]:
    """Where workers find a model, and whether it has to be brought there first (see `clientage.serving.fetch`).

    Args:
        settings: All of them.
        wanted: A folder, an address, or an alias or version in the registry.

    Returns:
        The place, and whether it is filled by bringing: also with the model of the workspace, where its tables live
        elsewhere.

    Raises:
        InputError: The folder is not there, has no model, or its tables live elsewhere.
    """
    home = settings.workspace / HOME
    if "://" in wanted:
        folder = home / f"{FETCHED}-{_digest(wanted)}"
        return Place(folder / "model.json", folder), True
    if lives_elsewhere(settings, wanted):
        return Place(gathered(settings) / "model.json", gathered(settings)), True
    if wanted == str(settings.workspace) or Path(wanted).is_dir():
        require_here(Path(wanted))
        return Place.in_folder(Path(wanted)), False
    if os.sep in wanted:
        raise InputError(f"{wanted}: no such folder. Give another --model.")
    registry = _digest(settings.tracking.uri, settings.tracking.model, wanted)
    if settings.warehouse.elsewhere:
        tables = gathered(settings)
    else:
        require_here(tables := settings.workspace)
    return Place(home / f"registered-{registry}.json", tables), True


def require_here(folder: Path) -> None:
    """See that the tables of a folder, where it has any, are files in it: none is left out without a word.

    Raises:
        InputError: They live elsewhere.
    """
    if where := lives(folder):
        raise elsewhere(str(folder), where)


def elsewhere(address: str, where: str = "bigquery://project/dataset") -> InputError:
    """That tables have to be brought from where they live."""
    return InputError(
        f"{address}: its tables live in {where}. Serve it as the workspace, and name them: --workspace {address} --set "
        f"warehouse.url={where}, or CLIENTAGE_WAREHOUSE__URL={where}."
    )


def lives_elsewhere(settings: Settings, wanted: str) -> bool:
    """Whether it is the model of the workspace, and its tables are no files there."""
    return settings.warehouse.elsewhere and wanted == str(settings.workspace)


def gathered(settings: Settings) -> Path:
    """Where tables of the workspace are brought that live elsewhere."""
    return settings.workspace / HOME / f"{FETCHED}-{_digest(settings.warehouse.url)}"


def _digest(*names: str) -> str:
    """Tells places apart: what was fetched from one is never served for another."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
