"""Addresses in the settings, and which are none: none has a secret in it, as settings end up in logs."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_SECRET = re.compile(r"(?i)\b(password|passwd|pwd|token|secret|key)=")


def _without_secret(address: str) -> str:
    if address and "://" not in address and address != "databricks":
        raise ValueError("write the address with how it is spoken to, such as http://… or sqlite:///…")
    parts = urlsplit(address)
    secret = _SECRET.search(parts.query)
    if parts.password is not None or secret or (parts.username and parts.scheme.startswith("http")):
        raise ValueError(
            "an address with a secret in it ends up in logs: leave it out and give it to MLflow in "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or to the database in its own variables"
        )
    try:
        _ = urlsplit(address.partition(",")[0]).port  # of the first, where several stand in for one another
    except ValueError as error:
        raise ValueError("the port of the address is no number from 0 to 65535") from error
    return address


def _no_secret_in_address(place: str) -> str:
    return _without_secret(place) if "://" in place else place


def _page(address: str) -> str:
    if address and (not re.fullmatch(r"https?://[^\s@/][^\s@]*", address) or _SECRET.search(address)):
        raise ValueError("write the address of a page, such as https://…, without a user, password or token in it")
    return address


Address = Annotated[str, AfterValidator(_without_secret)]
Place = Annotated[str, AfterValidator(_no_secret_in_address)]  # a folder, or an address
Page = Annotated[str, AfterValidator(_page)]


def is_path(source: str) -> bool:
    """Whether order lines are files of this machine; else they are made, or fetched from an address."""
    return source not in {"sample", "uci"} and "://" not in source
