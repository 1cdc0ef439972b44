"""The verb `dashboard`: pages for people, and what operators may ask for on them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from clientage.cli_options import Config, Debug, Set, Workspace, settings_of
from clientage.errors import ClientageError

OURS = ("CLIENTAGE_DASHBOARD_KEYS", "CLIENTAGE_DASHBOARD_SECRET")
COMMAND = (sys.executable, "-c", "from clientage.cli import main; main()")


def dashboard(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others than this machine's need keys.")
    ] = "",
    port: Annotated[str, typer.Option("--port", help="Port to listen on.")] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Others may look without keys.")] = False,
    new_key: Annotated[str, typer.Option("--new-key", help="Make a key of this name and show it; start nothing.")] = "",
    role: Annotated[
        str, typer.Option("--role", help="Of the new key: viewer, or operator who may promote.")
    ] = "viewer",
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    debug: Debug = False,
) -> None:
    """Pages in the browser: segments, customers, migrations, monitoring and models."""
    flags = {"dashboard.host": host, "dashboard.port": port}
    settings = settings_of(config, workspace, set_, flags, fetches=False)
    from clientage.dashboard import server

    server.require_installed()
    if new_key:
        from clientage.dashboard import access

        key, entry = access.new_entry(new_key, role)
        typer.echo(f"key         {key}        shown once: give it to {new_key}")
        typer.echo(f"dashboard   export {access.KEYS}={entry}")
        return
    from clientage import copies
    from clientage.dashboard.works import Actions

    options = _repeated(config, workspace, set_)
    if copies.address_of(settings.workspace):
        _asked(["doctor", *options])  # fetches it, in a process of its own: what that loads outlives no fork
    actions = Actions(partial(_models, options), partial(_promote, options), partial(_roll_back, options))
    server.serve(settings, actions, insecure=insecure)


def _repeated(config: Path | None, workspace: str | None, set_: Sequence[str] | None) -> list[str]:
    """The options that lead other verbs to the same workspace."""
    named = {"--config": config, "--workspace": workspace}
    given = [part for name, value in named.items() if value for part in (name, str(value))]
    return [*given, *(part for each in set_ or [] for part in ("--set", each))]


def _models(options: Sequence[str]) -> Mapping[str, Any]:
    """All models and changes of champion."""
    return dict(_asked(["models", *options]))


def _promote(options: Sequence[str], version: str, reason: str, force: bool, who: str) -> str:
    """Make a version the champion, and say what came of it."""
    why = ["--force" if force else "--reason", reason] if reason else []
    return _told(_asked(["promote", version, *why, *options], who))


def _roll_back(options: Sequence[str], reason: str, who: str) -> str:
    """Make the champion before this one the champion again, and say so."""
    why = ["--reason", reason] if reason else []
    return _told(_asked(["rollback", *why, *options], who))


def _told(promoted: Mapping[str, Any]) -> str:
    stays = f" The workspace was left as it was: {promoted['stays']}" if promoted["stays"] else ""
    return f"Version {promoted['version']} is the champion{' now' if promoted['change'] else ', as before'}.{stays}"


def _asked(verb: Sequence[str], who: str = "") -> Mapping[str, Any]:
    """What the command itself answers, in a process of its own: it takes seconds to load, and memory.

    Args:
        verb: With its options.
        who: In whose name; the history tells it.

    Raises:
        ClientageError: The command could not; what it said.
    """
    known = {name: value for name, value in os.environ.items() if name not in OURS}
    named = {"LOGNAME": who} if who else {}
    done = subprocess.run(  # noqa: S603 - our own command, without a shell
        [*COMMAND, *verb, "--json"], env=known | named, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        lines = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise ClientageError(" ".join(lines) or "The command ended without a word. Look with `clientage models`.")
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found
