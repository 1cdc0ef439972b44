"""What tests of Spark share."""

import pytest
from clusters import Cluster
from databases import program

from clientage.spark.session import end


@pytest.fixture(scope="session", autouse=True)
def java():
    """Spark runs on Java; a session that is left ends with the tests."""
    program("java", "openjdk-17-jre-headless")
    pytest.importorskip("pyspark")
    yield
    end()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster with two workers."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    for _ in range(2):
        made.work()
    yield made
    made.end()
