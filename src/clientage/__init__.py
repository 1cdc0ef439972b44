"""Order lines in, customer segments out.

    source ─► transactions ─► lines (+ rejected) ─► customers ─► segments ─► profiles, traits ─► report
                                                        └─► quality, evaluation ─────────────────┘

Named tables flow one way (see `clientage.tables`); a stage is a function from tables to tables; only
`clientage.pipeline` reads and writes. From Python:

    import clientage

    run = clientage.run("orders.csv", workspace="shop", overrides=["segments.k=5"])
    segments = clientage.read("segments", workspace="shop")  # a pyarrow table
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from clientage.manifest import Manifest

__all__ = ["read", "run"]


def run(
    location: str,
    *,
    workspace: str | Path | None = None,
    config: str | Path | None = None,
    overrides: Iterable[str] = (),
    evaluate: bool = False,
) -> Manifest:
    """Order lines in; tables, segments and a report out, as `clientage run` does.

    Args:
        location: A file, folder, pattern, address, `uci` (public data) or `sample` (made up).
        workspace: Folder of tables, model and report, or gs://bucket/folder; that of the settings when not given.
        config: Settings file; `clientage.toml` here, where it exists, when not given.
        overrides: Settings as `section.key=value`.
        evaluate: Whether to judge the recipes on the past too.

    Returns:
        Rows, counts, choices, cost and fingerprints of the run.

    Raises:
        ClientageError: What the user can mend; the previous tables are as they were.
    """
    from clientage import pipeline, settings, shared  # noqa: PLC0415 - the command's help must not wait for engines

    place = [f"workspace={workspace}"] if workspace else []
    wanted = settings.load(Path(config) if config else None, [*overrides, *place])
    with shared.local(wanted, publishes=True) as here:
        return pipeline.run(here, str(location), with_evaluation=evaluate)


def read(name: str, *, workspace: str | Path | None = None) -> pa.Table:
    """A table of a workspace, such as `segments`.

    Raises:
        ClientageError: It has not been written yet, or is not what `clientage.tables` promises.
    """
    from clientage import settings, shared  # noqa: PLC0415 - as above
    from clientage.context import opened  # noqa: PLC0415

    wanted = settings.load(overrides=[f"workspace={workspace}"] if workspace else [])
    with shared.local(wanted, publishes=False) as here:
        warehouse = opened(here)
        return warehouse.collect(warehouse.read(name))
