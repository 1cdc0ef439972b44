"""Verbs of the service: `serve` a model, and `predict` with one that is served."""

from typing import Annotated

import typer

from clientage.cli_options import Config, Debug, Set, Workspace, settings_of


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
        key = guard.new_key()
        typer.echo(f"key         {key}        shown once: give it to {new_key}")
        typer.echo(f"service     export {guard.KEYS}={new_key}:{guard.digest(key)}        several: with commas between")
        return
    flags = {"model": model, "shadow": shadow, "host": host, "port": port, "workers": workers}
    settings = settings_of(config, workspace, set_, {f"serve.{name}": value for name, value in flags.items()})
    from clientage.serving import server

    planned = server.ready(settings, insecure=insecure)
    typer.echo(f"serving     http://{settings.serve.host}:{planned.port}        Ctrl-C ends it", err=True)
    raise typer.Exit(server.watch(planned))
