"""The table of predictions in a dataset: by day, so that a question about a week reads a week."""

from clientage.cloud.bigquery import Dataset
from clientage.tables import PREDICTIONS

TABLE = "predictions"
LATER: frozenset[str] = frozenset()  # columns that tables from before may lack


def prepare(dataset: Dataset) -> bool:
    """Make the table where there is none, or see that it is ours; whether it was made.

    Raises:
        SinkError: It has another shape, or cannot be made.
    """
    return dataset.prepare(TABLE, PREDICTIONS, day="time", cluster=("customer_id", "segment_id"), later=LATER)
