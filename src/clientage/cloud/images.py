"""Images in Artifact Registry: a tag is resolved to its digest, so that what is deployed stays what it is."""

import re
from dataclasses import dataclass
from typing import Any

from clientage import forms
from clientage.cloud import refusals
from clientage.cloud.clients import Google, library
from clientage.cloud.refusals import Service
from clientage.errors import SettingsError

HOST = "artifactregistry.googleapis.com"
FORM = "REGION-docker.pkg.dev/PROJECT/REPOSITORY/NAME:TAG"


@dataclass(frozen=True)
class Image:
    """An image in Artifact Registry.

    Attributes:
        region: Where its repository is.
        project: Whose it is.
        repository: The repository.
        name: Its own name, with folders.
        tag: A tag; empty where the digest is given.
        digest: sha256:…; empty where it is to be looked up.
    """

    region: str
    project: str
    repository: str
    name: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def read(cls, text: str) -> "Image":
        """Take an address apart.

        Raises:
            SettingsError: It is none of Artifact Registry, or has neither tag nor digest.
        """
        found = re.fullmatch(
            rf"([a-z0-9-]+)-docker\.pkg\.dev/({forms.PROJECT})/([a-z0-9-]+)/([\w./-]+?)"
            r"(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?",
            text, re.ASCII,
        )  # fmt: skip
        if not found or not (found[5] or found[6]):
            raise SettingsError(f"google.image: not an image of Artifact Registry with a tag. Write it as {FORM}.")
        return cls(*(part or "" for part in found.groups()))

    @property
    def address(self) -> str:
        """The image without tag and digest."""
        return f"{self.region}-docker.pkg.dev/{self.project}/{self.repository}/{self.name}"

    def __str__(self) -> str:
        return f"{self.address}@{self.digest}" if self.digest else f"{self.address}:{self.tag}"


def pinned(google: Google, image: Image) -> Image:
    """The image by its digest.

    Raises:
        CloudError: There is no such image, or it cannot be asked for.
    """
    if image.digest:
        return image
    v1 = library("google.cloud.artifactregistry_v1")
    repository = f"projects/{image.project}/locations/{image.region}/repositories/{image.repository}"
    package = image.name.replace("/", "%2F")
    with refusals.explained(str(image), _service(image)):
        client: Any = google.client(v1.ArtifactRegistryClient, HOST)
        tag = client.get_tag(request={"name": f"{repository}/packages/{package}/tags/{image.tag}"})
    return Image(image.region, image.project, image.repository, image.name, digest=tag.version.rpartition("/")[2])


def _service(image: Image) -> Service:
    host = f"{image.region}-docker.pkg.dev"
    make = (
        f"gcloud artifacts repositories create {image.repository} --repository-format=docker "
        f"--location={image.region} --project={image.project}"
    )
    build = f"docker build --file docker/Dockerfile --tag {image} . && docker push {image}"
    return Service(
        "Artifact Registry",
        HOST,
        image.project,
        permission="this account may not read images. Grant it roles/artifactregistry.reader on the project "
        f"{image.project}.",
        missing=f"there is no such image. Build and push it: gcloud auth configure-docker {host} && {build} "
        f"(once before, where there is no repository: {make})",
    )
