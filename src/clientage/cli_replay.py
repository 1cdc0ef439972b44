"""The verb that plays days of the past as if live."""

import json
import re
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clientage.cli_options import Config, Debug, Json, K, Recipe, Set, Workspace, settings_of
from clientage.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clientage.replay import Replayed

SIGNS = {"ok": "○ ok", "watch": "◐ watch", "drift": "● drift", "unknown": "  unknown", None: ""}


def replay(
    source: Annotated[str, typer.Argument(help="Order lines. Default: those of the workspace.")] = "",
    *,
    since: Annotated[str, typer.Option("--from", help="The first day.")],
    every: Annotated[str, typer.Option("--every", help="Days from one to the next.")] = "7d",
    until: Annotated[str, typer.Option("--until", help="The last day. Default: that after the last line.")] = "",
    no_retrain: Annotated[bool, typer.Option("--no-retrain", help="Keep the first model, whatever drifts.")] = False,
    config: Config = None,
    workspace: Workspace = None,
    recipe: Recipe = "",
    k: K = "",
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Play days of the past as if live: lines come, are scored and monitored; models are retrained and promoted."""
    settings = settings_of(config, workspace, set_, {"segments.recipe": recipe, "segments.k": k}, publishes=True)
    first, last, days = _day("--from", since), _day("--until", until) if until else None, _number(every)
    from clientage import terminal
    from clientage.replay import Wanted, play

    with terminal.following(quiet=True) as progress:

        def tell(what: str, of: Any) -> None:
            if what == "progress":
                progress(what, of)
            elif not as_json:
                _show_day(of)

        played = play(settings, Wanted(first, days, last, not no_retrain), source, tell=tell)
    if as_json:
        typer.echo(json.dumps(asdict(played), default=str, indent=1, ensure_ascii=False))
    else:
        _show_end(played)


def _show_day(row: "Mapping[str, Any]") -> None:
    """A day, in a line; and in another one what became of a model."""
    from rich.text import Text

    from clientage.terminal import out

    said = f"{SIGNS[row['verdict']]:<9}{row['because']}" if row["window"] else "no window yet"
    said += f" · the worst of {row['windows']} windows, {row['drifting']} with drift" if row["windows"] > 1 else ""
    out(Text(f"{row['day']}  {row['customers']:>9,} customers  {said}".rstrip()))
    if row["retrained"]:
        told = [f"{name} {_figures(row, key)}" for name, key in (("R² of spend", "r2"), ("AUC buys again", "auc"))]
        out(Text(f"{'':<12}{'promoted' if row['promoted'] else 'refused'} · gate: {row['gate']} · {' · '.join(told)}"))


def _figures(row: "Mapping[str, Any]", key: str) -> str:
    known = [row[f"{key}_{when}"] for when in ("before", "after")]
    return " → ".join(f"{value:.3f}" for value in known if value is not None) or "–"


def _show_end(played: "Replayed") -> None:
    """How it went in all, and where the story is."""
    from rich.text import Text

    from clientage.terminal import out

    judged, drifting = (sum(row[name] for row in played.story) for name in ("windows", "drifting"))
    trained, promoted = (sum(row[name] for row in played.story[1:]) for name in ("retrained", "promoted"))
    out(
        Text(
            f"{'played':<12}{len(played.story)} days · {judged} windows judged, {drifting} with drift · "
            f"{trained} retrained, {promoted} promoted"
        )
    )
    out(Text(f"{'story':<12}{played.page}        next: open it in a browser"))


def _day(option: str, given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise SettingsError(f"{option} {given}: no day. Write it as 2011-06-30.") from error


def _number(given: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,4})d?", given)
    if not found:
        raise SettingsError(f"--every {given}: no number of days. Write it as 7d.")
    return int(found[1])
