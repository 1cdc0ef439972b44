"""Whom notices go to: addresses of Apprise, which carry secrets and are told to nobody."""

import contextlib
import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from clientage.errors import SettingsError, joined
from clientage.monitoring.notices import Notice

TARGETS = "CLIENTAGE_ALERTS"


@dataclass(frozen=True)
class Target:
    """Where a notice goes.

    Attributes:
        address: For Apprise; secret, so that it is not even shown where this object is.
        scheme: How it is spoken to, such as mailto or slack.
        mark: Eight signs that this address is known by. They come from a slow digest: whoever has them, and all of
            the address but the password, tries passwords slowly.
    """

    address: str = field(repr=False)
    scheme: str
    mark: str

    @classmethod
    def of(cls, address: str) -> "Target":
        """The target of an address."""
        digest = hashlib.pbkdf2_hmac("sha256", address.encode(errors="surrogateescape"), b"clientage", 100_000, 4)
        return cls(address, address.partition(":")[0].lower(), digest.hex())

    @property
    def name(self) -> str:
        """What it is called where people read."""
        return f"{self.scheme} {self.mark}"


def of_environment() -> tuple[Target, ...]:
    """Those of the variable `CLIENTAGE_ALERTS`, with spaces or line ends between; one given twice counts once.

    Raises:
        SettingsError: Entries are none, and are not repeated; or there are some, and Apprise is not installed.
    """
    addresses = list(dict.fromkeys(os.environ.get(TARGETS, "").split()))
    problems = [
        f"{TARGETS}: entry {i} is no address that Apprise knows. Write it as docs/alerts.md says, a space as %20."
        for i, address in enumerate(addresses, 1)
        if not _known(address)
    ]
    if problems:
        raise SettingsError(joined(problems))
    return tuple(map(Target.of, addresses))


def send(target: Target, notice: Notice) -> bool:
    """Send a notice once.

    Returns:
        Whether the target took it. Why not is not told: the words for it have addresses in them.

    Raises:
        SettingsError: Apprise is not installed.
    """
    apprise = _apprise()
    kinds = {None: apprise.NotifyType.INFO, True: apprise.NotifyType.SUCCESS, False: apprise.NotifyType.WARNING}
    with _silence():
        receiver = apprise.Apprise(asset=_asset(apprise))
        return bool(
            receiver.add(target.address)
            and receiver.notify(
                body=notice.text,
                title=notice.title,
                notify_type=kinds[notice.good],
                body_format=apprise.NotifyFormat.TEXT,
            )
        )


def _known(address: str) -> bool:
    apprise = _apprise()
    with _silence():
        return apprise.Apprise.instantiate(address, asset=_asset(apprise)) is not None


def _apprise() -> Any:
    """The library.

    Raises:
        SettingsError: It is not installed.
    """
    try:
        import apprise  # noqa: PLC0415 - only where there is somebody to tell
    except ImportError as missing:
        raise SettingsError(
            f"{TARGETS}: Apprise is not installed. Install it: pip install 'clientage[alerts]'."
        ) from missing
    return apprise


def _asset(apprise: Any) -> Any:
    """How Apprise behaves: it keeps nothing on the disk."""
    return apprise.AppriseAsset(app_id="Clientage", app_desc="Clientage", storage_mode="memory")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing is logged meanwhile, by whatever library speaks to a target: paths and headers are secrets."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
