"""The images do what they are for: not as root, within their size, and with nothing in them that is not used."""

import json
import subprocess
import urllib.request

import pytest
import yaml
from image_builder import LITTLE, ROOT
from shops import free_port

pytestmark = pytest.mark.slow

MOST = 900_000_000  # bytes
SHELL = ("sh", "-c")


def answers(container, url, patience=120):
    """Whether `health` says so within some seconds."""
    script = f"for i in $(seq {patience}); do health {url} && exit; sleep 1; done; exit 1"
    return container.run(*SHELL, script)


def ask(url, body=None):
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_who_it_runs_as_and_what_it_says_of_itself(images, clientage, airflow):
    for image, entry in ((clientage, ["clientage"]), (airflow, ["airflow"])):
        config = images.config(image)
        assert (config["User"], config["Entrypoint"], config["WorkingDir"]) == ("10001:10001", entry, "/data")
        assert config["Labels"]["org.opencontainers.image.title"] == "Clientage"
        assert "8080/tcp" in config["ExposedPorts"]
        assert not [each for each in config["Env"] if "PASSWORD" in each or "SECRET" in each]


def test_it_is_small_and_has_no_tools_to_build_with(container):
    size = subprocess.run(["du", "-s", "--bytes", container.root], capture_output=True, text=True, check=True)
    assert int(size.stdout.split()[0]) <= MOST
    libraries = {path.name for path in container.root.glob("opt/clientage/lib/python3*/site-packages/*")}
    assert "flask" in libraries
    assert not libraries & {"tensorflow", "pyspark", "pip", "setuptools", "pytest"}
    assert "found" not in container.run(*SHELL, "command -v pip gcc cc make git && echo found; true")


def test_nothing_starts_with_what_is_missing(container):
    said = container.run("check-env", status=1)
    assert "POSTGRES_PASSWORD is not set" in said
    assert "REDIS_PASSWORD is not set" in said


def test_train_serve_and_predict(segmented):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    assert segmented.run("id", "-u").strip() == "10001"
    assert "champion" in segmented.run("clientage", "train", *LITTLE) + segmented.run(
        "clientage", "promote", "--force", "the first"
    )
    assert segmented.run("health", f"{url}/ping", status=1)
    with segmented.running("clientage", "serve", "--model", "champion", "--port", port, "--workers", "1"):
        answers(segmented, f"{url}/ping")
        found = ask(f"{url}/segments")
        assert len(found["segments"]) == 4
        made = "/data/workspace/tables/customers.parquet"
        segmented.run("clientage", "predict", made, "--url", url, "--out", "/data/predicted.parquet")
        segmented.run("test", "-s", "/data/predicted.parquet")


def test_the_dashboard_and_the_registry_answer(segmented):
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
    pages, registry = free_port(), free_port()
    words = [*compose["mlflow"]["entrypoint"], *compose["mlflow"]["command"], f"--port={registry}", "--workers=1"]
    words = [word for word in words if not word.startswith(("--host", "--backend"))]
    with (
        segmented.running("clientage", "dashboard", "--port", pages),
        segmented.running(*words, "--host=127.0.0.1", "--backend-store-uri=sqlite:////data/mlflow.db"),
    ):
        answers(segmented, f"http://127.0.0.1:{pages}/login")
        answers(segmented, f"http://127.0.0.1:{registry}/health")


def test_whatever_is_written_is_data(segmented):
    written = ["find", segmented.root, "-xdev", "-user", "10001", "-not", "-path", "*/data*"]
    written += ["-not", "-path", "*/tmp/*"]
    assert subprocess.run(written, capture_output=True, text=True, check=True).stdout == ""


def test_airflow_knows_the_dags_and_the_command(images, airflow):
    with images.container(airflow) as container:
        assert container.run("airflow", "version").strip().splitlines()[-1].startswith("3.")
        assert container.run(*SHELL, "$CLIENTAGE_BIN --version").strip()
        names = ("clientage_daily", "clientage_retrain", "clientage_backfill")
        container.run(*SHELL, f"cd /opt/dags && /opt/airflow/bin/python -c 'import {', '.join(names)}'")
        assert container.run("celery", "--version")
        assert container.run(*SHELL, "command -v clientage").strip() == "/opt/clientage/bin/clientage"
