"""The stages of a run for DVC, from pipeline, settings and workspace to `dvc.yaml`."""

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from clientage import copies
from clientage.context import MODEL, opened
from clientage.errors import SettingsError, WorkspaceError
from clientage.export.dvc import WRITTEN, Plot, Step, pipeline
from clientage.forgotten import FOLDER
from clientage.ledger import Ledger, place
from clientage.pipeline import ON_REQUEST, STAGES, TRAINED, Stage, ledger, upstream
from clientage.settings import Settings, names
from clientage.settings.addresses import is_path
from clientage.stages.report import METRICS, PAGES, QUALITY, SEGMENTS

CONFIG = """\
# The settings of this folder. All that can be set, and the defaults, are in docs/settings.md.
# `dvc repro` runs the stages behind what is changed here. It sees only what stands here, so that no line may go.
"""

PLOTS = (
    Plot("Which numbers of segments stay stable?", QUALITY, "k", ("stability_mean", "stability_worst")),
    Plot("Who brings the revenue?", SEGMENTS, "revenue_share", ("segment",), "bar_horizontal"),
)


@dataclass(frozen=True)
class Reproducible:
    """What was written.

    Attributes:
        out: The file for DVC.
        source: Where its first stage finds the order lines.
        stages: Names of the stages.
        config: The settings file.
        new_config: Whether there was none, and it was made.
    """

    out: Path
    source: str
    stages: tuple[str, ...]
    config: Path
    new_config: bool


def write_pipeline(settings: Settings, source: str, config: Path | None, out: Path) -> Reproducible:
    """Write the stages of a run for DVC, and the settings file where there is none.

    Args:
        settings: All of them.
        source: Where the order lines are; empty: where the workspace has them from.
        config: The settings file; `clientage.toml` here when not given.
        out: The file to write; its paths are seen from its folder.

    Raises:
        ClientageError: There is no source, the settings file lacks what DVC is to follow, or `out` holds other stages.
    """
    if copies.address_of(settings.workspace):
        raise SettingsError(
            f"{copies.told(settings.workspace)}: DVC keeps versions of a folder, not of a bucket. Give a folder as "
            "--workspace, and gs:// as the remote of DVC."
        )
    if settings.warehouse.elsewhere:
        raise SettingsError(
            "warehouse.url: DVC keeps versions of files, and these tables are in BigQuery. Leave it out: "
            "--set warehouse.url= --workspace FOLDER."
        )
    told, config = ledger(opened(settings)), config or Path("clientage.toml")
    source = source or str(told.manifest().source.get("location", ""))
    if not source:
        raise SettingsError("export dvc needs a source. Give a file: clientage export dvc FILE.")
    if out.exists() and not out.read_text(encoding="utf-8", errors="replace").startswith(WRITTEN):
        raise WorkspaceError(f"{out}: holds stages that Clientage did not write. Give another --out.")
    steps = _steps(settings, told)
    text = pipeline(
        steps,
        PLOTS,
        source=_seen(source, out) if is_path(source) else source,
        needs=[_seen(_fixed(source), out)] if is_path(source) else [],
        workspace=_seen(settings.workspace, out),
        config=_seen(config, out),
    )
    wanted, new = list(dict.fromkeys(name for step in steps for name in step.settings)), not config.exists()
    if not new:
        _require(config, wanted, settings)
    try:
        if new:
            config.write_text(settings_file(wanted, settings), encoding="utf-8")
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WorkspaceError(f"{out}: cannot be written ({error.strerror}). Give another --out.") from error
    return Reproducible(out, source, tuple(step.name for step in steps), config, new)


def _steps(settings: Settings, told: Ledger) -> list[Step]:
    """The stages of a run, with the files that each reads and writes."""
    stages = [stage for stage in STAGES if stage.name not in ON_REQUEST]
    made = {table for stage in stages for table in _written(stage, told)}
    forgotten = (FOLDER,) if (settings.workspace / FOLDER).exists() else ()
    return [
        Step(
            stage.name,
            (
                *(_file(table) for table in stage.reads if table in made),
                *(place(before) for before in upstream(stage.name) if before not in ON_REQUEST),
                *(() if stage.reads else forgotten),  # who is to stay away
            ),
            stage.settings,
            (*map(_file, _written(stage, told)), *(PAGES if stage.name == "report" else ()), place(stage.name)),
            (METRICS,) if stage.name == "report" else (),
            source=not stage.reads,
        )
        for stage in stages
    ]


def _written(stage: Stage, told: Ledger) -> list[str]:
    """What a stage writes: of a shop that has been read all that its lines give, else all there may be."""
    rows = told.manifest().tables
    given = [table for table in stage.writes if table not in TRAINED]
    return [table for table in given if table in {"model", *rows} or stage.name not in told.facts]


def _file(table: str) -> str:
    return MODEL if table == "model" else f"tables/{table}.parquet"


def _fixed(source: str) -> Path:
    """The file or folder of a source; of a pattern the folder that all of its files lie in.

    Raises:
        SettingsError: That is the current folder, which the pipeline writes into.
    """
    parts = takewhile(lambda part: not any(sign in part for sign in "*?["), Path(source).expanduser().parts)
    if (path := Path(*parts)) == Path():
        raise SettingsError(f"{source}: lies beside what DVC writes. Put the order lines into a folder of their own.")
    return path


def _seen(path: str | Path, out: Path) -> str:
    """A path as it is seen from the folder of a file."""
    path = Path(path).expanduser()
    return path.as_posix() if path.is_absolute() else os.path.relpath(path, out.parent)


def _require(config: Path, wanted: Sequence[str], settings: Settings) -> None:
    """All that DVC is to follow stands in the settings file.

    Raises:
        SettingsError: What is missing, as it is to be written.
    """
    document = tomllib.loads(config.read_text(encoding="utf-8"))
    missing = [name for name in wanted if not _stands(document, name)]
    if missing:
        lines = " · ".join(f"[{name}]" if _is_section(name) else _line(name, settings) for name in missing)
        raise SettingsError(f"{config}: DVC follows only what stands in the file. Add, each in its place: {lines}.")


def _stands(document: object, name: str) -> bool:
    for key in name.split("."):
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def settings_file(wanted: Sequence[str], settings: Settings) -> str:
    """The text of a settings file in which all stands that DVC is to follow, sections without a change of their own."""
    lines = [CONFIG]
    for field in Settings.model_fields:
        own = [name for name in wanted if name.partition(".")[0] == field]
        if own and field in wanted and not _is_section(field):
            lines.append(_line(field, settings))
        elif own:
            meaning = (getattr(settings, field).__doc__ or "").splitlines()[0]
            lines += ["", f"# {meaning}", f"[{field}]", *(_line(name, settings) for name in own if "." in name)]
    return "\n".join(lines) + "\n"


def _line(name: str, settings: Settings) -> str:
    """A setting as it stands in the file."""
    value = settings.model_dump(mode="json")
    for key in name.split("."):
        value = value[key]
    given = '""' if value is None else json.dumps(value, ensure_ascii=False)
    return f"{name.rpartition('.')[2]} = {given}  # {names()[name].description}"


def _is_section(name: str) -> bool:
    return name not in names()
