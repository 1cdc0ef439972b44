"""Tables of the workspace, sent to a dataset of BigQuery, with views to watch the service by."""

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clientage.cloud import loading, views
from clientage.cloud.bigquery import Dataset
from clientage.cloud.predictions import prepare
from clientage.context import opened
from clientage.errors import SettingsError, TableError, WorkspaceError
from clientage.settings import Settings
from clientage.tables import SPECS, arrow_schema
from clientage.warehouse import Warehouse, explained

MONITORED = ("drift", "episodes", "journeys")
LOOKED_AT = (
    "customers", "segments", "profiles", "traits", "regions", "migrations", "recommendations", "favourites", *MONITORED,
)  # fmt: skip
SENDABLE = tuple(name for name, spec in SPECS.items() if spec.key)  # order lines have none, and stay
AGAIN = "nothing was changed; do it again"


@dataclass(frozen=True)
class Sent:
    """What was sent.

    Attributes:
        dataset: project.dataset.
        tables: Rows of each table.
        views: Those that are there now.
    """

    dataset: str
    tables: dict[str, int] = field(default_factory=dict)
    views: tuple[str, ...] = ()


def address_of(settings: Settings, given: str) -> str:
    """The address of the dataset: as given, else that of predictions.

    Raises:
        SettingsError: There is none.
    """
    if given or settings.serve.sink.startswith("bigquery://"):
        return given or settings.serve.sink
    raise SettingsError(
        "which dataset? Write it as bigquery://project/dataset, or set serve.sink to it, so that predictions go there "
        "too."
    )


def send(
    settings: Settings,
    address: str,
    tables: Iterable[str] = (),
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> Sent:
    """Send tables in place of those in a dataset, all of one run, and bring its views up to date.

    Args:
        settings: All of them.
        address: As `bigquery://project/dataset`.
        tables: Which; when none is named, those of `LOOKED_AT` that there are.
        progress: Told the share that is done.

    Raises:
        ClientageError: What the user can mend; where it is not said otherwise, the tables there are as they were.
    """
    wanted = list(dict.fromkeys(tables))
    if unknown := [name for name in wanted if name not in SENDABLE]:
        raise SettingsError(
            f"--table: {', '.join(map(repr, unknown))} cannot be sent. Those that can: {', '.join(SENDABLE)}."
        )
    dataset = _dataset(address)
    warehouse = opened(settings)
    if not settings.workspace.is_dir():
        raise WorkspaceError(f"{settings.workspace}: there are no tables yet. Make them with `clientage run FILE`.")
    with contextlib.closing(dataset), tempfile.TemporaryDirectory(prefix="clientage-") as folder:
        with warehouse.alone():  # all of one run
            names = wanted or [name for name in LOOKED_AT if warehouse.exists(name)]
            loads = [_written(warehouse, name, Path(folder) / f"{name}.parquet") for name in names]
        if not loads:
            raise WorkspaceError(f"{settings.workspace}: there are no tables yet. Make them with `clientage run FILE`.")
        loading.replace(dataset, loads, progress)
        with loading.adding("The tables are sent already; --views makes the views alone."):
            return Sent(dataset.name, {load.table: load.rows for load in loads}, renew_views(address).views)


def renew_views(address: str) -> Sent:
    """Bring the views of a dataset up to date over what is there, whoever made it.

    Raises:
        ClientageError: What the user can mend.
    """
    with contextlib.closing(_dataset(address, again="")) as dataset:
        return Sent(dataset.name, views=_views(dataset))


def send_monitored(settings: Settings) -> Sent | None:
    """Send what monitoring found to where the settings say; None where they name nothing.

    Raises:
        ClientageError: What the user can mend.
    """
    if not settings.monitor.send:
        return None
    warehouse = opened(settings)
    return send(settings, settings.monitor.send, [name for name in MONITORED if warehouse.exists(name)])


def _dataset(address: str, again: str = AGAIN) -> Dataset:
    return Dataset(address, setting=address or "the dataset", again=again)


def _views(dataset: Dataset) -> tuple[str, ...]:
    """Make the views, and the table of predictions that most of them read, so that nobody has to wait for the first."""
    prepare(dataset)
    read = {name for view in views.views() for name in view.reads} - {view.name for view in views.views()}
    return tuple(views.renew(dataset, [name for name in read if dataset.has(name)]))


def _written(warehouse: Warehouse, name: str, path: Path) -> loading.Load:
    """The rows of a table in a file, with all columns that are promised: those the shop does not have are empty."""
    spec, schema, table = SPECS[name], arrow_schema(name), warehouse.read(name)
    keys = table.select(*spec.key)
    empty = ibis.or_(*(keys[column].isnull() for column in spec.key))
    counted = keys.agg(rows=keys.count(), empty=keys.count(where=empty), different=keys.distinct().count().as_scalar())
    found = warehouse.collect(counted).to_pylist()[0]
    if found["empty"] or found["different"] != found["rows"]:
        raise TableError(
            f"table {name}: {', '.join(spec.key)} must be there and differ from row to row, and do not. "
            "Write it again with `clientage run`."
        )
    with explained(warehouse.workspace), pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in warehouse.batches(table):
            rows = _whole(pa.Table.from_batches([batch]), schema)
            _finite(name, rows)
            writer.write_table(rows)
    return loading.Load(name, spec, path, found["rows"])


def _finite(name: str, rows: pa.Table) -> None:
    """See that numbers are numbers: one that is none makes sums and means of a dashboard that are none either."""
    numbers = [field.name for field in rows.schema if pa.types.is_floating(field.type)]
    if wrong := [column for column in numbers if pc.any(pc.invert(pc.is_finite(rows[column]))).as_py()]:
        raise TableError(
            f"table {name}: {', '.join(wrong)} has values that are no numbers. Write it again with `clientage run`."
        )


def _whole(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    missing = {each.name: pa.nulls(len(rows), each.type) for each in schema if each.name not in rows.column_names}
    for name, column in missing.items():
        rows = rows.append_column(name, column)
    return rows.select(schema.names).cast(schema)
