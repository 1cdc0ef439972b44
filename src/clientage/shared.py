"""A verb on a workspace that is shared through a bucket: its copy is brought up to date before, and published after.

Nobody who works in between learns of buckets: settings name the copy, and errors speak of the address.
"""

import contextlib
from collections.abc import Callable, Iterator

from clientage import copies
from clientage.cloud.publications import Progress
from clientage.cloud.storage import Folder
from clientage.copies import Copy
from clientage.errors import ClientageError, WorkspaceError
from clientage.settings import Settings

AFTER = (None, 0, 1, 3)  # exit codes after which tables are whole

Tell = Callable[[str], None]


@contextlib.contextmanager
def local(
    settings: Settings,
    *,
    publishes: bool,
    fetches: bool = True,
    tell: Tell = lambda text: None,
    progress: Progress = lambda share: None,
) -> Iterator[Settings]:
    """Settings whose workspace is a folder on this machine; where it is the copy of one in a bucket, up to date.

    Args:
        settings: All of them.
        publishes: Whether what is done with them is published at the end.
        fetches: Whether the copy is brought up to date.
        tell: Told what was fetched and published.
        progress: Told the share that is done of what moves.

    Raises:
        ClientageError: It cannot be fetched or published: the bucket is as it was.
    """
    address = copies.address_of(settings.workspace)
    if not address:
        yield settings
        return
    copy = copies.copy_of(settings, Folder(address).address)
    address = copy.folder.address
    copy.mark()
    within = settings.model_copy(update={"workspace": copy.workspace, "tracking": _tracking(settings, address)})
    with contextlib.ExitStack() as stack:
        wait = max(settings.warehouse.wait_seconds, copies.PATIENCE)
        if publishes:
            stack.enter_context(copy.alone(wait))
        if fetches:
            _fetched(copy, alone=publishes, tell=tell, progress=progress)
        if publishes:
            copy.begin()
        try:
            yield within
        except (ClientageError, SystemExit) as ended:
            if isinstance(ended, ClientageError):
                ended.args = (str(ended).replace(str(copy.workspace), address),)
            if publishes and getattr(ended, "code", 1) in AFTER:
                _published(copy, settings, tell, progress, failed=isinstance(ended, ClientageError))
            raise
        if publishes:
            _published(copy, settings, tell, progress)


def _fetched(copy: Copy, *, alone: bool, tell: Tell, progress: Progress) -> None:
    """Bring the copy up to date; who only reads goes by what is there while somebody works in it."""
    number, patience = 0, 0 if copy.base.number else copies.PATIENCE
    with copies.unless_busy(), contextlib.nullcontext() if alone else copy.alone(patience):
        number = copy.fetch(progress)
    if number:
        tell(f"fetched     {copy.folder.address} · publication {copy.base.number:,} · {number:,} files")
    elif copy.pending and not alone:
        tell(f"waiting     {copy.folder.address} · what was made here last is not published yet: run it again")


def _published(copy: Copy, settings: Settings, tell: Tell, progress: Progress, *, failed: bool = False) -> None:
    """Publish; after another failure, which is what is told, a failure to publish is told beside it."""
    said = ""
    try:
        if said := copy.publish(settings.warehouse.publications, progress):
            tell(f"published   {said}")
    except ClientageError as error:
        sentence = f"{error} What was made is in the local copy, {copy.workspace}, and not published."
        if not failed:
            raise WorkspaceError(sentence) from error
        tell(f"warning: {sentence}")
    try:
        if said:
            _settle(copy, settings)
    except ClientageError as error:
        if not failed:
            raise
        tell(f"warning: {error}")


def _settle(copy: Copy, settings: Settings) -> None:
    """Let tables that live elsewhere follow what is published."""
    if (wanted := settings.warehouse).elsewhere:
        from clientage.warehouse import connect  # noqa: PLC0415 - with the engine, which starts threads

        there = connect(
            copy.workspace,
            url=wanted.url,
            wait=max(wanted.wait_seconds, copies.PATIENCE),
            most_bytes=wanted.most_bytes,
            views=wanted.views,
            published=copy.folder.address,
        )
        there.settle()


def _tracking(settings: Settings, address: str) -> object:
    """Files of models lie in the bucket too: the database names them by where they are."""
    wanted = settings.tracking
    return wanted if wanted.artifacts else wanted.model_copy(update={"artifacts": f"{address}/artifacts"})
