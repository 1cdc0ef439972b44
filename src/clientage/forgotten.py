"""Who was forgotten: a salted digest of each id, so that they stay away, and nowhere who they were."""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir

from clientage.errors import WorkspaceError

FOLDER = "forgotten"
SALT = f"{FOLDER}/salt"


@dataclass(frozen=True)
class Forgotten:
    """Customers that must not come back.

    Attributes:
        salt: Random text that is put before each id, one for the workspace.
        digests: SHA-256 of salt and id, in hexadecimal.
    """

    salt: str
    digests: tuple[str, ...] = ()

    def digest(self, customer_id: str) -> str:
        """What is kept of an id."""
        return hashlib.sha256((self.salt + customer_id).encode()).hexdigest()

    def among(self, customers: ir.StringColumn) -> ir.BooleanColumn:
        """Whether a customer was forgotten; a line of nobody was not."""
        return (ibis.literal(self.salt) + customers).hexdigest("sha256").isin(self.digests).fill_null(False)


def forgotten(workspace: Path, customers: Iterable[str]) -> set[str]:
    """Those of some customers who were forgotten in a workspace, as it is now.

    Raises:
        WorkspaceError: The receipts cannot be read.
    """
    known = remembered(workspace)
    digests = set(known.digests)
    return {customer for customer in customers if digests and known.digest(customer) in digests}


def remembered(workspace: Path) -> Forgotten:
    """Who was forgotten in a workspace, by its receipts; with a new salt where nobody was.

    Raises:
        WorkspaceError: The receipts cannot be read; those who were forgotten would come back.
    """
    receipts = sorted((workspace / FOLDER).glob("*.json"))
    if not receipts:
        return Forgotten(secrets.token_hex(16))
    try:
        digests = [json.loads(path.read_text(encoding="utf-8"))["customer"] for path in receipts]
        return Forgotten((workspace / SALT).read_text(encoding="utf-8"), tuple(digests))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{workspace / FOLDER}: who was forgotten cannot be read ({error}). Restore the folder from a backup."
        ) from error
