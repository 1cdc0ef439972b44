"""The model as a JSON document: read by people, safe to load, the same bytes for the same model."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from clientage.errors import InputError
from clientage.segments.buyers import BuyerLimits
from clientage.segments.grid import AXES, NAMES, GridModel
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
        model = _KINDS[document["kind"]](document)
        misfits = list(_cell_misfits(model) if isinstance(model, GridModel) else _misfits(model))
        misfits += [name for name, limit in asdict(model.buyers).items() if not _is_limit(limit)]
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"the model cannot be read ({error}). Train again with `clientage run FILE`.") from error
    if misfits:
        raise InputError(
            f"the model was altered: {' and '.join(misfits)} do not fit. Train again with `clientage run FILE`."
        )
    return model


def _misfits(model: CentroidModel) -> Iterator[str]:
    """What has other than its size, or holds what is no number."""
    space, (k, p) = model.space, model.centroids.shape
    d = len(space.features)
    sizes = dict.fromkeys(("fill", "low", "high", "mean", "scale"), (d,)) | {"matrix": (d, p), "offset": (p,)}
    arrays = {name: (getattr(space, name), size) for name, size in sizes.items()}
    arrays |= {"centroids": (model.centroids, (k, p)), "view": (model.view, (p, *model.view.shape[1:2]))}
    yield from (name for name, (array, size) in arrays.items() if array.shape != size or not np.isfinite(array).all())
    if not (0 < d == len(set(space.features)) and all(isinstance(name, str) for name in space.features)):
        yield "features"
    if not isinstance(space.log, bool):
        yield "log"
    if len(_numbers(model.segments)) != k or k < 2:
        yield "segments"


def _cell_misfits(model: GridModel) -> Iterator[str]:
    """What a grid lacks, or has in disorder."""
    cuts = [np.array(model.cuts.get(axis, ()), float) for axis in AXES]
    if any(array.shape != (4,) or not np.isfinite(array).all() or (np.diff(array) < 0).any() for array in cuts):
        yield "cuts"
    names = {name for row in NAMES for name in row}
    if {segment.name for segment in model.segments} != names or len(_numbers(model.segments)) != len(names):
        yield "segments"


def _numbers(segments: tuple[Segment, ...]) -> set[int]:
    """Numbers of segments that are told apart; fewer where one is no number, or comes twice."""
    right = [s.segment_id for s in segments if type(s.segment_id) is int and isinstance(s.name, str)]
    return set(right) if len(right) == len(segments) else set()


def _is_limit(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and bool(np.isfinite(value)))


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


_KINDS: Mapping[str, Callable[[dict[str, Any]], SegmentModel]] = {"centroids": _centroids, "grid": _grid}
