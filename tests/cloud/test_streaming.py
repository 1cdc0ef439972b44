"""Many predictions streamed while every tenth call fails: none is lost, none is there twice."""

import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

import pytest
from bigqueries import PROJECT, Gate, failed
from recorder import Recorder

from clientage.cloud.bigquery import EMULATOR
from clientage.errors import SinkError
from clientage.serving import spool
from clientage.serving.ship import Shipper
from clientage.serving.sinks import open_sink

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from predictions import logged, record

pytestmark = pytest.mark.slow
EACH = 250  # predictions of a request


class Failing:
    """Every tenth call fails, in turn before anything was done and after it was."""

    def __init__(self):
        self.calls = self.before = self.after = 0

    def __call__(self, method, path, body):
        self.calls += 1
        if self.calls % 20 == 10:
            self.before += 1
            return failed(503, "backendError")
        if self.calls % 20 == 0:
            self.after += 1
            return lambda *_: failed(503, "backendError")
        return None


def streamed(folder, count, recorder):
    """Predictions logged, and shipped through a gate that fails; the plan of the gate, with its counts."""
    logged(folder, *(record(f"r{i}", [f"c{j}" for j in range(EACH)]) for i in range(count // EACH)))
    gate = Gate(recorder.address)
    gate.plan = Failing()
    with pytest.MonkeyPatch.context() as patched, contextlib.closing(gate):
        patched.setenv(EMULATOR, gate.address)
        with contextlib.closing(open_sink(f"bigquery://{PROJECT}/shop")) as sink:
            shipper = Shipper(folder, sink)
            while spool.files(folder):
                with contextlib.suppress(SinkError):
                    shipper.once()
    return gate.plan


@pytest.mark.parametrize("remembered", [50_000, 0])
def test_none_is_lost_and_none_is_doubled(remembered, tmp_path):
    recorder = Recorder(remembered)
    with contextlib.closing(recorder):
        plan = streamed(tmp_path, 100_000, recorder)
    assert plan.before >= 10
    assert plan.after >= 10
    assert len(recorder.rows) == 100_000  # as the view predictions_once has them
    there = recorder.rows.total()
    assert there == 100_000 if remembered else there > 100_000  # where BigQuery does not know them again
    assert not (tmp_path / spool.UNREADABLE).exists()


def main(count):
    """The same with as many as wanted, told: `PYTHONPATH=tests python tests/cloud/test_streaming.py 1000000`."""

    for remembered in (50_000, 0):
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(Recorder(remembered)) as recorder:
            begun = time.monotonic()
            plan = streamed(Path(folder), count, recorder)
            told = {"rows": recorder.rows.total(), "distinct": len(recorder.rows), "calls": plan.calls}
            told |= {"failed before": plan.before, "failed after": plan.after, "remembered": remembered}
            sys.stdout.write(json.dumps(told | {"seconds": round(time.monotonic() - begun)}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
