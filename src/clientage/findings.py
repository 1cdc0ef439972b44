"""What the command shows of monitoring: the verdict on every window, and who was told."""

from collections.abc import Sequence

from rich.text import Text

from clientage.monitor import Judged, Monitored
from clientage.monitoring.alerts import Delivered
from clientage.retraining import Retrained
from clientage.terminal import out, table_of

SIGNS = {"ok": "○ ok", "watch": "◐ watch", "drift": "● drift", "unknown": "  unknown"}
SHOWN = 12  # windows


def show_monitored(monitored: Monitored, options: str) -> None:
    """The last windows, what moved in them, and what to do next.

    Args:
        monitored: What was found.
        options: What the next command needs to find the same workspace.
    """
    learned = [each for each in monitored.windows if each.reference]
    alarms = sum(each.verdict == "drift" for each in learned)
    out(
        Text(
            f"{'reference':<12}{len(learned)} windows of {monitored.days} days before {monitored.model}"
            f" · {alarms} would drift if left out"
        )
    )
    if not monitored.new:
        out(Text(f"{'windows':<12}no window to judge is over yet        next: clientage run FILE --keep-model"))
        return
    _table(monitored.new[-SHOWN:])
    drifting = sum(each.verdict == "drift" for each in monitored.new)
    following = f"clientage train{options}" if monitored.drifts else f"clientage dashboard{options}"
    out(Text(f"{'windows':<12}{len(monitored.new)} judged · {drifting} with drift        next: {following}"))


def show_delivered(delivered: Delivered) -> None:
    """What went out, and what waits."""
    for each in delivered.sent:
        out(Text(f"{'told':<12}{each.target}: {each.kind}, {each.opened}"))
    for each in delivered.waiting:
        out(Text(f"{'waits':<12}{each.target}: {each.kind}, {each.opened} ({each.why})"))


def show_retrained(came: Retrained, model: str) -> None:
    """What came of retraining."""
    if not came.trained and not came.promoted:
        out(Text(f"{'retrained':<12}nothing: {came.why}"))
        return
    figures = (("R² of spend", came.before.r2, came.after.r2), ("AUC buys again", came.before.auc, came.after.auc))
    told = [f"{name} {old:.3f} → {new:.3f}" for name, old, new in figures if old is not None and new is not None]
    version = f"version {came.version} of {model}" if came.version else "a challenger"
    version += "" if came.trained else ", which waited"
    out(Text(" · ".join([f"{'retrained':<12}{version}", *told])))
    out(Text(f"{'champion':<12}{'it is champion now' if came.promoted else 'as before'}{came.why and f': {came.why}'}"))


def _table(windows: Sequence[Judged]) -> None:
    table = table_of(("window", "left"), ("verdict", "left"), ("what moved", "left"))
    for each in windows:
        style = "bold" if each.verdict == "drift" else ""
        table.add_row(f"{each.window}", Text(SIGNS[each.verdict], style=style), Text(each.because))
    out(table)
