"""The tables of a workspace as pages read them: never half of one run and half of the next."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import ibis.expr.types as ir

from clientage.errors import ClientageError, WorkspaceError
from clientage.manifest import Manifest
from clientage.report import queries
from clientage.tables import SPECS
from clientage.warehouse import COMPLETE, LIVING, STAGING, Warehouse, connect, explained

Row = dict[str, Any]
Signature = tuple[tuple[str, int, int, int], ...]
Asked = ParamSpec("Asked")
Found = TypeVar("Found")

MOST_ANSWERS = 300
TRIES, PAUSE = 20, 0.1  # renaming tables takes the blink of an eye
_NOTHING: Any = object()  # an answer may be None
NEEDED = ("customers", "segments", "profiles", "traits", "lines")


class Tables(Mapping[str, ir.Table]):
    """Those tables of a workspace that are there, each read when it is asked for."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._read: dict[str, ir.Table] = {}

    def __getitem__(self, name: str) -> ir.Table:
        if name not in SPECS:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = self._warehouse.read(name)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in SPECS and self._warehouse.exists(str(name))

    def __iter__(self) -> Iterator[str]:
        return (name for name in SPECS if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class Shop:
    """A workspace as it was at one time.

    Attributes:
        warehouse: Where its tables are.
        tables: The tables.
        answers: What was asked of them before, the latest last.
    """

    warehouse: Warehouse
    tables: Tables
    answers: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)

    @cached_property
    def manifest(self) -> Manifest:
        """What was said of the run that made them; empty where that is not there."""
        there = self.warehouse.path("run.json").exists()
        return Manifest.loads(self.warehouse.read_text("run.json")) if there else Manifest()

    @cached_property
    def currency(self) -> str:
        """Put before money."""
        return str(self.manifest.source.get("currency") or "")

    def rows(self, table: ir.Table) -> list[Row]:
        """A small result."""
        return list(queries.collect(table).to_pylist())


class Source:
    """Answers questions about a workspace; threads take turns.

    Args:
        workspace: The folder.
        memory: Memory limit of the engine.
        threads: Threads of the engine; 0 for all cores.
        url: Where tables live, if not in the folder.
        most_bytes: That one question may be billed for there.
    """

    def __init__(
        self, workspace: Path, memory: str = "", threads: int = 0, *, url: str = "", most_bytes: int = 10**11
    ) -> None:
        self.workspace = workspace
        self._limits = {"memory": memory, "threads": threads, "url": url, "most_bytes": most_bytes}
        self._turn = threading.Lock()
        self._seen: tuple[Signature, Shop] | None = None

    def ask(
        self, question: Callable[Concatenate[Shop, Asked], Found], *values: Asked.args, **named: Asked.kwargs
    ) -> Found:
        """The answer to a question; from memory, where the tables are the ones it was asked of before.

        Args:
            question: A function of the shop.
            values: Its further arguments, which can be hashed.
            named: Those by name.

        Raises:
            WorkspaceError: There are no tables yet, they are being rewritten all the time, or cannot be read.
        """
        key = (question, values, tuple(sorted(named.items())))
        if (kept := self._kept(key)) is not _NOTHING:  # whoever asks for what is known waits for nobody
            return kept  # type: ignore[no-any-return]
        with self._turn:
            return self._steady(lambda shop: _remembered(shop, key, lambda: question(shop, *values, **named)))

    def knows(self, question: Callable[..., Any], *values: Hashable) -> bool:
        """Whether a question was answered before, by the tables that are there now."""
        return self._kept((question, values, ())) is not _NOTHING

    def _kept(self, key: Hashable) -> Any:
        seen = self._seen
        if seen is None or self._under_way() or seen[0] != self.signature():
            return _NOTHING
        return seen[1].answers.get(key, _NOTHING)

    def alone(self, question: Callable[[Shop], Found]) -> Found:
        """An answer that takes long to fetch, by an engine of its own: nobody waits for it.

        Args:
            question: A function of the shop; asked again where the tables were rewritten meanwhile.

        Raises:
            WorkspaceError: There are no tables yet, they are being rewritten all the time, or cannot be read.
        """
        return self._steady(question, lambda _: self._opened())

    def signature(self) -> Signature:
        """What tells one state of the files from another."""
        told = [self.workspace / name for name in ("run.json", LIVING)]
        paths = [*(self.workspace / "tables").glob("*.parquet"), *told]
        found = []
        for path in sorted(paths):
            try:
                seen = path.stat()
            except OSError:
                continue
            found.append((path.name, seen.st_mtime_ns, seen.st_size, seen.st_ino))
        return tuple(found)

    def _steady(self, answer: Callable[[Shop], Found], shop: Callable[[Signature], Shop] | None = None) -> Found:
        """An answer from tables that were the same before and after."""
        for _ in range(TRIES):
            before, failed = self.signature(), None
            if not self._under_way():
                try:
                    with explained(self.workspace):
                        found = answer((shop or self._shop)(before))
                except ClientageError as error:
                    failed = error
                if self.signature() == before and not self._under_way():
                    if failed:
                        raise failed
                    return found
            time.sleep(PAUSE)
        raise WorkspaceError(f"{self.workspace}: the tables are being rewritten. Look again in a moment.")

    def _under_way(self) -> bool:
        return (self.workspace / STAGING / COMPLETE).exists()

    def _shop(self, signature: Signature) -> Shop:
        if self._seen is None or self._seen[0] != signature:
            self._seen = (signature, self._opened())  # with an engine of its own, which remembers nothing of the former
        return self._seen[1]

    def _opened(self) -> Shop:
        if not self.workspace.is_dir():
            raise WorkspaceError(f"{self.workspace}: nothing there yet. Make it with `clientage run FILE`.")
        warehouse = connect(self.workspace, **self._limits)  # type: ignore[arg-type]
        warehouse.local.raw_sql("SET enable_external_file_cache = false")
        return Shop(warehouse, Tables(warehouse))


def _remembered(shop: Shop, key: Hashable, answer: Callable[[], Found]) -> Found:
    if key not in shop.answers:
        with explained(shop.warehouse.workspace):
            shop.answers[key] = answer()
        if len(shop.answers) > MOST_ANSWERS:
            shop.answers.popitem(last=False)
    shop.answers.move_to_end(key)
    found: Found = shop.answers[key]
    return found


def has(shop: Shop, *names: str) -> bool:
    """Whether tables are there."""
    return all(name in shop.tables for name in names)


def rows(shop: Shop, name: str) -> list[Row]:
    """A small table."""
    return shop.rows(shop.tables[name])
