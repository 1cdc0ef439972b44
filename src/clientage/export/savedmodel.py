"""A model as a TensorFlow SavedModel: what TensorFlow Serving, Vertex AI and BigQuery load."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clientage.export.libraries import load
from clientage.export.scoring import Cells, Centroids, Scoring, told

ABOUT = "assets.extra/clientage.json"
"""What says that a folder is ours; TensorFlow leaves this place to others."""

OWN = {"saved_model.pb", "variables", "assets", "assets.extra"}

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


def write(folder: Path, scoring: Scoring, about: Mapping[str, str]) -> None:
    """Write the model into a new folder. Its one signature, `serving_default`, has float64 inputs named like features.

    Args:
        folder: Where to; not there yet.
        scoring: What it computes.
        about: Where it comes from.

    Raises:
        ClientageError: TensorFlow is not installed.
        OSError: The folder cannot be written.
    """
    tf = _tensorflow()
    folder.mkdir()
    compute = _nearest if isinstance(scoring, Centroids) else _cell
    inputs = {name: tf.TensorSpec([None], tf.float64, name=name) for name in scoring.features}

    def segments(**features: Any) -> dict[str, Any]:
        values = tf.stack([features[name] for name in scoring.features], axis=1)
        return compute(tf, scoring, values)  # type: ignore[arg-type] # chosen by its kind

    signature = tf.function(segments, autograph=False).get_concrete_function(**inputs)
    try:
        tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": signature})
    except tf.errors.OpError as error:
        raise OSError(error.message) from error
    (folder / "fingerprint.pb").unlink(missing_ok=True)  # optional, and random
    (folder / ABOUT).parent.mkdir()
    text = json.dumps(told(scoring, about), indent=1, ensure_ascii=False)
    (folder / ABOUT).write_text(f"{text}\n", encoding="utf-8")


def is_ours(folder: Path) -> bool:
    """Whether a folder is one that `write` made, with nothing else in it."""
    return (folder / ABOUT).is_file() and {path.name for path in folder.iterdir()} <= OWN


def _tensorflow() -> Any:
    """TensorFlow, without what it says of processors and files."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    tf = load("tensorflow", "tensorflow")
    tf.get_logger().setLevel("ERROR")
    return tf


def _nearest(tf: Any, scoring: Centroids, values: Any) -> dict[str, Any]:
    """The two nearest centroids; of equal distances the lower number comes first."""
    filled = tf.where(tf.math.is_nan(values), tf.constant(scoring.fill), values)
    compared = tf.sign(filled) * tf.math.log1p(tf.abs(filled)) if scoring.log else filled
    place = tf.matmul(compared, tf.constant(scoring.matrix)) + tf.constant(scoring.offset)
    squares = tf.reduce_sum(tf.square(place[:, None, :] - tf.constant(scoring.centroids)), axis=2)
    least, which = tf.math.top_k(-squares, k=2)
    return _labelled(tf, scoring, which[:, 0]) | {
        "distance": tf.sqrt(-least[:, 0]),
        "runner_up": tf.gather(tf.constant(scoring.ids), which[:, 1]),
        "runner_up_distance": tf.sqrt(-least[:, 1]),
    }


def _cell(tf: Any, scoring: Cells, values: Any) -> dict[str, Any]:
    """The cell by how many limits are exceeded; a missing value exceeds all of them."""
    spread = values[:, :, None]
    # not `not <=`: TensorFlow makes `>` of that, which is something else for what is not a number
    exceeded = (spread > tf.constant(scoring.cuts)) | tf.math.is_nan(spread)
    recency, frequency, spend = tf.unstack(tf.reduce_sum(tf.cast(exceeded, tf.int64), axis=2), axis=1)
    cell = (4 - recency) * 5 + (frequency + spend + 1) // 2
    return _labelled(tf, scoring, tf.gather(tf.constant(scoring.cells.ravel()), cell))


def _labelled(tf: Any, scoring: Scoring, found: Any) -> dict[str, Any]:
    return {
        "segment_id": tf.gather(tf.constant(scoring.ids), found),
        "segment": tf.gather(tf.constant(scoring.names), found),
    }
