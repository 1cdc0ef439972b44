"""The model for other systems: as SQL, as a TensorFlow SavedModel, as ONNX."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clientage.context import MODEL, opened
from clientage.export import files, onnx, savedmodel, sql
from clientage.export.scoring import Cells, Centroids, Scoring
from clientage.segments import document
from clientage.segments.grid import AXES, GridModel
from clientage.settings import Settings


@dataclass(frozen=True)
class Exported:
    """A model that was exported.

    Attributes:
        recipe: How it was made.
        model: Fingerprint of its document.
        segments: Names by number.
        inputs: Columns or tensors that it takes.
        outputs: Those that it gives.
        out: File or folder; None where nothing was written.
        text: The statement, where it was not written.
    """

    recipe: str
    model: str
    segments: dict[int, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    out: Path | None = None
    text: str | None = None


def write_sql(settings: Settings, dialect: str, *, table: str = "customers", out: Path | None = None) -> Exported:
    """The model as one SELECT over a table of customers.

    Args:
        settings: All of them.
        dialect: One of `clientage.export.sql.DIALECTS`.
        table: The table to read, with dataset and project where it needs them.
        out: The file; nothing is written when not given.

    Raises:
        ClientageError: What the user can mend; an earlier file is as it was.
    """
    model, fingerprint = _model(settings)
    path = files.file(out) if out else None
    columns = tuple(dict.fromkeys((*model.needs, *model.buyers.needs)))
    customers = sql.source(table, columns, dialect)
    found = model.assign(customers) if isinstance(model, GridModel) else model.locate(customers)
    heading = (f"Segments by Clientage, model {fingerprint}, for {dialect}.", sql.RUN[dialect].format(file="FILE"))
    text = sql.headed(sql.query(found, dialect), heading)
    if path:
        files.write_bytes(path, text.encode())
    inputs, outputs = ("customer_id", *columns), tuple(found.columns)
    return _exported(model, fingerprint, inputs, outputs, path, None if path else text)


def write_onnx(settings: Settings, *, out: Path | None = None, single: bool = False) -> Exported:
    """The model as ONNX.

    Args:
        settings: All of them.
        out: The file; `segments.onnx` here when not given.
        single: Whether to compute in float32 instead of float64.

    Raises:
        ClientageError: What the user can mend; an earlier file is as it was.
    """
    model, fingerprint = _model(settings)
    path, scoring = files.file(out or Path("segments.onnx")), _scoring(model)
    files.write_bytes(path, onnx.dumps(scoring, _about(model, fingerprint), single=single))
    return _exported(model, fingerprint, scoring.features, scoring.outputs, path)


def write_savedmodel(settings: Settings, *, out: Path | None = None) -> Exported:
    """The model as a TensorFlow SavedModel.

    Args:
        settings: All of them.
        out: The folder; `savedmodel` here when not given.

    Raises:
        ClientageError: What the user can mend; an earlier folder is as it was.
    """
    model, fingerprint = _model(settings)
    path, scoring = files.folder(out or Path("savedmodel"), savedmodel.is_ours), _scoring(model)
    with files.replaced(path) as draft:
        savedmodel.write(draft, scoring, _about(model, fingerprint))
    return _exported(model, fingerprint, scoring.features, scoring.outputs, path)


def _model(settings: Settings) -> tuple[document.SegmentModel, str]:
    """The model of the workspace, and the fingerprint of its document."""
    text = opened(settings).read_text(MODEL)
    return document.loads(text), hashlib.sha256(text.encode()).hexdigest()[:12]


def _about(model: document.SegmentModel, fingerprint: str) -> dict[str, str]:
    return {"recipe": model.recipe, "model": fingerprint}


def _exported(model: document.SegmentModel, fingerprint: str, inputs: tuple[str, ...], outputs: tuple[str, ...],
              out: Path | None, text: str | None = None) -> Exported:  # fmt: skip
    segments = {segment.segment_id: segment.name for segment in model.segments}
    return Exported(model.recipe, fingerprint, segments, inputs, outputs, out, text)


def _scoring(model: document.SegmentModel) -> Scoring:
    """The model as arrays."""
    ids = np.array([segment.segment_id for segment in model.segments], np.int64)
    names = tuple(segment.name for segment in model.segments)
    if isinstance(model, GridModel):
        place = {number: i for i, number in enumerate(ids.tolist())}
        cells = np.array([[place[number] for number in row] for row in model.cells()], np.int64)
        return Cells(AXES, ids, names, np.array([model.cuts[axis] for axis in AXES]), cells)
    space = model.space
    return Centroids(space.features, ids, names, space.log, space.fill, space.matrix, space.offset, model.centroids)
