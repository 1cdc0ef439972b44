"""The whole run, from order lines in Parquet to segments, with start and imports of the process."""

import sys

from benchmarks.data import Data
from benchmarks.goals import Goal
from benchmarks.runner import Benchmark, Way

PLAIN = "pandas and scikit-learn, number by silhouette"
COMMAND = "import sys; from clientage.cli import main; main(sys.argv[1:])"


def benchmarks(data: Data) -> list[Benchmark]:
    """With a number of segments given, and with one chosen; the plain script writes one table and no report.

    It gets one thread for its fits: see `sweep`.
    """
    ours = (sys.executable, "-c", COMMAND, "run", data.raw, "--workspace")
    plain = ("env", "OMP_NUM_THREADS=1", sys.executable, "-m", "benchmarks.plain", data.raw, "plain.csv")
    ways = (
        Way("clientage, 5 segments", (*ours, "given", "--k", "5"), whole=True),
        Way("clientage, number by stability", (*ours, "chosen"), whole=True),
        Way(PLAIN, plain, whole=True),
    )
    goals = (Goal(PLAIN, "ratio", least=15),)
    return [Benchmark("run", "whole run, with start and imports", ways, goals=goals)]
