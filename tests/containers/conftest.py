"""The images of this checkout, built for real."""

import os

import pytest
from image_builder import Images


@pytest.fixture(scope="session")
def images():
    """A store of images; skips where none can be built."""
    if os.geteuid():
        pytest.skip("building images without an engine needs root")
    return Images()


@pytest.fixture(scope="session")
def clientage(images):
    return images.image("clientage")


@pytest.fixture(scope="session")
def airflow(images):
    return images.image("clientage-airflow")
