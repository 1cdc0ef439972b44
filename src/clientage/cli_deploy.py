"""The verbs of `clientage deploy`: the model to Vertex AI and Cloud Run, a pipeline of the same steps, a report."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from clientage.cli_options import Config, Dataset, Debug, Json, Set, Workspace, settings_of
from clientage.errors import SettingsError, WorkspaceError

if TYPE_CHECKING:
    from clientage.cloud.clients import Google
    from clientage.deployment.words import Told
    from clientage.settings import Settings

Actions: TypeAlias = "Mapping[str, Callable[[Google, Settings], Told]]"
Given: TypeAlias = Mapping[str, tuple[object, *tuple[str, ...]]]  # by its name, with the actions that take it

Rehearse = Annotated[
    bool, typer.Option("--dry-run", help="Show every request that would change something; change nothing.")
]
Split = Annotated[
    list[str] | None, typer.Option("--split", help="For traffic: name=percent, 100 together. Repeatable.")
]
Chosen = Annotated[
    str,
    typer.Option("--model", help="A folder, gs://…, or an alias or version of the registry. Default: the workspace's."),
]


deploy = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="To Google Cloud, and what people look at there."
)


@deploy.command()
def vertex(
    action: Annotated[str, typer.Argument(help="train, upload, endpoint, traffic, rollback, undeploy or batch.")],
    source: Annotated[
        str, typer.Argument(help="For train: order lines. For batch: gs://….jsonl or bigquery://project/dataset/table.")
    ] = "",
    model: Chosen = "",
    alias: Annotated[
        list[str] | None, typer.Option("--alias", help="For upload: what it is called there. Repeatable.")
    ] = None,
    savedmodel: Annotated[
        bool, typer.Option("--savedmodel", help="The SavedModel, in Vertex AI's own container for TensorFlow.")
    ] = False,
    version: Annotated[
        str,
        typer.Option("--version", help="Number or alias there; for endpoint, batch, undeploy. Default: the newest."),
    ] = "",
    split: Split = None,
    everything: Annotated[
        bool, typer.Option("--all", help="For undeploy: also what has traffic. Ends the cost, and the service.")
    ] = False,
    out: Annotated[
        str, typer.Option("--out", help="For batch: gs://bucket/folder or bigquery://project/dataset.")
    ] = "",
    key: Annotated[
        str, typer.Option("--key", help="For batch: field that says whose it is, such as customer_id; not sent.")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="For train and batch: although the same was done from the same.")
    ] = False,
    dry_run: Rehearse = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The model on Vertex AI: train it, upload it, serve it by way of a canary, go back, end its cost."""
    from clientage.deployment import jobs, words
    from clientage.deployment import vertex as steps

    options: Given = {
        "SOURCE": (source, "train", "batch"), "--model": (model, "upload"), "--alias": (alias, "upload"),
        "--savedmodel": (savedmodel, "upload", "endpoint", "batch"), "--split": (split, "traffic"),
        "--version": (version, "endpoint", "batch", "undeploy"), "--all": (everything, "undeploy"),
        "--out": (out, "batch"), "--key": (key, "batch"), "--again": (again, "train", "batch"),
    }  # fmt: skip
    shares = _shares(split or [])
    actions: Actions = {
        "train": lambda to, given: words.trained(jobs.train(to, given, source, again=again)),
        "upload": lambda to, given: words.uploaded(
            *steps.upload(to, given, model, aliases=alias or (), savedmodel=savedmodel)
        ),
        "endpoint": lambda to, given: words.served(steps.serve(to, given, version, savedmodel=savedmodel)),
        "traffic": lambda to, given: words.endpoint(steps.share(to, given, shares) if split else steps.at(to, given)),
        "rollback": lambda to, given: words.went_back(*steps.rollback(to, given)),
        "undeploy": lambda to, given: words.gone(steps.undeploy(to, given, version, everything=everything)),
        "batch": lambda to, given: words.predicted(
            jobs.batch(to, given, source, out, version, key=key, savedmodel=savedmodel, again=again)
        ),
    }
    _do(actions, action, options, settings_of(config, workspace, set_), dry_run=dry_run, as_json=as_json)


@deploy.command("run")
def cloud_run(
    action: Annotated[str, typer.Argument(help="deploy, traffic, rollback or delete.")],
    model: Chosen = "",
    split: Split = None,
    dry_run: Rehearse = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The model on Cloud Run, which costs nothing while nobody asks."""
    from clientage.deployment import run as steps
    from clientage.deployment import words

    options: Given = {"--model": (model, "deploy"), "--split": (split, "traffic")}
    shares = _shares(split or [])
    actions: Actions = {
        "deploy": lambda to, given: words.run_served(steps.deploy(to, given, model)),
        "traffic": lambda to, given: words.service(steps.share(to, given, shares) if split else steps.at(to, given)),
        "rollback": lambda to, given: words.run_went_back(*steps.rollback(to, given)),
        "delete": lambda to, given: words.deleted(steps.delete(to, given)),
    }
    _do(actions, action, options, settings_of(config, workspace, set_), dry_run=dry_run, as_json=as_json)


@deploy.command()
def pipeline(
    out: Annotated[Path, typer.Option("--out", help="File to write, YAML.")] = Path("pipeline.yaml"),
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The same steps as a pipeline for Vertex AI: train and evaluate, upload, endpoint."""
    from clientage.cloud import pipeline as pipelines
    from clientage.deployment import connection

    settings = settings_of(config, workspace, set_)
    connection.google(settings)
    image, bucket = str(connection.image(settings)), connection.bucket(settings)
    try:
        told = pipelines.Options(connection.training(settings), connection.delivery(settings))
        pipelines.write(out, image, bucket, told)
    except OSError as error:
        raise WorkspaceError(f"{out}: cannot be written ({error.strerror}). Give another --out.") from error
    if as_json:
        typer.echo(json.dumps({"out": str(out), "image": image}, indent=1))
        return
    typer.echo(f"pipeline    {out}: train, upload, endpoint in {image}")
    typer.echo("next: start it in Vertex AI with the parameter source=gs://BUCKET/orders")


@deploy.command()
def looker_studio(
    dataset: Dataset = "",
    template: Annotated[
        str,
        typer.Option("--template", help="Id of a report of yours to copy, with data sources called like the views."),
    ] = "",
    name: Annotated[str, typer.Option("--name", help="What to call the report.")] = "Clientage",
    billing: Annotated[
        str, typer.Option("--billing", help="Project that pays for queries. Default: the dataset's.")
    ] = "",
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Links that make a Looker Studio report over the views of a dataset; nothing is reached."""
    from clientage import delivery
    from clientage.cloud import looker

    address = delivery.address_of(settings_of(config, workspace, set_), dataset)
    links = looker.links(address, name=name, template=template, billing=billing)
    if as_json:
        typer.echo(json.dumps({"links": links}, indent=1))
        return
    for view, link in links.items():
        typer.echo(f"{view}\n  {link}")
    typer.echo("next: open one, then Edit and share; other views are added there by Add data")


def _do(actions: Actions, action: str, options: Given, settings: "Settings", *, dry_run: bool, as_json: bool) -> None:
    """One action, and what came of it."""
    from clientage.deployment import connection, words

    if action not in actions:
        raise SettingsError(f"{action}: no such action. Give one of {', '.join(actions)}.")
    if wrong := [
        f"{name} is for {' or '.join(of)}" for name, (value, *of) in options.items() if value and action not in of
    ]:
        raise SettingsError(f"{action}: {', '.join(wrong)}. Leave it out.")
    to = connection.google(settings, rehearsal=dry_run, say=lambda sentence: _say(sentence, quiet=as_json))
    told = actions[action](to, settings)
    if dry_run:
        told = words.rehearsed(to.calls)
    typer.echo(json.dumps(told.facts, default=str, indent=1, ensure_ascii=False) if as_json else "\n".join(told.lines))


def _say(sentence: str, *, quiet: bool) -> None:
    """What goes on, for whoever waits at a terminal or reads a log."""
    if not quiet:
        typer.echo(f"{'…':<12}{sentence}", file=sys.stderr)


def _shares(split: list[str]) -> dict[str, int]:
    """`name=percent` as numbers."""
    found: dict[str, int] = {}
    for each in split:
        name, _, percent = each.rpartition("=")
        if not name or not percent.isdecimal():
            raise SettingsError(f"--split {each}: not a share. Write --split NAME=PERCENT, as 3=90.")
        if name in found:
            raise SettingsError(f"--split {each}: {name} has a share already. Give it one.")
        found[name] = int(percent)
    return found
