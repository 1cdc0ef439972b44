"""The flow: stages in order, and a run of them as one transaction.

read → transactions → clean → lines, rejected → features → customers → sweep → candidates → train → model, quality
→ segment → segments → profile → profiles, traits, regions → evaluate → evaluation, recommenders, values
→ recommend → products, affinities, recommendations, favourites → report → report.html
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from clientage.context import MODEL, Run, opened
from clientage.errors import SettingsError, WorkspaceError
from clientage.manifest import Manifest, fingerprint
from clientage.settings import Settings
from clientage.stages import customers, evaluate, lines, recommend, report, segments, sweep
from clientage.stages.report import REPORT
from clientage.tables import TABLES
from clientage.warehouse import Warehouse

__all__ = ["MODEL", "REPORT", "STAGE", "STAGES", "Stage", "exists", "rows", "run", "step", "there"]

MANIFEST = "run.json"

ASKED = ("sweep", "evaluate")  # stages that `run` does only when it is asked to

# where tables are, what they may use, and how is judged: this decides no table but those of evaluation and sweep
UNDECISIVE: dict[str, Any] = {"workspace": True, "warehouse": True, "evaluate": {"cutoffs", "folds", "groups"}}

Tell = Callable[[str, Any], None]


@dataclass(frozen=True)
class Stage:
    """A step of the flow.

    Attributes:
        name: As in `clientage step NAME`.
        reads: Tables it reads, and `model`.
        writes: Tables it makes, and `model`.
        run: What it does.
        optional: Those of `reads` that it can do without.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    run: Callable[[Run], None]
    optional: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of `reads` that must be there."""
        return tuple(table for table in self.reads if table not in self.optional)


def run(settings: Settings, location: str, *, with_evaluation: bool = False, tell: Tell = lambda *_: None) -> Manifest:
    """Order lines in, segments and a report out; all tables appear together at the end.

    Args:
        settings: All of them.
        location: A file, folder, pattern, address, `uci` or `sample`.
        with_evaluation: Whether the temporal hold-out is part of it.
        tell: Told of each finished stage (name, the manifest) and of progress (`progress`, share).

    Raises:
        ClientageError: What the user can mend; the previous tables are as they were.
    """
    names = [
        stage.name for stage in STAGES if stage.name not in ASKED or (stage.name == "evaluate" and with_evaluation)
    ]
    return _run(settings, names, location, tell)


def step(settings: Settings, names: list[str], location: str = "", *, tell: Tell = lambda *_: None) -> Manifest:
    """Some stages on the tables that are there.

    Raises:
        ClientageError: What the user can mend, such as a table that is not there yet.
    """
    if unknown := [name for name in names if name not in STAGE]:
        raise SettingsError(f"there is no stage {', '.join(unknown)}. The stages are {', '.join(STAGE)}.")
    if "read" in names and not location:
        raise SettingsError("the stage read needs a source. Give a file: clientage step read FILE.")
    return _run(settings, names, location, tell)


def exists(settings: Settings, name: str) -> bool:
    """Whether a table of the workspace has been written."""
    return opened(settings).exists(name)


def rows(settings: Settings, name: str) -> list[dict[str, Any]]:
    """A small table of the workspace, such as `profiles`, as dictionaries.

    Raises:
        WorkspaceError: It has not been written yet.
    """
    warehouse = opened(settings)
    found: list[dict[str, Any]] = warehouse.collect(warehouse.read(name)).to_pylist()
    return found


def _run(settings: Settings, names: list[str], location: str, tell: Tell) -> Manifest:
    warehouse = opened(settings)
    with warehouse.transaction() as scratch:
        path = warehouse.path(MANIFEST)
        before = Manifest.loads(path.read_text(encoding="utf-8")) if path.exists() else Manifest()
        manifest = Manifest() if "read" in names else replace(before)
        manifest.settings = fingerprint(settings.model_dump(mode="json", exclude=UNDECISIVE))
        context = Run(settings, warehouse, manifest, location, scratch, lambda share: tell("progress", share))
        if manifest.settings != before.settings and "sweep" not in names:
            for table in STAGE["sweep"].writes:  # what won by other settings does not go by these
                warehouse.drop(table)
        _require(names, warehouse)
        for name in names:
            with manifest.measured(name):
                STAGE[name].run(context)
            tell(name, manifest)
            if name == names[0] and (manifest.data, manifest.settings) != (before.data, before.settings):
                for table in _outdated(names):  # at once, so that no later stage goes by them
                    warehouse.drop(table)
        rows = before.tables | manifest.tables
        manifest.tables = {table: rows[table] for table in TABLES if table in rows and warehouse.exists(table)}
        warehouse.write_text(MANIFEST, manifest.dumps())
    return manifest


def _require(names: list[str], warehouse: Warehouse) -> None:
    """All that the stages need is there or made by one before them.

    Raises:
        WorkspaceError: What is missing, and which stages make it.
    """
    made = {table for table in (*TABLES, "model") if there(warehouse, table)}
    for name in names:
        if missing := [table for table in STAGE[name].needs if table not in made]:
            makers = [stage.name for stage in STAGES if set(stage.writes) & set(missing)]
            raise WorkspaceError(
                f"{warehouse.workspace}: the stage {name} needs {' and '.join(missing)}, which "
                f"{'is' if len(missing) == 1 else 'are'} not there yet. "
                f"Make {'it' if len(missing) == 1 else 'them'} with `clientage step {makers[0]}`, or all with "
                "`clientage run FILE`."
            )
        made |= set(STAGE[name].writes)


def there(warehouse: Warehouse, table: str) -> bool:
    """Whether a table, or the model, has been made."""
    return warehouse.path(MODEL).exists() if table == "model" else warehouse.exists(table)


def _outdated(names: list[str]) -> set[str]:
    """Tables that follow from what these stages wrote, and that they did not write again.

    The model outlives new customers: it is made to be applied to them.
    """
    changed = {table for name in names for table in STAGE[name].writes}
    outdated: set[str] = set()
    for stage in STAGES:
        if stage.name not in {*names, "train"} and (changed | outdated) & set(stage.reads):
            outdated |= set(stage.writes)
    return outdated


STAGES = (
    Stage("read", (), ("transactions",), lines.read),
    Stage("clean", ("transactions",), ("lines", "rejected"), lines.clean),
    Stage("features", ("lines",), ("customers",), customers.features),
    Stage("sweep", ("lines", "customers"), ("candidates",), sweep.sweep),
    Stage("train", ("lines", "customers", "candidates"), ("quality", "model"), segments.train, ("candidates",)),
    Stage("segment", ("customers", "model"), ("segments",), segments.segment),
    Stage("profile", ("lines", "customers", "segments", "model"), ("profiles", "traits", "regions"), segments.profile),
    Stage("evaluate", ("lines",), ("evaluation", "recommenders", "values"), evaluate.evaluate),
    Stage("recommend", ("lines", "segments", "recommenders"), recommend.TABLES, recommend.recommend, ("recommenders",)),
    Stage("report", tuple(TABLES), (), report.report, optional=tuple(set(TABLES) - set(report.NEEDS))),
)
STAGE = {stage.name: stage for stage in STAGES}
