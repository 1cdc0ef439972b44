"""Forget a customer: no table, no report and no later run of the workspace has them any more."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from clientage.context import CHALLENGER, Run, opened
from clientage.errors import InputError, WorkspaceError
from clientage.forgotten import FOLDER, SALT, remembered
from clientage.manifest import Manifest, installed
from clientage.pipeline import MANIFEST, REPORT, STAGE, there
from clientage.settings import Settings
from clientage.stages.lines import reasons
from clientage.tables import TABLES

NOTHING = "{workspace}: there are no tables yet. Make them with `clientage run FILE`."


@dataclass(frozen=True)
class Receipt:
    """That somebody was forgotten, without saying who.

    Attributes:
        customer: Salted digest of the id (see `clientage.forgotten`).
        time: When, in UTC.
        rows: Rows removed from each table.
        versions: Of Python and of the libraries.
    """

    customer: str
    time: str
    rows: dict[str, int]
    versions: dict[str, str] = field(default_factory=installed)

    @property
    def name(self) -> str:
        """Where it lies in the workspace."""
        return f"{FOLDER}/{self.time.replace(':', '-')}.json"


def forget(settings: Settings, customer: str) -> Receipt:
    """Remove a customer from every table, renew the report, and leave a receipt; all at once or not at all.

    Args:
        settings: All of them.
        customer: The id, exactly as it came.

    Raises:
        ClientageError: No table has the customer, or the workspace cannot be written; all is as it was.
    """
    customer = customer.encode(errors="backslashreplace").decode()  # bytes that are no text are nobody's id
    warehouse = opened(settings)
    if not settings.workspace.exists():
        raise WorkspaceError(NOTHING.format(workspace=settings.workspace))
    with warehouse.transaction() as scratch:  # which removes what a killed run left, before anything else
        tables = [name for name, spec in TABLES.items() if "customer_id" in spec.columns and warehouse.exists(name)]
        if not tables:
            raise WorkspaceError(NOTHING.format(workspace=settings.workspace))
        path = warehouse.path(MANIFEST)
        manifest = Manifest.loads(path.read_text(encoding="utf-8")) if path.exists() else Manifest()
        run = Run(settings, warehouse, manifest, scratch=scratch)
        rows = {name: removed for name in tables if (removed := _remove(run, name, customer))}
        if not rows:
            raise InputError(
                f"customer {customer}: no table of {settings.workspace} has them. "
                "Write the id exactly as it came, with capitals, blanks and leading zeros."
            )
        _renew(run)
        forgotten = remembered(settings.workspace)
        receipt = Receipt(forgotten.digest(customer), datetime.now(UTC).isoformat().replace("+00:00", "Z"), rows)
        warehouse.write_text(SALT, forgotten.salt)
        warehouse.write_text(receipt.name, json.dumps(asdict(receipt), indent=1) + "\n")
    return receipt


def _remove(run: Run, name: str, customer: str) -> int:
    """Write a table again without the rows of a customer, in the same order; a table without any is left alone."""
    table = run.read(name)
    theirs = (table.customer_id == customer).fill_null(False)
    rows: int = run.rows(table.agg(rows=table.count(where=theirs)))[0]["rows"]
    if rows:
        run.write(name, table.filter(~theirs))
    return rows


def _renew(run: Run) -> None:
    """What was counted over customers, the report and the manifest, as the tables are now.

    Somebody may have been the only customer of a country or of a product. Who moved between two models cannot be
    counted again without the former one, and a challenger can be trained anew.
    """
    run.drop("migrations")
    shutil.rmtree(run.settings.workspace / CHALLENGER, ignore_errors=True)
    if run.warehouse.exists("rejected"):
        run.manifest.reasons = reasons(run)
    for name in ("profile", "recommend", "report"):
        stage = STAGE[name]
        made = name == "report" or any(run.warehouse.exists(table) for table in stage.writes)
        if made and run.manifest.as_of and all(there(run.warehouse, table) for table in stage.needs):
            stage.run(run)
        else:
            for table in stage.writes:
                run.drop(table)
            if name == "report":
                run.warehouse.remove(REPORT)
    run.warehouse.write_text(MANIFEST, run.manifest.dumps())
