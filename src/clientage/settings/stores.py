"""Settings of where tables, experiments and models are kept."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from clientage import forms
from clientage.settings.addresses import Address, Place
from clientage.settings.section import Section


class Tracking(Section):
    """Where experiments and models are kept."""

    uri: Address = Field("", description="Of an MLflow server or database; empty: a database file in the workspace.")
    artifacts: Place = Field(
        "",
        description="Where files of models go, such as gs://bucket/models, unless a server decides; empty: beside the "
        "workspace's tables.",
    )
    experiment: str = Field("clientage", min_length=1, description="Name of the experiment that trainings go to.")
    model: str = Field("clientage-segments", min_length=1, description="Name of the registered model.")


def _no_secret(options: dict[str, str]) -> dict[str, str]:
    if secret := [name for name in options if _SECRET.search(name)]:
        raise ValueError(f"{', '.join(secret)}: settings end up in logs. Give it to Spark in spark-defaults.conf")
    return options


_SECRET = re.compile(r"(?i)password|secret|token|credential|\.key$")
Options = Annotated[dict[str, str], AfterValidator(_no_secret)]


class Warehouse(Section):
    """Where tables live and what they may use."""

    url: Place = Field(
        "",
        description="Where tables live, and what computes them: empty: in the workspace, with DuckDB; `local[*]` or "
        "spark://host:port: there too, with Spark; or bigquery://project/dataset.",
    )
    max_gigabytes: float = Field(100, gt=0, description="What one statement of BigQuery may read, and be billed for.")
    price: float = Field(
        6.25, ge=0, description="US dollars for a tebibyte read by BigQuery, to tell what a run costs."
    )
    views: bool = Field(True, description="Show the tables of the last run as views of their names in the dataset.")
    memory: str = Field("", description="Memory limit of the engine, such as 4GB; empty: the engine's own.")
    spill: str = Field(
        "", description="Folder for what does not fit into memory while it is computed; empty: that of temporary files."
    )
    threads: int = Field(0, ge=0, description="Threads; 0: all cores.")
    spark: Options = Field({}, description="Options of Spark by their names, such as spark.executor.cores.")
    wait_seconds: float = Field(0, ge=0, description="Wait this long for another run that uses the workspace.")
    copies: str = Field(
        "", description="Folder for copies of workspaces on gs://; empty: `clientage/workspaces` of the user's cache."
    )
    publications: Annotated[int, Field(ge=2, le=100)] = Field(
        3, description="Publications of a workspace on gs:// that are kept, the latest among them."
    )

    @property
    def elsewhere(self) -> bool:
        """Whether tables live elsewhere than in the workspace."""
        return bool(self.url) and not self.is_spark

    @property
    def is_spark(self) -> bool:
        """Whether Spark computes them, in the workspace."""
        return forms.is_spark(self.url)

    @property
    def most_bytes(self) -> int:
        """What one statement may be billed for."""
        return int(self.max_gigabytes * 1e9)
