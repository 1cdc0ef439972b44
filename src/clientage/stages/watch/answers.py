"""What the service answered in windows: what it was asked, which segments it found, how fast it was.

The log may hold far more than fits into memory: it stays in the engine, a window at a time. Answers of every version
of the model count: segments keep their numbers from one to the next.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clientage.errors import WorkspaceError
from clientage.monitoring import features
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Counts, Observed
from clientage.serving import spool
from clientage.serving.listed import steady, unreadable
from clientage.stages.watch.watch import Watch, unknown
from clientage.tables import PREDICTIONS, arrow_schema
from clientage.warehouse import explained

AREAS = ("predictions", "service")
MIX = Key("predictions", "mix")
SCHEMA = ibis.Schema.from_pyarrow(arrow_schema(PREDICTIONS))
LARGEST = 1e12
LATENCY = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

Row = Mapping[str, Any]


def population(watch: Watch, customers: ir.Table) -> Observed:
    """All customers when the model was made, which what the service is asked is held against, as one window.

    Args:
        watch: What to look with.
        customers: Their features.
    """
    known = customers.mutate(window=ibis.literal(0, "int64"))
    columns = watch.run.columns(customers.select("customer_id", *watch.inputs))
    known_of = {name: values[~np.isnan(values)] for name, values in columns.items()}
    medians = {
        Key("predictions", "median", name): np.array([np.median(values) if len(values) else np.nan])
        for name, values in known_of.items()
    }
    rows = watch.run.rows(features.spread(known, watch.inputs))
    located = watch.model.locate(known, "window")
    shares = located.group_by("window", "segment_id").agg(count=located.count())
    mix = Observed((0,), medians, counts={MIX: _mix(watch.run.rows(shares), (0,))})
    return features.observed(rows, (0,), watch.inputs, "predictions").joined(mix)


def look(watch: Watch, numbers: range) -> Observed:
    """What the service answered in windows, as far as it was shipped to folders; nothing where that is nothing."""
    sinks = spool.sinks(watch.run.warehouse.workspace, watch.run.settings.serve.sink)
    folders = [Path(sink) for sink in sinks if "://" not in sink]
    return steady(folders, partial(_read, watch, numbers)) if folders else Observed(tuple(numbers))


def _read(watch: Watch, numbers: range, files: Sequence[Path]) -> Observed:
    """What files tell.

    Raises:
        FileNotFoundError: One of them was merged into another meanwhile.
        WorkspaceError: One of them is none of predictions.
    """
    try:
        with explained(watch.run.warehouse.workspace):
            return _seen(watch, numbers, _places(watch, numbers, list(map(str, files))))
    except WorkspaceError as error:
        for path in files:
            if not _whole(path):
                raise unreadable(path) from error
        raise


def _whole(path: Path) -> bool:
    """Whether a file is one of predictions, by its columns."""
    try:
        return _ours(ibis.Schema.from_pyarrow(pq.read_schema(path)))
    except pa.ArrowInvalid:
        return False


def _ours(found: ibis.Schema) -> bool:
    """Whether columns are those of predictions; what was refused was not kept always."""
    kinds = {name: type(kind) for name, kind in found.items()}
    return all(kinds.get(name) is type(kind) for name, kind in SCHEMA.items() if name != "error")


def _places(watch: Watch, numbers: range, files: Sequence[str]) -> dict[int, list[str]]:
    """Windows in which something was asked, in order, and the files that tell of each."""
    if not files:
        return {}
    there = _within(watch, numbers, files)
    found = there.select("filename", window=watch.windows.number(there.time)).distinct()
    places: dict[int, list[str]] = {}
    for row in watch.run.rows(found.order_by("window", "filename")):
        places.setdefault(row["window"], []).append(row["filename"])
    return places


def _within(watch: Watch, numbers: range, files: Sequence[str]) -> ir.Table:
    """What was asked in some windows, by files that may have been written before a column was kept.

    Raises:
        WorkspaceError: They are none of predictions.
    """
    table = watch.run.warehouse.local.read_parquet(list(files), union_by_name=True, filename=True)
    if not _ours(table.schema()):
        raise unreadable(Path(files[0]))
    first, end = (ibis.timestamp(str(watch.windows.first(number))) for number in (numbers.start, numbers.stop))
    return table.filter(table.time >= first, table.time < end)


def _seen(watch: Watch, numbers: range, places: Mapping[int, Sequence[str]]) -> Observed:
    """What was asked in windows, and how it was answered."""
    if not places:
        return Observed(tuple(numbers))
    kept = [_kept(watch, number, files) for number, files in places.items()]
    every = watch.run.warehouse.local.read_parquet(kept)
    answered = every.filter(every.error.isnull())
    asked = answered.select("window", **{name: _within_reason(answered.inputs[name]) for name in watch.inputs})
    seen = features.observed(watch.run.rows(features.spread(asked, watch.inputs)), numbers, watch.inputs, AREAS[0])
    shares = answered.group_by("window", "segment_id").agg(count=answered.count())
    medians = {Key("predictions", "median", name): unknown(numbers) for name in watch.inputs}
    for number in places:  # one at a time: an exact median holds all values of a window
        for key, value in _medians(watch, asked.filter(asked.window == number)).items():
            medians[key][number - numbers.start] = value
    mix = Observed(tuple(numbers), medians, counts={MIX: _mix(watch.run.rows(shares), numbers)})
    return seen.joined(mix).joined(_service(watch, every, numbers))


def _kept(watch: Watch, number: int, files: Sequence[str]) -> Path:
    """What was asked in a window as a file on the way, each of it once, the numbers that the model saw as numbers."""
    there = _within(watch, range(number, number + 1), files)
    told = "error" in there.columns  # those of before do not tell what was refused
    numbers = there.select(
        "prediction_id",
        "request_id",
        "segment_id",
        "latency",
        window=ibis.literal(number, "int64"),
        inputs=_numbers(there.inputs, list(watch.inputs)),
        error=there.error if told else ibis.null("string"),
        told=ibis.literal(told),
    )
    path = watch.path(f"answers-{number}")
    with explained(watch.run.warehouse.workspace):
        watch.run.warehouse.local.to_parquet(numbers.distinct(on="prediction_id", keep="first"), path)
    return path


def _numbers(text: ir.StringColumn, names: Sequence[str]) -> ir.StructColumn:
    """Numbers of JSON objects by name, parsed once; null where one is missing, all of them where it is no JSON."""
    shape = dt.Struct(dict.fromkeys(names, dt.float64))

    @ibis.udf.scalar.builtin(name="json_transform", signature=((dt.string, dt.string), shape))  # type: ignore[untyped-decorator]
    def transformed(text: str, form: str) -> dict[str, float]:
        raise NotImplementedError  # the engine has it

    @ibis.udf.scalar.builtin(name="try", signature=((shape,), shape))  # type: ignore[untyped-decorator]
    def tried(numbers: dict[str, float]) -> dict[str, float]:
        raise NotImplementedError

    return tried(transformed(text, json.dumps(dict.fromkeys(names, "DOUBLE"))))


def _within_reason(value: ir.NumericColumn) -> ir.NumericColumn:
    """A number that was asked for, no larger than can be summed exactly: it may be anything that somebody sent."""
    return value.clip(lower=-LARGEST, upper=LARGEST)


def _medians(watch: Watch, asked: ir.Table) -> dict[Key, float]:
    """The middle values of a window."""
    found = watch.run.rows(asked.agg(**{name: asked[name].cast("float64").median() for name in watch.inputs}))[0]
    return {
        Key("predictions", "median", name): float("nan") if value is None else value for name, value in found.items()
    }


def _service(watch: Watch, every: ir.Table, numbers: range) -> Observed:
    """How many answers there were, the share refused, and exact percentiles of how long a request took."""
    names = ("predictions", "refused", *LATENCY)
    figures = {Key("service", name): unknown(numbers) for name in names}
    asked = np.zeros(len(numbers))
    for row in watch.run.rows(_counted(every)):
        place = row["window"] - numbers.start
        asked[place] = row["asked"]
        figures[Key("service", "predictions")][place] = row["asked"] - row["refused"]
        if row["told"]:
            figures[Key("service", "refused")][place] = row["refused"] / row["asked"]
    for number, name, seconds in _latencies(
        watch, every, [number for number in numbers if asked[number - numbers.start]]
    ):
        figures[Key("service", name)][number - numbers.start] = seconds
    return Observed(tuple(numbers), figures, {"service": asked})


def _counted(every: ir.Table) -> ir.Table:
    return every.group_by("window").agg(asked=every.count(), refused=every.error.count(), told=every.told.any())


def _latencies(watch: Watch, every: ir.Table, numbers: Sequence[int]) -> Iterator[tuple[int, str, float]]:
    """By window and percentile; a request counts once, however many customers it asks for."""
    for number in numbers:
        asked = every.filter(every.window == number)
        requests = asked.group_by("request_id").agg(latency=asked.latency.max())
        found = requests.agg(**{name: requests.latency.quantile(share) for name, share in LATENCY.items()})
        for name, seconds in watch.run.rows(found)[0].items():
            yield number, name, float("nan") if seconds is None else seconds


def _mix(rows: Sequence[Row], numbers: Sequence[int]) -> Counts:
    """How often each segment was found in each window."""
    ids = sorted({row["segment_id"] for row in rows if row["segment_id"] is not None})
    counts = np.zeros((len(numbers), len(ids)))
    for row in rows:
        if row["segment_id"] is not None:
            counts[row["window"] - numbers[0], ids.index(row["segment_id"])] = row["count"]
    return Counts(tuple(map(str, ids)), counts)
