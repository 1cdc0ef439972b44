"""Google Cloud as the settings name it: project, region, image and bucket."""

import importlib.metadata
import json
from collections.abc import Sequence

from clientage.cloud import container, images
from clientage.cloud.clients import Google, Say
from clientage.cloud.images import Image
from clientage.errors import SettingsError
from clientage.settings import Settings

DECIDING = ("shop", "source", "clean", "segments", "recommendations")  # sections that a training is told of
DELIVERING = ("google", "deploy", "tracking.model", "serve.sink")  # sections and settings that a delivery is told of


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
    return settings.google.bucket


def environment(settings: Settings) -> dict[str, str]:
    """What our service is told in a container, beside where its model is."""
    return container.WORKSPACE | ({"CLIENTAGE_SERVE__SINK": settings.serve.sink} if settings.serve.sink else {})


def training(settings: Settings) -> list[str]:
    """What decides tables and is not as it comes, as options of `clientage run`."""
    day = [] if settings.as_of is None else ["--as-of", str(settings.as_of)]
    return day + _options(settings, DECIDING)


def delivery(settings: Settings) -> list[str]:
    """What decides how a model is delivered and is not as it comes, as options of `clientage deploy`."""
    return _options(settings, DELIVERING)


def _options(settings: Settings, wanted: Sequence[str]) -> list[str]:
    """Settings that are not as they come, of sections or by their own names."""
    found: list[str] = []
    for section in dict.fromkeys(each.partition(".")[0] for each in wanted):
        usual = Settings.model_fields[section].default.model_dump(mode="json")
        for name, value in getattr(settings, section).model_dump(mode="json").items():
            if {section, f"{section}.{name}"} & {*wanted} and value != usual[name] and value is not None:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                found += ["--set", f"{section}.{name}={text}"]
    return found
