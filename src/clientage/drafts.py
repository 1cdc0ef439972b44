"""Drafts: the stages of a day one by one, out of sight, until all of them are published at once.

A draft is a workspace in the workspace. It goes by the model in use and keeps out whom the workspace forgot, so that
each stage may fail and be run again while everybody still sees the tables of before. Files of a draft and of the
workspace are the same on disk once it is published; the draft stays until the next of that name.
"""

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from clientage import pipeline
from clientage.context import DRAFTS, MODEL, opened
from clientage.errors import SettingsError, WorkspaceError
from clientage.forgotten import FOLDER, remembered
from clientage.manifest import Manifest
from clientage.pipeline import ON_REQUEST, STAGE, STAGES, Adopted, Tell
from clientage.settings import Settings
from clientage.stages.report import PAGES
from clientage.warehouse import Warehouse, explained

KEPT = ("train", *ON_REQUEST)  # stages that a draft leaves to the workspace
DRAFTED = tuple(stage.name for stage in STAGES if stage.name not in KEPT)
BY_MODEL = DRAFTED[DRAFTED.index("segment") :]


def folder(settings: Settings, name: str) -> Path:
    """Where a draft lies.

    Raises:
        SettingsError: The name is none for a folder.
    """
    if not name or name.startswith(".") or not all(sign.isalnum() or sign in "-_." for sign in name):
        raise SettingsError(f"{name!r}: no name for a draft. Give letters, digits, - and _.")
    return settings.workspace / DRAFTS / name


def draft(
    settings: Settings, name: str, names: Sequence[str], location: str = "", *, tell: Tell = lambda *_: None
) -> Manifest:
    """Run stages in a draft; the tables of the workspace stay as they are.

    Args:
        settings: All of them.
        name: Of the draft.
        names: Of the stages, in order.
        location: Where the order lines are, for the stage `read`.
        tell: Told of each finished stage and of progress.

    Raises:
        ClientageError: What the user can mend, such as a workspace without a model.
    """
    if kept := [stage for stage in names if stage in KEPT]:
        raise SettingsError(f"a draft goes by the model in use: {', '.join(kept)} is for the workspace itself.")
    place = settings.within(folder(settings, name))
    if not settings.workspace.is_dir() or not pipeline.there(opened(settings), "model"):
        raise WorkspaceError(f"{settings.workspace}: there is no model for a draft yet. Make one: clientage run FILE.")
    if "read" in names:
        _keep_away(settings.workspace, place.workspace)
    adopted = _in_use(settings) if set(names) & set(BY_MODEL) else None
    return pipeline.step(place, list(names), location, adopted=adopted, tell=tell)


def publish(settings: Settings, name: str, *, tell: Tell = lambda *_: None) -> Manifest:
    """Make the tables of a draft those of the workspace, all at once; doing it twice changes nothing.

    Where another model was promoted meanwhile, segments and what follows from them are made anew by that one.

    Args:
        settings: All of them.
        name: Of the draft.
        tell: Told of each finished stage and of progress.

    Raises:
        ClientageError: There is no such draft, it lacks a stage, or somebody was forgotten since; nothing was changed.
    """
    place = settings.within(folder(settings, name))
    if not place.workspace.is_dir():
        raise WorkspaceError(f"{place.workspace}: there is no such draft. Make it: clientage run FILE --draft {name}.")
    warehouse, source = opened(settings), opened(place)
    with contextlib.ExitStack() as still, warehouse.transaction():
        _require_whole(source, settings.workspace)
        if source.read_text(MODEL) != warehouse.read_text(MODEL):
            pipeline.step(place, list(BY_MODEL), adopted=_in_use(settings), tell=tell)
        still.enter_context(source.alone())  # until its tables are those of the workspace
        _require_whole(source, settings.workspace)
        theirs, told = pipeline.ledger(source), pipeline.ledger(warehouse)
        for stage in (*DRAFTED, *pipeline.outdated(DRAFTED, settings, theirs.made("read")["data"], told)):
            pipeline.drop(stage, told)
        for stage in DRAFTED:
            _take(stage, source, warehouse)
            told.facts[stage], told.costs[stage] = theirs.facts[stage], theirs.costs[stage]
        return told.write()


def _take(stage: str, source: Warehouse, warehouse: Warehouse) -> None:
    """The files of a stage."""
    for table in STAGE[stage].writes:
        if source.exists(table):
            warehouse.adopt_table(table, source)
    for name in PAGES if stage == "report" else ():
        warehouse.adopt(name, source.path(name))


def _in_use(settings: Settings) -> Adopted:
    """The model of the workspace."""
    warehouse = opened(settings)
    day = str(pipeline.ledger(warehouse).manifest().choice.get("as_of", ""))
    return Adopted(warehouse.read_text(MODEL), "as in the workspace", settings.workspace, day)


def _keep_away(workspace: Path, place: Path) -> None:
    """Whom the workspace forgot, the draft keeps out too."""
    with explained(place):
        shutil.rmtree(place / FOLDER, ignore_errors=True)
        if (workspace / FOLDER).exists():
            shutil.copytree(workspace / FOLDER, place / FOLDER)


def _require_whole(source: Warehouse, workspace: Path) -> None:
    """All stages of a draft are there, and it keeps out whom the workspace forgot.

    Raises:
        WorkspaceError: They are not, or it does not.
    """
    there = pipeline.ledger(source).facts
    if missing := [stage for stage in DRAFTED if stage not in there]:
        raise WorkspaceError(
            f"{source.workspace}: the draft has no {', '.join(missing)} yet. Make it: "
            f"clientage step {missing[0]} --draft {source.workspace.name}."
        )
    if set(remembered(source.workspace).digests) != set(remembered(workspace).digests):
        raise WorkspaceError(
            f"{source.workspace}: a customer was forgotten since the draft was read. Make it again from "
            f"clientage step read --draft {source.workspace.name} on."
        )
