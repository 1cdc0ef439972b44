"""What follows the documents of a workspace in a dataset: which tables stay, which end, and what views show.

A workspace, the one around it and those within share tables, which `tables.json` of each names. Those that have their
id in the name and that none of them names any more end. A workspace is known by its place: a copy elsewhere gets an id
of its own, so that what it lets go of is never the other's.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clientage.cloud import stored
from clientage.cloud.bigquery import Dataset
from clientage.cloud.engine import LASTING
from clientage.cloud.stored import Found
from clientage.tables import PREDICTIONS, SPECS
from clientage.warehouse.workspace import LIVING

SHOWN = frozenset(name for name, spec in SPECS.items() if spec is not PREDICTIONS)  # which come by another way
NEVER = datetime.fromtimestamp(0, UTC).isoformat()
AT_ONCE = timedelta()


@dataclass(frozen=True)
class Place:
    """By what a workspace is known, with those within it: moved or mounted it keeps one, restored the other.

    A copy elsewhere has neither.

    Attributes:
        home: Its path, or the address where it is published.
        folder: The number of its folder on the disk (inode); 0 where it is published.
    """

    home: str
    folder: int = 0

    @classmethod
    def of(cls, workspace: Path, published: str = "") -> "Place":
        """That of a workspace, or of the one around it.

        Args:
            workspace: The folder.
            published: Where it is published; empty where it is a folder of its own.
        """
        around = outer(workspace)
        return cls(published) if published else cls(str(around.absolute()), around.stat().st_ino)

    def has(self, document: "Living") -> bool:
        """Whether a document was written there."""
        return document.home == self.home or (self.folder > 0 and document.folder == self.folder)


@dataclass(frozen=True)
class Living:
    """What a `tables.json` says; one of an earlier version says less.

    Attributes:
        dataset: Where tables live, as bigquery://project/dataset.
        tables: What they are called there, by name.
        home: Where the workspace was (see `Place`).
        folder: The same.
        id: What tells its tables from all others.
        cleared: When somebody was forgotten last: all tables made before that went at once,
        kept: but for these, which had them no more and end like all others.
    """

    dataset: str = ""
    tables: Mapping[str, str] = field(default_factory=dict)
    home: str = ""
    folder: int = 0
    id: str = ""
    cleared: str = NEVER
    kept: Sequence[str] = ()

    def dumps(self) -> str:
        """As text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def loads(cls, text: str) -> "Living":
        """From such a text."""
        told = json.loads(text)
        return cls(**{each.name: told[each.name] for each in fields(cls) if each.name in told})


def outer(workspace: Path) -> Path:
    """The workspace around one; where there is none, that one."""
    return next((each for each in workspace.parents[:2] if (each / LIVING).exists()), workspace)


def documents(workspace: Path) -> list[Living]:
    """What a workspace, the one around it, and those within say."""
    around = outer(workspace)
    paths = [around / LIVING, *(path for depth in ("*", "*/*") for path in around.glob(f"{depth}/{LIVING}"))]
    return [Living.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def ids(known: Iterable[Living], here: Place) -> list[str]:
    """What tells tables of a place from all others, as documents say that were written there: the outer one's first."""
    return list(dict.fromkeys(each.id for each in known if each.id and here.has(each)))


def cleared_last(known: Iterable[Living]) -> Living:
    """The document that says when somebody was forgotten last, which later ones repeat: not all may have gone yet."""
    return max(known, key=lambda each: each.cleared, default=Living())


def others(there: Iterable[str], own: Collection[str]) -> list[str]:
    """What tells tables of other workspaces, of those that are in a dataset."""
    called = re.compile(rf"(?:{'|'.join(SHOWN)})_([0-9a-f]{{8}})_\d{{8}}_\d{{6}}_\w+")
    return sorted({found[1] for name in there if (found := called.fullmatch(name)) and found[1] not in own})


def follow(dataset: Dataset, workspace: Path, here: Place, ended: Collection[str], *, views: bool) -> None:
    """Let go of tables that no document names any more, and let views show those that they do.

    Args:
        dataset: Where they are.
        workspace: Whose documents were written.
        here: Its place.
        ended: Tables that it has just let go of: nobody begins to read them any more.
        views: Whether views named like the tables show them.

    Raises:
        CloudError: BigQuery refuses.
    """
    if not (known := documents(workspace)):
        return
    there = stored.tables(dataset)
    for name, stays in ends(there, known, here, ended, datetime.now(UTC)).items():
        if stays == AT_ONCE:
            stored.remove(dataset, name)
        else:
            stored.lasting(dataset, name, stays)
    if views and outer(workspace) == workspace and (workspace / LIVING).exists():
        _show(dataset, known[0], {name for name, found in there.items() if found.is_view}, _ours(known, here))


def ends(
    there: Mapping[str, Found], known: Sequence[Living], here: Place, ended: Collection[str], now: datetime
) -> dict[str, timedelta | None]:
    """How long tables may stay from now on: not at all, a day, or for good (None); all others stay as they are.

    Args:
        there: What is in the dataset.
        known: What documents say that share tables.
        here: The place of their workspaces.
        ended: Tables that one of them has just let go of.
        now: The time.
    """
    named = {table for each in known for table in each.tables.values()}
    last, ours = cleared_last(known), _ours(known, here)
    cleared, found = datetime.fromisoformat(last.cleared), dict[str, timedelta | None]()
    for name, table in there.items():
        if name in named:
            if table.expires:
                found[name] = None
        elif not ours.fullmatch(name):
            continue
        elif table.created < cleared and name not in last.kept:
            found[name] = AT_ONCE
        elif not table.expires and (name in ended or table.created < now - LASTING):
            found[name] = LASTING
    return found


def _ours(known: Iterable[Living], here: Place) -> re.Pattern[str]:
    """What tables of a place are called."""
    own = "|".join(ids(known, here))
    return re.compile(rf"\w+_({own})_\d{{8}}_\d{{6}}_\w+" if own else "(?!)")


def _show(dataset: Dataset, document: Living, views: set[str], ours: re.Pattern[str]) -> None:
    """Let views named like the tables show them, and no others."""
    for name, table in sorted(document.tables.items()):
        stored.show(dataset, name, table)
    for name in sorted(views & (SHOWN - document.tables.keys())):
        if ours.fullmatch(stored.shown(dataset, name)):
            stored.remove(dataset, name)
