"""The judgement of a new model: it gets some traffic, is asked, and gets the rest or goes."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from clientage.cloud.clients import Say
from clientage.errors import GateError
from clientage.settings.google import Deploy

PATIENCE = 3  # times as many predictions are sent as it should take for the new model's share to be its checks


@dataclass(frozen=True)
class Answer:
    """An answer to a sample prediction.

    Attributes:
        seconds: That it took.
        error: What was wrong with it; empty where nothing was.
        by: Which model gave it; empty where that is not said.
    """

    seconds: float
    error: str = ""
    by: str = ""


@dataclass(frozen=True)
class Health:
    """What was measured.

    Attributes:
        asked: Predictions that were sent.
        answered: Of these by the new model, or failed without saying by which.
        errors: Of these failed.
        p95: Seconds that 95 in 100 of these took at most; None where there were none.
        first_error: What was wrong with the first.
        problems: Why the new model is not healthy; empty where it is.
    """

    asked: int
    answered: int
    errors: int
    p95: float | None
    first_error: str
    problems: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether it may have all traffic."""
        return not self.problems

    def __str__(self) -> str:
        """What was measured, for people."""
        took = "" if self.p95 is None else f", 95 in 100 within {self.p95:.3f} s"
        return f"{self.answered:,} predictions by the new model, {self.errors:,} failed{took}"


class Target(Protocol):
    """What a new model is deployed to."""

    @property
    def new(self) -> str:
        """What the new model is called in `Answer.by`."""

    @property
    def alone(self) -> bool:
        """Whether there is no other that could take traffic."""

    def ask(self, body: bytes) -> Answer:
        """Send a request as the customers of the service do."""

    @property
    def after(self) -> str:
        """How the traffic is after `back`, in a sentence."""

    def give(self, percent: int) -> None:
        """Give the new model this much of the traffic, and note that it is not judged yet."""

    def trust(self) -> None:
        """Give the new model all traffic, and note that it is judged."""

    def back(self) -> None:
        """Give all traffic to the others, and take the new model away; see `after`."""


def judge(target: Target, samples: Sequence[dict[str, Any]], settings: Deploy, share: int, say: Say) -> Health:
    """Ask until the new model has answered often enough.

    Args:
        target: What is asked.
        samples: Instances, sent one at a time.
        settings: How many must be answered, and the limits.
        share: Percent of what is asked that comes to the new model.
        say: Told how far it is.
    """
    seconds: list[float] = []
    errors: list[str] = []
    asked, most = 0, math.ceil(settings.checks * 100 / share) * (1 if share == 100 else PATIENCE)
    too_many = settings.max_errors * settings.checks
    while len(seconds) < settings.checks and asked < most and len(errors) <= too_many:
        answer = target.ask(orjson.dumps({"instances": [samples[asked % len(samples)]]}))
        asked += 1
        if answer.by in ("", target.new):
            seconds.append(answer.seconds)
            errors += [answer.error] if answer.error else []
        if asked % max(settings.checks // 5, 1) == 0:
            say(f"asked {asked:,} times, {len(seconds):,} of {settings.checks:,} answered by the new model")
    p95 = sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1] if seconds else None
    problems = []
    if len(errors) > too_many:
        problems.append(f"{len(errors):,} of {len(seconds):,} failed, above {settings.max_errors:.1%} of the checks")
    elif len(seconds) < settings.checks:
        problems.append(f"only {len(seconds):,} of {asked:,} requests came to it, below {settings.checks:,} checks")
    if p95 is not None and p95 > settings.max_seconds:
        problems.append(f"95 in 100 took up to {p95:.3f} s, above {settings.max_seconds:g} s")
    return Health(asked, len(seconds), len(errors), p95, errors[0] if errors else "", tuple(problems))


def through(target: Target, samples: Sequence[dict[str, Any]], settings: Deploy, *, direct: bool, say: Say) -> Health:
    """Give a new model its share, judge it, and give it all; where it is not healthy or anything fails, none.

    Args:
        target: What it was deployed to.
        samples: What it is asked.
        settings: Share, number of checks and limits.
        direct: Whether all that is asked comes to the new model, whatever its share.
        say: Told what happens.

    Raises:
        GateError: It is not healthy; the others have all traffic.
        ClientageError: Something failed; the others have all traffic.
    """
    share = _first_share(target, settings)
    with ExitStack() as undo:
        undo.callback(target.back)
        target.give(share)
        say(f"{share}% of the traffic goes to the new model")
        health = judge(target, samples, settings, 100 if direct else share, say)
        if not health.healthy:
            raise GateError(_refused(health, target.after))
        target.trust()
        undo.pop_all()
    return health


def rehearse(target: Target, settings: Deploy) -> None:
    """Ask for what a healthy model would be given."""
    target.give(_first_share(target, settings))
    target.trust()


def _first_share(target: Target, settings: Deploy) -> int:
    """Percent of the traffic that a new model gets before it is judged: all where nobody else could take it."""
    return 100 if target.alone else settings.canary


def _refused(health: Health, after: str) -> str:
    first = f" The first that failed: {health.first_error.rstrip('.')}." if health.first_error else ""
    return (
        f"the new model is not healthy: {'; '.join(health.problems)} ({health}).{first} {after} "
        "Mend it, or raise deploy.max_errors or deploy.max_seconds."
    )


def timed(send: Callable[[], Any], by: Callable[[Any], str]) -> Answer:
    """An answer with the time it took; a connection that fails is an answer too.

    Args:
        send: Sends the request, and gives the response.
        by: Tells who answered.

    Raises:
        GoogleAuthError: The login fails, which says nothing of the model.
    """
    from requests import RequestException  # noqa: PLC0415

    began = time.perf_counter()
    try:
        response = send()
    except RequestException as error:
        return Answer(time.perf_counter() - began, type(error).__name__)
    return Answer(time.perf_counter() - began, _wrong(response), by(response))


def _wrong(response: Any) -> str:
    """What is wrong with an answer; empty for nothing."""
    if response.status_code != 200:
        return f"HTTP {response.status_code}"
    try:
        predictions = response.json()["predictions"]
    except (ValueError, KeyError, TypeError):
        return "an answer that is no prediction"
    if len(predictions) != 1:
        return f"{len(predictions):,} predictions for one instance"
    refused = predictions[0].get("error") if isinstance(predictions[0], dict) else "a prediction of another form"
    return str(refused)[:200] if refused else ""
