"""Options that verbs share, and the settings that follow from them."""

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from clientage.settings import Settings

Config = Annotated[Path | None, typer.Option("--config", help="Settings file. Default: clientage.toml.")]
Workspace = Annotated[
    str | None, typer.Option("--workspace", help="Folder of tables, model and report, or gs://bucket/folder.")
]
Warehouse = Annotated[
    str,
    typer.Option(
        "--warehouse",
        help="Where tables live or are computed: bigquery://project/dataset, spark://host:port, local[*].",
    ),
]
AsOf = Annotated[str, typer.Option("--as-of", help="Look back from this day. Default: after the last line.")]
Recipe = Annotated[str, typer.Option("--recipe", help="behaviour, rfm, quintiles or classic.")]
K = Annotated[str, typer.Option("--k", help="Number of segments, or auto.")]
Location = Annotated[str, typer.Argument(help="File, folder, pattern, address, uci (public data) or sample (made up).")]
Dataset = Annotated[str, typer.Argument(help="bigquery://project/dataset. Default: serve.sink, where that is one.")]
Draft = Annotated[
    str, typer.Option("--draft", help="Work in a draft of this name, beside the tables, until `publish` makes it them.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="Any setting, as section.key=value. Repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


_DOOR: ContextVar[tuple[contextlib.ExitStack, bool]] = ContextVar("door")


@contextlib.contextmanager
def door(*, quiet: bool) -> Iterator[None]:
    """Around a verb: what `settings_of` opened for it is closed after it, and a workspace on gs:// published.

    Args:
        quiet: Standard output is for a machine.
    """
    with contextlib.ExitStack() as stack:
        before = _DOOR.set((stack, quiet))
        try:
            yield
        finally:
            _DOOR.reset(before)


def settings_of(
    config: Path | None,
    workspace: str | None,
    set_: list[str] | None,
    flags: dict[str, str] | None = None,
    *,
    publishes: bool = False,
    fetches: bool = True,
) -> "Settings":
    """The settings: those of the file, and above them what was given; the workspace is a folder, and up to date.

    Args:
        config: Settings file.
        workspace: Folder of tables, model and report.
        set_: Settings as `section.key=value`.
        flags: Settings that have an option of their own, by name; those that are empty were not given.
        publishes: Whether the verb changes the workspace, so that one on gs:// is published after it.
        fetches: Whether the verb needs one on gs:// up to date at once; else it follows by itself.

    Raises:
        SettingsError: They do not fit.
        WorkspaceError: A workspace on gs:// cannot be fetched.
    """
    from clientage.settings import load

    named = {"workspace": workspace or "", **(flags or {})}
    found = load(config, [*(set_ or []), *(f"{name}={value}" for name, value in named.items() if value)])
    from clientage import copies, shared

    if not copies.address_of(found.workspace):
        return found
    stack, quiet = _DOOR.get()
    there = shared.local(
        found,
        publishes=publishes,
        fetches=fetches,
        tell=lambda text: typer.echo(text, err=quiet),
        progress=_show_progress,
    )
    return stack.enter_context(there)


def _show_progress(share: float) -> None:
    """What moves, where somebody looks."""
    if sys.stderr.isatty():
        typer.echo(f"\r{f'moving files … {share:.0%}' if share < 1 else '':<24}\r", err=True, nl=False)
