"""A model as ONNX: a graph of two dozen operators, checked, the same bytes for the same model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from clientage.export.libraries import load
from clientage.export.scoring import Cells, Centroids, Scoring, told

OPSET, IR = 13, 7  # of 2020, so that old readers take it too; nothing newer is needed
BATCH = "customers"

Operator = tuple[str, str, str, Mapping[str, Any]]
"""An operator, the names of what it takes, the names of what it gives, and its attributes."""

_SIGNED_LOG: Sequence[Operator] = (
    ("Abs", "filled", "size", {}),
    ("Add", "size one", "above", {}),
    ("Log", "above", "log", {}),
    ("Sign", "filled", "sign", {}),
    ("Mul", "sign log", "compared", {}),
)
# of two equal distances the one with the lower number comes first
_NEAREST: Sequence[Operator] = (
    ("MatMul", "compared matrix", "rotated", {}),
    ("Add", "rotated offset", "place", {}),
    ("Unsqueeze", "place axis_1", "places", {}),
    ("Sub", "places centroids", "gaps", {}),
    ("Mul", "gaps gaps", "squares", {}),
    ("ReduceSum", "squares axis_2", "sums", {"keepdims": 0}),
    ("TopK", "sums two", "least which", {"largest": 0}),
    ("Sqrt", "least", "distances", {}),
    ("Gather", "distances first", "distance", {"axis": 1}),
    ("Gather", "distances second", "runner_up_distance", {"axis": 1}),
    ("Gather", "which first", "found", {"axis": 1}),
    ("Gather", "which second", "next", {"axis": 1}),
    ("Gather", "ids next", "runner_up", {}),
)
# a missing value exceeds every limit; 7 is the type of whole numbers
_CELL: Sequence[Operator] = (
    ("Unsqueeze", "values axis_2", "spread", {}),
    ("LessOrEqual", "spread cuts", "within", {}),
    ("Not", "within", "exceeded", {}),
    ("Cast", "exceeded", "ones", {"to": 7}),
    ("ReduceSum", "ones axis_2", "counts", {"keepdims": 0}),
    ("Gather", "counts recency", "long_ago", {"axis": 1}),
    ("Sub", "four long_ago", "row", {}),
    ("Gather", "counts worth", "signs", {"axis": 1}),
    ("ReduceSum", "signs axis_1", "both", {"keepdims": 0}),
    ("Add", "both second", "more", {}),
    ("Div", "more half", "column", {}),
    ("Mul", "row five", "begun", {}),
    ("Add", "begun column", "cell", {}),
    ("Gather", "cells cell", "found", {}),
)
_LABELS: Sequence[Operator] = (("Gather", "ids found", "segment_id", {}), ("Gather", "names found", "segment", {}))


def dumps(scoring: Scoring, about: Mapping[str, str], *, single: bool = False) -> bytes:
    """The model as bytes.

    Args:
        scoring: What it computes.
        about: Where it comes from; becomes metadata.
        single: Whether to compute in float32 instead of float64.

    Raises:
        ClientageError: ONNX is not installed.
    """
    onnx = load("onnx", "onnx")
    graph = _graph(onnx, scoring, np.dtype(np.float32 if single else np.float64))
    opset = [onnx.helper.make_opsetid("", OPSET)]
    made = onnx.helper.make_model(graph, producer_name="clientage", ir_version=IR, opset_imports=opset)
    onnx.helper.set_model_props(made, told(scoring, about))
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _graph(onnx: Any, scoring: Scoring, number: np.dtype[Any]) -> Any:
    """Inputs and outputs are vectors of one value for each customer."""
    constants = _nearest(scoring, number) if isinstance(scoring, Centroids) else _cells(scoring, number)
    constants |= {name: np.array([axis]) for name, axis in (("axis_1", 1), ("axis_2", 2), ("two", 2))}
    constants |= {"first": np.array(0), "second": np.array(1), "ids": scoring.ids, "names": np.array(scoring.names)}
    operators = list(_operators(scoring))
    taken = {name for _, inputs, _, _ in operators for name in inputs.split()}
    kinds = {"segment_id": np.dtype(np.int64), "runner_up": np.dtype(np.int64), "segment": np.dtype(object)}

    def vector(name: str) -> Any:
        kind = onnx.helper.np_dtype_to_tensor_dtype(kinds.get(name, number))
        return onnx.helper.make_tensor_value_info(name, kind, [BATCH])

    return onnx.helper.make_graph(
        [onnx.helper.make_node(name, i.split(), o.split(), **attributes) for name, i, o, attributes in operators],
        "segments",
        [vector(name) for name in scoring.features],
        [vector(name) for name in scoring.outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items() if name in taken],
    )


def _operators(scoring: Scoring) -> Iterator[Operator]:
    """All operators in order: features side by side as `values`, then what the kind of model computes."""
    columns = [f"column_{name}" for name in scoring.features]
    for name, column in zip(scoring.features, columns, strict=True):
        yield "Unsqueeze", f"{name} axis_1", column, {}
    yield "Concat", " ".join(columns), "values", {"axis": 1}
    if isinstance(scoring, Cells):
        yield from _CELL
    else:
        yield "IsNaN", "values", "missing", {}
        yield "Where", "missing fill values", "filled" if scoring.log else "compared", {}
        yield from (*(_SIGNED_LOG if scoring.log else ()), *_NEAREST)
    yield from _LABELS


def _nearest(scoring: Centroids, number: np.dtype[Any]) -> dict[str, Any]:
    arrays = {"fill": scoring.fill, "matrix": scoring.matrix, "offset": scoring.offset, "centroids": scoring.centroids}
    return {name: array.astype(number) for name, array in arrays.items()} | {"one": np.array(1, number)}


def _cells(scoring: Cells, number: np.dtype[Any]) -> dict[str, Any]:
    whole = {"recency": 0, "worth": [1, 2], "four": 4, "five": 5, "half": 2, "cells": scoring.cells.ravel()}
    arrays = {name: np.array(value, np.int64) for name, value in whole.items()}
    return arrays | {"cuts": scoring.cuts.astype(number)}
