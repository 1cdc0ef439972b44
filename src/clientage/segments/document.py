"""The model as a JSON document: read by people, safe to load, the same bytes for the same model."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from clientage.errors import InputError
from clientage.segments.buyers import BuyerLimits
from clientage.segments.grid import NAMES, GridModel
from clientage.segments.model import CentroidModel, Segment
from clientage.segments.space import Space

FORMAT = 2

SegmentModel = CentroidModel | GridModel


def dumps(model: SegmentModel) -> str:
    """The model as text."""
    content = json.loads(json.dumps(asdict(model), default=_plain))
    content |= {"kind": "grid", "cells": NAMES} if isinstance(model, GridModel) else {"kind": "centroids"}
    return json.dumps({"format": FORMAT, "sha256": _digest(content)} | content, indent=1) + "\n"


def loads(text: str) -> SegmentModel:
    """The model from text.

    Raises:
        InputError: It is not a model that this version reads.
    """
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise InputError(f"the model has format {document['format']}, not {FORMAT}. Train again with this version.")
        if document["sha256"] != _digest(
            {name: document[name] for name in document if name not in ("format", "sha256")}
        ):
            raise InputError(
                "the model was altered after it was made. Take it from the registry with `clientage promote champion`, "
                "or train again."
            )
        return _grid(document) if document["kind"] == "grid" else _centroids(document)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"the model cannot be read ({error}). Train again with `clientage run FILE`.") from error


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} does not belong into a model")


def _segments(document: dict[str, Any], which: str = "segments") -> tuple[Segment, ...]:
    return tuple(Segment(**segment) for segment in document[which])


def _grid(document: dict[str, Any]) -> GridModel:
    cuts = {axis: tuple(values) for axis, values in document["cuts"].items()}
    buyers = BuyerLimits(**document["buyers"])
    return GridModel(document["recipe"], cuts, _segments(document), buyers, _segments(document, "ended"))


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
        _segments(document, "ended"),
    )
