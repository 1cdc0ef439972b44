"""The images of this checkout, built for real."""

import os

import pytest
from image_builder import LITTLE, Images


@pytest.fixture(scope="session")
def images():
    """A store of images; skips where none can be built."""
    if os.geteuid():
        pytest.skip("building images without an engine needs root")
    return Images()


@pytest.fixture(scope="session")
def clientage(images):
    return images.image("clientage")


@pytest.fixture(scope="module")
def container(images, clientage):
    """A container of the image for all tests of a file."""
    with images.container(clientage) as container:
        yield container


@pytest.fixture(scope="module")
def segmented(container):
    """The same, with the sample shop segmented in it."""
    assert "report.html" in container.run("clientage", "run", "sample", *LITTLE)
    return container


@pytest.fixture(scope="session")
def airflow(images):
    return images.image("clientage-airflow")
