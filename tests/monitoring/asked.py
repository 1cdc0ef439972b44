"""What a service was asked, as rows of the table `predictions`, and files of them."""

from datetime import datetime, timedelta

import orjson
import pyarrow as pa

from clientage.serving.folder import FolderSink
from clientage.serving.rows import SCHEMA

MONDAY = datetime(2024, 7, 1)


def answer(request="r", place=0, **changes):
    """A row: an instance that was answered; of another day by `day`, counted from a Monday."""
    row = {
        "prediction_id": f"{request}-{place}",
        "request_id": request,
        "place": place,
        "time": MONDAY + timedelta(days=changes.pop("day", 0)),
        "version": "3",
        "form": "features",
        "inputs": {"recency_days": 5, "monetary": 50.5},
        "segment_id": 1,
        "segment": "Top spenders",
        "latency": 0.002,
    }
    row |= changes
    if isinstance(row["inputs"], dict):
        row["inputs"] = orjson.dumps(row["inputs"]).decode()
    return row


def refusal(request="r", place=0, **changes):
    """A row: an instance that was refused."""
    empty = dict.fromkeys(("form", "inputs", "segment_id", "segment"))
    return answer(request, place, **empty, **({"error": "not a number"} | changes))


def written(folder, name, *rows):
    """A file as the shipper writes it."""
    FolderSink(folder).write(name, pa.Table.from_pylist(list(rows), SCHEMA))
