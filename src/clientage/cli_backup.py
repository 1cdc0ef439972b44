"""The verbs that keep a workspace in a file, and bring it back."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from clientage.cli_options import Config, Debug, Json, Set, Workspace, settings_of


def backup(
    file: Annotated[Path, typer.Argument(help="File to write, such as shop.zip.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Keep all of the workspace in one file."""
    from clientage import backup as backups

    kept = backups.backup(settings_of(config, workspace, set_), file, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(asdict(kept), default=str, indent=1))
        return
    typer.echo(
        f"backup      {kept.path} · {kept.files:,} files · {kept.size / 1e6:,.1f} MB        next: keep it elsewhere"
    )
    if kept.elsewhere:
        typer.echo(
            f"tables      live in {kept.elsewhere}, and are not in it        next: a snapshot of that, if you need one"
        )


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a workspace that is there; it is kept beside it.")
    ] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a back-up the workspace, checked to the last byte; whom the workspace forgot stays forgotten."""
    from clientage import backup as backups
    from clientage import copies

    settings = settings_of(config, workspace, set_, publishes=True)
    kept = backups.restore(settings, file, replace=replace)
    if as_json:
        typer.echo(json.dumps(asdict(kept), default=str, indent=1))
        return
    typer.echo(f"restored    {copies.told(settings.workspace)} · {kept.files:,} files · {kept.size / 1e6:,.1f} MB")
    if kept.forgotten:
        typer.echo(f"forgotten   {kept.forgotten:,} customers who were forgotten since, again")
    if kept.elsewhere:
        typer.echo(f"tables      live in {kept.elsewhere}, if still there        next: clientage run FILE --keep-model")
    if kept.replaced:
        typer.echo(f"before      {kept.replaced}        next: look at the tables, then remove it")
