"""The verbs of `clientage deploy`."""

import json
from typing import Annotated

import typer

from clientage.cli_options import Config, Debug, Json, Set, Workspace, settings_of

deploy = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="To Google Cloud, and what people look at there."
)


@deploy.command()
def looker_studio(
    dataset: Annotated[
        str, typer.Argument(help="bigquery://project/dataset. Default: serve.sink, where that is one.")
    ] = "",
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
