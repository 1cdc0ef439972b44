"""What the stages of a workspace said of themselves, each beside its tables: `facts/STAGE.json`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clientage.manifest import Facts, Manifest, dumps, loads
from clientage.tables import TABLES
from clientage.warehouse import Warehouse

MANIFEST = "run.json"


def place(stage: str) -> str:
    """Where the facts of a stage lie in the workspace."""
    return f"facts/{stage}.json"


@dataclass
class Ledger:
    """Facts and cost of every stage whose tables are there.

    Attributes:
        warehouse: Where they lie.
        stages: All stages there can be, in order.
        facts: By stage.
        costs: For each stage its seconds and peak memory, and what it said beside (see `Run.noted`).
    """

    warehouse: Warehouse
    stages: tuple[str, ...]
    facts: dict[str, Facts] = field(default_factory=dict)
    costs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, warehouse: Warehouse, stages: Iterable[str]) -> "Ledger":
        """That of a workspace; where there are no facts of stages, `run.json` is taken for those of the first.

        Raises:
            WorkspaceError: It cannot be read.
        """
        ledger = cls(warehouse, tuple(stages))
        for stage in ledger.stages:
            if (path := warehouse.path(place(stage))).exists():
                ledger.facts[stage] = loads(place(stage), path.read_text(encoding="utf-8"))
        if warehouse.path(MANIFEST).exists():
            manifest = Manifest.loads(warehouse.read_text(MANIFEST))
            ledger.costs = manifest.stages
            if not ledger.facts:
                ledger.facts[ledger.stages[0]] = manifest.since(Manifest())
        return ledger

    def known(self, stages: Iterable[str]) -> Manifest:
        """What is known to whoever follows from these stages."""
        return Manifest.of([self.facts[stage] for stage in stages if stage in self.facts])

    def made(self, stage: str) -> dict[str, Any]:
        """From which data, by which settings and versions the tables of a stage were made; empty where unknown."""
        made: dict[str, Any] = self.facts.get(stage, {}).get("made", {})
        return made

    def manifest(self) -> Manifest:
        """All of it as one, with the rows of those tables that are there."""
        manifest = self.known(self.stages)
        kept = [stage for stage in self.stages if stage in self.facts and stage in self.costs]
        manifest.stages = {stage: self.costs[stage] for stage in kept}
        rows = manifest.tables
        manifest.tables = {table: rows[table] for table in TABLES if table in rows and self.warehouse.exists(table)}
        return manifest

    def write(self) -> Manifest:
        """Write it within a transaction, and the manifest composed of it."""
        for stage in self.stages:
            if stage in self.facts:
                self.warehouse.write_text(place(stage), dumps(self.facts[stage]))
            else:
                self.warehouse.remove(place(stage))
        manifest = self.manifest()
        self.warehouse.write_text(MANIFEST, manifest.dumps())
        return manifest
