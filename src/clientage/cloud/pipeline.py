"""The steps of a delivery as a pipeline of Kubeflow: compiled for Vertex AI, or run on this machine to try it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clientage.cloud.clients import library
from clientage.cloud.container import MODEL_DIR
from clientage.errors import SettingsError

NAME = "clientage"
MACHINE = ("4", "16G")  # processors and memory of the training
RUN = "pipeline"  # begins what a version is called that a run uploaded
UPLOAD, ENDPOINT = ("deploy", "vertex", "upload", "--model"), ("deploy", "vertex", "endpoint", "--version")


@dataclass(frozen=True)
class Options:
    """What commands are told, such as `--set google.project=…`.

    Attributes:
        training: The one that trains.
        delivery: Those that upload and deploy.
    """

    training: Sequence[str]
    delivery: Sequence[str]


@dataclass(frozen=True)
class Steps:
    """What a step is, here or there.

    Attributes:
        train: Takes `source` and `folder`, and writes a model to the folder.
        upload: Takes `folder` and `alias`, and uploads that model, to be called so.
        endpoint: Takes `version`, and deploys it, judged.
    """

    train: Callable[..., Any]
    upload: Callable[..., Any]
    endpoint: Callable[..., Any]


def write(path: Path, image: str, bucket: str, options: Options) -> None:
    """Write the pipeline for Vertex AI: each step is our container.

    Args:
        path: The file, YAML.
        image: The container.
        bucket: Where models are written to, unless the run says otherwise.
        options: Of the commands.

    Raises:
        CloudError: kfp is not installed.
        SettingsError: The file is called otherwise.
        OSError: The file cannot be written.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise SettingsError(f"--out {path}: a pipeline is written as YAML. Give a name that ends with .yaml.")
    compiler = library("kfp.compiler", "pipelines")
    compiler.Compiler().compile(_flow(_containers(image, options), f"{bucket}/pipeline"), str(path))


def local(bucket: str, options: Options) -> Callable[..., Any]:
    """The pipeline as a function for `kfp.local`: each step calls `$CLIENTAGE_BIN` on this machine.

    Args:
        bucket: Where models are written to, unless the run says otherwise.
        options: Of the commands.

    Raises:
        CloudError: kfp is not installed.
    """
    found: Callable[..., Any] = _flow(_commands(options), f"{bucket}/pipeline")
    return found


def _flow(steps: Steps, bucket: str) -> Any:
    """Train, upload, endpoint: the order, whatever a step is.

    The version is called after the run, so that what is deployed is what it uploaded, whatever else was meanwhile.
    """
    dsl = library("kfp.dsl", "pipelines")

    def delivery(source: str, folder: str = bucket):  # type: ignore[no-untyped-def]
        place = f"{folder}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"
        trained = steps.train(source=source, folder=place).set_display_name("train and evaluate")
        trained.set_cpu_limit(MACHINE[0]).set_memory_limit(MACHINE[1])
        version = f"{RUN}-{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"
        uploaded = steps.upload(folder=place, alias=version).after(trained).set_display_name("upload")
        served = steps.endpoint(version=version).after(uploaded).set_display_name("endpoint")
        for each in (trained, uploaded, served):
            each.set_caching_options(False)

    return dsl.pipeline(name=NAME, description="Train, upload, judge with some traffic, give all.")(delivery)


def _containers(image: str, options: Options) -> Steps:
    dsl = library("kfp.dsl", "pipelines")

    def train(source: str, folder: str):  # type: ignore[no-untyped-def]
        where = dsl.ConcatPlaceholder([f"{MODEL_DIR}=", folder])
        return dsl.ContainerSpec(image, ["env"], [where, "clientage", "run", source, "--evaluate", *options.training])

    def upload(folder: str, alias: str):  # type: ignore[no-untyped-def]
        return dsl.ContainerSpec(image, ["clientage"], [*UPLOAD, folder, "--alias", alias, *options.delivery])

    def endpoint(version: str):  # type: ignore[no-untyped-def]
        return dsl.ContainerSpec(image, ["clientage"], [*ENDPOINT, version, *options.delivery])

    return Steps(*(dsl.container_component(each) for each in (train, upload, endpoint)))


def _commands(options: Options) -> Steps:
    dsl = library("kfp.dsl", "pipelines")

    def call(arguments: list, folder: str = ""):  # type: ignore[no-untyped-def,type-arg]  # alone: it knows no names
        import os  # noqa: PLC0415
        import subprocess  # noqa: PLC0415

        place = {"AIP_MODEL_DIR": folder} if folder else {}
        subprocess.run([os.environ["CLIENTAGE_BIN"], *arguments], env=os.environ | place, check=True)  # noqa: S603

    step = dsl.component(base_image="python", install_kfp_package=False)(call)
    return Steps(
        lambda source, folder: step(arguments=["run", source, "--evaluate", *options.training], folder=folder),
        lambda folder, alias: step(arguments=[*UPLOAD, folder, "--alias", alias, *options.delivery]),
        lambda version: step(arguments=[*ENDPOINT, version, *options.delivery]),
    )
