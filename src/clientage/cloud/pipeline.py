"""The steps of a delivery as a pipeline of Kubeflow: compiled for Vertex AI, or run on this machine to try it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clientage.cloud.clients import library

NAME = "clientage"
MACHINE = ("4", "16G")  # processors and memory of the training
PROGRAM = "CLIENTAGE_BIN"  # the command that the steps call on this machine
MODEL_DIR = "AIP_MODEL_DIR"


@dataclass(frozen=True)
class Steps:
    """What a step is, here or there.

    Attributes:
        train: Takes `source` and `folder`, and writes a model to the folder.
        upload: Takes `folder`, and uploads that model.
        endpoint: Takes nothing, and deploys the newest version, judged.
    """

    train: Callable[..., Any]
    upload: Callable[..., Any]
    endpoint: Callable[..., Any]


def write(path: Path, image: str, bucket: str, options: Sequence[str]) -> None:
    """Write the pipeline for Vertex AI: each step is our container.

    Args:
        path: The file, YAML.
        image: The container.
        bucket: Where models are written to, unless the run says otherwise.
        options: Of every command, such as `--set google.project=…`.

    Raises:
        CloudError: kfp is not installed.
        OSError: The file cannot be written.
    """
    compiler = library("kfp.compiler", "pipelines")
    compiler.Compiler().compile(_flow(_containers(image, list(options)), f"{bucket}/pipeline"), str(path))


def local(bucket: str, options: Sequence[str]) -> Callable[..., Any]:
    """The pipeline as a function for `kfp.local`: each step calls `$CLIENTAGE_BIN` on this machine.

    Args:
        bucket: Where models are written to, unless the run says otherwise.
        options: Of every command.

    Raises:
        CloudError: kfp is not installed.
    """
    found: Callable[..., Any] = _flow(_commands(list(options)), f"{bucket}/pipeline")
    return found


def _flow(steps: Steps, bucket: str) -> Any:
    """Train, upload, endpoint: the order, whatever a step is."""
    dsl = library("kfp.dsl", "pipelines")

    def delivery(source: str, folder: str = bucket):  # type: ignore[no-untyped-def]
        place = f"{folder}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"
        trained = steps.train(source=source, folder=place).set_display_name("train and evaluate")
        trained.set_cpu_limit(MACHINE[0]).set_memory_limit(MACHINE[1])
        uploaded = steps.upload(folder=place).after(trained).set_display_name("upload")
        served = steps.endpoint().after(uploaded).set_display_name("endpoint")
        for each in (trained, uploaded, served):
            each.set_caching_options(False)

    return dsl.pipeline(name=NAME, description="Train, upload, judge with some traffic, give all.")(delivery)


def _containers(image: str, options: list[str]) -> Steps:
    dsl = library("kfp.dsl", "pipelines")

    def train(source: str, folder: str):  # type: ignore[no-untyped-def]
        where = dsl.ConcatPlaceholder([f"{MODEL_DIR}=", folder])
        return dsl.ContainerSpec(image, ["env"], [where, "clientage", "run", source, "--evaluate", *options])

    def upload(folder: str):  # type: ignore[no-untyped-def]
        return dsl.ContainerSpec(image, ["clientage"], ["deploy", "vertex", "upload", "--model", folder, *options])

    def endpoint():  # type: ignore[no-untyped-def]
        return dsl.ContainerSpec(image, ["clientage"], ["deploy", "vertex", "endpoint", *options])

    return Steps(*(dsl.container_component(each) for each in (train, upload, endpoint)))


def _commands(options: list[str]) -> Steps:
    dsl = library("kfp.dsl", "pipelines")

    def call(arguments: list, folder: str = ""):  # type: ignore[no-untyped-def,type-arg]
        import os  # noqa: PLC0415
        import subprocess  # noqa: PLC0415

        place = {"AIP_MODEL_DIR": folder} if folder else {}
        subprocess.run([os.environ["CLIENTAGE_BIN"], *arguments], env=os.environ | place, check=True)  # noqa: S603

    step = dsl.component(base_image="python", install_kfp_package=False)(call)
    return Steps(
        lambda source, folder: step(arguments=["run", source, "--evaluate", *options], folder=folder),
        lambda folder: step(arguments=["deploy", "vertex", "upload", "--model", folder, *options]),
        lambda: step(arguments=["deploy", "vertex", "endpoint", *options]),
    )
