"""Work on machines of Vertex AI that ends by itself: a training, a batch of predictions."""

import secrets

from clientage.cloud import container, vertex_jobs, vertex_models
from clientage.cloud.clients import Google
from clientage.cloud.storage import SCHEME, fingerprint
from clientage.cloud.vertex_endpoints import Machines
from clientage.cloud.vertex_jobs import Job
from clientage.deployment import connection
from clientage.deployment.digests import digest
from clientage.deployment.samples import samples
from clientage.deployment.vertex import name
from clientage.errors import CloudError, SettingsError
from clientage.settings import Settings
from clientage.settings.addresses import is_path


def train(to: Google, settings: Settings, source: str, *, again: bool = False) -> Job | None:
    """Train in our container on Vertex AI; None in a rehearsal.

    Args:
        to: Google Cloud.
        settings: All of them.
        source: gs://… with the order lines, or what else `clientage run` reads.
        again: Whether to train although it was done from the same; what lies in no bucket is never known to be.

    Raises:
        ClientageError: What the user can mend.
    """
    if not source:
        raise SettingsError("train: no order lines. Give them: clientage deploy vertex train gs://BUCKET/orders.")
    if is_path(source):
        raise SettingsError(
            f"{source}: lies on this machine, and not where it is trained. Copy it to gs://BUCKET/orders."
        )
    image, root, wanted = connection.pinned(to, settings), connection.bucket(settings), settings.deploy
    command = ["run", source, *connection.training(settings)]
    seen = _seen(source)
    made_of = digest([image, command, seen])
    # a folder of its own for every job that is made: what another one wrote may be served
    out = f"{root}/training/{made_of[:16]}-{secrets.token_hex(4)}"
    return vertex_jobs.train(
        to, f"{settings.tracking.model}-{made_of[:8]}", made_of, image=image, command=command,
        out=out, environment=container.WORKSPACE,
        on=Machines(wanted.training_machine, 1, 1, settings.google.service_account), again=again or not seen,
    )  # fmt: skip


def batch(to: Google, settings: Settings, source: str, out: str, wanted: str = "", *, key: str = "",
          savedmodel: bool = False, again: bool = False) -> Job | None:  # fmt: skip
    """Predict for all customers of a file or table; None in a rehearsal.

    Args:
        to: Google Cloud.
        settings: All of them.
        source: gs://….jsonl or bigquery://project/dataset/table.
        out: gs://folder or bigquery://project/dataset.
        wanted: The version's number or alias in Vertex AI; empty: the newest.
        key: Field that says whose a prediction is; not sent to the model.
        savedmodel: Whether by the SavedModel.
        again: Whether to ask although the same was asked; what lies in no bucket is never known to be.

    Raises:
        ClientageError: What the user can mend.
    """
    limits, places = settings.deploy, vertex_jobs.Places.read(source, out)
    model = vertex_models.find(to, name(settings, savedmodel=savedmodel), wanted)
    on = Machines(limits.machine, limits.min_replicas, limits.max_replicas, settings.google.service_account)
    features, seen = tuple(samples(model.artifact)[0]) if key else (), _seen(source)
    return vertex_jobs.batch(
        to, model, digest([model.full, source, seen, out, key]), places, key=key, features=features, on=on,
        again=again or not seen,
    )  # fmt: skip


def _seen(source: str) -> str:
    """Another one when what lies in a bucket is; empty where it lies elsewhere, as nothing is known of it."""
    return fingerprint(source, CloudError) if source.startswith(SCHEME) else ""
