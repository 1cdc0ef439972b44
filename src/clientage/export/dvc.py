"""A pipeline for DVC: `dvc.yaml`, in which every stage is a call of the command."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from clientage.errors import SettingsError

WRITTEN = "# Written by `clientage export dvc`"
HEAD = f"""{WRITTEN}, which writes it again when the source, the workspace or its tables are others.
# The settings are those of {{config}}; DVC does not see what --set or the environment says.
"""

# what a shell would take for more than a part of a name
UNSAFE = re.compile(r'["$`\\\n\r]|^-')
PLAIN = re.compile(r"(?!(?i:true|false|yes|no|on|off|null)$)[A-Za-z/$][\w./{}-]*")


@dataclass(frozen=True)
class Step:
    """A stage as DVC runs it.

    Attributes:
        name: As in `clientage step NAME`.
        reads: Files of the workspace that it depends on.
        settings: Those that decide what it writes.
        writes: Files of the workspace that it makes.
        metrics: Those of them that hold figures to compare runs by.
        source: Whether it is the stage that reads the order lines.
    """

    name: str
    reads: tuple[str, ...]
    settings: tuple[str, ...]
    writes: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    source: bool = False


@dataclass(frozen=True)
class Plot:
    """What `dvc plots` draws: a title, a file of the workspace, its column for x, and those for y."""

    title: str
    file: str
    x: str
    y: tuple[str, ...]
    template: str = "simple"


def pipeline(
    steps: Sequence[Step], plots: Iterable[Plot], *, source: str, needs: Iterable[str], workspace: str, config: str
) -> str:
    """The text of `dvc.yaml`.

    Args:
        steps: The stages in order.
        plots: What is to be drawn.
        source: Where the order lines are, as for `clientage run`.
        needs: Local files and folders that the order lines come from.
        workspace: The folder of the tables.
        config: The settings file.

    Raises:
        SettingsError: A name cannot stand in a command of DVC.
    """
    for name in (source, workspace, config):
        if UNSAFE.search(name):
            raise SettingsError(f"{name}: cannot stand in a command of DVC. Give a name without quotes, $, ` and \\.")
    ending = ' --workspace "${workspace}"' + ("" if config == "clientage.toml" else f' --config "{config}"')
    lines = [HEAD.format(config=config), "vars:", f"- source: {_scalar(source)}", f"  workspace: {_scalar(workspace)}"]
    lines += ["", "stages:"]
    for step in steps:
        lines += [f"  {line}".rstrip() for line in _stage(step, [*needs] if step.source else [], config, ending)]
    lines += ["plots:", *(line for plot in plots for line in _plot(plot))]
    return "\n".join(lines) + "\n"


def _stage(step: Step, needs: Sequence[str], config: str, ending: str) -> Iterator[str]:
    yield f"{step.name}:"
    source = ' "${source}"' if step.source else ""
    yield f"  cmd: clientage step {step.name}{source}{ending}"
    yield from _list("deps", [*map(_scalar, needs), *map(_inside, step.reads)])
    yield from ("  params:", f"  - {_scalar(config)}:", *(f"    - {name}" for name in step.settings))
    yield from _list("outs", map(_inside, (name for name in step.writes if name not in step.metrics)))
    yield from _list("metrics", map(_inside, step.metrics))
    yield ""


def _plot(plot: Plot) -> Iterator[str]:
    yield f"- {json.dumps(plot.title, ensure_ascii=False)}:"
    yield f"    template: {plot.template}"
    yield f"    x: {plot.x}"
    yield "    y:"
    yield f"      {_inside(plot.file)}: [{', '.join(plot.y)}]"


def _list(name: str, items: Iterable[str]) -> Iterator[str]:
    if found := [f"  - {item}" for item in items]:
        yield from (f"  {name}:", *found)


def _inside(name: str) -> str:
    """A file of the workspace."""
    return f"${{workspace}}/{name}"


def _scalar(text: str) -> str:
    """A text as YAML reads it back, in quotes where it might be taken for something else."""
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
