"""What Google Cloud refuses, as a sentence: what, where, and the role or command that mends it."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from clientage.errors import ClientageError, CloudError

LONGEST = 300  # letters of what Google says itself
QUOTA = (
    "quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded",
    "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED",
)  # fmt: skip
UNPAID = ("accountDisabled", "userProjectAccountProblem")  # and all that begin with billing

Raised = Callable[[str, str], ClientageError]


@dataclass(frozen=True)
class Service:
    """A service of Google Cloud, as it is spoken of.

    Attributes:
        name: As people call it.
        api: As it is switched on.
        project: The project that is used; empty where it is not known.
        permission: What is said where a permission is missing, with the role to grant.
        missing: What is said where something is not there, with the command that makes it.
        again: What happens after it did not answer; empty: nothing.
        quiet: Whether what Google says itself is kept back, as customers' data may be in it.
    """

    name: str
    api: str
    project: str
    permission: str
    missing: str
    again: str = ""
    quiet: bool = False


@contextlib.contextmanager
def explained(where: str, service: Service, raised: Raised = CloudError) -> Iterator[None]:
    """Turn what Google's libraries raise into a sentence.

    Args:
        where: What was used, the sentence's beginning.
        service: Whose it is.
        raised: The error to raise, of a sentence and its kind.

    Raises:
        ClientageError: Something was refused, or did not answer.
    """
    from google.api_core import exceptions as api  # noqa: PLC0415
    from google.auth import exceptions as auth  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    away = f"{service.name} does not answer. {(service.again or 'mend the network, or do it again later').capitalize()}"
    try:
        yield
    except auth.TransportError as error:
        raise raised(f"{where}: Google's login cannot be reached. Mend the network.", "away") from error
    except (auth.GoogleAuthError, api.Unauthorized) as error:
        mend = "Log in with `gcloud auth application-default login`, or run as a service account."
        raise raised(f"{where}: there are no credentials of Google Cloud. {mend}", "no credentials") from error
    except (api.Forbidden, api.TooManyRequests) as error:
        said, kind = _denied(error, service)
        raise raised(f"{where}: {said}", kind) from error
    except api.NotFound as error:
        raise raised(f"{where}: {service.missing}", "not found") from error
    except (api.RetryError, api.ServerError, RequestException, TimeoutError) as error:
        if _status(getattr(error, "cause", None)) == 429:  # of all attempts, the last
            raise raised(f"{where}: {_used_up(error, service)}", "quota") from error
        raise raised(f"{where}: {away}.{_words(error, service)}", "away") from error
    except api.GoogleAPICallError as error:
        kind = type(error).__name__
        said = _words(error, service) or " Look at its log."
        raise raised(f"{where}: {service.name} refuses ({kind}).{said}", kind) from error


def _denied(error: Any, service: Service) -> tuple[str, str]:
    """What is said of something forbidden, and its kind."""
    reason = _reason(error)
    if reason in QUOTA or error.code == 429:
        return _used_up(error, service), "quota"
    if reason in UNPAID or reason.lower().startswith("billing"):
        return f"the project has no billing account. Link one to {service.project or 'it'}.", "billing"
    if reason == "SERVICE_DISABLED":
        named = f" --project={service.project}" if service.project else ""
        mend = f"Switch it on: gcloud services enable {service.api}{named}"
        return f"{service.name} is not switched on in the project. {mend}", "switched off"
    found = re.search(r"'?([a-z]+\.[a-zA-Z]+\.[a-zA-Z]+)'? (denied|is required)", str(error))
    named = f" ({found[1]})" if found and not service.quiet else ""
    what, dot, mend = service.permission.partition(". ")
    return f"{what}{named}{dot}{mend}", "no permission"


def _used_up(error: Any, service: Service) -> str:
    again = f"; {service.again}" if service.again else " and do it again"
    return f"a quota of {service.name} is used up. Raise it, or wait{again}.{_words(error, service)}"


def _reason(error: Any) -> str:
    """Google's word for it: of the older services beside the message or in the answer, of newer ones in the details."""
    listed: Sequence[Any] = error.errors or _answered(error) or [{}]
    first = listed[0] if isinstance(listed[0], dict) else {}
    return str(first.get("reason") or error.reason or "")


def _answered(error: Any) -> Sequence[Any]:
    """What was wrong, as it stands in the answer: of uploads and downloads nothing else is told."""
    try:
        return list(error.response.json()["error"]["errors"])
    except (AttributeError, ValueError, LookupError, TypeError):
        return []


def _status(cause: Any) -> int:
    """The status of an answer; 0 where there was none."""
    return int(getattr(cause, "code", None) or getattr(getattr(cause, "response", None), "status_code", None) or 0)


def _words(error: Any, service: Service) -> str:
    """What Google says itself, unless customers' data may be in it."""
    said = " ".join(str(getattr(error, "message", "")).split())
    said = re.sub(r"^\d{3} [A-Z]+ https?://\S+: ", "", re.sub(r"^[A-Z]+ https?://\S+: ", "", said))
    return f" It says: {said[:LONGEST]}" if said and not service.quiet else ""
