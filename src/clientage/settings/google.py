"""Settings of Google Cloud: where things lie there, and how the model is deployed."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from clientage import forms
from clientage.settings.section import Count, Section, Share


def _like(pattern: str, example: str) -> Callable[[str], str]:
    """Takes what is empty or matches."""

    def checked(given: str) -> str:
        if given and not re.fullmatch(pattern, given, re.ASCII):
            raise ValueError(f"write it as {example}")
        return given

    return checked


Project = Annotated[str, AfterValidator(_like(forms.PROJECT, "our-shop-123456"))]
Region = Annotated[str, AfterValidator(_like(r"[a-z]+-[a-z]+[0-9]+", "europe-west1"))]
Bucket = Annotated[str, AfterValidator(_like(forms.FOLDER, f"gs://bucket/folder. {forms.BUCKETS}"))]
Cpu = Annotated[str, AfterValidator(_like(r"0*[1-9]\d*m?|0?\.\d*[1-9]\d*", "1, 2 or 500m"))]
Memory = Annotated[str, AfterValidator(_like(r"[1-9]\d*[MG]i", "2Gi or 512Mi"))]
Machine = Annotated[str, AfterValidator(_like(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", "n1-standard-2"))]
Name = Annotated[str, AfterValidator(_like(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", "clientage-shop"))]
Account = Annotated[str, AfterValidator(_like(r"[^\s@]+@[^\s@]+", "name@our-shop.iam.gserviceaccount.com"))]


class Google(Section):
    """Where things lie in Google Cloud."""

    project: Project = Field("", description="Id of the project; empty: Google Cloud is not used.")
    region: Region = Field("us-central1", min_length=1, description="Where models run and images lie.")
    bucket: Bucket = Field("", description="Bucket, or a folder in one, that models are copied to: gs://bucket/folder.")
    repository: Name = Field("clientage", min_length=1, description="Repository of images in Artifact Registry.")
    image: str = Field(
        "", description="The image, with tag or digest; empty: clientage of this version in the repository."
    )
    service_account: Account = Field("", description="What containers run as; empty: the project's default account.")


class Deploy(Section):
    """How the model is deployed to Google Cloud."""

    endpoint: Name = Field(
        "clientage", min_length=1, description="Name of the endpoint in Vertex AI, or of the service in Cloud Run."
    )
    machine: Machine = Field("n1-standard-2", min_length=1, description="Kind of machine that serves in Vertex AI.")
    training_machine: Machine = Field("n1-standard-4", min_length=1, description="Kind of machine that trains.")
    min_replicas: Count = Field(1, description="Machines that serve at least; each is paid for, asked or not.")
    max_replicas: Count = Field(2, description="Machines, or containers of Cloud Run, that serve at most.")
    min_containers: Annotated[int, Field(ge=0)] = Field(
        0, description="Containers of Cloud Run that are kept while nobody asks; 0 costs nothing then."
    )
    cpu: Cpu = Field("1", min_length=1, description="Processors of a container of Cloud Run.")
    memory: Memory = Field("2Gi", min_length=1, description="Memory of a container of Cloud Run.")
    canary: Annotated[int, Field(ge=1, le=99)] = Field(
        10, description="Percent of the traffic that a new model gets before it is judged."
    )
    checks: Annotated[int, Field(ge=1, le=10_000)] = Field(
        50, description="Sample predictions that a new model must answer before it gets all traffic."
    )
    max_errors: Share = Field(0.01, description="Share of these that may fail.")
    max_seconds: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="Time that 95 in 100 of them may take at most."
    )
    poll_seconds: float = Field(5, gt=0, le=300, description="How often it is asked whether something is done.")
    wait_minutes: float = Field(
        60, gt=0, allow_inf_nan=False, description="How long to wait for a deployment, a training or a batch."
    )
    tensorflow: str = Field(
        "us-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest",
        min_length=1,
        description="Vertex AI's own container for the SavedModel.",
    )
    idle_days: Count = Field(7, description="Days without a prediction after which an endpoint counts as idle.")
