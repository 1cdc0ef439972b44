"""Answers for tests of the log of predictions, and processes that write them."""

import contextlib
import os
import subprocess
import sys

from clientage.serving.log import PredictionLog


def record(request="r1", customers=("c1",), **changes):
    """An answered request: a prediction for each customer."""
    n = len(customers)
    part = {
        "form": "features",
        "place": list(range(n)),
        "customer_id": list(customers),
        "names": ["recency_days", "monetary"],
        "values": [[3, 9.5]] * n,
        "segment_id": [2] * n,
        "segment": ["Top spenders · active"] * n,
        "distance": [0.25] * n,
        "runner_up": [1] * n,
        "shadow_segment_id": None,
    }
    of_part = {name: changes.pop(name) for name in list(changes) if name in part}
    common = {"id": request, "time": 1_700_000_000.25, "latency": 0.002, "version": "3", "shadow": None}
    return common | {"parts": [part | of_part]} | changes


def refused(kinds):
    """What a record has beside, where instances were refused: kinds of problems by place."""
    return {"refused": {"place": list(kinds), "error": list(kinds.values())}}


def logged(folder, *records):
    """Answers written by a process that is gone."""
    with contextlib.closing(PredictionLog(folder)) as log:
        for each in records:
            log.append(each)


def lines(folder):
    """All lines of a log, file by file."""
    return [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines(keepends=True)]


@contextlib.contextmanager
def started(script, *arguments):
    """A process of its own that runs a script; whatever happens, it does not outlive the test."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


WRITING = """
import sys
from pathlib import Path
from predictions import record
from clientage.serving.log import PredictionLog

log = PredictionLog(Path(sys.argv[1]), most_bytes=20_000)
for i in range(10**9):
    log.append(record(f"{sys.argv[2]}-{i}", ["a", "b"]))
    print(f"{sys.argv[2]}-{i}", flush=True)
"""


def killed_while_writing(folder, name, answers):
    """Requests that a process had answered, by its own word, when it was killed in the middle of its work."""
    with started(WRITING, folder, name) as process:
        answered = [process.stdout.readline().strip() for _ in range(answers)]
        process.kill()
        return answered + process.stdout.read().split()
