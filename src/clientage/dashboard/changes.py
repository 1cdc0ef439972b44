"""What operators change: each is asked for from a page of ours, by an operator, and done beside all pages."""

from typing import Any

from dash import Dash, Input, Output, ctx, no_update
from dash import State as Beside

from clientage.dashboard.access import Access, Person
from clientage.dashboard.works import Works


def register(dash: Dash, works: Works, access: Access) -> None:
    """Let operators promote and roll back.

    Args:
        dash: The application.
        works: Does it.
        access: Who may.
    """

    @dash.callback(
        Output("answer", "children"), Output("poll", "disabled", allow_duplicate=True),
        Input("promote", "submit_n_clicks"), Input("rollback", "submit_n_clicks"),
        Beside("version", "value"), Beside("reason", "value"), Beside("force", "checked"),
        prevent_initial_call=True,
    )  # fmt: skip
    def _change(promoted: int | None, rolled: int | None, version: str, reason: str, force: bool) -> tuple[Any, Any]:
        asked = {"promote": promoted, "rollback": rolled}
        if not asked.get(str(ctx.triggered_id)):
            return no_update, no_update
        said = change(works, access.person(), str(ctx.triggered_id), version or "", reason or "", force=bool(force))
        return said, False


def change(works: Works, who: Person | None, what: str, version: str, reason: str, *, force: bool) -> str:
    """Begin a change, where somebody asks who may.

    Args:
        works: Does it.
        who: Asks; the request was already found to come from a page of ours.
        what: promote or rollback.
        version: To promote: a number or an alias.
        reason: Why.
        force: Whether the gate is overruled.

    Returns:
        What to say to them.
    """
    if who is None or not who.may_change or works.actions is None:
        return "This is for operators. Log in with the key of one."
    actions, name, why = works.actions, who.name, reason.strip()
    if what == "rollback":
        began = works.start("Rolling back", lambda: actions.roll_back(why, name))
        return "" if began else _BUSY
    wanted = version.strip()
    if not wanted.replace("-", "").replace("_", "").isalnum() or wanted.startswith("-"):
        return "Which version? Give its number or alias."
    if force and not why:
        return "To overrule the gate, give a reason: it is kept."
    began = works.start(f"Promoting {wanted}", lambda: actions.promote(wanted, why, force, name))
    return "" if began else _BUSY


_BUSY = "Another change is under way. Wait for it."
