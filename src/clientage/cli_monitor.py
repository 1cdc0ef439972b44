"""The verb of monitoring."""

import json
import sys
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clientage.cli_options import Config, Debug, Json, Set, Workspace, settings_of
from clientage.errors import ClientageError, DriftError, SettingsError

if TYPE_CHECKING:
    from clientage.delivery import Sent
    from clientage.monitor import Monitored
    from clientage.retraining import Retrained
    from clientage.settings import Settings


def monitor(
    since: Annotated[str, typer.Option("--since", help="Leave out windows before this day.")] = "",
    until: Annotated[str, typer.Option("--until", help="Leave out windows that end after this day.")] = "",
    renew: Annotated[bool, typer.Option("--renew", help="Learn once more what is usual.")] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="On drift, train a challenger and promote it if it passes the gate.")
    ] = False,
    test_alert: Annotated[
        bool, typer.Option("--test-alert", help="Send a test notice to everyone in CLIENTAGE_ALERTS; look at nothing.")
    ] = False,
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Hold the windows since the model was made against those before: what moved? Ends with 3 on drift that goes on."""
    from clientage import findings, terminal
    from clientage import monitor as monitoring
    from clientage.monitoring import targets

    settings = settings_of(config, workspace, set_, publishes=not test_alert)
    if test_alert:
        _probe(settings, as_json=as_json)
        return
    whom = targets.of_environment()  # what is wrong with them is said before the work is done
    with terminal.following(quiet=as_json) as tell:
        found = monitoring.monitor(settings, since=_day(since), until=_day(until), renew=renew, tell=tell)
    if not as_json:
        findings.show_monitored(found, terminal.repeated(config, workspace))
    came, failed = _retrained(settings, found, quiet=as_json) if retrain else (None, None)
    if came and not as_json:
        findings.show_retrained(came, settings.tracking.model)
    delivered = monitoring.notify(settings, whom, datetime.now().astimezone())
    sent, unsent = _sent(settings)
    if as_json:
        document: dict[str, Any] = asdict(found) | {"drifts": found.drifts, "told": asdict(delivered)}
        document |= {"retrained": asdict(came)} if came else {}
        document |= {"sent": asdict(sent)} if sent else {}
        typer.echo(json.dumps(document, default=str, indent=1, ensure_ascii=False))
    else:
        findings.show_delivered(delivered)
        if sent:
            typer.echo(f"{'sent':<12}{', '.join(sent.tables)} to {sent.dataset}")
    if delivered.problem:
        typer.echo(f"warning: {delivered.problem}", err=True)
    if failed:
        raise failed
    _end(unsent, drifts=found.drifts and not (came and came.promoted))


def tell(
    subject: Annotated[str, typer.Argument(help="What happened, in a line; more is read from standard input.")],
    config: Config = None,
    workspace: Workspace = None,
    set_: Set = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Send a notice to everyone in CLIENTAGE_ALERTS: a task that failed, with the last lines of its log."""
    from clientage import monitor as monitoring

    settings = settings_of(config, workspace, set_)
    text = "" if sys.stdin.isatty() else sys.stdin.buffer.read().decode(errors="replace")
    answers = monitoring.announce(settings, subject, text)
    _show_answers(answers, as_json=as_json)
    if not answers and not as_json:
        typer.echo("nobody is told: CLIENTAGE_ALERTS is empty, see docs/alerts.md.")


def _retrained(
    settings: "Settings", found: "Monitored", *, quiet: bool
) -> "tuple[Retrained | None, ClientageError | None]":
    """Another model, where the shop drifted and it passes the gate; or what stood in the way, told after all else."""
    from clientage import standings, terminal
    from clientage.retraining import retrain

    with terminal.following(quiet=quiet) as tell:

        def told(what: str, of: Any) -> None:
            if what != "gate":
                tell(what, of)
            elif not quiet:
                standings.show_gate(of)

        try:
            return retrain(settings, found, tell=told), None
        except ClientageError as error:
            return None, error


def _end(unsent: ClientageError | None, *, drifts: bool) -> None:
    """Leave as it is: drift before what could not be sent, since others go by it."""
    if drifts:
        if unsent:
            typer.echo(f"warning: {unsent}", err=True)
        raise typer.Exit(DriftError.exit_code)
    if unsent:
        raise unsent


def _sent(settings: "Settings") -> "tuple[Sent | None, ClientageError | None]":
    """What was found, sent to where the settings say; or what stood in the way, told after all else."""
    from clientage import delivery

    try:
        return delivery.send_monitored(settings), None
    except ClientageError as error:
        return None, error


def _probe(settings: "Settings", *, as_json: bool) -> None:
    """Who takes a notice; an error where somebody does not."""
    from clientage import monitor as monitoring

    _show_answers(monitoring.probe(settings), as_json=as_json)


def _show_answers(answers: "list[tuple[str, bool]]", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(dict(answers), indent=1))
    for name, taken in answers if not as_json else ():
        typer.echo(f"{'told' if taken else 'away':<12}{name}{'' if taken else ': it took nothing'}")
    if not all(taken for _, taken in answers):
        raise typer.Exit(1)


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError as error:
        raise SettingsError(f"{given}: no day. Write it as 2011-10-03.") from error
