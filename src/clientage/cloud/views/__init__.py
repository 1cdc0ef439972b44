"""Views of a dataset to watch the service and its segments by, one file of SQL each.

A file begins with what the view is for, a comment that becomes its description. `{dataset}` stands for the dataset.
What a view reads is what stands after `{dataset}.`: tables as `clientage.tables` has them, and other views.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from clientage.cloud.bigquery import ATTEMPT, Dataset, retry

MARK = "clientage"  # the label of views: which statement made them
NONE: Mapping[str, str] = {}
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
            make(dataset, view)
            there.add(view.name)
    return [view.name for view in views() if view.name in there]


def make(dataset: Dataset, wanted: View, labels: Mapping[str, str] = NONE) -> None:
    """Make a view, or bring it up to date, where it is not what is wanted.

    Args:
        dataset: Where it is.
        wanted: The view.
        labels: That it is to have too.

    Raises:
        ClientageError: It cannot be made, or something else has its name.
    """
    from google.api_core.exceptions import NotFound  # noqa: PLC0415
    from google.cloud import bigquery  # noqa: PLC0415

    text, meaning = wanted.statement.replace("{dataset}", dataset.name), wanted.meaning
    mark = {MARK: hashlib.sha256((meaning + text).encode()).hexdigest()[:32], **labels}
    view = bigquery.Table(f"{dataset.name}.{wanted.name}")
    with dataset.explained():
        try:
            there = dataset.client.get_table(view, retry=retry(), timeout=ATTEMPT)
        except NotFound:
            view.view_query, view.description, view.labels = text, meaning, mark
            dataset.client.create_table(view, exists_ok=True, retry=retry(), timeout=ATTEMPT)
            return
        if there.table_type != "VIEW":
            raise dataset.raised(
                f"{dataset.name}: {wanted.name} there is no view. Rename it, or give another dataset.", TAKEN
            )
        if all(there.labels.get(key) == value for key, value in mark.items()):
            return
        there.view_query, there.description, there.labels = text, meaning, there.labels | mark
        dataset.client.update_table(there, ["view_query", "description", "labels"], retry=retry(), timeout=ATTEMPT)


def _files() -> Iterator[Traversable]:
    return (
        file for file in sorted(files(__name__).iterdir(), key=lambda file: file.name) if file.name.endswith(".sql")
    )


def _view(name: str, text: str) -> View:
    heading = re.match(r"(?:--.*\n)+", text)
    meaning = " ".join(line.removeprefix("--").strip() for line in heading[0].splitlines()) if heading else ""
    return View(name, meaning, text[heading.end() :] if heading else text)
