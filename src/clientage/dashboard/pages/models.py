"""Models: what was trained, who is champion and why; operators promote and roll back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from clientage.dashboard import parts
from clientage.dashboard.parts import Component, State
from clientage.dashboard.works import FAILED, RUNNING

POLL = 1500  # milliseconds
FIGURES = (("segments", ".0f"), ("stability", ".2f"), ("r2", ".3f"), ("auc", ".3f"))


def layout(state: State) -> Component:
    """The page."""
    return parts.page(
        "Models",
        html.Div(body(state), id="models"),
        _changing(state),
        dcc.Interval(id="poll", interval=POLL, disabled=not state.works.busy),
    )


def body(state: State) -> list[Component]:
    """What is known now; while something is under way, it is asked for again and again."""
    known, trouble = state.works.models()
    shown = [_work(state)]
    if state.works.actions is None:
        return [*shown, parts.empty("This dashboard was started without a registry of models.", "clientage dashboard")]
    if known is None:
        waiting = html.P("Asking the registry …", role="status")
        return [*shown, parts.empty(trouble, "clientage train", "clientage models") if trouble else waiting]
    if trouble:
        shown.append(parts.trouble(trouble))
    if not known["versions"]:
        return [*shown, parts.empty("No model was trained yet.", "clientage train")]
    return [*shown, _versions(known["versions"]), _history(known["champions"])]


def _work(state: State) -> Component:
    """What was asked for, and what came of it."""
    work = state.works.work
    if work is None:
        return html.Div(role="status")
    title = {RUNNING: f"{work.what} …", FAILED: f"{work.what}: not done"}.get(work.state, f"{work.what}: done")
    colour = {RUNNING: "blue", FAILED: "orange"}.get(work.state, "green")
    text = work.said or "This may take minutes. You may leave the page."
    return html.Div(dmc.Alert(text, title=title, color=colour, variant="light"), role="status", id="work")


def _versions(versions: Sequence[Mapping[str, Any]]) -> Component:
    rows = [
        [
            f"{each['version']}",
            _standing(each),
            _time(each["created"]),
            each["tags"].get("recipe", ""),
            *(_figure(each["tags"], name, form) for name, form in FIGURES),
        ]
        for each in versions
    ]
    heads = ["version", "is", "trained", "recipe", "segments", "stability", "R² of spend", "AUC buys again"]
    return parts.panel("What was trained?", parts.table("Models, the newest first", heads, rows, numbers=4))


def _standing(version: Mapping[str, Any]) -> Component:
    names = version["aliases"] or [version["tags"].get("status", "")]
    return html.Span([parts.badge(name, name) for name in names if name])


def _history(changes: Sequence[Mapping[str, Any]]) -> Component:
    if not changes:
        return parts.panel("Who was champion?", parts.empty("None yet.", "clientage promote"))
    rows = [
        [f"{each['version']}", _time(each["time"]), each["user"], _why(each), _gate(each["gate"])] for each in changes
    ]
    table = parts.table("Changes of champion, the latest first", ["champion", "since", "by", "why", "gate"], rows)
    return parts.panel("Who was champion?", table)


def _why(change: Mapping[str, Any]) -> str:
    if change["kind"] == "rollback":
        came = f"rolled back from version {change['previous']}"
    else:
        came = "forced" if change["forced"] else "passed the gate"
    return came + (f": {change['reason']}" if change["reason"] else "")


def _gate(lines: Sequence[str]) -> Component:
    """What the gate said, a line a check."""
    if not lines:
        return "–"
    failed = sum(line.startswith("failed") for line in lines)
    summary = f"{len(lines) - failed} of {len(lines)} passed"
    return html.Details([html.Summary(summary), html.Ul([html.Li(line) for line in lines])])


def _changing(state: State) -> Component:
    """Promote and roll back, for operators."""
    if state.works.actions is None:
        return None
    if not state.person.may_change:
        return html.P("Promoting and rolling back are for operators.", className="soft")
    version = dmc.TextInput(
        id="version", label="Version or alias", value="challenger", className="control", inputProps={"maxLength": 64}
    )
    reason = dmc.TextInput(
        id="reason", label="Reason: kept in the history", value="",
        className="control", inputProps={"maxLength": 500},
    )  # fmt: skip
    force = dmc.Checkbox(id="force", label="Promote although the gate says no", checked=False)
    buttons = [
        dcc.ConfirmDialogProvider(
            dmc.Button("Promote"), id="promote", message="Make this version the champion, here and in the registry?"
        ),
        dcc.ConfirmDialogProvider(
            dmc.Button("Roll back", variant="default"), id="rollback",
            message="Make the champion before this one the champion again?",
        ),
    ]  # fmt: skip
    form = parts.controls(version, reason, html.Div(force, className="control"), *buttons)
    note = html.P(
        "A version goes through the gate first. The workspace follows, which may take minutes.", className="soft"
    )
    return parts.panel("Change the champion", note, form, html.P(id="answer", role="status"), id="change")


def _figure(tags: Mapping[str, str], name: str, form: str) -> str:
    try:
        return f"{float(tags[name]):{form}}"
    except (KeyError, ValueError):
        return "–"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
