"""Settings of the service and of the pages for people."""

from typing import Annotated

from pydantic import Field

from clientage.settings.addresses import Place
from clientage.settings.section import Section


class Serve(Section):
    """The service."""

    model: Place = Field(
        "",
        description="What is served: a folder with a model, an address such as gs://…, or an alias or version in the "
        "registry; empty: $AIP_STORAGE_URI, else the champion where tracking.uri is set, else the workspace's model.",
    )
    shadow: Place = Field("", description="A model that is asked too, in the same words; its answers are only logged.")
    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; others than this machine's need keys."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="Port; $AIP_HTTP_PORT where that is set.")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(2, description="Processes that answer.")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(4, description="Requests that each takes at a time.")
    requests_per_minute: Annotated[int, Field(ge=0)] = Field(
        6000, description="Allowed to each key, or to each address where there are no keys; 0: any number."
    )
    max_instances: Annotated[int, Field(ge=1, le=100_000)] = Field(2000, description="Most instances of a request.")
    max_megabytes: float = Field(1.5, gt=0, le=100, description="Largest request, and largest answer.")
    refresh_seconds: float = Field(10, ge=1, description="How often the registry is asked for another model.")
    log_requests: bool = Field(False, description="Tell of every request on standard error, not only of failed ones.")
    sink: Place = Field(
        "",
        description="Where predictions are shipped: empty: the folder `predictions` of the workspace; or "
        "postgresql://user@host/database, or bigquery://project/dataset.",
    )
    ship_seconds: float = Field(10, gt=0, description="How long predictions may wait to be shipped.")
    sync: bool = Field(
        False, description="Wait for the disk before each answer: what is answered survives a power cut."
    )


class Dashboard(Section):
    """The pages for people."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; others than this machine's need keys."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8050, description="Port.")
    https: bool = Field(
        False, description="Whether it is reached by https alone, by way of a proxy: then cookies travel no other way."
    )
    hours: float = Field(12, gt=0, le=720, description="How long a login lasts.")
