"""What is said of a run: by each stage of itself (`facts/STAGE.json`), and by all of them together (`run.json`).

The facts of a stage are written and dropped with its tables, and the same input gives the same bytes. `run.json` is
composed of them for people and machines, and has what each stage cost beside.
"""

import contextlib
import copy
import hashlib
import importlib.metadata
import json
import platform
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache
from typing import Any

from clientage.errors import WorkspaceError

Facts = dict[str, Any]
"""What one stage adds to the manifest, and `made`: from which data, by which settings and versions."""

LIBRARIES = ("clientage", "duckdb", "ibis-framework", "numpy", "pyarrow")


def installed() -> dict[str, str]:
    """Versions of Python and of the libraries that decide results."""
    return {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}


_version = cache(importlib.metadata.version)  # finding it takes milliseconds, and every stage notes it


@dataclass
class Manifest:
    """Rows, counts, choices, cost and fingerprints of a run.

    Attributes:
        as_of: The day that features look back from.
        data: Fingerprint of the source's content (SHA-256).
        settings: Fingerprint of the settings (SHA-256).
        source: Files, span of time, what is missing, currency.
        tables: Rows of every table written.
        reasons: Lines set aside, by cleaning rule in order.
        choice: Recipe, number of segments and why.
        recommender: Which model recommends, and why.
        warnings: For each stage what the user should know before acting on its result.
        stages: For each stage its seconds, the peak memory of the process in MB up to its end, the rows that were
            `added` where the others are as they were, and why all was read `anew` where files were added.
        versions: Of Python and of the libraries that decide results.
    """

    as_of: date | None = None
    data: str = ""
    settings: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    choice: dict[str, Any] = field(default_factory=dict)
    recommender: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=installed)

    @contextlib.contextmanager
    def measured(self, stage: str) -> Iterator[None]:
        """Note the cost of a stage."""
        start = time.perf_counter()
        yield
        self.stages[stage] = {"seconds": round(time.perf_counter() - start, 3), "peak_mb": _peak_mb()}

    def warn(self, stage: str, sentence: str) -> None:
        """Note what the user should know before acting on the result of a stage."""
        self.warnings.setdefault(stage, []).append(sentence)

    @property
    def day(self) -> date:
        """The day that features look back from.

        Raises:
            WorkspaceError: No features were made yet.
        """
        if self.as_of is None:
            raise WorkspaceError("there are no customers yet. Make them with `clientage run FILE`.")
        return self.as_of

    @property
    def currency(self) -> str:
        """Put before money: a sign as it is, a code such as EUR with a space; empty where it is not known."""
        currency = str(self.source.get("currency", ""))
        return f"{currency} " if currency[-1:].isalpha() else currency

    @classmethod
    def of(cls, facts: Iterable[Facts]) -> "Manifest":
        """What stages say of themselves as one, in order; where two differ, the later is heard.

        Raises:
            WorkspaceError: They are not the facts of stages.
        """
        whole: dict[str, Any] = {}
        with _readable("facts"):
            for said in copy.deepcopy(list(facts)):
                made = said.pop("made")
                whole |= {"settings": made["settings"], "versions": made["versions"]}
                for name, value in said.items():
                    whole[name] = whole.get(name, {}) | value if isinstance(value, dict) else value
            return cls._read(whole)

    def since(self, before: "Manifest") -> Facts:
        """What a stage added to the manifest that it was given, as it reads from JSON."""
        now, then = (json.loads(manifest.dumps()) for manifest in (self, before))
        made = {name: now[name] for name in ("data", "settings", "versions")}
        own = {name: _added(now[name], then[name]) for name in now if name not in {"settings", "versions", "stages"}}
        return {"made": made} | {name: value for name, value in own.items() if value}

    def facts(self) -> dict[str, Any]:
        """What the report says of the run: all but its cost, which differs from run to run."""
        return {name: value for name, value in asdict(self).items() if name != "stages"}

    def dumps(self) -> str:
        """As JSON text."""
        return dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Manifest":
        """From JSON text.

        Raises:
            WorkspaceError: It is not the manifest of a run.
        """
        with _readable("run.json"):
            return cls._read(json.loads(text))

    @classmethod
    def _read(cls, document: dict[str, Any]) -> "Manifest":
        as_of = document.pop("as_of", None)
        return cls(as_of=date.fromisoformat(as_of) if as_of else None, **document)


def dumps(document: Mapping[str, Any] | list[Any]) -> str:
    """A document of the workspace as JSON text."""
    return json.dumps(document, default=str, indent=1, ensure_ascii=False) + "\n"


def loads(name: str, text: str) -> Facts:
    """The facts of a stage from JSON text.

    Raises:
        WorkspaceError: They are none.
    """
    with _readable(name):
        return dict(json.loads(text))


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Say which document of the workspace is spoilt."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(f"{name} cannot be read ({error}). Remove it from the workspace.") from error


def _added(now: Any, then: Any) -> Any:
    """What differs: of a dictionary its entries, of all else the whole; empty for nothing."""
    if isinstance(now, dict):
        return {name: value for name, value in now.items() if name not in then or then[name] != value}
    return now if now != then else None


def fingerprint(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
