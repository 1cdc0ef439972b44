"""Models in Vertex AI's registry: uploaded once, found again by their digest, and called by aliases."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clientage.cloud.clients import LABEL, Google
from clientage.cloud.container import PORT, SERVED
from clientage.cloud.vertex import DIGEST, explained, host, label, v1
from clientage.errors import CloudError, SettingsError

VERSION = f"{LABEL}-version"
ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")


@dataclass(frozen=True)
class Uploaded:
    """A version of a model in Vertex AI.

    Attributes:
        name: projects/…/models/NAME.
        version: Its number there.
        aliases: What it is called beside that.
        digest: Of what it is made of.
        registered: Its number in the own registry; empty where it has none.
        artifact: Where its files lie.
        made: When it was uploaded, in seconds since 1970.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    digest: str
    registered: str
    artifact: str
    made: float

    @property
    def full(self) -> str:
        """The version, as requests name it."""
        return f"{self.name}@{self.version}"

    @property
    def short(self) -> str:
        """The version, for people."""
        return f"{self.name.rpartition('/')[2]} version {self.version}"


@dataclass(frozen=True)
class Container:
    """What answers for a model.

    Attributes:
        image: By its digest, or one of Vertex AI's own.
        ours: Whether it is our service.
        environment: Variables of ours.
    """

    image: str
    ours: bool = True
    environment: Mapping[str, str] | None = None

    def spec(self) -> dict[str, Any]:
        """As Vertex AI takes it."""
        if not self.ours:
            return {"image_uri": self.image}
        env = [{"name": name, "value": value} for name, value in sorted((self.environment or {}).items())]
        return {
            "image_uri": self.image,
            "args": list(SERVED),
            "env": env,
            "ports": [{"container_port": PORT}],
            "health_route": "/ping",
            "predict_route": "/predict",
        }


def versions(google: Google, model: str) -> list[Uploaded]:
    """All versions of a model, the newest first; none where there is no such model.

    Raises:
        CloudError: They cannot be asked for.
    """
    from google.api_core.exceptions import NotFound  # noqa: PLC0415

    with explained(google, f"the model {model}"):
        client = _client(google)
        try:
            found = list(client.list_model_versions(request={"name": f"{google.parent}/models/{model}"}))
        except NotFound:
            return []
    return sorted(map(_uploaded, found), key=lambda each: -each.made)


def find(google: Google, model: str, wanted: str = "") -> Uploaded:
    """A version by its number or alias there; the newest when neither is given.

    Raises:
        CloudError: There is none.
    """
    known = versions(google, model)
    if not known:
        raise CloudError(
            f"{google.place}: there is no model {model}. Upload one: clientage deploy vertex upload.", "not found"
        )
    for each in known:
        if not wanted or wanted == each.version or wanted in each.aliases:
            return each
    have = ", ".join(" = ".join((each.version, *each.aliases)) for each in known)
    raise CloudError(f"{google.place}: the model {model} has no version {wanted}. It has {have}.", "not found")


def upload(
    google: Google,
    model: str,
    *,
    digest: str,
    artifact: str,
    container: Container,
    aliases: Sequence[str] = (),
    registered: str = "",
    account: str = "",
) -> tuple[Uploaded | None, bool]:
    """Upload a version, unless what it is made of is there already; then it only gets the aliases.

    Args:
        google: Where.
        model: Name of the model.
        digest: Of what it is made of.
        artifact: Folder with its files.
        container: What answers.
        aliases: What it is to be called; others of the model lose these.
        registered: Its number in the own registry.
        account: What the upload runs as.

    Returns:
        The version, None in a rehearsal where it is not there yet; and whether it was uploaded.

    Raises:
        SettingsError: An alias will not do.
        CloudError: It could not be done.
    """
    for alias in aliases:
        if not ALIAS.fullmatch(alias):
            raise SettingsError(f"--alias {alias}: not an alias of Vertex AI. Use letters, digits and -, as champion.")
    known = versions(google, model)
    if there := next((each for each in known if each.digest == digest), None):
        return _called(google, there, aliases), False
    held = {alias for each in known for alias in each.aliases}  # these move once the version is there
    labels = {LABEL: "model", DIGEST: digest, **({VERSION: label(registered)} if registered else {})}
    request: dict[str, Any] = {
        "parent": google.parent,
        "model": {
            "display_name": model,
            "labels": labels,
            "artifact_uri": artifact,
            "container_spec": container.spec(),
            "version_aliases": [alias for alias in aliases if alias not in held],
        },
    }
    request |= {"parent_model": f"{google.parent}/models/{model}"} if known else {"model_id": model}
    request |= {"service_account": account} if account else {}
    with explained(google, f"the upload of {model}"):
        done = google.finished(_client(google).upload_model(request=request, timeout=60), f"uploading {model}")
    if done is None:
        return None, True
    return _called(google, find(google, model, done.model_version_id), aliases), True


def _called(google: Google, there: Uploaded, aliases: Sequence[str]) -> Uploaded:
    if missing := [alias for alias in aliases if alias not in there.aliases]:
        request = {"name": there.full, "version_aliases": missing}
        with explained(google, f"the aliases of {there.short}"):
            _client(google).merge_version_aliases(request=request)
        if not google.rehearsal:
            return find(google, there.name.rpartition("/")[2], there.version)
    return there


def _client(google: Google) -> Any:
    return google.client(v1().ModelServiceClient, host(google))


def _uploaded(found: Any) -> Uploaded:
    return Uploaded(
        found.name.partition("@")[0],
        found.version_id,
        tuple(sorted(alias for alias in found.version_aliases if alias != "default")),
        found.labels.get(DIGEST, ""),
        found.labels.get(VERSION, ""),
        found.artifact_uri,
        found.version_create_time.timestamp() if found.version_create_time else 0.0,
    )
