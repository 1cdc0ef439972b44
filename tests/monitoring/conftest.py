"""Receivers on this machine."""

import pytest
from receivers import Hook, Mailbox


@pytest.fixture
def hook():
    with Hook() as receiver:
        yield receiver


@pytest.fixture
def mailbox():
    with Mailbox() as receiver:
        yield receiver
