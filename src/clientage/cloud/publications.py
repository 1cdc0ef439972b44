"""Publications: sets of files in a bucket that appear whole or not at all.

Files lie under names by their content, `objects/SHA256`, and the one small object `current.json` says which of them are
the files of now. It is replaced last, and only where it is still the one that the publisher began from, so that of two
at once one wins. A reader reads it once and then only what it names.

Only who replaced `current.json` removes anything: what neither it nor the publications kept before it name, of the
objects that were there just before the replacement, each in the very generation of then. Nobody needs these. Who began
before the replacement cannot publish any more. Who begins after it puts all objects anew, in later generations, but
for those that `current.json` names, which stay. Who lost removes nothing, not even what they put there: another one,
who is about to publish the same content, may already count on it. The next publication removes it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from clientage.cloud.storage import CONNECTIONS, Folder
from clientage.errors import ClientageError, WorkspaceError

FORMAT = 1
CURRENT, OBJECTS = "current.json", "objects/"
CHUNK = 1 << 20

Progress = Callable[[float], None]


class GoneError(Exception):
    """An object was removed while it was being fetched: there are newer publications."""


@dataclass(frozen=True)
class File:
    """A file of a publication.

    Attributes:
        sha256: Of its content, in hexadecimal.
        size: In bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True)
class Publication:
    """A set of files.

    Attributes:
        number: One more than that of the publication before; 0 for none.
        published: When, in UTC.
        version: Of Clientage.
        files: By their names.
        before: Publications that are kept beside it, the latest first: their number, time and objects.
        generation: Of the object that says all this.
    """

    number: int = 0
    published: str = ""
    version: str = ""
    files: Mapping[str, File] = field(default_factory=dict)
    before: tuple[Mapping[str, Any], ...] = ()
    generation: int = 0

    @property
    def objects(self) -> set[str]:
        """Digests of all its files."""
        return {each.sha256 for each in self.files.values()}

    @property
    def kept(self) -> set[str]:
        """Those and the digests of what is kept of before."""
        return self.objects.union(*(each["objects"] for each in self.before))

    def dumps(self) -> str:
        """As text, but for the generation."""
        told = asdict(self) | {"format": FORMAT}
        del told["generation"]
        return json.dumps(told, indent=1, sort_keys=True) + "\n"

    @classmethod
    def loads(cls, text: str | bytes, generation: int) -> "Publication":
        """From such a text.

        Raises:
            ValueError: It is none, or of a later format.
        """
        told = json.loads(text)
        try:
            if told["format"] != FORMAT:
                raise ValueError(f"its format is {told['format']}, this Clientage reads {FORMAT}")
            files = {str(name): File(str(each["sha256"]), int(each["size"])) for name, each in told["files"].items()}
            before = tuple({**each, "objects": list(map(str, each["objects"]))} for each in told["before"])
            known = int(told["number"]), str(told["published"]), str(told["version"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("it is something else") from error
        if unfit := [name for name in files if not _fits(name)]:
            raise ValueError(f"{unfit[0]!r} is no name of a file")
        return cls(*known, files, before, generation)


def current(folder: Folder, known: Publication | None = None) -> Publication:
    """What is published; number 0 where nothing is.

    Args:
        folder: Where.
        known: What it was before: only read again where it is another one.

    Raises:
        WorkspaceError: It cannot be read.
    """
    if known and known.generation and folder.generation(CURRENT) == known.generation:
        return known
    data, generation = folder.read(CURRENT)
    if not generation:
        return Publication()
    try:
        return Publication.loads(data, generation)
    except ValueError as error:
        raise WorkspaceError(
            f"{folder.address}/{CURRENT}: no publication can be read there ({error}). "
            "Upgrade Clientage, or give another folder."
        ) from error


def fetch(
    folder: Folder, wanted: Iterable[File], place: Path, progress: Progress = lambda share: None
) -> dict[str, Path]:
    """Bring files, each held against its digest: where they are now, by their digests.

    Args:
        folder: Where from.
        wanted: The files.
        place: An empty folder for them.
        progress: Told the share that is done.

    Raises:
        GoneError: One is no longer there: read again what is published.
        WorkspaceError: One cannot be fetched, or is not what it is said to be.
    """
    files = {each.sha256: each for each in wanted}

    def bring(each: File) -> None:
        path = place / each.sha256
        if not folder.fetch(OBJECTS + each.sha256, path):
            raise GoneError
        if digest(path) != each.sha256:
            raise WorkspaceError(f"{folder.address}/{OBJECTS}{each.sha256}: was altered. Publish it anew.")

    _all(bring, list(files.values()), progress)
    return {sha256: place / sha256 for sha256 in files}


def publish(
    folder: Folder,
    base: Publication,
    files: Mapping[str, tuple[Path, File]],
    keep: int,
    progress: Progress = lambda share: None,
) -> Publication:
    """Publish files in place of the publication that they were made from.

    Args:
        folder: Where.
        base: What was published when the work began.
        files: All of them by their names, with where each lies.
        keep: Publications to keep, this one among them.
        progress: Told the share that is done.

    Raises:
        WorkspaceError: Somebody else published meanwhile, or it cannot be done; what is published is as it was.
    """
    if unfit := [name for name in files if not _fits(name)]:
        raise WorkspaceError(f"{unfit[0]!r}: a file of this name cannot be published. Give it another name.")
    former = {"number": base.number, "published": base.published, "objects": sorted(base.objects)}
    before = [former, *base.before] if base.number else []
    listing = Publication(
        base.number + 1,
        datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        version("clientage"),
        {name: file for name, (_, file) in sorted(files.items())},
        tuple(before[: keep - 1]),
    )
    paths = {file.sha256: path for path, file in files.values() if file.sha256 not in base.objects}
    _all(lambda sha256: folder.put(OBJECTS + sha256, paths[sha256]), sorted(paths), progress)
    there = folder.names(OBJECTS)  # before the replacement: later ones may be somebody's who publishes next
    generation = folder.replace(CURRENT, listing.dumps().encode(), base.generation)
    if not generation:
        raise WorkspaceError(
            f"{folder.address}: somebody else published meanwhile, and nothing was changed there. Run again."
        )
    _drop(folder, there, listing)
    return Publication.loads(listing.dumps(), generation)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _drop(folder: Folder, found: Mapping[str, int], listing: Publication) -> None:
    """Remove objects that a listing does not name; those that cannot be are removed after the next publication."""
    named = {OBJECTS + each for each in listing.kept}
    with suppress(ClientageError):
        _all(lambda name: folder.remove(name, found[name]), sorted(found.keys() - named), lambda share: None)


def _all(do: Callable[[Any], Any], each: list[Any], progress: Progress) -> None:
    """Do it for each, some at a time; where one fails, those that have not begun are left out."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        begun = [pool.submit(do, one) for one in each]
        try:
            for done, future in enumerate(as_completed(begun), 1):
                future.result()
                progress(done / len(begun))
        finally:
            for future in begun:
                future.cancel()


def _fits(name: str) -> bool:
    """Whether a name stays in its folder, and away from what runs use."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    plain = str(path) == name and not path.is_absolute() and "\\" not in name and "\n" not in name
    return bool(path.parts) and plain and not hidden
