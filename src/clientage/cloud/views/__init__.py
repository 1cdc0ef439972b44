"""Views of a dataset to watch the service and its segments by, one file of SQL each.

A file begins with what the view is for, a comment that becomes its description. `{dataset}` stands for the dataset.
What a view reads is what stands after `{dataset}.`: tables as `clientage.tables` has them, and other views.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from clientage.cloud.bigquery import Dataset

TAKEN = "another shape"  # kind of the error where something else has the name of a view

_READ = re.compile(r"`\{dataset\}\.(\w+)`")


@dataclass(frozen=True)
class View:
    """A view.

    Attributes:
        name: As it is called in the dataset.
        meaning: What it is for.
        statement: Its SQL, with `{dataset}` for the dataset.
    """

    name: str
    meaning: str
    statement: str

    @property
    def reads(self) -> frozenset[str]:
        """Tables and views that it reads."""
        return frozenset(_READ.findall(self.statement))


@cache
def views() -> tuple[View, ...]:
    """All of them, each after those that it reads."""
    found = [_view(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in _files()]
    names, placed = {view.name for view in found}, list[View]()
    while left := [view for view in found if view not in placed]:
        done = {view.name for view in placed}
        placed += [view for view in left if view.reads & names <= done]
    return tuple(placed)


def renew(dataset: Dataset, tables: Collection[str]) -> list[str]:
    """Make the views for which all is there, or bring them up to date.

    Args:
        dataset: Where they are.
        tables: What is there to be read.

    Returns:
        Their names.

    Raises:
        SinkError: One cannot be made, or something else has its name.
    """
    there = set(tables)
    for view in views():
        if view.reads <= there:
            dataset.view(view.name, view.statement, view.meaning)
            there.add(view.name)
    return [view.name for view in views() if view.name in there]


def _files() -> Iterator[Traversable]:
    return (
        file for file in sorted(files(__name__).iterdir(), key=lambda file: file.name) if file.name.endswith(".sql")
    )


def _view(name: str, text: str) -> View:
    heading = re.match(r"(?:--.*\n)+", text)
    meaning = " ".join(line.removeprefix("--").strip() for line in heading[0].splitlines()) if heading else ""
    return View(name, meaning, text[heading.end() :] if heading else text)
