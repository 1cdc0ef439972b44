"""What tells whether something is the same as what is there already: models, jobs, revisions."""

import hashlib
import json
from typing import Any

KEPT = 40  # letters of a digest: labels have 63 at most


def digest(what: Any) -> str:
    """Of something that can be written as JSON, short enough for a label."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:KEPT]
