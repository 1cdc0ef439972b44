"""The MLflow store: where it is, and what to say when it cannot be reached."""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clientage.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow's own patience is minutes, its bars and notices are written over ours, and nobody's use is reported
QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@dataclass(frozen=True)
class Store:
    """Where experiments and models are kept.

    Attributes:
        uri: Of an MLflow server or database; empty for a database file in `folder`.
        experiment: Name of the experiment.
        model: Name of the registered model.
        folder: Of the workspace, for that file and for what could not be sent yet.
        files: Where files of models go, where a database keeps the rest; empty for `folder`.
    """

    uri: str
    experiment: str
    model: str
    folder: Path
    files: str = ""

    @property
    def address(self) -> str:
        """The address as MLflow takes it."""
        return self.uri or f"sqlite:///{(self.folder / 'mlflow.db').resolve()}"

    @property
    def artifacts(self) -> str | None:
        """Where files go; None where a server decides, rather than a database, which keeps none."""
        if self.uri.startswith(("http", "databricks")):
            return None
        return self.files if "://" in self.files else Path(self.files or self.folder / "artifacts").resolve().as_uri()

    @contextlib.contextmanager
    def reached(self) -> Iterator["MlflowClient"]:
        """A client of the store.

        Raises:
            TrackingError: MLflow is not installed, or the store cannot be reached or refuses.
        """
        mlflow = loaded(self.address)
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - comes with MLflow

        if self.artifacts:
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            yield mlflow.MlflowClient(self.address, self.address)
        except (mlflow.MlflowException, SQLAlchemyError, ModuleNotFoundError, OSError) as error:
            reason = next(iter(str(error).splitlines()), "") or type(error).__name__
            reason = "no answer" if "Max retries" in reason else reason.replace(self.address, told(self.address))
            raise TrackingError(
                f"{told(self.address)}: the tracking store cannot be used ({_short(reason)}). "
                "Start it, or give another --set tracking.uri=…"
            ) from error


def loaded(address: str):  # type: ignore[no-untyped-def]
    """MLflow, quiet, with this store as its own.

    Raises:
        TrackingError: It is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow  # noqa: PLC0415 - seconds to import, for some verbs
    except ImportError as missing:
        raise TrackingError("MLflow is not installed. Install it: pip install 'clientage[tracking]'.") from missing
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)
    return mlflow


def register(client: "MlflowClient", model: str, about: str) -> None:
    """A registered model of this name is there afterwards."""
    from mlflow import MlflowException  # noqa: PLC0415

    try:
        client.create_registered_model(model, description=about)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def told(address: str) -> str:
    """The address without what might be secret in it."""
    parts = urlsplit(address)
    port = f":{parts.port}" if parts.port else ""
    return address if parts.scheme == "sqlite" else f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _short(reason: str) -> str:
    """The heart of a long complaint."""
    return reason if len(reason) <= 160 else f"{reason[:157]}…"
