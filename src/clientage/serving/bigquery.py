"""Predictions as a table of BigQuery, by day, and views of it to watch the service by.

Rows are streamed under the id of their prediction: BigQuery drops what it was sent within the last minute or so. What
it is sent later once more is there twice in `predictions`, and once in the view `predictions_once`, which the other
views read.
"""

import math
from datetime import UTC
from typing import Any

import orjson
import pyarrow as pa

from clientage.cloud.bigquery import Dataset
from clientage.tables import PREDICTIONS

TABLE, KEY = "predictions", "prediction_id"
LATER: frozenset[str] = frozenset()  # columns that tables from before may lack
FORGET = "DELETE FROM `{dataset}.predictions` WHERE customer_id = @customer"
VIEWS = {
    "predictions_once": """\
SELECT *
FROM `{dataset}.predictions`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY prediction_id ORDER BY time) = 1
""",
    "requests_by_day": """\
WITH requests AS (
  SELECT
    request_id,
    version,
    DATE(MIN(time)) AS day,
    MAX(latency) AS latency,
    COUNT(*) AS instances,
    COUNTIF(error IS NOT NULL) AS refused
  FROM `{dataset}.predictions_once`
  GROUP BY request_id, version
)

SELECT
  day,
  version,
  COUNT(*) AS requests,
  SUM(instances) AS instances,
  SUM(refused) AS refused,
  APPROX_QUANTILES(latency, 100)[OFFSET(50)] AS latency_p50,
  APPROX_QUANTILES(latency, 100)[OFFSET(95)] AS latency_p95,
  APPROX_QUANTILES(latency, 100)[OFFSET(99)] AS latency_p99
FROM requests
GROUP BY day, version
""",
    "segments_by_day": """\
SELECT
  DATE(time) AS day,
  version,
  segment_id,
  segment,
  COUNT(*) AS predictions,
  AVG(distance) AS mean_distance
FROM `{dataset}.predictions_once`
WHERE error IS NULL
GROUP BY day, version, segment_id, segment
""",
}


class BigQuerySink:
    """The table `predictions` of a dataset, made when it is not there, with its views."""

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
            Rows that BigQuery will never take, as lines of JSON with the kind of the problem in `refused`.

        Raises:
            SinkError: BigQuery is away, does not answer in time, or refuses all of it.
        """
        if not self._ready:
            self._prepare()
        self._ready = False  # unless all goes well
        refused = self._dataset.stream(TABLE, [_sent(row) for row in rows.to_pylist()], KEY)
        if refused:
            self._prepare()  # somebody may have changed the table: then it is not the rows
        self._ready = True
        return [orjson.dumps({**each.row, "refused": each.why}) + b"\n" for each in refused]

    def forget(self, customer_id: str) -> int:
        """Delete the predictions of a customer; those of the last 90 minutes cannot be yet.

        Raises:
            SinkError: Some of them may be left.
        """
        return self._dataset.change(FORGET, customer=customer_id) if self._dataset.has(TABLE) else 0

    def close(self) -> None:
        """Let go of connections."""
        self._dataset.close()

    def _prepare(self) -> None:
        self._dataset.prepare(TABLE, PREDICTIONS, day="time", cluster=("customer_id", "segment_id"), later=LATER)
        for view, statement in VIEWS.items():
            self._dataset.view(view, statement)


def _sent(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it: times in UTC, and no number that is none."""
    row["time"] = row["time"].replace(tzinfo=UTC).isoformat()
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }
