"""Verbs of the service: `serve` a model, and `predict` with one that is served."""

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clientage.cli_options import Config, Debug, Json, Set, Workspace, settings_of
from clientage.errors import SettingsError

if TYPE_CHECKING:
    from clientage.serving.predict import Predicted


def serve(
    model: Annotated[
        str, typer.Option("--model", help="A folder, gs://…, or an alias or version of the registry.")
    ] = "",
    shadow: Annotated[str, typer.Option("--shadow", help="A model to ask too; its answers are only logged.")] = "",
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others than this machine's need keys.")
    ] = "",
    port: Annotated[str, typer.Option("--port", help="Port to listen on.")] = "",
    workers: Annotated[str, typer.Option("--workers", help="Processes that answer.")] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Others may ask without keys.")] = False,
    new_key: Annotated[str, typer.Option("--new-key", help="Make a key of this name and show it; serve nothing.")] = "",
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    debug: Debug = False,
) -> None:
    """Answer over HTTP: segments and recommendations, every prediction logged."""
    from clientage.serving import guard

    if new_key:
        key = guard.new_key(new_key)
        typer.echo(f"key         {key}        shown once: give it to {new_key}")
        typer.echo(f"service     export {guard.KEYS}={new_key}:{guard.digest(key)}")
        return
    flags = {"model": model, "shadow": shadow, "host": host, "port": port, "workers": workers}
    settings = settings_of(config, workspace, set_, {f"serve.{name}": value for name, value in flags.items()})
    from clientage.serving import server

    planned = server.ready(settings, insecure=insecure)
    typer.echo(f"serving     http://{settings.serve.host}:{planned.port} as soon as it is loaded        Ctrl-C ends it")
    raise typer.Exit(server.watch(planned))


def predict(
    file: Annotated[Path, typer.Argument(help="Customers as CSV, Parquet or JSON lines, one in each row.")],
    url: Annotated[str, typer.Option("--url", help="Address of the service, such as http://127.0.0.1:8080.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write: .csv, .parquet or .jsonl. Default: CSV on standard output."),
    ] = None,
    top: Annotated[int, typer.Option("--recommend", min=0, max=100, help="Products to add for each.")] = 0,
    by_id: Annotated[
        bool, typer.Option("--by-id", help="Send customer_id alone: the service looks the rest up.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask a service that runs for the segment of each customer of a file."""
    if as_json and out is None:
        raise SettingsError("--json: standard output is taken by the answers. Add --out FILE.")
    with tempfile.TemporaryDirectory(prefix="clientage-") as folder:
        answers = Path(folder) / "answers.csv"
        found = _predicted(file, url, out or answers, top, by_id=by_id)
        if out is None:
            with answers.open("rb") as whole:
                shutil.copyfileobj(whole, sys.stdout.buffer)
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str, indent=1, ensure_ascii=False))
    else:
        _tell(found, out)


def _predicted(file: Path, url: str, out: Path, top: int, *, by_id: bool) -> "Predicted":
    """Ask, showing progress; when interrupted, say what is left."""
    from clientage import terminal
    from clientage.serving import connection

    service = connection.connect(url, os.environ.get(connection.KEY, ""))
    from clientage.serving.predict import predict as ask

    try:
        with terminal.following(quiet=True) as tell:
            return ask(file, service, out, recommend=top, by_id=by_id, tell=tell)
    except KeyboardInterrupt as interrupt:
        typer.echo("interrupted: nothing was written.", err=True)
        raise typer.Exit(130) from interrupt


def _tell(found: "Predicted", out: Path | None) -> None:
    """How it went; on standard error where the answers are on standard output."""
    where = f" in {out}" if out else ""
    typer.echo(f"{found.rows - found.refused:,} of {found.rows:,} customers answered{where}", err=not out)
    if found.refused:
        typer.echo(f"{found.refused:,} refused, see the column error; the first is {found.first_refused}", err=not out)
    if len(found.versions) > 1:
        shares = ", ".join(f"{rows:,} by {version}" for version, rows in found.versions.items())
        typer.echo(f"the model changed meanwhile: {shares}. Ask again for answers of one model.", err=not out)
