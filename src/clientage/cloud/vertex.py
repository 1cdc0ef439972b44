"""Vertex AI: how it is reached, and how it is spoken of."""

import contextlib
from collections.abc import Iterator
from typing import Any

from clientage.cloud import refusals
from clientage.cloud.clients import LABEL, Google, library
from clientage.cloud.refusals import Service

API = "aiplatform.googleapis.com"
DIGEST = f"{LABEL}-digest"


def host(google: Google) -> str:
    """Of the region."""
    return f"{google.region}-{API}"


def v1() -> Any:
    """Google's library.

    Raises:
        CloudError: It is not installed.
    """
    return library("google.cloud.aiplatform_v1")


@contextlib.contextmanager
def explained(google: Google, what: str, missing: str = "") -> Iterator[None]:
    """Refusals of Vertex AI as a sentence.

    Args:
        google: Where.
        what: What is used there.
        missing: What is said where it is not there, with the mend.

    Raises:
        CloudError: Something was refused.
    """
    service = Service(
        "Vertex AI",
        API,
        google.project,
        permission="this account may not do it. Grant it roles/aiplatform.user on the project, and "
        "roles/iam.serviceAccountUser on google.service_account.",
        missing=missing or "there is no such thing in this project and region. Check google.project and google.region.",
    )
    with refusals.explained(f"{google.place}: {what}", service):
        yield


def label(text: str) -> str:
    """A text as the value of a label: what is not allowed there becomes a line."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text.lower())[:63]
