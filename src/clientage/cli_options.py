"""Options that verbs share, and the settings that follow from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from clientage.settings import Settings

Config = Annotated[Path | None, typer.Option("--config", help="Settings file. Default: clientage.toml.")]
Workspace = Annotated[Path | None, typer.Option("--workspace", help="Folder of tables, model and report.")]
Warehouse = Annotated[
    str, typer.Option("--warehouse", help="Where tables live: bigquery://project/dataset. Default: in the workspace.")
]
AsOf = Annotated[str, typer.Option("--as-of", help="Look back from this day. Default: after the last line.")]
Recipe = Annotated[str, typer.Option("--recipe", help="behaviour, rfm, quintiles or classic.")]
K = Annotated[str, typer.Option("--k", help="Number of segments, or auto.")]
Location = Annotated[str, typer.Argument(help="File, folder, pattern, address, uci (public data) or sample (made up).")]
Draft = Annotated[
    str, typer.Option("--draft", help="Work in a draft of this name, beside the tables, until `publish` makes it them.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="Any setting, as section.key=value. Repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def settings_of(
    config: Path | None, workspace: Path | None, set_: list[str] | None, flags: dict[str, str] | None = None
) -> "Settings":
    """The settings: those of the file, and above them what was given.

    Args:
        config: Settings file.
        workspace: Folder of tables, model and report.
        set_: Settings as `section.key=value`.
        flags: Settings that have an option of their own, by name; those that are empty were not given.

    Raises:
        SettingsError: They do not fit.
    """
    from clientage.settings import load

    named = {"workspace": str(workspace or ""), **(flags or {})}
    return load(config, [*(set_ or []), *(f"{name}={value}" for name, value in named.items() if value)])
