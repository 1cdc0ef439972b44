"""The model as a JSON document: read by people, safe to load, the same bytes for the same model."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from clientage.errors import InputError
from clientage.segments.buyers import BuyerLimits
from clientage.segments.grid import GridModel
from clientage.segments.model import CentroidModel, Segment
from clientage.segments.space import Space

FORMAT = 1

SegmentModel = CentroidModel | GridModel


def dumps(model: SegmentModel) -> str:
    """The model as text."""
    kind = "grid" if isinstance(model, GridModel) else "centroids"
    return json.dumps({"format": FORMAT, "kind": kind} | asdict(model), default=_plain, indent=1) + "\n"


def loads(text: str) -> SegmentModel:
    """The model from text.

    Raises:
        InputError: It is not a model that this version reads.
    """
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise InputError(f"the model has format {document['format']}, not {FORMAT}. Train again with this version.")
        return _grid(document) if document["kind"] == "grid" else _centroids(document)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the model cannot be read ({error}). Train again with `clientage run FILE`.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} does not belong into a model")


def _segments(document: dict[str, Any]) -> tuple[Segment, ...]:
    return tuple(Segment(**segment) for segment in document["segments"])


def _grid(document: dict[str, Any]) -> GridModel:
    cuts = {axis: tuple(values) for axis, values in document["cuts"].items()}
    return GridModel(document["recipe"], cuts, _segments(document), BuyerLimits(**document["buyers"]))


def _centroids(document: dict[str, Any]) -> CentroidModel:
    space = document["space"]
    arrays = {
        name: np.array(space[name], float) for name in ("fill", "low", "high", "mean", "scale", "matrix", "offset")
    }
    return CentroidModel(
        document["recipe"],
        Space(tuple(space["features"]), space["log"], **arrays),
        np.array(document["centroids"], float),
        np.array(document["view"], float),
        _segments(document),
        BuyerLimits(**document["buyers"]),
    )
