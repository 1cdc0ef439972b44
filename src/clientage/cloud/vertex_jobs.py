"""Jobs of Vertex AI: training in our container, and predictions for many customers at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from clientage.cloud.clients import LABEL, Google
from clientage.cloud.clients import again as once_more
from clientage.cloud.vertex import DIGEST, explained, host, label, v1
from clientage.cloud.vertex_endpoints import Machines
from clientage.cloud.vertex_models import Uploaded
from clientage.errors import CloudError, SettingsError

DONE, PARTLY, PAUSED = "JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED", "JOB_STATE_PAUSED"
FAILED = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED", PARTLY)
STILL = (DONE, *FAILED, PAUSED)  # states that are not waited for
FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
        name: projects/…/customJobs/ID, or …/batchPredictionJobs/ID.
        state: As Vertex AI calls it.
        out: Where what it made lies.
        error: Why it failed; empty where it did not.
    """

    name: str
    state: str
    out: str
    error: str = ""


Made: TypeAlias = Callable[[], Job]
Look: TypeAlias = Callable[[str], Job]


@dataclass(frozen=True)
class Places:
    """Where a batch reads and writes, as Vertex AI is told.

    Attributes:
        source: Its input.
        out: Its output.
    """

    source: Mapping[str, Any]
    out: Mapping[str, Any]

    @classmethod
    def read(cls, source: str, out: str) -> "Places":
        """Take addresses apart.

        Args:
            source: gs://… (JSON lines), or bigquery://project/dataset/table.
            out: gs://folder, or bigquery://project/dataset.

        Raises:
            SettingsError: They are neither.
        """
        return cls(_input(source), _output(out))


def train(google: Google, shown: str, digest: str, *, image: str, command: Sequence[str], out: str,
          environment: Mapping[str, str], on: Machines, again: bool = False) -> Job | None:  # fmt: skip
    """Run our container, which writes a model to `AIP_MODEL_DIR`; what was trained from the same is not trained twice.

    Args:
        google: Where.
        shown: Name of the job.
        digest: Of what it is trained from.
        image: The container, by its digest.
        command: What the container is told.
        out: Folder; the model is written to `model` in it.
        environment: Variables of the container.
        on: The machine.
        again: Whether to train although it was done.

    Returns:
        The job, done; None in a rehearsal.

    Raises:
        CloudError: It could not be done, or failed.
    """
    container = {
        "image_uri": image,
        "args": list(command),
        "env": [{"name": name, "value": value} for name, value in sorted(environment.items())],
    }
    pool = {"machine_spec": {"machine_type": on.kind}, "replica_count": 1, "container_spec": container}
    spec: dict[str, Any] = {"worker_pool_specs": [pool], "base_output_directory": {"output_uri_prefix": out}}
    spec |= {"service_account": on.account} if on.account else {}
    job = {"display_name": shown, "job_spec": spec, "labels": {LABEL: "training", DIGEST: digest}}
    with explained(google, f"the training {shown}"):
        client = google.client(v1().JobServiceClient, host(google))
        asked = {"parent": google.parent, "filter": f"labels.{DIGEST}={digest}"}
        request = {"parent": google.parent, "custom_job": job}
        return _ended(
            google,
            _going_on(map(_trained, client.list_custom_jobs(request=asked)), again),
            make=lambda: _trained(client.create_custom_job(request=request)),
            look=lambda name: _trained(client.get_custom_job(request={"name": name}, retry=once_more())),
            what="training",
        )


def batch(google: Google, model: Uploaded, digest: str, places: Places, *, key: str,
          features: Sequence[str], on: Machines, again: bool = False) -> Job | None:  # fmt: skip
    """Predict for all customers of a file or table; what was asked for before is not asked for twice.

    Args:
        google: Where.
        model: The version.
        digest: Of what is asked.
        places: Where it reads and writes.
        key: Field that tells whose a prediction is; it is not sent to the model. Empty: none.
        features: Fields that are sent to the model; empty: all.
        on: The machines.
        again: Whether to ask although it was done.

    Returns:
        The job, done; None in a rehearsal.

    Raises:
        CloudError: It could not be done, or failed.
    """
    instances = {"instance_type": "object"} | ({"key_field": key} if key else {})
    job: dict[str, Any] = {
        "display_name": label(f"{model.name.rpartition('/')[2]}-{digest[:12]}"),
        "model": model.full,
        "labels": {LABEL: "batch", DIGEST: digest},
        "input_config": places.source,
        "output_config": places.out,
        "instance_config": instances | ({"included_fields": list(features)} if features else {}),
        "dedicated_resources": {
            "machine_spec": {"machine_type": on.kind},
            "starting_replica_count": on.least,
            "max_replica_count": on.most,
        },
    }
    job |= {"service_account": on.account} if on.account else {}
    with explained(google, "the batch prediction"):
        client = google.client(v1().JobServiceClient, host(google))
        asked = {"parent": google.parent, "filter": f"labels.{DIGEST}={digest}"}
        request = {"parent": google.parent, "batch_prediction_job": job}
        return _ended(
            google,
            _going_on(map(_predicted, client.list_batch_prediction_jobs(request=asked)), again),
            make=lambda: _predicted(client.create_batch_prediction_job(request=request)),
            look=lambda name: _predicted(client.get_batch_prediction_job(request={"name": name}, retry=once_more())),
            what="predicting",
        )


def _going_on(jobs: Any, again: bool) -> Job | None:
    """One that runs or, unless it is to be done again, is done."""
    known = [job for job in jobs if job.state not in FAILED]
    running = next((job for job in known if job.state != DONE), None)
    return running or (None if again else next(iter(known), None))


def _ended(google: Google, job: Job | None, *, make: Made, look: Look, what: str) -> Job | None:
    """The job, made where there is none, when it has ended; None in a rehearsal that would make it."""
    if job is None:
        job = make()
        if google.rehearsal:
            return None
    now = [job]

    def ended() -> bool:
        if now[0].state not in STILL:
            now[0] = look(now[0].name)
        return now[0].state in STILL

    google.until(ended, f"{what} ({job.name.rpartition('/')[2]})")
    if now[0].state == DONE:
        return now[0]
    raise CloudError(f"{google.place}: {_why(google, now[0])}", "job failed")


def _why(google: Google, job: Job) -> str:
    """Why a job has no result that could be used, and the mend."""
    number, said = job.name.rpartition("/")[2], f": {job.error.rstrip('.')}" if job.error else ""
    if job.state == PAUSED:
        return f"the job {number} is paused{said}. Resume it in the console and do this again, or cancel it there."
    word = job.state.removeprefix("JOB_STATE_").lower().replace("_", " ")
    some = f" What it made of it, not all, lies in {job.out}." if job.state == PARTLY and job.out else ""
    look_at = f'gcloud logging read "resource.labels.job_id={number}" --project={google.project}'
    return f"the job {number} {word}{said}.{some} Look at its log: {look_at}"


def _trained(found: Any) -> Job:
    out = found.job_spec.base_output_directory.output_uri_prefix
    return Job(found.name, found.state.name, f"{out.rstrip('/')}/model", found.error.message)


def _predicted(found: Any) -> Job:
    info = found.output_info
    table = f"{info.bigquery_output_dataset}.{info.bigquery_output_table}" if info.bigquery_output_dataset else ""
    return Job(found.name, found.state.name, info.gcs_output_directory or table, found.error.message)


def _input(source: str) -> dict[str, Any]:
    if source.startswith("bigquery://"):
        return {"instances_format": "bigquery", "bigquery_source": {"input_uri": _table(source, 3)}}
    ending = source[source.rfind(".") :].lower() if source.startswith("gs://") else ""
    if ending not in FORMATS:
        raise SettingsError(
            f"{source or 'SOURCE'}: not something a batch reads. Give gs://….jsonl or bigquery://project/dataset/table."
        )
    return {"instances_format": FORMATS[ending], "gcs_source": {"uris": [source]}}


def _output(out: str) -> dict[str, Any]:
    if out.startswith("bigquery://"):
        return {"predictions_format": "bigquery", "bigquery_destination": {"output_uri": _table(out, 2)}}
    if not out.startswith("gs://"):
        raise SettingsError(
            f"{f'--out {out}'.rstrip()}: not a place for a batch. Give gs://bucket/folder or bigquery://project/dataset."
        )
    return {"predictions_format": "jsonl", "gcs_destination": {"output_uri_prefix": out}}


def _table(address: str, most: int) -> str:
    parts = address.removeprefix("bigquery://").strip("/").split("/")
    if len(parts) != most or not all(parts):
        form = "/".join(("project", "dataset", "table")[:most])
        raise SettingsError(f"{address}: not complete. Write bigquery://{form}.")
    return f"bq://{'.'.join(parts)}"
