"""The command: verbs that read the settings, call the pipeline and say what happened.

Heavy modules are imported inside the verb that needs them, so that help and errors come at once.
"""

import gc
import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clientage.cli_backup import backup, restore
from clientage.cli_dashboard import dashboard
from clientage.cli_deploy import deploy
from clientage.cli_export import export
from clientage.cli_flow import evaluate, publish, run, step
from clientage.cli_monitor import monitor, tell
from clientage.cli_options import Config, Debug, Json, K, Recipe, Set, Workspace, door
from clientage.cli_options import settings_of as _settings
from clientage.cli_replay import replay
from clientage.cli_serve import predict, serve
from clientage.errors import ClientageError, GateError, InputError, SettingsError, WorkspaceError

if TYPE_CHECKING:
    pass

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Order lines in, customer segments out. Start with: clientage run sample",
)
app.add_typer(export, name="export")
app.add_typer(deploy, name="deploy")
app.command()(run)
app.command()(step)
app.command()(publish)
app.command()(evaluate)
app.command()(monitor)
app.command()(tell)
app.command()(serve)
app.command()(predict)
app.command()(dashboard)
app.command()(replay)
app.command()(backup)
app.command()(restore)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        import importlib.metadata

        typer.echo(importlib.metadata.version("clientage"))
        raise typer.Exit


@app.command()
def train(
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Try the grid of the settings first, and use the best.")
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="Only where no model was made lately (monitor.retrain_days); else end with 3.")
    ] = False,
    config: Config = None,
    workspace: Workspace = None,
    recipe: Recipe = "",
    k: K = "",
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """A challenger for the model in use: trained beside it, matched, judged and sent to MLflow."""
    from clientage import artifacts, pipeline, retraining, standings, terminal, training

    settings = _settings(config, workspace, set_, {"segments.recipe": recipe, "segments.k": k}, publishes=True)
    if due and (why := retraining.not_due(settings)):
        typer.echo(json.dumps({"due": False, "why": why}) if as_json else f"not due     {why}")
        raise typer.Exit(GateError.exit_code)
    with terminal.following(quiet=as_json) as tell:
        trained = training.train(settings, sweep=sweep, tell=tell)
    tried = settings.within(trained.workspace)
    handed = artifacts.hand_over(tried)
    if as_json:
        typer.echo(json.dumps(asdict(trained), default=str, indent=1))
        return
    profiles = pipeline.rows(tried, "profiles")
    terminal.show_segments(profiles)
    standings.show_training(trained, settings.tracking.model, profiles, terminal.repeated(config, workspace))
    if handed:
        typer.echo(f"{'handed over':<12}{handed}")


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Number or alias of the model.")] = "challenger",
    force: Annotated[
        str | None, typer.Option("--force", help="Why it shall be champion although the gate says no.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Only ask the gate; change nothing.")] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make the challenger the champion, in the registry and here, if it passes the gate."""
    from clientage import promotion, standings, terminal

    settings = _settings(config, workspace, set_, publishes=True)
    with terminal.following(quiet=as_json) as tell:

        def told(what: str, of: Any) -> None:
            if what != "gate":
                tell(what, of)
            elif not as_json:
                standings.show_gate(of)
            elif not all(check.passed for check in of) and force is None:
                typer.echo(json.dumps({"passed": False, "checks": [asdict(check) for check in of]}, indent=1))

        promoted = promotion.promote(settings, version, force=force, reason=reason, check=check, tell=told)
    if as_json:
        typer.echo(json.dumps(asdict(promoted), default=str, indent=1))
    elif check:
        said = "passes the gate" if promoted.checks else "is champion already"
        typer.echo(f"checked     version {promoted.version} of {settings.tracking.model} {said}")
    else:
        standings.show_promoted(promoted, settings.tracking.model, terminal.repeated(config, workspace))


@app.command()
def rollback(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")] = "",
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make the champion before this one the champion again."""
    from clientage import promotion, standings, terminal

    settings = _settings(config, workspace, set_, publishes=True)
    with terminal.following(quiet=as_json) as tell:
        promoted = promotion.rollback(settings, reason, tell=tell)
    if as_json:
        typer.echo(json.dumps(asdict(promoted), default=str, indent=1))
    else:
        standings.show_promoted(promoted, settings.tracking.model, terminal.repeated(config, workspace))


@app.command()
def verify(
    url: Annotated[str, typer.Option("--url", help="Address of a service that runs, to ask it too.")] = "",
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds that the service may take to follow.")] = 0,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Whether the workspace, and a service that runs, go by the champion."""
    from clientage import copies, verification
    from clientage.serving import connection

    settings = _settings(config, workspace, set_)
    service = connection.connect(url, os.environ.get(connection.KEY, "")) if url else None
    found = verification.verify(settings, service, wait)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=1))
        return
    where = f"{copies.told(settings.workspace)}{f' and of {url}' if url else ''}"
    typer.echo(f"champion    version {found.champion} of {settings.tracking.model} is that of {where}")


@app.command()
def models(
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """All models, and who was champion when and why."""
    from clientage import promotion, standings

    versions, changes, sent = promotion.overview(_settings(config, workspace, set_))
    if as_json:
        found = {"versions": [asdict(each) for each in versions], "champions": [asdict(each) for each in changes]}
        typer.echo(json.dumps(found, indent=1))
    else:
        standings.show_models(versions, changes, sent)


@app.command()
def recommend(
    customer: Annotated[str, typer.Argument(help="The customer's id, as it came.")],
    top: Annotated[int | None, typer.Option("--top", min=1, help="Products at most; else as the settings say.")] = None,
    repeat: Annotated[bool, typer.Option("--repeat", help="Also what was bought before.")] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """What to offer to a customer, and because of what."""
    from clientage import advice, terminal

    settings = _settings(config, workspace, set_)
    wanted = settings.recommendations
    found = advice.for_customer(settings, customer, top or wanted.top, repeat=repeat or wanted.repeat)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        terminal.show_products(found)


@app.command()
def similar(
    product: Annotated[str, typer.Argument(help="The product's code, as it came.")],
    top: Annotated[int, typer.Option("--top", min=1, help="Products at most, of each kind.")] = 5,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """What is bought together with a product, and what is like it."""
    from clientage import advice, terminal

    found = advice.of_product(_settings(config, workspace, set_), product, top)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for heading, products in found.items():
        terminal.show_products(products, {"together": "bought together", "similar": "similar"}[heading])


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write.")] = Path("lines.parquet"),
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many customers.")] = 5000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another shop.")] = 7,
    months: Annotated[int, typer.Option("--months", min=1, help="How long the shop has been open.")] = 12,
    steady: Annotated[bool, typer.Option("--steady", help="No seasons; customers come and go evenly.")] = False,
    shift: Annotated[
        list[str] | None,
        typer.Option("--shift", help="What changes when: kind@day, kind=size@day. Repeatable."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make up a shop: order lines, dirty ones too, and the segments and shifts planted in them."""
    from clientage import terminal
    from clientage.transactions.simulate import simulate as made_up

    try:
        with terminal.following(quiet=as_json) as tell:
            shop: dict[str, Any] = {"seed": seed, "months": months, "steady": steady, "shifts": shift or ()}
            made = made_up(customers, out=out, progress=lambda share: tell("progress", share), **shop)
    except InputError as error:
        raise SettingsError(str(error)) from error
    except OSError as error:
        raise WorkspaceError(f"{out}: cannot be written ({error.strerror}). Give another --out.") from error
    if as_json:
        facts = {"lines": made.lines, "customers": made.customers, "dirty": dict(made.dirty)}
        facts |= {"shifts": [str(planted) for planted in made.shifts]} if made.shifts else {}
        typer.echo(json.dumps({"out": str(made.lines_path), "truth": str(made.truth_path), **facts}, indent=1))
        return
    typer.echo(f"{made.lines:,} lines of {made.customers:,} customers in {made.lines_path}")
    if made.shifts:
        typer.echo(f"planted shifts: {', '.join(str(planted) for planted in made.shifts)}")
    typer.echo(f"their planted segments in {made.truth_path}        next: clientage run {made.lines_path}")


@app.command()
def doctor(
    source: Annotated[str, typer.Argument(help="Order lines to look at; without, only the set-up is checked.")] = "",
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what is understood of a source and whether all is set up, before running."""
    from clientage import doctor as checks
    from clientage import idle, terminal

    settings = _settings(config, workspace, set_)
    found = checks.examine(settings, source) | idle.examine(settings)
    if as_json:
        typer.echo(json.dumps(found, default=str, indent=1))
    problem = found.get("lines", {}).pop(checks.PROBLEM, "")
    if not as_json:
        terminal.show_findings(found)
        if source and not problem:
            typer.echo(f"next: clientage run {shlex.quote(source)}{terminal.repeated(config, workspace)}")
    if problem:
        raise InputError(problem)


@app.command()
def forget(
    customer: Annotated[str, typer.Argument(help="Id, exactly as it came.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove a customer from every table and the report, and keep them out of later runs."""
    from clientage import copies
    from clientage import forget as forgetting

    settings = _settings(config, workspace, set_, publishes=True)
    if not yes:
        if not sys.stdin.isatty():
            raise SettingsError("forget asks before it removes, and there is no terminal to ask on. Add --yes.")
        typer.confirm(f"Remove {customer} from {copies.told(settings.workspace)} for good?", abort=True, err=True)
    receipt = forgetting.forget(settings, customer)
    if as_json:
        typer.echo(json.dumps(asdict(receipt), indent=1))
        return
    removed = " · ".join(f"{rows:,} {table}" for table, rows in receipt.rows.items())
    typer.echo(f"{'forgotten':<12}rows removed: {removed}")
    for what, scheme, mend in (
        ("models that were deployed", "gs://", "deploy again, and remove those of before"),
        ("tables of another workspace", "bigquery://", "forget them there too; where there is none, remove the tables"),
    ):
        if left := [each for each in receipt.left if each.startswith(scheme)]:
            within = " and ".join(filter(None, (", ".join(left[:-1]), left[-1])))
            typer.echo(f"{'copies':<12}{what} may still have the customer, in {within}: {mend}.")
    typer.echo(
        f"{'receipt':<12}{settings.workspace / receipt.name}        next: remove them from lists and sources too"
    )


def main(arguments: list[str] | None = None) -> Any:
    """Run the command; errors that the user can mend are one sentence each, without a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # expressions are many small objects that live to the end: looking for garbage in them costs a fifth of a run
    gc.set_threshold(100_000, 50, 50)
    try:
        _require_given(arguments)
        with door(quiet="--json" in arguments):
            return app(arguments, prog_name="clientage")
    except ClientageError as error:
        if "--debug" in arguments:
            raise
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    finally:
        gc.freeze()


def _require_given(arguments: list[str]) -> None:
    """See that nothing is empty: it would mean the default, where a variable of a script was not set."""
    for before, each in zip(["", *arguments], arguments, strict=False):
        if not each or (each.startswith("--") and each.find("=") == len(each) - 1):
            name = each.rstrip("=") or (before if before.startswith("--") else "an argument")
            raise SettingsError(f"{name}: empty. Leave it out, or say what it is.")
