"""What a new model is asked before it is trusted: features of customers, without whose they are."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from clientage.artifacts import DOCUMENT, ENVELOPE
from clientage.cloud.storage import Folder
from clientage.errors import CloudError
from clientage.export.savedmodel import ABOUT
from clientage.segments import document
from clientage.segments.grid import GridModel

MOST = 100
Instances = list[dict[str, Any]]


def samples(artifact: str) -> Instances:
    """Instances for a model, by its files: some of its customers, or a made-up one where it has no table of them.

    Args:
        artifact: Folder of the model's files.

    Raises:
        CloudError: There is no model, or it cannot be read.
    """
    folder = Folder(artifact, CloudError)
    if about := _text(folder, ABOUT):
        features = json.loads(about)["features"].split()
        return [dict.fromkeys(features, 1.0)]
    text = _text(folder, DOCUMENT) or _text(folder, ENVELOPE)
    if not text:
        raise CloudError(f"{folder.address}: no model of Clientage lies there. Upload it again.", "not found")
    given = json.loads(text)
    model = document.loads(given.get("document", text))
    return _of_customers(folder, model.needs) or [_usual(model)]


def _text(folder: Folder, name: str) -> str:
    """A document; empty where it is not there."""
    return folder.read(name)[0].decode()


def _of_customers(folder: Folder, needs: tuple[str, ...]) -> Instances:
    """Customers who have all that the model needs."""
    with tempfile.TemporaryDirectory(prefix="clientage-") as scratch:
        path = Path(scratch) / "customers.parquet"
        if not folder.fetch("tables/customers.parquet", path) or not set(needs) <= set(pq.read_schema(path).names):
            return []
        found = pq.read_table(path, columns=list(needs)).drop_null().slice(0, MOST)
    return [dict(row) for row in found.to_pylist()]


def _usual(model: document.SegmentModel) -> dict[str, Any]:
    """What the model takes for a missing value, or the middle of its limits."""
    if isinstance(model, GridModel):
        return {axis: float(cuts[len(cuts) // 2]) for axis, cuts in model.cuts.items()}
    return {name: float(value) for name, value in zip(model.space.features, model.space.fill, strict=True)}
