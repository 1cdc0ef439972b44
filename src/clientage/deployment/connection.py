"""Google Cloud as the settings name it: project, region, image and bucket."""

import importlib.metadata

from clientage.cloud import images
from clientage.cloud.clients import Google, Say
from clientage.cloud.images import Image
from clientage.errors import SettingsError
from clientage.settings import Settings


def google(settings: Settings, *, rehearsal: bool = False, say: Say = lambda sentence: None) -> Google:
    """Where requests go.

    Args:
        settings: All of them.
        rehearsal: Whether requests that change something are only noted.
        say: Told of what takes time.

    Raises:
        SettingsError: The project is not named.
    """
    wanted = settings.google
    if not wanted.project:
        raise SettingsError("google.project: not set. Name the project: --set google.project=PROJECT.")
    return Google(
        wanted.project, wanted.region, rehearsal=rehearsal, every=settings.deploy.poll_seconds,
        longest=settings.deploy.wait_minutes * 60, say=say,
    )  # fmt: skip


def image(settings: Settings) -> Image:
    """Our image, as the settings name it."""
    wanted = settings.google
    version = importlib.metadata.version("clientage")
    named = f"{wanted.region}-docker.pkg.dev/{wanted.project}/{wanted.repository}/clientage:{version}"
    return Image.read(wanted.image or named)


def pinned(to: Google, settings: Settings) -> str:
    """Our image by its digest.

    Raises:
        ClientageError: There is none.
    """
    return str(images.pinned(to, image(settings)))


def bucket(settings: Settings) -> str:
    """Where models are copied to.

    Raises:
        SettingsError: It is not named.
    """
    if not settings.google.bucket:
        raise SettingsError("google.bucket: not set. Name a bucket: --set google.bucket=gs://BUCKET.")
    return settings.google.bucket.rstrip("/")


def environment(settings: Settings) -> dict[str, str]:
    """What our service is told in a container, beside where its model is."""
    found = {"CLIENTAGE_WORKSPACE": "/tmp/workspace"}  # noqa: S108 - the container's own
    return found | ({"CLIENTAGE_SERVE__SINK": settings.serve.sink} if settings.serve.sink else {})


def options(settings: Settings) -> list[str]:
    """The settings of Google Cloud and of deployment that are not as they come, as options of every command."""
    found: list[str] = []
    for section in ("google", "deploy"):
        usual = type(settings).model_fields[section].default
        for name, value in getattr(settings, section).model_dump(mode="json").items():
            if value != getattr(usual, name):
                found += ["--set", f"{section}.{name}={value}"]
    return found
