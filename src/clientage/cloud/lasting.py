"""How long rows and tables stay in a dataset of BigQuery: until they are removed, whatever its defaults are."""

from typing import TYPE_CHECKING

from clientage.cloud.bigquery import ATTEMPT, retry
from clientage.cloud.refusals import Raised
from clientage.errors import SinkError

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, Dataset, Table

DAY = 24 * 3600 * 1000  # in milliseconds


def require_lasting(dataset: "Dataset", raised: Raised = SinkError) -> None:
    """See that new tables of a dataset keep the rows of days that are past.

    Where the dataset has an end for partitions, as every one of BigQuery's sandbox has, a new table that is partitioned
    by day takes it over, even where it is told to have none, and then loses its older rows without a word.

    Args:
        dataset: As BigQuery tells of it.
        raised: The error to raise, of a sentence and its kind.

    Raises:
        ClientageError: It has such an end.
    """
    if ends := dataset.default_partition_expiration_ms:
        raise raised(
            f"{dataset.project}.{dataset.dataset_id}: new tables there lose the rows of each day after "
            f"{ends / DAY:,.3g} days, as the dataset has a default end of partitions. Take it away: "
            f"bq update --default_partition_expiration 0 {dataset.project}:{dataset.dataset_id}",
            "rows end",
        )


def keep(client: "Client", table: "Table") -> None:
    """Take away the end of a table that it has from its dataset, or from the table it was copied from.

    Args:
        client: What asks BigQuery.
        table: As BigQuery tells of it.

    Raises:
        GoogleAPICallError: It could not be done.
    """
    from google.cloud import bigquery  # noqa: PLC0415

    if table.expires:
        lasting = bigquery.Table(table.reference)  # of no version: asked twice, done once
        lasting.expires = None
        client.update_table(lasting, ["expires"], retry=retry(), timeout=ATTEMPT)
