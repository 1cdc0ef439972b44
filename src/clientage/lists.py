"""Lists of customers, from the workspace to a file for other tools."""

from dataclasses import dataclass
from pathlib import Path

from clientage.context import opened
from clientage.export import files, ids
from clientage.export.audience import audience, facts, find_segment
from clientage.settings import Settings
from clientage.warehouse import Warehouse, explained


@dataclass(frozen=True)
class Written:
    """A list that was written.

    Attributes:
        customers: How many are on it.
        out: The file; None where no customer fits, and nothing was written.
        columns: Its columns.
    """

    customers: int
    out: Path | None = None
    columns: tuple[str, ...] = ()


def write_audience(
    settings: Settings,
    *,
    segment: str | None = None,
    where: str | None = None,
    by: str = "",
    top: int | None = None,
    form: str | None = None,
    out: Path | None = None,
    hash_ids: bool = False,
) -> Written:
    """Write the customers that fit into a file (see `clientage.export.audience`).

    Args:
        settings: All of them.
        segment: Name or number of a segment; all customers when not given.
        where: A condition.
        by: The column to sort by, the highest first.
        top: How many at most.
        form: csv or parquet; as `out` says when not given.
        out: The file; `audience.csv` or `audience.parquet` here when not given.
        hash_ids: Whether ids become keyed digests.

    Raises:
        ClientageError: What the user can mend; an earlier file is as it was.
    """
    path, form = files.target(out, form, "audience")
    secret = ids.key() if hash_ids else None
    warehouse = opened(settings)
    needed = ["customers", "segments", *(["recommendations"] if warehouse.exists("recommendations") else [])]
    tables = {name: warehouse.read(name) for name in needed}
    listed = audience(tables, None if segment is None else _number(warehouse, segment), where, by, top)
    found = warehouse.collect(facts(listed)).to_pylist()[0]
    if not found["customers"]:
        return Written(0)
    name = "id_hash" if secret else "email" if found["emails"] else "customer_id"
    with explained(settings.workspace):
        batches = ids.renamed(warehouse.batches(listed), name, secret)
        return Written(files.write(path, form, batches), path, tuple(batches.schema.names))


def _number(warehouse: Warehouse, segment: str) -> int:
    """The number of a segment by what it was called."""
    segments = warehouse.read("segments").select("segment_id", "segment").distinct().order_by("segment_id")
    return find_segment({row["segment_id"]: row["segment"] for row in warehouse.collect(segments).to_pylist()}, segment)
