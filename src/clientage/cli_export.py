"""The verbs of `clientage export`."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clientage.cli_options import Config, Dataset, Debug, Json, Set, Workspace, settings_of
from clientage.errors import SettingsError

if TYPE_CHECKING:
    from clientage.portable import Exported
    from clientage.settings import Settings

export = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Lists, the model and the pipeline, for other tools."
)


@export.command()
def audience(
    segment: Annotated[str | None, typer.Option("--segment", help="Its name, or its number. Default: all.")] = None,
    where: Annotated[str | None, typer.Option("--where", help='A condition, such as "recency_days > 60".')] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="How many at most.")] = None,
    by: Annotated[str, typer.Option("--by", help="The highest first. Default: expected_spend, or monetary.")] = "",
    form: Annotated[str | None, typer.Option("--format", help="csv or parquet. Default: as --out ends.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write. Default: audience.csv.")] = None,
    hash_ids: Annotated[bool, typer.Option("--hash-ids", help="Keyed digests in place of ids.")] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """A list of customers, the best first, for mail tools and spreadsheets."""
    from clientage import lists

    settings = settings_of(config, workspace, set_)
    written = lists.write_audience(
        settings, segment=segment, where=where, by=by, top=top, form=form, out=out, hash_ids=hash_ids
    )
    if as_json:
        typer.echo(json.dumps(asdict(written), default=str, indent=1))
    elif not written.out:
        typer.echo("no customer fits; nothing was written")
    else:
        fewer = f", all that fit of the {top:,} asked for" if top and written.customers < top else ""
        typer.echo(f"{written.customers:,} customers in {written.out}{fewer}")


@export.command()
def sql(
    dialect: Annotated[str, typer.Option("--dialect", help="bigquery, spark, duckdb, postgres or snowflake.")],
    table: Annotated[str, typer.Option("--table", help="Table of customers to read.")] = "customers",
    out: Annotated[Path | None, typer.Option("--out", help="File to write. Default: standard output.")] = None,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The model as one SELECT that assigns segments, for another database."""
    from clientage import portable
    from clientage.export.sql import RUN

    made = portable.write_sql(settings_of(config, workspace, set_), dialect, table=table, out=out)
    if made.text and not as_json:
        typer.echo(made.text, nl=False)
        return
    _tell(made, f"as SQL for {dialect}", RUN[dialect].format(file=_quoted(made)), as_json, dialect=dialect, table=table)


@export.command()
def savedmodel(
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write. Default: savedmodel.")] = None,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The model as a TensorFlow SavedModel, for Vertex AI, BigQuery and TensorFlow Serving."""
    from clientage import portable

    made = portable.write_savedmodel(settings_of(config, workspace, set_), out=out)
    following = f"saved_model_cli show --dir {_quoted(made)} --tag_set serve --signature_def serving_default"
    _tell(made, "as a SavedModel", following, as_json)


@export.command()
def onnx(
    out: Annotated[Path | None, typer.Option("--out", help="File to write. Default: segments.onnx.")] = None,
    float32: Annotated[bool, typer.Option("--float32", help="Compute in float32 in place of float64.")] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The model as ONNX, for BigQuery, ONNX Runtime and many others."""
    from clientage import portable

    made = portable.write_onnx(settings_of(config, workspace, set_), out=out, single=float32)
    numbers = "float32" if float32 else "float64"
    following = f"gcloud storage cp {_quoted(made)} gs://BUCKET/, then CREATE MODEL in BigQuery"
    _tell(made, f"as ONNX ({numbers})", following, as_json, numbers=numbers)


@export.command()
def dvc(
    source: Annotated[str, typer.Argument(help="Where the order lines are. Default: as in the last run.")] = "",
    out: Annotated[Path, typer.Option("--out", help="File to write. Its paths are seen from its folder.")] = Path(
        "dvc.yaml"
    ),
    config: Config = None,
    workspace: Workspace = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The stages of a run for DVC, which runs what is changed and keeps every version of the tables."""
    from clientage import reproduce

    written = reproduce.write_pipeline(settings_of(config, workspace, None), source, config, out)
    if as_json:
        typer.echo(json.dumps(asdict(written), default=str, indent=1))
        return
    new = " (new)" if written.new_config else ""
    typer.echo(f"{len(written.stages)} stages in {written.out}, settings in {written.config}{new}")
    typer.echo("next: dvc repro; in a folder without DVC first: git init, dvc init")


@export.command()
def bigquery(
    dataset: Dataset = "",
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Send this one. Repeatable. Default: all that people look at.")
    ] = None,
    views: Annotated[bool, typer.Option("--views", help="Send no table; only bring the views up to date.")] = False,
    refused: Annotated[
        bool, typer.Option("--refused", help="Send predictions once more that were put aside; nothing else.")
    ] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tables for people to look at, in place of those in a dataset of BigQuery, and views to watch the service by."""
    from clientage import delivery, terminal

    if sum(map(bool, (table, views, refused))) > 1:
        raise SettingsError("--table, --views and --refused: each does something else. Give one of them.")
    settings = settings_of(config, workspace, set_)
    address = delivery.address_of(settings, dataset)
    if refused:
        _again(settings, address, as_json=as_json)
        return
    with terminal.following(quiet=as_json) as tell:
        sent = (
            delivery.renew_views(address)
            if views
            else delivery.send(settings, address, table or (), progress=lambda share: tell("progress", share))
        )
    if as_json:
        typer.echo(json.dumps(asdict(sent), indent=1))
        return
    if sent.tables:
        typer.echo(f"{'sent':<12}{' · '.join(f'{rows:,} {name}' for name, rows in sent.tables.items())}")
    typer.echo(f"{'views':<12}{', '.join(sent.views)}")
    typer.echo(f"{'dataset':<12}{sent.dataset}        next: clientage deploy looker-studio {shlex.quote(address)}")


def _again(settings: "Settings", address: str, *, as_json: bool) -> None:
    """What was put aside, sent once more, and what is left of it."""
    from clientage.serving import spool
    from clientage.serving.refused import send_again

    found = send_again(settings.workspace / spool.FOLDER, address)
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str, indent=1))
        return
    typer.echo(f"{'sent':<12}{found.sent:,} predictions that had been put aside")
    for why, rows in found.left.items():
        typer.echo(f"{'left':<12}{rows:,} {why}, in {found.file}")


def _tell(made: "Exported", form: str, following: str, as_json: bool, **more: Any) -> None:
    """What was written, and the next step."""
    if as_json:
        found = {name: value for name, value in asdict(made).items() if value is not None}
        typer.echo(json.dumps(found | more, default=str, indent=1, ensure_ascii=False))
        return
    typer.echo(f"{len(made.segments)} segments of the recipe {made.recipe} {form} in {made.out}")
    typer.echo(f"model {made.model} takes {', '.join(made.inputs)}        next: {following}")


def _quoted(made: "Exported") -> str:
    return shlex.quote(str(made.out or ""))
