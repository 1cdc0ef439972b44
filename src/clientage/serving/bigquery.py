"""Predictions as a table of BigQuery, by day, with views of it to watch the service by.

Rows are streamed under the id of their prediction: BigQuery drops what it was sent within the last minute or so. What
it is sent later once more is there twice in `predictions`, and once in the view `predictions_once`, which the other
views read. Rows that BigQuery would not take are not sent: see `unfit`.
"""

import contextlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from clientage.cloud import predictions, views
from clientage.cloud.bigquery import Dataset
from clientage.errors import SinkError
from clientage.serving.logs import say
from clientage.serving.rows import SCHEMA

NEEDED = ("prediction_id", "request_id", "time")
LONGEST = 8_000_000  # bytes of a row; BigQuery takes 10 MB
OLDEST, NEWEST = timedelta(days=3650), timedelta(days=365)  # before and after now: a stream reaches no other day


class BigQuerySink:
    """The table `predictions` of a dataset, made when it is not there, with the views that need nothing else."""

    def __init__(self, address: str) -> None:
        """Nothing is reached yet.

        Raises:
            SettingsError: The address is none.
            SinkError: The library is not installed.
        """
        self._dataset, self._ready = Dataset(address), False

    def write(self, name: str, rows: pa.Table) -> list[bytes]:
        """Stream rows; those that were sent before are there once (see above).

        Returns:
            Rows that BigQuery would not take, or did not, as lines of JSON with the kind of the problem in `refused`.

        Raises:
            SinkError: BigQuery is away, does not answer in time, or refuses all of it.
        """
        if not self._ready:
            self._prepare()
        self._ready = False  # unless all goes well
        now = datetime.now(UTC).replace(tzinfo=None)
        given = [(row, unfit(row, now)) for row in rows.cast(SCHEMA).to_pylist()]
        refused = predictions.send(self._dataset, [sent(row) for row, why in given if not why])
        if refused:
            self._prepare()  # somebody may have changed the table: then it is not the rows
        self._ready = True
        aside = [(sent(row), why) for row, why in given if why] + [(each.row, each.why) for each in refused]
        return [orjson.dumps({**row, "refused": why}) + b"\n" for row, why in aside]

    def forget(self, customer_id: str) -> int:
        """Delete the predictions of a customer; those of the last 90 minutes cannot be yet.

        Raises:
            SinkError: Some of them may be left.
        """
        with contextlib.closing(Dataset(self._dataset.address, again=predictions.LEFT)) as dataset:
            return predictions.forget(dataset, customer_id) if dataset.has(predictions.TABLE) else 0

    def close(self) -> None:
        """Let go of connections."""
        self._dataset.close()

    def _prepare(self) -> None:
        predictions.prepare(self._dataset)
        try:
            views.renew(self._dataset, {predictions.TABLE})
        except SinkError as error:
            if error.kind != views.TAKEN:
                raise
            say("view not made", told=str(error))  # somebody has its name: predictions go on


def unfit(row: Mapping[str, Any], now: datetime) -> str:
    """Why BigQuery would not take a row, without values; empty where it would.

    Args:
        row: Of `predictions`.
        now: The time in UTC, without a zone.
    """
    problems = [f"missing {name}" for name in NEEDED if row[name] is None]
    problems += [
        f"not a number {name}" for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)
    ]
    if row["time"] is not None and not now - OLDEST < row["time"] < now + NEWEST:
        problems.append("out of range time")
    texts = {name: len(value.encode()) for name, value in row.items() if isinstance(value, str)}
    if sum(texts.values()) > LONGEST:
        problems.append(f"too long {max(texts, key=lambda name: texts[name])}")
    return ", ".join(problems)


def sent(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it: times in UTC."""
    time = row["time"]
    return row | {"time": time and time.replace(tzinfo=UTC).isoformat()}
