"""Traffic that versions of a model share, wherever they run: who has it, and how it is shared anew."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from clientage.errors import SettingsError


class Version(Protocol):
    """What has a share."""

    @property
    def percent(self) -> int:
        """Its share of the traffic."""

    @property
    def made(self) -> float:
        """When it was made, in seconds since 1970."""


AVersion = TypeVar("AVersion", bound=Version)


def serving(versions: Sequence[AVersion]) -> AVersion | None:
    """The first that has traffic; the newest where they stand so."""
    return next((each for each in versions if each.percent), None)


def before(versions: Sequence[AVersion]) -> AVersion | None:
    """The first that was made before that one."""
    now = serving(versions)
    return next((each for each in versions if now and each.made < now.made), None)


def others(split: Mapping[str, int]) -> dict[str, int]:
    """Who is to have the traffic when a new version has none, together 100; where nobody has any, the first."""
    return scaled({name: share for name, share in split.items() if share} or dict.fromkeys([*split][:1], 100), 100)


def whole(split: Mapping[str, int]) -> None:
    """See that shares are 100 together.

    Raises:
        SettingsError: They are not.
    """
    if sum(split.values()) != 100 or any(percent < 0 for percent in split.values()):
        raise SettingsError(f"--split: {sum(split.values())} percent together. Give shares that are 100 together.")


def shared(split: Mapping[str, int], new: str, percent: int) -> dict[str, int]:
    """A split in which a model gets a share and all others keep theirs of what is left; together 100.

    Args:
        split: As it is.
        new: The model.
        percent: Its share; all where nobody else has any.
    """
    others = {name: share for name, share in split.items() if name != new}
    if not any(others.values()) or percent == 100:
        return {new: 100}
    return {new: percent, **scaled(others, 100 - percent)}


def scaled(split: Mapping[str, int], total: int) -> dict[str, int]:
    """Shares that are so much together, in whole percent; what rounding leaves goes to the largest."""
    known = {name: share for name, share in split.items() if share}
    if not known:
        return {}
    whole = sum(known.values())
    found = {name: share * total // whole for name, share in known.items()}
    found[max(known, key=lambda name: known[name])] += total - sum(found.values())
    return {name: share for name, share in found.items() if share}
