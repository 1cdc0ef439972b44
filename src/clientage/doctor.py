"""Look before running: is all set up, and what is understood of a source?"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clientage import copies
from clientage.errors import InputError
from clientage.manifest import installed
from clientage.settings import Settings
from clientage.stages.lines import load_source
from clientage.tables import RECEIVED
from clientage.transactions import checks
from clientage.transactions.clean import RULES, applicable
from clientage.warehouse import connect, explained

Findings = dict[str, dict[str, Any]]
MOST_NAMES = 5  # files that are all named
PROBLEM = "error"  # of order lines that were understood, why they cannot be used all the same


def examine(settings: Settings, location: str = "") -> Findings:
    """Findings by part: the set-up and, where a source is given, how it is read. Nothing is written to the workspace.

    Raises:
        ClientageError: The source cannot be used: every problem and its mend.
    """
    found = _source(settings, location) if location else {}
    return found | {"set-up": _set_up(settings)}


def _set_up(settings: Settings) -> dict[str, Any]:
    folder = settings.workspace.absolute()
    home = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    return {
        **installed(),
        "processors": os.cpu_count(),
        "workspace": copies.told(settings.workspace),
        **_published(settings.workspace),
        "writable": _writable(home),
        "free disk": f"{shutil.disk_usage(home).free / 1e9:,.1f} GB",
    }


def _published(workspace: Path) -> dict[str, str]:
    """What is known of a workspace that lies in a bucket."""
    if (copy := copies.of(workspace)) is None:
        return {}
    base = copy.base
    told = f"publication {base.number:,}, {base.published}, by {base.version}" if base.number else "nothing yet"
    return {"published": told + (", and changes that wait" if copy.pending else ""), "local copy": str(workspace)}


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _source(settings: Settings, location: str) -> Findings:
    """How a source is read: columns by role, formats, and the first look at its lines."""
    with tempfile.TemporaryDirectory(prefix="clientage-") as scratch, explained(settings.workspace):
        warehouse = connect(Path(scratch), memory=settings.warehouse.memory, threads=settings.warehouse.threads)
        received = load_source(settings, warehouse, location, Path(scratch))
        facts = warehouse.collect(checks.facts(received.transactions)).to_pylist()[0]
    spoilt, problem = received.reading.spoilt, ""
    try:
        checks.require_readable(facts, settings.source.max_unreadable, spoilt)
    except InputError as error:
        problem = str(error)
    understood = received.understood
    formats = {
        "dates": understood.date_format,
        "decimal sign": understood.decimal,
        "delimiter": understood.delimiter,
        "encoding": understood.encoding,
        "ignored columns": list(understood.ignored),
        "notes": list(understood.notes),
    }
    skipped = [name for name in RULES if name not in applicable(tuple(RULES), received.transactions.columns)]
    lines = {
        "files": _listed(received.files),
        "lines": f"{facts['lines']:,}",
        "from": facts["first"],
        "to": facts["last"],
        "unreadable": f"{facts['unreadable']:,}",
        "missing columns": _missing(received.transactions.columns),
        "rules that do not apply": skipped,
        "warning": "" if problem else checks.unreadable(spoilt),
        PROBLEM: problem,
    }
    return {
        "columns": {role.role: f"{' / '.join(role.columns)} ({role.by})" for role in understood.roles},
        "format": {name: value for name, value in formats.items() if value},
        "lines": {name: value for name, value in lines.items() if value},
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names):,}: {names[0]} … {names[-1]}"


def _missing(columns: Sequence[str]) -> list[str]:
    """Optional columns that the shop lacks; a line total is not missed where there is a price, nor the other way."""
    amounts = {"total"} if "unit_price" in columns else {"unit_price"}
    return [name for name, column in RECEIVED.items() if column.optional and name not in {*columns, *amounts}]
