"""What our service is compared with, for gunicorn to start: a Flask that says hello, and the plain way."""

# ruff: noqa: PLC0415 - each loads only what it answers with
from flask import Flask, Response, jsonify, request


def hello() -> Flask:
    """The least that an answer costs."""
    app = Flask("hello")

    @app.post("/predict")
    def predict() -> str:
        return "hello"

    return app


def plain(model: str) -> Flask:
    """A data frame of the instances into a pipeline, and what our service answers: no log, keys, limits or metrics.

    Args:
        model: File of a model, whose segments it answers.
    """
    import pandas as pd

    from benchmarks.fitted import pipeline, segments

    app, fitted, known = Flask("plain"), pipeline(model), segments(model)

    @app.post("/predict")
    def predict() -> Response:
        customers = pd.DataFrame(request.get_json()["instances"])
        distances = fitted.transform(customers)
        order = distances.argsort(axis=1)
        return jsonify(
            predictions=[
                {
                    "segment_id": known[first].segment_id,
                    "segment": known[first].name,
                    "distance": float(row[first]),
                    "runner_up": known[second].segment_id,
                }
                for row, (first, second) in zip(distances, order[:, :2], strict=True)
            ]
        )

    return app
