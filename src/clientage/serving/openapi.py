"""This interface as an OpenAPI document, and the document as a page."""

import importlib.metadata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jinja2

from clientage.serving.contract import MOST_PRODUCTS
from clientage.serving.features import COLUMNS, KNOWN, MAY_LACK
from clientage.serving.purchases import FIELDS, NUMBERS

if TYPE_CHECKING:
    from clientage.serving.app import Options
    from clientage.serving.served import Served

Json = dict[str, Any]

SAYS = {
    400: "The request is not what it should be.",
    401: "No key, or a wrong one.",
    404: "There is no such customer.",
    413: "The request or the answer is too large.",
    415: "The body is not sent as application/json.",
    422: "No instance can be used; or, with `strict`, one of them cannot.",
    429: "Too many requests with this key.",
    500: "Something went wrong here.",
    503: "No model is loaded, or the prediction could not be kept.",
}


def openapi(options: "Options", served: "Served | None") -> Json:
    """The document; with the features of the model in use.

    Args:
        options: How the service answers.
        served: The model in use; None where there is none yet.
    """
    paths = {
        options.predict: {"post": _post("The segment of each instance.", "predict")},
        "/recommend": {
            "post": _post("The same, with ten products for each unless recommend says otherwise.", "recommend")
        },
        "/customers/{customer_id}": {"get": _customer()},
        "/segments": {
            "get": _get("The segments, what they are and what to do with them.", "segments", "Segments", 503)
        },
        options.health: {"get": _get("200 as soon as a model is loaded.", "health", "Health", 503) | {"security": []}},
        "/metrics": {"get": _metrics()},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clientage",
            "version": importlib.metadata.version("clientage"),
            "summary": "Customer segments and recommendations.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}] if options.keys.names else [],
        "paths": paths,
        "components": {
            "schemas": _schemas(options, served),
            "responses": {str(code): _says(text) for code, text in SAYS.items()},
            "headers": {
                "Version": {"description": "Version of the model that answered.", "schema": {"type": "string"}}
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(options: "Options", served: "Served | None") -> Json:
    needs = served.model.needs if served else ()
    features = {name: _feature(name) for name in [*needs, *sorted(KNOWN - set(needs))]}
    texts = [name for name in FIELDS if name not in (*NUMBERS, "invoiced_at")]
    line = {name: {"type": "string"} for name in texts} | {name: {"type": "number"} for name in NUMBERS}
    line["invoiced_at"] = {"type": "string", "description": "The shop's own time, such as 2011-12-09T12:50:00."}
    forms: Json = {
        "Features": _object(features, needs) | {"description": "The features by name: see the table customers."},
        "Customer": _object(
            {"customer_id": {"type": "string", "description": "The customer's number, as it came."}}, ["customer_id"]
        )
        | {"description": "A customer of the shop's tables."},
        "Purchases": _object(
            {
                "purchases": {
                    "type": "array",
                    "minItems": 1,
                    "items": _object(line, ["invoiced_at"]),
                    "description": f"Order lines, each with {', '.join(FIELDS)}: what the shop has of them.",
                },
                "as_of": {"type": "string", "format": "date", "description": "The day to look back from."},
            },
            ["purchases", "as_of"],
        )
        | {"description": "A customer by their order lines, cleaned and counted as in a run."},
    }
    if served and served.reader.components:
        names = served.reader.components.names
        forms["Components"] = _object({name: {"type": "number"} for name in names}, names)
    # a bad instance is answered with an error in its place, so that anything may stand there
    instance = {"description": f"One of {', '.join(forms)}.", "examples": _examples(served)}
    parameters = {
        "recommend": {"type": "integer", "minimum": 0, "maximum": MOST_PRODUCTS, "description": "Products for each."},
        "strict": {"type": "boolean", "description": "Whether one bad instance fails the whole request."},
    }
    return forms | {
        "Request": _object(
            {
                "instances": {"type": "array", "minItems": 1, "maxItems": options.most_instances, "items": instance},
                "parameters": _object(parameters, []),
            },
            ["instances"],
        ),
        "Product": _open(
            {"product": "string", "description": "string", "score": "number", "because": "string"}, ["product"]
        ),
        "Prediction": _open(_PREDICTION, []) | {"description": "A segment, or an `error` in its place."},
        "Predictions": _object(
            {"predictions": {"type": "array", "items": _ref("schemas", "Prediction")}}, ["predictions"]
        ),
        "Known": _open(
            _PREDICTION | {"customer_id": "string", "profile": "object", "features": "object"}, ["customer_id"]
        ),
        "Segments": _open({"version": "string", "segments": "array"}, ["segments"]),
        "Health": _object({"status": {"const": "ready"}}, ["status"]),
        "Error": _object({"error": {"type": "string", "description": "A sentence."}}, ["error"]),
    }


_PREDICTION = {
    "segment_id": "integer",
    "segment": "string",
    "distance": "number",
    "runner_up": "integer",
    "error": "string",
}
_NULLABLE = ("distance", "runner_up", "because", "description")


def _open(kinds: Mapping[str, str], required: list[str]) -> Json:
    """An object that may have more than these."""
    properties = {name: {"type": [kind, "null"] if name in _NULLABLE else kind} for name, kind in kinds.items()}
    return {"type": "object", "properties": properties, "required": required}


def _object(properties: Json, required: Any) -> Json:
    """An object that has nothing else."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _feature(name: str) -> Json:
    column = COLUMNS[name]
    unit = f" ({column.unit})" if column.unit else ""
    kinds = ["boolean", "number"] if column.kind == "flag" else ["number", "null"] if name in MAY_LACK else "number"
    return {"type": kinds, "description": f"{column.meaning}{unit}."}


def _examples(served: "Served | None") -> list[Json]:
    if not served:
        return []
    low = getattr(getattr(served.model, "space", None), "fill", [0.0] * len(served.model.needs))
    return [dict(zip(served.model.needs, map(float, low), strict=True)), {"customer_id": "17850"}]


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _says(text: str) -> Json:
    return {"description": text, "content": {"application/json": {"schema": _ref("schemas", "Error")}}}


def _get(summary: str, name: str, schema: str, *codes: int) -> Json:
    fine = {
        "description": summary,
        "headers": {"X-Model-Version": _ref("headers", "Version")},
        "content": {"application/json": {"schema": _ref("schemas", schema)}},
    }
    answers = {"200": fine} | {
        str(code): _ref("responses", str(code)) for code in (*(401, 429) * (name != "health"), 500, *codes)
    }
    return {"operationId": name, "summary": summary, "responses": dict(sorted(answers.items()))}


def _post(summary: str, name: str) -> Json:
    body = {"required": True, "content": {"application/json": {"schema": _ref("schemas", "Request")}}}
    return _get(summary, name, "Predictions", 400, 413, 415, 422, 503) | {"requestBody": body}


def _customer() -> Json:
    known = {"name": "customer_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    top = {"type": "integer", "minimum": 0, "maximum": MOST_PRODUCTS, "default": 10}
    recommend = {"name": "recommend", "in": "query", "schema": top, "description": "How many products."}
    summary = "A customer: segment, profile, value, recommendations."
    return _get(summary, "customer", "Known", 400, 404, 503) | {"parameters": [known, recommend]}


def _metrics() -> Json:
    found = _get("Counts and times for Prometheus.", "metrics", "Health")
    found["responses"]["200"] = {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return found


def page(document: Json, address: str) -> str:
    """The document as a page that needs nothing from elsewhere.

    Args:
        document: The document.
        address: Where the service answers, for examples.
    """
    loader = jinja2.PackageLoader("clientage.serving", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html").render(api=document, address=address)
