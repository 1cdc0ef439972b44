"""What the command shows of models: a training, the gate, and who is champion."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from clientage.promotion import Promoted
from clientage.segments.gate import Check
from clientage.terminal import out, table_of
from clientage.tracking.experiments import Sent
from clientage.tracking.registry import Change, Version
from clientage.training import Trained


def show_training(trained: Trained, model: str, profiles: Sequence[Mapping[str, Any]], options: str) -> None:
    """What came of a training, where it is and what to do next.

    Args:
        trained: The challenger.
        model: Name of the registered model.
        profiles: Its segments, in order of revenue.
        options: What the next command needs to find the same workspace.
    """
    names = {row["segment_id"]: row["segment"] for row in profiles}
    if trained.champion:
        new = [names.get(id_, str(id_)) for id_ in trained.new]
        parts = [f"{len(trained.matched)} as version {trained.champion} has them"]
        parts += [f"new: {', '.join(new)}"] if new else []
        parts += [f"ended: {', '.join(map(str, trained.ended))}"] if trained.ended else []
        _line("matched", " · ".join(parts))
    figures = trained.metrics
    told = [f"stability {figures['stability']:.2f}", f"smallest {figures['smallest_share']:.1%}"]
    told += [f"R² of spend {figures['r2']:.3f}"] if figures["r2"] is not None else []
    told += [f"AUC buys again {figures['auc']:.3f}"] if figures["auc"] is not None else []
    _line("worth", " · ".join(told))
    for sent in trained.sent[:-1]:
        _line("sent", f"{sent.name}, which waited: version {sent.version} of {model}")
    if trained.waiting:
        _line("waiting", f"{trained.waiting} The training is kept and sent by the next train, promote or models.")
    else:
        _line("challenger", f"version {trained.sent[-1].version} of {model}")
    _line("report", f"{trained.workspace / 'report.html'}        next: clientage promote{options}")


def show_gate(checks: Sequence[Check]) -> None:
    """What the gate said."""
    table = table_of(("gate", "left"), ("", "left"), ("found", "left"))
    for check in checks:
        table.add_row(
            check.name, Text("passed" if check.passed else "failed", style="" if check.passed else "bold"), check.found
        )
    out(table)


def show_promoted(promoted: Promoted, model: str, options: str) -> None:
    """Who is champion now, and whether the workspace follows."""
    if promoted.change is None:
        _line("champion", f"version {promoted.version} of {model}, as before")
    else:
        over = f", in place of version {promoted.change.previous}" if promoted.change.previous else ""
        forced = f"; the gate was overruled: {promoted.change.reason}" if promoted.change.forced else ""
        _line("champion", f"version {promoted.version} of {model}{over}{forced}")
    if promoted.stays:
        _line("workspace", f"left as it was: {promoted.stays}")
    else:
        _line("next", f"clientage models{options}")


def show_models(versions: Sequence[Version], changes: Sequence[Change], waited: Sequence[Sent]) -> None:
    """All models and every change of champion, the newest first, after the trainings that were sent only now."""
    for sent in waited:
        _line("sent", f"{sent.name}, which waited: version {sent.version}")
    if not versions:
        out(Text("no model yet        next: clientage train"))
        return
    table = table_of(
        ("version", "right"), ("is", "left"), ("trained", "left"), ("recipe", "left"), ("segments", "right"),
        ("stability", "right"), ("R² of spend", "right"), ("AUC buys again", "right"),
    )  # fmt: skip
    for each in versions:
        is_ = ", ".join(each.aliases) or each.tags.get("status", "")
        figures = [_figure(each.tags, name, form) for name, form in (("segments", ".0f"), ("stability", ".2f"))]
        figures += [_figure(each.tags, name, ".3f") for name in ("r2", "auc")]
        table.add_row(str(each.version), is_, _day(each.created), each.tags.get("recipe", ""), *figures)
    out(table)
    if changes:
        table = table_of(("champion", "right"), ("since", "left"), ("by", "left"), ("why", "left"))
        for change in changes:
            table.add_row(str(change.version), _day(change.time), Text(change.user), Text(_why(change)))
        out(table)


def _why(change: Change) -> str:
    if change.kind == "rollback":
        return f"rolled back from version {change.previous}" + (f": {change.reason}" if change.reason else "")
    if change.forced:
        failed = [line.removeprefix("failed  ") for line in change.gate if line.startswith("failed")]
        return f"forced: {change.reason} (failed: {'; '.join(failed)})"
    return "passed the gate" + (f": {change.reason}" if change.reason else "")


def _figure(tags: Mapping[str, str], name: str, form: str) -> str:
    return f"{float(tags[name]):{form}}" if name in tags else "–"


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _line(what: str, said: str) -> None:
    out(Text(f"{what:<12}{said}"))
