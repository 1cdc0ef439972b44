"""The model as MLflow carries it: this file and a JSON document, loaded where only mlflow and numpy are installed.

MLflow, which brings pandas, copies the file beside the model and runs it to load it: it may import nothing of
Clientage. It answers as `clientage.segments` does; a test holds the two together.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

Columns = dict[str, Any]


def by_centroids(model: dict[str, Any], customers: pd.DataFrame) -> Columns:
    """Segment, distance to its middle, and the next one, for customers as a data frame."""
    space = {name: np.array(value) for name, value in model["space"].items() if name != "features"}
    values = np.column_stack([np.asarray(customers[name], float) for name in model["space"]["features"]])
    filled = np.where(np.isnan(values), space["fill"], values)
    compared = np.sign(filled) * np.log1p(np.abs(filled)) if space["log"] else filled
    points, centroids = compared @ space["matrix"] + space["offset"], np.array(model["centroids"])
    squares = ((points[:, None, :] - centroids) ** 2).sum(axis=2)
    order, ids = (
        np.argsort(squares, axis=1, kind="stable"),
        np.array([each["segment_id"] for each in model["segments"]]),
    )
    return {
        "segment_id": ids[order[:, 0]],
        "distance": np.sqrt(np.take_along_axis(squares, order[:, :1], 1)[:, 0]),
        "runner_up": ids[order[:, min(1, len(ids) - 1)]],
    }


def by_grid(model: dict[str, Any], customers: pd.DataFrame) -> Columns:
    """Segment of customers as a data frame, by the cell of the grid they fall into."""
    recency, frequency, monetary = (
        np.searchsorted(np.array(model["cuts"][axis]), np.asarray(customers[axis], float), side="left")
        for axis in ("recency_days", "frequency", "monetary")
    )
    ids = {each["name"]: each["segment_id"] for each in model["segments"]}
    cells = np.array([[ids[name] for name in row] for row in model["cells"]])
    return {"segment_id": cells[4 - recency, (frequency + monetary + 1) // 2]}


class Segments(PythonModel):
    """Segments of customers given by their features."""

    def load_context(self, context: Any) -> None:
        """Read the document."""
        with open(context.artifacts["segments"], encoding="utf-8") as file:  # noqa: PTH123 - stands alone
            self.model = json.load(file)

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """A data frame with a row for each customer, in their order."""
        found = (by_grid if self.model["kind"] == "grid" else by_centroids)(self.model, model_input)
        names = {each["segment_id"]: each["name"] for each in self.model["segments"]}
        segments = [names[id_] for id_ in found["segment_id"].tolist()]
        return model_input.assign(**found, segment=segments)[["segment_id", "segment", *list(found)[1:]]]


set_model(Segments())
