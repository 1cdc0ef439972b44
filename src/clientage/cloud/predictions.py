"""The table of predictions in a dataset, by day, so that a question about a week reads a week."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clientage.cloud import stored
from clientage.cloud.bigquery import ATTEMPT, SAME, Dataset, described, retry
from clientage.cloud.jobs import LONGEST
from clientage.errors import SinkError
from clientage.tables import PREDICTIONS

TABLE, KEY = "predictions", "prediction_id"
MOST_ROWS = 500  # of a request, as BigQuery advises
MOST_BYTES = 9_000_000  # of a request; BigQuery takes 10 MB
MOST_BILLED = 2**40  # bytes that a statement may read
LEFT = "rows of the customer may be left; do it again"  # where a deletion is not known to be done

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """A row that BigQuery will not take.

    Attributes:
        row: As it was sent.
        why: What BigQuery says of it.
    """

    row: Row
    why: str


def prepare(dataset: Dataset) -> bool:
    """Make the table where there is none, or see that it is ours.

    Returns:
        Whether it was made.

    Raises:
        SinkError: It has another shape, cannot be made, or would lose its rows.
    """
    from google.api_core.exceptions import NotFound  # noqa: PLC0415
    from google.cloud import bigquery  # noqa: PLC0415

    wanted = described(PREDICTIONS)
    with dataset.explained():
        try:
            there = dataset.client.get_table(f"{dataset.name}.{TABLE}", retry=retry(), timeout=ATTEMPT)
        except NotFound:
            stored.require(dataset)
            made = bigquery.Table(f"{dataset.name}.{TABLE}", wanted)
            made.time_partitioning = bigquery.TimePartitioning(field="time")
            made.clustering_fields = ["customer_id", "segment_id"]
            made.description = f"One row per {PREDICTIONS.row}."
            dataset.client.create_table(made, exists_ok=True, retry=retry(), timeout=ATTEMPT)
            stored.lasting(dataset, TABLE, None)  # whatever end the dataset gives to new tables
            return True
        known = {field.name: SAME.get(field.field_type, field.field_type) for field in there.schema}
        if wrong := [field.name for field in wanted if known.get(field.name) != field.field_type]:
            raise SinkError(
                f"{dataset.name}: the table {TABLE} there has another shape ({', '.join(wrong)}). "
                "Rename it, or give another dataset.",
                "another shape",
            )
    return False


def send(dataset: Dataset, rows: Sequence[Row]) -> list[Refused]:
    """Send rows, each under the id of its prediction: what is sent again within a minute or so is there once.

    Returns:
        Rows that BigQuery will not take; all others are there.

    Raises:
        SinkError: Some may not be there.
    """
    refused: list[Refused] = []
    for some in _requests(rows):
        with dataset.explained():
            errors = dataset.client.insert_rows_json(
                f"{dataset.name}.{TABLE}", some, row_ids=[str(row[KEY]) for row in some], skip_invalid_rows=True,
                retry=retry(), timeout=ATTEMPT,
            )  # fmt: skip
        refused += [Refused(some[each["index"]], _why(each)) for each in errors]
    return refused


def forget(dataset: Dataset, customer_id: str) -> int:
    """Delete the rows of a customer, and say how many there were.

    Args:
        dataset: Where they are, with `LEFT` as what becomes of what could not be done.
        customer_id: Whose they are.

    Raises:
        SinkError: Some of them may be left.
    """
    from google.cloud import bigquery  # noqa: PLC0415

    whom = [bigquery.ScalarQueryParameter("customer", "STRING", customer_id)]
    limits = bigquery.QueryJobConfig(
        query_parameters=whom, maximum_bytes_billed=MOST_BILLED, job_timeout_ms=int(LONGEST * 1000)
    )
    statement = f"DELETE FROM `{dataset.name}.{TABLE}` WHERE customer_id = @customer"  # noqa: S608 - names of ours
    with dataset.explained():
        job = dataset.client.query(statement, job_config=limits, retry=retry(), timeout=ATTEMPT, job_retry=None)
        job.result(retry=retry(), job_retry=None)  # BigQuery ends it in time
        return int(job.num_dml_affected_rows or 0)


def _requests(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows, as many at a time as a request may have."""
    start, length = 0, 0
    for i, row in enumerate(rows):
        own = len(json.dumps(row)) + 100  # and its id
        if i - start == MOST_ROWS or (i > start and length + own > MOST_BYTES):
            yield rows[start:i]
            start, length = i, 0
        length += own
    if start < len(rows):
        yield rows[start:]


def _why(error: Mapping[str, Any]) -> str:
    """Kinds of errors and the columns they are of, without values."""
    return ", ".join(
        sorted({f"{each.get('reason', 'invalid')} {each.get('location', '')}".strip() for each in error["errors"]})
    )
