"""Forget a customer: no table, no report and no later run of the workspace has them any more."""

import contextlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from clientage import copies
from clientage.context import CHALLENGER, DRAFTS, REPLAY, Run, opened
from clientage.errors import InputError, WorkspaceError
from clientage.forgotten import FOLDER, SALT, remembered
from clientage.ledger import Ledger
from clientage.manifest import installed
from clientage.pipeline import REPORT, STAGE, drop, ledger, perform, there
from clientage.serving import spool
from clientage.settings import Settings
from clientage.stages.lines import reasons
from clientage.stages.report import PAGES
from clientage.tables import SPECS
from clientage.warehouse import LIVING, Warehouse

COPIES = ("models", "training", "pipeline")  # folders of google.bucket that models are copied to, with their tables
NOTHING = "{workspace}: there are no tables yet. Make them with `clientage run FILE`."


@dataclass(frozen=True)
class Receipt:
    """That somebody was forgotten, without saying who.

    Attributes:
        customer: Salted digest of the id (see `clientage.forgotten`).
        time: When, in UTC.
        rows: Rows removed from each table, `predictions` among them.
        versions: Of Python and of the libraries.
        left: Where copies may still have them, which are not reached from here.
    """

    customer: str
    time: str
    rows: dict[str, int]
    versions: dict[str, str] = field(default_factory=installed)
    left: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Where it lies in the workspace."""
        return f"{FOLDER}/{self.time.replace(':', '-')}.json"


def forget(settings: Settings, customer: str) -> Receipt:
    """Remove a customer from every table, renew the report, and leave a receipt; all at once or not at all.

    What was predicted for them goes last, shipped or not. Where it cannot all be reached, the tables are as they were,
    and asking again removes the rest.

    Args:
        settings: All of them.
        customer: The id, exactly as it came.

    Raises:
        ClientageError: No table has the customer, or the workspace cannot be written; all is as it was. Or tables of
            before cannot be removed elsewhere, which asking again does.
    """
    customer = customer.encode(errors="backslashreplace").decode()  # bytes that are no text are nobody's id
    warehouse = opened(settings)
    if not settings.workspace.exists():
        raise WorkspaceError(NOTHING.format(workspace=settings.workspace))
    with _unshipped(settings), warehouse.transaction() as scratch:  # which removes what a killed run left, first of all
        tables = [name for name, spec in SPECS.items() if "customer_id" in spec.columns and warehouse.exists(name)]
        if not (tables or spool.sinks(settings.workspace, settings.serve.sink)):
            raise WorkspaceError(NOTHING.format(workspace=settings.workspace))
        told = ledger(warehouse)
        run = Run(settings, warehouse, told.manifest(), scratch=scratch)
        rows = {name: removed for name in tables if (removed := _remove(run, name, customer))}
        if rows:
            _renew(run, told)
        if predictions := _predictions(settings, customer):
            rows["predictions"] = predictions
        if not rows:
            _settle(settings, warehouse)
            raise InputError(
                f"customer {customer}: no table of {settings.workspace} has them. "
                "Write the id exactly as it came, with capitals, blanks and leading zeros."
            )
        forgotten = remembered(settings.workspace)
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        receipt = Receipt(forgotten.digest(customer), now, rows, left=(*_copies(settings), *warehouse.elsewhere()))
        warehouse.write_text(SALT, forgotten.salt)
        warehouse.write_text(receipt.name, json.dumps(asdict(receipt), indent=1) + "\n")
    return receipt


def _settle(settings: Settings, warehouse: Warehouse) -> None:
    """What an earlier one could not remove goes now, where everybody goes by the documents that are here."""
    if copies.is_published(settings.workspace, LIVING):
        warehouse.settle()


def _copies(settings: Settings) -> tuple[str, ...]:
    """Where deployed models may lie, with tables of the time when they were copied."""
    bucket = settings.google.bucket
    return tuple(f"{bucket}/{folder}" for folder in COPIES) if bucket else ()


def _unshipped(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Nobody ships predictions meanwhile: what had been read before would come back after."""
    folder = settings.workspace / spool.FOLDER
    return spool.locked(folder) if folder.exists() else contextlib.nullcontext()


def _predictions(settings: Settings, customer: str) -> int:
    """Remove what was predicted for a customer; nothing is loaded where nobody ever asked."""
    sinks = spool.sinks(settings.workspace, settings.serve.sink)
    if not sinks:
        return 0
    try:
        from clientage.serving.erase import shipped, waiting  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise WorkspaceError(
            f"{settings.workspace}: predictions cannot be removed without {missing.name}. "
            "Install it: pip install 'clientage[serve]'."
        ) from missing
    return sum(shipped(sink, customer) for sink in sinks) + waiting(settings.workspace / spool.FOLDER, customer)


def _remove(run: Run, name: str, customer: str) -> int:
    """Write a table again without the rows of a customer, in the same order; a table without any is left alone."""
    table = run.read(name)
    theirs = (table.customer_id == customer).fill_null(False)
    rows: int = run.rows(table.agg(rows=table.count(where=theirs)))[0]["rows"]
    if rows:
        run.write(name, table.filter(~theirs))
    return rows


def _renew(run: Run, told: Ledger) -> None:
    """What was counted over customers, the report and the facts, as the tables are now.

    Somebody may have been the only customer of a country or of a product. Who moved between two models cannot be
    counted again without the former one, a challenger can be trained anew, days be played again, and drafts be made.
    """
    run.drop("migrations")
    run.warehouse.leave_nothing()
    for name in (CHALLENGER, REPLAY, DRAFTS):
        run.warehouse.discard(name)
    rows = run.manifest.tables
    for facts in told.facts.values():
        if "tables" in facts:
            facts["tables"] = {name: rows[name] for name in facts["tables"] if name in rows}
        if "reasons" in facts and run.warehouse.exists("rejected"):
            facts["reasons"] = reasons(run)
    for name in ("profile", "recommend", "report"):
        made = [table for table in STAGE[name].writes if run.warehouse.exists(table)]
        if made or (name == "report" and run.warehouse.path(REPORT).exists()):
            _make_again(run, name, told)
    told.write()


def _make_again(run: Run, name: str, told: Ledger) -> None:
    """What a stage wrote, from the tables as they are now; nothing of it where they do not suffice."""
    if told.manifest().as_of and all(there(run.warehouse, table) for table in STAGE[name].needs):
        perform(run, name, told)
        return
    drop(name, told)
    for page in PAGES if name == "report" else ():
        run.warehouse.remove(page)
