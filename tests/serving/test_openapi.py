"""The interface is as it says of itself."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clientage.serving.features import KNOWN
from clientage.serving.guard import KEYS, digest

CONFIG = Path(__file__).parent / "schemathesis.toml"


def test_the_document_names_the_features_of_the_model_in_use(client):
    document = client.get("/openapi.json").json
    features = document["components"]["schemas"]["Features"]
    assert set(features["required"]) == {"recency_days", "frequency", "monetary", "lines_per_basket", "units_per_line"}
    assert set(features["properties"]) == KNOWN
    assert "Components" not in document["components"]["schemas"]


def test_the_example_can_be_asked(client):
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    example = schemas["Request"]["properties"]["instances"]["items"]["examples"][0]
    assert client.predict(example)[0]["segment_id"]


@pytest.mark.slow
def test_schemathesis_finds_nothing(server, shop, tmp_path):
    """Every answer to requests that fit the document, and to those that do not, is one that the document promises."""
    folder = tmp_path / "workspace"
    shutil.copytree(shop, folder, ignore=shutil.ignore_patterns("serving", "predictions"))
    served = server(folder, "--set", "serve.requests_per_minute=0", **{KEYS: f"shop:{digest('key')}"})
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(CONFIG),
        "run",
        served.address + "/openapi.json",
    ]
    command += ["--header", "Authorization: Bearer key", "--seed", "1", "--max-examples", "60", "--no-color"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-20000:]
    assert "Tested: 6" in found.stdout
