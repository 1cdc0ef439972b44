"""Experiments: a training is kept in the workspace first, then sent to MLflow; what cannot be sent waits.

A record is a folder: `record.json` with what is to be said, `model.json`, and `artifacts/`. It is removed when MLflow
has all of it. What a broken connection left half sent is removed there and sent anew.
"""

import json
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clientage.errors import TrackingError
from clientage.tracking.store import Store, loaded, register

if TYPE_CHECKING:
    from mlflow import MlflowClient

OUTBOX, DRAFT = "outbox", ".draft"
STARTED = "clientage.started"
KIND = {"clientage.kind": "training"}  # a tag of the run itself, not of its candidates
RECORD = "clientage.record"  # the tag that tells whether MLflow has a record already
VERSION = "clientage.version"
SCORER = Path(__file__).with_name("scorer.py")
CHALLENGER = "challenger"

KINDS = {"long": int, "double": float, "boolean": bool}

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Candidate:
    """One of the settings that were tried.

    Attributes:
        name: Such as `k=5`.
        params: What was set.
        metrics: What came of it; None where it was not measured.
    """

    name: str
    params: Mapping[str, str]
    metrics: Figures


@dataclass(frozen=True)
class Record:
    """What is to be said of a training.

    Attributes:
        name: Shown in lists.
        params: What was set.
        metrics: What came of it; None where it was not measured.
        tags: Fingerprints and versions of data, settings and code.
        features: What the model needs of a customer: kind (`long`, `double` or `boolean`) and a typical value.
        grid: Whether the model is a grid, which knows no distances.
        candidates: Everything that was tried.
        started: Seconds since 1970.
    """

    name: str
    params: Mapping[str, str]
    metrics: Figures
    tags: Mapping[str, str]
    features: Mapping[str, tuple[str, float]]
    grid: bool = False
    candidates: tuple[Candidate, ...] = ()
    started: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Sent:
    """A training that MLflow has.

    Attributes:
        name: Of the record.
        run: Id of the run.
        version: Of the registered model; the newest is the challenger.
    """

    name: str
    run: str
    version: int


def keep(store: Store, record: Record, model: str, files: Mapping[str, str]) -> None:
    """Put a training into the outbox, whole or not at all.

    Args:
        store: Whose outbox.
        record: What is to be said.
        model: The model as a document.
        files: Texts to keep beside it, by the path they get there.
    """
    name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(record.started))}-{uuid.uuid4().hex[:8]}"
    draft = store.folder / OUTBOX / f"{DRAFT}-{name}"
    texts = {"record.json": json.dumps(asdict(record), indent=1), "model.json": model}
    for path, text in (texts | {f"artifacts/{path}": text for path, text in files.items()}).items():
        target = draft / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    draft.rename(store.folder / OUTBOX / name)


def waiting(store: Store) -> list[Path]:
    """Records that MLflow does not have yet, the oldest first."""
    found = (store.folder / OUTBOX).glob("*/record.json")
    return sorted(path.parent for path in found if not path.parent.name.startswith(DRAFT))


def read(folder: Path) -> Record:
    """A record of the outbox.

    Raises:
        TrackingError: It is spoilt.
    """
    try:
        document = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        document["candidates"] = tuple(Candidate(**each) for each in document["candidates"])
        return Record(**document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrackingError(
            f"{folder}: the training that waits cannot be read ({error}). Remove that folder."
        ) from error


def send(store: Store) -> Iterator[Sent]:
    """Send all that waits, the oldest first; the newest training becomes the challenger.

    Raises:
        TrackingError: MLflow cannot be used; what is not sent goes on waiting.
    """
    for folder in waiting(store):
        record = read(folder)
        with store.reached() as client:
            experiment = _experiment(client, store)
            run, version = _sent_before(client, store, experiment, folder.name) or _send(
                client, store, experiment, folder, record
            )
            yield Sent(record.name, run, version)
        done = folder.with_name(f"{DRAFT}-{folder.name}")  # whatever is left of it is no record any more
        folder.rename(done)
        shutil.rmtree(done)


def _experiment(client: "MlflowClient", store: Store) -> str:
    found = client.get_experiment_by_name(store.experiment)
    return str(found.experiment_id if found else client.create_experiment(store.experiment, store.artifacts))


def _sent_before(client: "MlflowClient", store: Store, experiment: str, name: str) -> tuple[str, int] | None:
    """Run and version of a record that MLflow has; one that it has in part is removed."""
    own = f"tags.`{RECORD}` = '{name}'"
    for run in client.search_runs([experiment], f"{own} AND tags.`clientage.kind` = 'training'"):
        if version := run.data.tags.get(VERSION):
            return run.info.run_id, int(version)
        for made in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
            client.delete_model_version(made.name, made.version)
    while parts := client.search_runs([experiment], own):
        for run in parts:
            client.delete_run(run.info.run_id)
    return None


def _send(client: "MlflowClient", store: Store, experiment: str, folder: Path, record: Record) -> tuple[str, int]:
    started = int(record.started * 1000)
    run = client.create_run(
        experiment, started, dict(record.tags) | KIND | {RECORD: folder.name}, record.name
    ).info.run_id
    _log(client, run, record.params, record.metrics)
    for candidate in record.candidates:
        marks = {"mlflow.parentRunId": run, RECORD: folder.name}
        child = client.create_run(experiment, started, marks, candidate.name).info.run_id
        _log(client, child, candidate.params, candidate.metrics)
        client.set_terminated(child)
    client.log_artifacts(run, str(folder / "artifacts"))
    version = _log_model(client, store, run, folder / "model.json", record)
    _challenge(client, store, version, record)
    client.set_tag(run, VERSION, str(version))  # the last word: from here on MLflow has all of it
    return run, version


def _challenge(client: "MlflowClient", store: Store, version: int, record: Record) -> None:
    """The newest training is the challenger, whichever is sent last."""
    now = client.get_registered_model(store.model).aliases.get(CHALLENGER)
    tags = client.get_model_version(store.model, now).tags if now else {}
    if float(tags.get(STARTED, 0)) <= record.started:
        client.set_registered_model_alias(store.model, CHALLENGER, str(version))


def _log(client: "MlflowClient", run: str, params: Mapping[str, str], metrics: Figures) -> None:
    from mlflow.entities import Metric, Param  # noqa: PLC0415

    now = int(time.time() * 1000)
    known = [Metric(name, value, now, 0) for name, value in metrics.items() if value is not None]
    client.log_batch(run, known, [Param(name, value) for name, value in params.items()])


def _log_model(client: "MlflowClient", store: Store, run: str, model: Path, record: Record) -> int:
    """The model with signature and example, as code and a document, without a pickle."""
    mlflow = loaded(store.address)
    import numpy  # noqa: PLC0415 - for its version
    import pandas  # noqa: PLC0415
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, Schema  # noqa: PLC0415

    inputs = [ColSpec(kind, name) for name, (kind, _) in record.features.items()]
    outputs = [ColSpec("long", "segment_id"), ColSpec("string", "segment")]
    if not record.grid:
        outputs += [ColSpec("double", "distance"), ColSpec("long", "runner_up")]
    typical = {name: KINDS[kind](value) for name, (kind, value) in record.features.items()}
    with mlflow.start_run(run_id=run):
        logged = mlflow.pyfunc.log_model(
            name="segments",
            python_model=str(SCORER),
            artifacts={"segments": str(model)},
            signature=ModelSignature(Schema([*inputs]), Schema([*outputs])),
            input_example=pandas.DataFrame([typical]),
            pip_requirements=[f"mlflow=={mlflow.__version__}", f"numpy=={numpy.__version__}"],
        )
    register(client, store.model, "Customer segments by Clientage.")
    figures = {name: repr(value) for name, value in record.metrics.items() if value is not None}
    tags = dict(record.tags) | figures | {STARTED: repr(record.started)}
    made = client.create_model_version(store.model, logged.model_uri, run, tags=tags, model_id=logged.model_id)
    return int(made.version)
