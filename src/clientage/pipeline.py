"""The flow: stages in order, and a run of them as one transaction.

read → transactions → clean → lines, rejected, baskets → features → customers → sweep → candidates
→ train → model, quality → segment → segments, migrations → profile → profiles, traits, regions
→ evaluate → evaluation, recommenders, values
→ recommend → products, affinities, popularity, recommendations, favourites → report → report.html, metrics.json

Beside its tables, each stage leaves its facts in `facts/STAGE.json`. It knows the facts of the stages that it follows
from and no others, so that the same tables, facts and settings give the same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from clientage.context import FRESH, MODEL, Lineage, Run, opened
from clientage.errors import SettingsError, WorkspaceError
from clientage.growth import GROWING, Growth, Made
from clientage.ledger import Ledger
from clientage.manifest import Manifest, fingerprint, installed
from clientage.segments import document
from clientage.settings import Settings
from clientage.stages import customers, evaluate, lines, recommend, report, segments, sweep
from clientage.stages.report import REPORT
from clientage.tables import TABLES
from clientage.warehouse import Warehouse

__all__ = ["MODEL", "REPORT", "STAGE", "STAGES", "Stage", "exists", "rows", "run", "step", "there"]

# what decides tables: sections of the settings, or single ones where a stage must not run again for the others
HORIZON = "evaluate.horizon_days"
DECISIVE = ("as_of", "shop", "source", "clean", "segments", "recommendations", HORIZON)
# where tables are, what they may use, how they are judged and what is tried: this decides no table of a run
UNDECISIVE = (
    "workspace", "warehouse", "tracking", "gate", "serve", "sweep", "monitor", "alerts",
    "dashboard", "google", "deploy",
    "evaluate.cutoffs", "evaluate.folds", "evaluate.groups",
)  # fmt: skip

ON_REQUEST = ("sweep", "evaluate")  # stages that a run leaves out unless asked for
TRAINED = ("migrations",)  # tables that only a training or a promotion gives

Tell = Callable[[str, Any], None]


@dataclass(frozen=True)
class Stage:
    """A step of the flow.

    Attributes:
        name: As in `clientage step NAME`.
        reads: Tables it reads, and `model`.
        writes: Tables it makes, and `model`.
        run: What it does.
        settings: Those that decide what it writes: sections, or single ones.
        optional: Those of `reads` that it can do without.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    run: Callable[[Run], None]
    settings: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of `reads` that must be there."""
        return tuple(table for table in self.reads if table not in self.optional)


@dataclass(frozen=True)
class Adopted:
    """A model that takes the place of the one in use.

    Attributes:
        text: The model as a document.
        origin: Where it comes from, in words.
        workspace: Where it may have been trained: if so, the figures of its training come along.
        day: The day it was made for, where that is known.
    """

    text: str
    origin: str
    workspace: Path
    day: str = ""


def run(
    settings: Settings,
    location: str,
    *,
    with_evaluation: bool = False,
    keep_model: bool = False,
    tell: Tell = lambda *_: None,
) -> Manifest:
    """Order lines in, segments and a report out; all tables appear together at the end.

    Args:
        settings: All of them.
        location: A file, folder, pattern, address, `uci` or `sample`.
        with_evaluation: Whether the temporal hold-out is part of it.
        keep_model: Whether the model that is there goes on, instead of a new one.
        tell: Told of each finished stage (name, the manifest) and of progress (`progress`, share).

    Raises:
        ClientageError: What the user can mend; the previous tables are as they were.
    """
    without = {"sweep"} | ({"train"} if keep_model else set()) | (set() if with_evaluation else {"evaluate"})
    names = [stage.name for stage in STAGES if stage.name not in without]
    return _run(settings, names, location, tell)


def step(
    settings: Settings,
    names: list[str],
    location: str = "",
    *,
    adopted: Adopted | None = None,
    lineage: Lineage = FRESH,
    tell: Tell = lambda *_: None,
) -> Manifest:
    """Some stages on the tables that are there.

    Args:
        settings: All of them.
        names: Of the stages, in order.
        location: Where the order lines are, for the stage `read`.
        adopted: A model to put in place first.
        lineage: The model to keep numbers and names of, and to tell who moved from.
        tell: Told of each finished stage and of progress.

    Raises:
        ClientageError: What the user can mend, such as a table that is not there yet.
    """
    if unknown := [name for name in names if name not in STAGE]:
        raise SettingsError(f"there is no stage {', '.join(unknown)}. The stages are {', '.join(STAGE)}.")
    if "read" in names and not location:
        raise SettingsError("the stage read needs a source. Give a file: clientage step read FILE.")
    return _run(settings, names, location, tell, lineage, adopted)


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


def ledger(warehouse: Warehouse) -> Ledger:
    """What the stages of a workspace said of themselves.

    Raises:
        WorkspaceError: It cannot be read.
    """
    return Ledger.read(warehouse, STAGE)


def looking(settings: Settings) -> Run:
    """The tables of a workspace with what is known of them, to be read and not written."""
    warehouse = opened(settings)
    return Run(settings, warehouse, ledger(warehouse).manifest())


def perform(run: Run, name: str, ledger: Ledger) -> None:
    """Run one stage, which knows the facts of the stages it follows from, and note its own."""
    run.manifest, before = (ledger.known(upstream(name)) for _ in range(2))
    run.manifest.settings, run.manifest.versions = _fingerprint(run.settings, name), installed()
    steady = _steady(run.settings, name)
    run.former, run.noted = ledger.made(name) if _stands(run, name, ledger, steady) else {}, {}
    with run.manifest.measured(name):
        STAGE[name].run(run)
    run.manifest.stages[name] |= run.warehouse.spent() | run.noted
    ledger.facts[name], ledger.costs[name] = run.manifest.since(before), run.manifest.stages[name]
    if name in GROWING:
        run.growth.stages[name] = Made.of(ledger.facts[name], steady)


def _stands(run: Run, name: str, ledger: Ledger, steady: str) -> bool:
    """Whether what a stage made last is there in full, and it would make the same of the same lines.

    These have to be the lines that the document of growth tells of: it may be older or newer than they are.
    """
    read, facts = (ledger.facts.get(stage, {}) for stage in ("read", name))
    if not (run.growth.knows(read) and run.growth.stands(name, facts, steady)):
        return False
    tables = read.get("tables", {}) | facts.get("tables", {})
    return all(run.warehouse.rows(table) == rows for table, rows in tables.items())


def drop(name: str, ledger: Ledger) -> None:
    """Remove the tables of a stage, and its facts."""
    for table in STAGE[name].writes:
        ledger.warehouse.drop(table)
    ledger.facts.pop(name, None)


def _run(
    settings: Settings,
    names: list[str],
    location: str,
    tell: Tell,
    lineage: Lineage = FRESH,
    adopted: Adopted | None = None,
) -> Manifest:
    warehouse = opened(settings, computing=True)
    with warehouse.transaction() as scratch:
        run = Run(settings, warehouse, Manifest(), location, lineage, scratch, lambda share: tell("progress", share))
        run.growth, told = Growth.read(warehouse), ledger(warehouse)
        asked = "sweep" in names or "train" not in names
        if not asked and told.made("sweep").get("settings") != _fingerprint(settings, "sweep"):
            drop("sweep", told)  # what won by other settings does not go by these
        if adopted:
            _adopt(adopted, told, settings)
        _require(names, told)
        for name in names:
            _require([name], told)  # again, for what was there may be from before the lines that were read now
            perform(run, name, told)
            tell(name, told.manifest())
            if name == names[0]:  # at once, so that no later stage goes by them
                for stage in outdated(names, settings, run.manifest.data, told):
                    if not (run.growth.since and stage in _behind(told)):  # what was added will be taken in
                        drop(stage, told)
        run.growth.write(warehouse)
        return told.write()


def _adopt(adopted: Adopted, ledger: Ledger, settings: Settings) -> None:
    """Put a model in place, with what is known of its training."""
    drop("train", ledger)
    ledger.warehouse.write_text(MODEL, adopted.text)
    trained = opened(settings.within(adopted.workspace))
    facts = Ledger.read(trained, STAGE).facts
    if "train" in facts and trained.path(MODEL).exists() and trained.read_text(MODEL) == adopted.text:
        if trained.exists("quality"):
            ledger.warehouse.adopt_table("quality", trained)
        ledger.facts["train"] = facts["train"]
    else:
        made = {"data": "", "settings": "", "versions": installed()}
        k = len(document.loads(adopted.text).segments)
        ledger.facts["train"] = {"made": made, "choice": {"k": k, "reason": adopted.origin, "as_of": adopted.day}}


def _require(names: list[str], ledger: Ledger) -> None:
    """All that the stages need is there or made by one before them.

    Raises:
        WorkspaceError: What is missing, and which stages make it.
    """
    warehouse, made = ledger.warehouse, ready(ledger)
    for name in names:
        if missing := [table for table in STAGE[name].needs if table not in made]:
            makers = [stage.name for stage in STAGES if set(stage.writes) & set(missing)]
            late = all(there(warehouse, table) for table in missing)
            raise WorkspaceError(
                f"{warehouse.workspace}: the stage {name} needs {' and '.join(missing)}, which "
                f"{'is' if len(missing) == 1 else 'are'} {'from before the last lines' if late else 'not there yet'}. "
                f"Make {'it' if len(missing) == 1 else 'them'} with `clientage step {makers[0]}`, or all with "
                "`clientage run FILE`."
            )
        made |= set(STAGE[name].writes)


def ready(ledger: Ledger) -> set[str]:
    """The tables that are there, `model` among them, but for those that are yet to take in what was added."""
    behind = {table for stage in _behind(ledger) for table in STAGE[stage].writes}
    return {table for table in (*TABLES, "model") if there(ledger.warehouse, table)} - behind


def _behind(ledger: Ledger) -> list[str]:
    """Stages that are yet to take in what was added to the order lines."""
    now = ledger.made("read").get("data")
    return [stage for stage in GROWING if now and ledger.made(stage).get("data", now) != now]


def there(warehouse: Warehouse, table: str) -> bool:
    """Whether a table, or the model, has been made."""
    return warehouse.path(MODEL).exists() if table == "model" else warehouse.exists(table)


def outdated(names: Sequence[str], settings: Settings, data: str, ledger: Ledger) -> list[str]:
    """Stages that follow from these, are not run again, and were made from other data or by other settings.

    The model outlives new customers: it is made to be applied to them.
    """
    behind = {table for name in names for table in STAGE[name].writes}
    found = []
    for stage in STAGES:
        if stage.name not in {*names, "train"} and behind & set(stage.reads):
            behind |= set(stage.writes)
            now = {"data": data, "settings": _fingerprint(settings, stage.name)}
            if not now.items() <= ledger.made(stage.name).items():
                found.append(stage.name)
    return found


def upstream(name: str) -> list[str]:
    """The stages that a stage follows from, in order."""
    place = list(STAGE).index(name)
    needed, found = set(STAGE[name].reads), []
    for stage in reversed(STAGES[:place]):
        if needed & set(stage.writes):
            needed |= set(stage.reads)
            found.append(stage.name)
    return found[::-1]


def _steady(settings: Settings, name: str) -> str:
    """Fingerprint of what decides what a stage makes of order lines, whatever the day: settings, and versions."""
    always = settings.model_copy(update={"as_of": None, "source": settings.source.model_copy(update={"until": None})})
    return fingerprint({"settings": _fingerprint(always, name), "versions": installed()})


def _fingerprint(settings: Settings, name: str) -> str:
    """That of all settings which decide what a stage writes, whether they do so in it or before it."""
    following = [stage for stage in upstream(name) if stage not in ON_REQUEST]
    deciding = {setting for stage in (*following, name) for setting in STAGE[stage].settings}
    every = settings.model_dump(mode="json")
    return fingerprint({setting: reduce(getitem, setting.split("."), every) for setting in deciding})


STAGES = (
    Stage("read", (), ("transactions",), lines.read, ("source", "shop")),
    Stage("clean", ("transactions",), ("lines", "rejected", "baskets"), lines.clean, ("clean", "source")),
    Stage(
        "features",
        ("lines", "baskets"),
        ("customers",),
        customers.features,
        ("as_of", "shop", HORIZON, "segments.sample"),
    ),
    Stage(
        "sweep",
        ("lines", "baskets", "customers"),
        ("candidates",),
        sweep.sweep,
        ("as_of", "shop", "segments", "sweep", "evaluate.cutoffs", "evaluate.folds", HORIZON),
    ),
    Stage(
        "train",
        ("lines", "baskets", "customers", "candidates"),
        ("quality", "model"),
        segments.train,
        ("shop", "segments", HORIZON),
        optional=("candidates",),
    ),
    Stage("segment", ("customers", "model"), ("segments", "migrations"), segments.segment, ("segments",)),
    Stage(
        "profile",
        ("lines", "baskets", "customers", "segments", "model"),
        ("profiles", "traits", "regions"),
        segments.profile,
        ("shop", "segments", HORIZON),
    ),
    Stage(
        "evaluate",
        ("lines", "baskets", "customers"),
        ("evaluation", "recommenders", "values"),
        evaluate.evaluate,
        ("as_of", "shop", "segments", "recommendations", HORIZON),
    ),
    Stage(
        "recommend",
        ("lines", "segments", "recommenders"),
        recommend.TABLES,
        recommend.recommend,
        ("recommendations",),
        optional=("recommenders",),
    ),
    Stage("report", tuple(TABLES), (), report.report, DECISIVE, optional=tuple(set(TABLES) - set(report.NEEDS))),
)
STAGE = {stage.name: stage for stage in STAGES}
