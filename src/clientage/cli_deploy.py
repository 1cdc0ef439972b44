"""The verbs of `clientage deploy`."""

import typer

deploy = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="To Google Cloud, and what people look at there."
)
