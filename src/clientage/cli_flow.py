"""The verbs of the flow: a run, its stages one by one, a draft that is published, and how well it did."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from clientage.cli_options import (
    AsOf,
    Config,
    Debug,
    Draft,
    Json,
    K,
    Location,
    Recipe,
    Set,
    Warehouse,
    Workspace,
    settings_of,
)

if TYPE_CHECKING:
    from clientage.settings import Settings

JUDGED = ["evaluate", "recommend", "report"]  # stages of an evaluation


def run(
    source: Location,
    config: Config = None,
    workspace: Workspace = None,
    warehouse: Warehouse = "",
    as_of: AsOf = "",
    recipe: Recipe = "",
    k: K = "",
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Judge the recipes on the past too (slower).")] = False,
    keep_model: Annotated[bool, typer.Option("--keep-model", help="Use the model that is there, train none.")] = False,
    full_fit: Annotated[bool, typer.Option("--full-fit", help="Fit on all customers (with Spark).")] = False,
    draft: Draft = "",
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Order lines in; tables, segments and a report out."""
    from clientage import artifacts, drafts, pipeline, terminal

    flags = {"warehouse.url": warehouse, "as_of": as_of, "segments.recipe": recipe, "segments.k": k}
    flags["segments.full_fit"] = "true" if full_fit else ""
    settings = settings_of(config, workspace, set_, flags, publishes=True)
    with terminal.following(quiet=as_json) as tell:
        if draft:
            manifest = drafts.draft(settings, draft, drafts.DRAFTED, source, tell=tell)
        else:
            manifest = pipeline.run(settings, source, with_evaluation=evaluate, keep_model=keep_model, tell=tell)
    handed = "" if draft else artifacts.hand_over(settings)
    if as_json:
        typer.echo(manifest.dumps(), nl=False)
        return
    if draft:
        typer.echo(f"draft       {drafts.folder(settings, draft)}        next: clientage publish {draft}")
        return
    terminal.show_segments(pipeline.rows(settings, "profiles"))
    if evaluate:
        _show_evaluation(settings)
    terminal.show_cost(manifest.stages.values(), settings.warehouse.price)
    terminal.show_report(
        settings.workspace / pipeline.REPORT, terminal.repeated(config, workspace, warehouse), evaluated=evaluate
    )
    if handed:
        typer.echo(f"{'handed over':<12}{handed}")


def step(
    stage: Annotated[
        str,
        typer.Argument(help="read, clean, features, sweep, train, segment, profile, evaluate, recommend or report."),
    ],
    source: Annotated[str, typer.Argument(help="Where the order lines are; for the stage read.")] = "",
    config: Config = None,
    workspace: Workspace = None,
    warehouse: Warehouse = "",
    as_of: AsOf = "",
    recipe: Recipe = "",
    k: K = "",
    draft: Draft = "",
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """One stage of the flow, on the tables that are there."""
    from clientage import drafts, pipeline, terminal

    flags = {"warehouse.url": warehouse, "as_of": as_of, "segments.recipe": recipe, "segments.k": k}
    settings = settings_of(config, workspace, set_, flags, publishes=True)
    with terminal.following(quiet=as_json) as tell:
        if draft:
            manifest = drafts.draft(settings, draft, [stage], source, tell=tell)
        else:
            manifest = pipeline.step(settings, [stage], source, tell=tell)
    if as_json:
        typer.echo(manifest.dumps(), nl=False)
        return
    terminal.show_cost([manifest.stages[stage]], settings.warehouse.price)
    names = [known.name for known in pipeline.STAGES]
    if names[-1] != stage:
        following = next(name for name in names[names.index(stage) + 1 :] if name != "sweep")
        typer.echo(f"next: clientage step {following}{terminal.repeated(config, workspace, warehouse)}")


def publish(
    draft: Annotated[str, typer.Argument(help="Name of the draft.")],
    config: Config = None,
    workspace: Workspace = None,
    warehouse: Warehouse = "",
    as_of: AsOf = "",
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make the tables of a draft those of the workspace, all at once."""
    from clientage import drafts, pipeline, terminal

    settings = settings_of(config, workspace, set_, {"warehouse.url": warehouse, "as_of": as_of}, publishes=True)
    with terminal.following(quiet=as_json) as tell:
        manifest = drafts.publish(settings, draft, tell=tell)
    if as_json:
        typer.echo(manifest.dumps(), nl=False)
        return
    terminal.show_segments(pipeline.rows(settings, "profiles"))
    terminal.show_report(
        settings.workspace / pipeline.REPORT, terminal.repeated(config, workspace, warehouse), evaluated=False
    )


def evaluate(
    cutoff: Annotated[list[str] | None, typer.Option("--cutoff", help="Split at this day. Repeatable.")] = None,
    config: Config = None,
    workspace: Workspace = None,
    warehouse: Warehouse = "",
    as_of: AsOf = "",
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Judge recipes, forecasts and recommenders by what customers did next, and use the best recommender."""
    from clientage import pipeline, terminal

    cutoffs = [f"evaluate.cutoffs={json.dumps(cutoff)}"] if cutoff else []
    settings = settings_of(
        config, workspace, [*(set_ or []), *cutoffs], {"warehouse.url": warehouse, "as_of": as_of}, publishes=True
    )
    with terminal.following(quiet=as_json) as tell:
        manifest = pipeline.step(settings, JUDGED, tell=tell)
    if as_json:
        names = ("evaluation", "values", "recommenders")
        judged = {name: pipeline.rows(settings, name) for name in names if pipeline.exists(settings, name)}
        typer.echo(json.dumps(judged, default=str, indent=1))
        return
    _show_evaluation(settings)
    terminal.show_cost([manifest.stages[stage] for stage in JUDGED], settings.warehouse.price)
    terminal.show_report(
        settings.workspace / pipeline.REPORT, terminal.repeated(config, workspace, warehouse), evaluated=True
    )


def _show_evaluation(settings: "Settings") -> None:
    from clientage import pipeline, terminal

    shown = {
        "evaluation": terminal.show_scorecard,
        "values": terminal.show_forecasts,
        "recommenders": terminal.show_recommenders,
    }
    for name, show in shown.items():
        if pipeline.exists(settings, name):
            show(pipeline.rows(settings, name))
