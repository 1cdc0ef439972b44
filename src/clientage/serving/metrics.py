"""What Prometheus may know: counts and times over all workers, the model in use, and what waits to be shipped.

With `PROMETHEUS_MULTIPROC_DIR` set before this is imported, every worker counts in a file of its own, and any of them
answers for all.
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clientage.serving.spool import backlog, state

if TYPE_CHECKING:
    from clientage.serving.models import Models

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

OWN = CollectorRegistry()
LABELS = ("route", "method", "status")
SECONDS = Histogram("clientage_request_seconds", "Seconds to an answer.", LABELS, buckets=BUCKETS, registry=OWN)
PREDICTIONS = Counter("clientage_predictions", "Predictions answered.", ["version", "segment_id"], registry=OWN)
REFUSED = Counter("clientage_bad_instances", "Instances answered with an error.", registry=OWN)
SHADOW = Counter("clientage_shadow", "Predictions compared with the model in the shadow.", ["agrees"], registry=OWN)
RELOADS = Counter("clientage_model_loads", "Models loaded, and those that could not be.", ["result"], registry=OWN)

# the one of each set of labels, found at once
timed = lru_cache(maxsize=1024)(SECONDS.labels)
predicted = lru_cache(maxsize=1024)(PREDICTIONS.labels)


class _Now(Collector):
    """What is so at the moment, rather than counted."""

    def __init__(self, models: "Models", log: Path) -> None:
        self._models, self._log = models, log

    def collect(self) -> Iterator[Metric]:
        """The model in use and the backlog of the prediction log."""
        model = GaugeMetricFamily("clientage_model", "The models in use.", labels=["role", "version"])
        for role, served in (("served", self._models.served), ("shadow", self._models.shadow)):
            if served:
                model.add_metric([role, served.version], 1)
        yield model
        waiting, shipped = backlog(self._log), state(self._log)
        yield GaugeMetricFamily("clientage_log_backlog_bytes", "Logged and not shipped yet.", waiting.bytes)
        yield GaugeMetricFamily("clientage_log_backlog_files", "Files of the prediction log.", waiting.files)
        yield CounterMetricFamily("clientage_log_shipped", "Predictions shipped.", shipped.shipped)
        yield CounterMetricFamily("clientage_log_failures", "Times that shipping failed.", shipped.failures)


def exposition(models: "Models", log: Path) -> bytes:
    """Everything in the text format of Prometheus."""
    now = CollectorRegistry()
    now.register(_Now(models, log))
    counted = OWN
    if FOLDER in os.environ:
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)
    return generate_latest(counted) + generate_latest(now)
