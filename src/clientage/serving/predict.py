"""A file of customers to a service, and its answers beside them to another file."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from clientage.errors import InputError, ServiceError, SettingsError
from clientage.export import files
from clientage.serving import instances
from clientage.serving.batches import Batch, Wanted
from clientage.serving.client import Client, Row, reach
from clientage.serving.connection import SIDE_BY_SIDE, Connection

SEGMENT = {"segment_id": pa.int64(), "segment": pa.string(), "distance": pa.float64(), "runner_up": pa.int64()}
GROUP = 50_000  # rows that lie together in a Parquet file


@dataclass
class Predicted:
    """What was answered.

    Attributes:
        out: The file that was written.
        by: What was sent: `features`, `components`, `customer_id`, or `instances` as they were.
        rows: Rows of the file that was read.
        segments: Rows in each segment, by its name.
        versions: Rows answered by each version of the model, in the order that they came.
        refused: Rows that have an error in place of a segment.
        first_refused: The first of them, in a sentence; empty where there are none.
        columns: Of the file that was written.
    """

    out: Path
    by: str
    rows: int = 0
    segments: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    first_refused: str = ""
    columns: tuple[str, ...] = ()

    def count(self, answers: Iterable[Row]) -> None:
        """Count the answers to some rows more."""
        for answer in answers:
            self.rows += 1
            if "error" in answer:
                self.refused += 1
                self.first_refused = self.first_refused or f"row {self.rows:,}: {answer['error']}"
            else:
                segment, version = answer["segment"], answer["version"]
                self.segments[segment] = self.segments.get(segment, 0) + 1
                self.versions[version] = self.versions.get(version, 0) + 1


def predict(
    path: Path,
    connection: Connection,
    out: Path,
    *,
    recommend: int = 0,
    by_id: bool = False,
    tell: Callable[[str, Any], None] = lambda *_: None,
) -> Predicted:
    """Ask a service about every row of a file, and write the rows with their answers into another, in their order.

    Args:
        path: CSV, Parquet or JSON lines.
        connection: To the service.
        out: The file to write; its ending says in which format. What stood there is there until all is answered.
        recommend: Products to ask for with each segment.
        by_id: Whether to send ids although there are features.
        tell: Told `progress` with the share of the file that is answered.

    Raises:
        ClientageError: What the user can mend; nothing is written then.
    """
    target, form = files.file(out), out.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise SettingsError(f"--out {out}: cannot be written. Give a file that ends in .csv, .parquet or .jsonl.")
    client = reach(connection, recommend)
    given = instances.read(path, Wanted(client.contract, client.most, by_id))
    products = {f"product_{rank}": pa.string() for rank in range(1, recommend + 1)}
    told = SEGMENT | products | {"error": pa.string()}
    kept = pa.schema([column for column in given.schema if column.name not in told])
    schema = pa.schema([*kept, *told.items()])
    found = Predicted(target, given.by, columns=tuple(schema.names))

    def rows() -> Iterator[pa.RecordBatch]:
        for batch, answers in _answered(client, given.batches):
            found.count(answers)
            columns = [batch.kept.column(name) for name in kept.names]
            yield pa.record_batch([*columns, *_arrays(client, answers, told)], schema=schema)
            tell("progress", batch.share)
        if found.refused == found.rows:
            raise InputError(_nothing(path, found))

    files.write(target, form, pa.RecordBatchReader.from_batches(schema, rows()), FORMATS)
    return found


def _nothing(path: Path, found: Predicted) -> str:
    if not found.rows:
        return f"{path}: has no rows. Write a customer on each."
    return f"{path}: the service can use no row of it ({found.rows:,} refused). The first is {found.first_refused}"


def _answered(client: Client, batches: Iterable[Batch]) -> Iterator[tuple[Batch, list[Row]]]:
    """Batches with their answers, in order; a few requests are under way at a time, and no more is read."""
    # its threads end with the process, whatever they wait for: nobody who interrupts us has to wait too
    with ThreadPool(SIDE_BY_SIDE) as pool:
        asked = deque[Any]()
        for batch in batches:
            asked.append((batch, pool.apply_async(_ask, (client, batch))))
            if len(asked) > SIDE_BY_SIDE:
                first, answers = asked.popleft()
                yield first, answers.get()
        for first, answers in asked:
            yield first, answers.get()


def _ask(client: Client, batch: Batch) -> list[Row]:
    answers = iter(client.ask(batch.sent))
    wrong = {i: {"error": sentence} for i, sentence in batch.wrong.items()}
    return [wrong[i] if i in wrong else next(answers) for i in range(batch.kept.num_rows)]


def _arrays(client: Client, answers: list[Row], kinds: Mapping[str, pa.DataType]) -> list[pa.Array]:
    """Answers as columns of these names and kinds."""
    rows = [answer | _products(answer) for answer in answers]
    try:
        return [pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()]
    except (pa.ArrowException, OverflowError) as error:
        raise ServiceError(f"{client.connection.url}: answered with a number that no segment has.") from error


def _products(answer: Row) -> dict[str, str]:
    offers = answer.get("recommendations", ())
    return {f"product_{rank}": offer["product"] for rank, offer in enumerate(offers, 1)}


def _write_parquet(path: Path, batches: pa.RecordBatchReader) -> int:
    return files.write_parquet(path, pa.RecordBatchReader.from_batches(batches.schema, _gathered(batches)))


def _gathered(batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The same rows in fewer batches."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= GROUP:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)


def _write_lines(path: Path, batches: pa.RecordBatchReader) -> int:
    rows = 0
    with path.open("xb") as file:
        for batch in batches:
            file.writelines(
                orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE) for row in batch.to_pylist()
            )
            rows += batch.num_rows
    return rows


FORMATS: Mapping[str, files.Writer] = {
    "csv": partial(files.write_csv, numbers=True), "parquet": _write_parquet, "jsonl": _write_lines
}  # fmt: skip
