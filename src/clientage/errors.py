"""What can go wrong, in one sentence each: what happened, where, and what to do about it."""

from collections.abc import Iterable, Sequence


class ClientageError(Exception):
    """Something the user can mend.

    The message is one sentence: what is wrong, where, and the mend. The command prints it without a traceback and
    leaves with `exit_code`.
    """

    exit_code = 1


class InputError(ClientageError):
    """The order lines cannot be used as they are: missing file, missing column, unreadable values."""


class SettingsError(ClientageError):
    """The settings or the command line do not fit."""

    exit_code = 2


class TableError(ClientageError):
    """A named table does not keep its promise (see `clientage.tables`)."""


class WorkspaceError(ClientageError):
    """The workspace cannot be used: locked by another run, disk full, table not there yet."""


class TrackingError(ClientageError):
    """The store of experiments and models cannot be reached, or has not what was asked for."""


class SinkError(ClientageError):
    """Predictions cannot be kept where they are to be shipped.

    Attributes:
        kind: Of the failure, in a word or two without anybody's data.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class CloudError(ClientageError):
    """Google Cloud refuses, does not answer, or has not what was asked for.

    Attributes:
        kind: Of the failure, in a word or two.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class SparkError(ClientageError):
    """Spark is not there, refuses, or came to an end."""


class GateError(ClientageError):
    """A model did not pass the gate, or another one was promoted meanwhile."""

    exit_code = 3


class DriftError(ClientageError):
    """The shop is no longer the one that the model was made from."""

    exit_code = 3


class RequestError(ClientageError):
    """A request to the service that cannot be answered.

    Attributes:
        status: The HTTP status that says whose fault it is.
        after: Seconds after which to ask again, where that may help.
    """

    def __init__(self, sentence: str, status: int = 400, after: int = 5) -> None:
        super().__init__(sentence)
        self.status, self.after = status, after


class ServiceError(ClientageError):
    """A service that was asked does not answer, or not as it should."""


def listed(names: Sequence[str]) -> str:
    """Names to be told in a sentence: the first, and how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def either(mends: Sequence[str]) -> str:
    """Ways to mend something as a sentence without its full stop: `Mend them, leave them out, or allow more`."""
    *others, last = mends
    told = ", ".join([*others, f"or {last}"]) if len(others) > 1 else " or ".join(mends)
    return told[0].upper() + told[1:]


def joined(problems: Iterable[str]) -> str:
    """All problems of one input in one message, so that a user mends them in one go."""
    return "\n".join(problems)
