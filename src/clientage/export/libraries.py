"""Libraries that only some exports need, loaded when they do."""

import importlib
from typing import Any

from clientage.errors import ClientageError


def load(name: str, extra: str) -> Any:
    """A library by name.

    Args:
        name: Module to import.
        extra: The extra of this package that installs it.

    Raises:
        ClientageError: It is not installed, or cannot be loaded.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ClientageError(
            f"{name.partition('.')[0]} is not installed or cannot be loaded ({error}). "
            f"Install it: pip install 'clientage[{extra}]'."
        ) from error
