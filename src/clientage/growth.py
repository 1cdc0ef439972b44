"""What the tables of a workspace were made of, so that a day that is added costs the day: `growth.json`.

Order lines come as files, one more each day. Where files were added to those that were read before, and all else is as
it was, the stages `read`, `clean` and `features` take in what is new. Whatever else changed (a file, a setting, a
version of a library, who is forgotten), all of it is made anew: the tables have the same rows either way.

Nothing hangs on this document but time: without it, or where it does not fit the tables, they are made anew.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime

from pydantic import TypeAdapter, ValidationError

from clientage.errors import WorkspaceError
from clientage.manifest import Facts, dumps, fingerprint
from clientage.transactions.received import Reading
from clientage.warehouse import Warehouse

DOCUMENT = "growth.json"
GROWING = ("read", "clean", "features")  # stages that can take in what was added
MOST_TIMES = 30  # then all is made anew, in one piece: a month of days


@dataclass(frozen=True)
class Made:
    """What a stage made last.

    Attributes:
        facts: Fingerprint of its facts: of what they say since, such as that somebody was forgotten, this is not it.
        steady: Fingerprint of its settings but for the days they give, and of the versions.
    """

    facts: str
    steady: str

    @classmethod
    def of(cls, facts: Facts, steady: str) -> "Made":
        """What a stage made by its facts."""
        return cls(fingerprint(facts), steady)


@dataclass
class Growth:
    """What the tables of a workspace were made of.

    Attributes:
        stages: By stage, what it made last.
        since: Fingerprint of the data before lines were added last; empty where they were read as one.
        times: How often lines were added since they were read as one.
        reading: How they were read.
        last: Time of the last line.
        cut: Lines that were left out because they are from after `source.until`.
        kept_out: Lines of forgotten customers that were left out.
        forgotten: Fingerprint of who was forgotten.
        codes: Stock codes, and those of them that are numbers.
        counted: Whether products were counted of all lines, none being from after `as_of`.
    """

    stages: dict[str, Made] = field(default_factory=dict)
    since: str = ""
    times: int = 0
    reading: Reading | None = None
    last: datetime | None = None
    cut: int = 0
    kept_out: int = 0
    forgotten: str = ""
    codes: tuple[int, int] = (0, 0)
    counted: bool = False

    @classmethod
    def read(cls, warehouse: Warehouse) -> "Growth":
        """That of a workspace; one that knows of nothing where it has none that can be used."""
        if warehouse.grows and warehouse.path(DOCUMENT).exists():
            with contextlib.suppress(WorkspaceError, ValidationError):
                return TypeAdapter(cls).validate_json(warehouse.read_text(DOCUMENT))
        return cls()

    def write(self, warehouse: Warehouse) -> None:
        """Write it within a transaction."""
        if warehouse.grows and self.stages:
            warehouse.write_text(DOCUMENT, dumps(asdict(self)))
        else:
            warehouse.remove(DOCUMENT)

    def stands(self, stage: str, facts: Facts, steady: str) -> bool:
        """Whether a stage would make the same of the same lines as it did when its facts said this."""
        return self.stages.get(stage) == Made.of(facts, steady)

    def knows(self, read: Facts) -> bool:
        """Whether the order lines that are there, by what `read` said of them, are those that this document is of."""
        made = self.stages.get("read")
        return made is not None and made.facts == fingerprint(read)

    def note(
        self, reading: Reading, *, since: str, last: datetime | None, cut: int, kept_out: int, forgotten: str
    ) -> None:
        """Order lines were read: all of them, or those that were added to the ones of some data."""
        self.reading, self.since, self.times = reading, since, self.times + 1 if since else 0
        self.last, self.cut, self.kept_out, self.forgotten = last, cut, kept_out, forgotten

    def hindrance(self, forgotten: Iterable[str], until: date | None) -> str:
        """Why files that are added cannot be read alone, so far as that does not hang on the files; empty if they can.

        Args:
            forgotten: Digests of who is forgotten.
            until: The day from which on lines are left out.
        """
        if self.cut or (until and self.last and self.last.date() >= until):
            return "lines are cut by source.until"
        if self.forgotten != digest(forgotten):
            return "somebody was forgotten"
        return "" if self.times < MOST_TIMES else f"files were added {MOST_TIMES} times"


def digest(forgotten: Iterable[str]) -> str:
    """Fingerprint of who was forgotten."""
    return fingerprint({"digests": sorted(forgotten)})
