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
    """A data frame of the instances into a pipeline; no log, no keys, no limits, no metrics.

    Args:
        model: File of a model, whose segments it answers.
    """
    import pandas as pd

    from benchmarks.fitted import pipeline

    app, fitted = Flask("plain"), pipeline(model)

    @app.post("/predict")
    def predict() -> Response:
        customers = pd.DataFrame(request.get_json()["instances"])
        return jsonify(predictions=(fitted.predict(customers) + 1).tolist())

    return app
