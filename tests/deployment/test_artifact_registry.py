"""Images in Artifact Registry, by its own library against one on this machine."""

import pytest
from vertexes import refused

from clientage.cloud.images import Image, pinned
from clientage.deployment import connection
from clientage.errors import CloudError, SettingsError
from clientage.settings import load

NAME = "europe-west1-docker.pkg.dev/our-shop/clientage/team/clientage"


def test_a_tag_becomes_its_digest(cloud, to):
    cloud.images[f"{NAME}:1.2"] = f"sha256:{'b' * 64}"
    found = pinned(to(), Image.read(f"{NAME}:1.2"))
    assert str(found) == f"{NAME}@sha256:{'b' * 64}"
    assert pinned(to(), found) == found
    assert not cloud.changes


def test_the_image_of_this_version_is_meant_unless_another_is_named():
    given = ["google.project=our-shop", "google.region=europe-west1", "google.repository=ours"]
    named = connection.image(load(overrides=given))
    assert str(named).startswith("europe-west1-docker.pkg.dev/our-shop/ours/clientage:0.")
    assert str(connection.image(load(overrides=[*given, f"google.image={NAME}:x"]))) == f"{NAME}:x"


def test_an_image_that_is_not_there_is_told_with_the_commands_that_make_it(cloud, to):
    with pytest.raises(CloudError) as caught:
        pinned(to(), Image.read(f"{NAME}:9"))
    said = str(caught.value)
    assert f"docker build --file docker/Dockerfile --tag {NAME}:9 . && docker push {NAME}:9" in said
    assert "gcloud auth configure-docker europe-west1-docker.pkg.dev" in said
    assert "gcloud artifacts repositories create clientage --repository-format=docker" in said


def test_an_image_that_may_not_be_seen(cloud, to):
    cloud.plan = lambda method, path, body: refused(403, "denied")
    with pytest.raises(CloudError, match=r"roles/artifactregistry.reader"):
        pinned(to(), Image.read(f"{NAME}:1"))


@pytest.mark.parametrize("text", ["clientage", "clientage:1", NAME, "docker.io/library/python:3", f"{NAME}@sha256:1"])
def test_what_is_no_image_of_the_registry_is_refused(text):
    with pytest.raises(SettingsError, match=r"google.image: not an image of Artifact Registry with a tag"):
        Image.read(text)
