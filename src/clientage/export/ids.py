"""Ids on a list: under the name that mail tools look for, or as keyed digests that tell nobody who they are."""

import hashlib
import hmac
import os
from collections.abc import Iterator

import pyarrow as pa

from clientage.errors import SettingsError

VARIABLE = "CLIENTAGE_ID_KEY"
SHORTEST = 16  # characters


def key() -> bytes:
    """The key of digests, from the environment alone.

    Raises:
        SettingsError: There is none, or it is so short that it could be found by trying.
    """
    found = os.environ.get(VARIABLE, "")
    if len(found) < SHORTEST:
        raise SettingsError(
            f"--hash-ids: the environment variable {VARIABLE} is {'too short' if found else 'not set'}. "
            f"Set it to a secret of {SHORTEST} characters or more."
        )
    return found.encode()


def renamed(batches: pa.RecordBatchReader, name: str, secret: bytes | None = None) -> pa.RecordBatchReader:
    """The same list with its first column, the ids, under another name.

    Args:
        batches: The list.
        name: The new name.
        secret: Where given, each id becomes its HMAC-SHA256 under this key (RFC 2104), in hexadecimal.
    """
    schema = batches.schema.set(0, pa.field(name, pa.string()))

    def each() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            ids, *others = batch.columns
            yield pa.record_batch([_digests(ids, secret) if secret else ids, *others], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, each())


def _digests(ids: pa.Array, secret: bytes) -> pa.Array:
    return pa.array([hmac.new(secret, text.encode(), hashlib.sha256).hexdigest() for text in ids.to_pylist()])
