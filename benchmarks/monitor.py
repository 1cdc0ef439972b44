"""Monitoring of a week in which the service was asked very often: what was asked, what was answered, and how fast."""

# ruff: noqa: PLC0415 - each way imports only what it measures
import json
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.data import Data
from benchmarks.runner import Benchmark, Way, Work, way

if TYPE_CHECKING:
    import pyarrow as pa

    from clientage.settings import Settings

WORKSPACE = "watched"
MOST = 1_000_000  # predictions
FILES = 24  # of the log
REFUSED = 200  # one in so many
# drift is an answer too: exit code 3
COMMAND = """
import sys
from clientage.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    sys.exit(0 if ended.code in (0, 3) else str(ended.code))
"""

Figures = dict[str, Any]


def benchmarks(data: Data) -> list[Benchmark]:
    """The log alone, in two ways; and the whole command, with order lines, customers, start and imports."""
    week = {"day": str(week_of(date.fromisoformat(data.as_of)))}
    made = way("watched", prepare, {"raw": data.raw, "crowd": data.crowd, **week}, seconds=3600)
    command = (sys.executable, "-c", COMMAND, "monitor", "--workspace", WORKSPACE, "--since", week["day"])
    ways = (
        way("clientage, the log", clientage, week),
        way("pandas, the log", pandas, week),
        Way("clientage monitor, all of the week", command, whole=True),
    )
    title = f"a week of {min(data.assigned, MOST):,} predictions monitored"
    return [Benchmark("monitor", title, ways, rounds=3, before=(made,))]


def week_of(as_of: date) -> date:
    """First day of the last whole week before a day: a Monday."""
    return as_of - timedelta(days=as_of.weekday() + 7)


def prepare(raw: str, crowd: str, day: str) -> Work:
    """A workspace whose model was made just before the week, what is usual, and the log of the week."""
    from clientage import pipeline
    from clientage.monitor import monitor

    def work() -> None:
        pipeline.run(_settings(f"as_of={day}"), raw)
        pipeline.run(_settings(), raw, keep_model=True)
        monitor(_settings())
        log(crowd, day, Path(WORKSPACE))

    return work


def log(crowd: str, day: str, workspace: Path) -> None:
    """A week in which customers of the crowd were asked for once, in files as the shipper leaves them."""
    import pyarrow.parquet as pq

    customers = pq.read_table(crowd).slice(0, MOST)
    needs = _needs(workspace)
    folder = workspace / "predictions"
    folder.mkdir()
    share = -(-len(customers) // FILES)
    for i in range(FILES):
        rows = _answered(customers.slice(i * share, share), i, share, needs, datetime.fromisoformat(day))
        pq.write_table(rows, folder / f"{i:03}-0.parquet", compression="zstd")


def _answered(customers: "pa.Table", part: int, share: int, needs: list[str], start: datetime) -> "pa.Table":
    """Rows of the table `predictions`: an answer each, now and then a refusal."""
    import numpy as np
    import pyarrow as pa

    from clientage.tables import PREDICTIONS, arrow_schema

    n, rng = len(customers), np.random.default_rng(part)
    seconds = (part + np.sort(rng.random(n))) * 7 * 86_400 / FILES
    values = zip(*(customers[name].to_pylist() for name in needs), strict=True)
    requests = [f"0123456789abcdef-{part * share + i:x}" for i in range(n)]
    refused = rng.integers(REFUSED, size=n) == 0
    columns = {
        "prediction_id": [f"{request}-0" for request in requests],
        "request_id": requests,
        "place": np.zeros(n, np.int64),
        "time": np.datetime64(start, "us") + (seconds * 1e6).astype("timedelta64[us]"),
        "version": ["7"] * n,
        "form": ["features"] * n,
        "inputs": [json.dumps(dict(zip(needs, row, strict=True))) for row in values],
        "segment_id": pa.array(rng.integers(1, 6, n), mask=refused),
        "segment": ["Top spenders · active"] * n,
        "distance": rng.random(n),
        "runner_up": rng.integers(1, 6, n),
        "latency": rng.exponential(0.002, n),
        "error": pa.array(["not a number"] * n, mask=~refused),
    }
    return pa.table(
        [
            pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(n, field.type)
            for field in arrow_schema(PREDICTIONS)
        ],
        schema=arrow_schema(PREDICTIONS),
    )


def clientage(day: str) -> Callable[[], Figures]:
    """As monitoring looks at the log."""
    import tempfile

    from clientage.context import MODEL, Run, opened
    from clientage.manifest import Manifest
    from clientage.monitoring.reference import Reference
    from clientage.monitoring.windows import Windows
    from clientage.segments import document
    from clientage.stages.watch import answers
    from clientage.stages.watch.usual import REFERENCE
    from clientage.stages.watch.watch import Watch

    warehouse = opened(_settings())
    model = document.loads(warehouse.read_text(MODEL))
    inputs = Reference.loads(warehouse.read_text(REFERENCE)).inputs
    number = Windows().numbered(date.fromisoformat(day))

    def work() -> Figures:
        with tempfile.TemporaryDirectory() as scratch:
            run = Run(_settings(), warehouse, Manifest(), scratch=Path(scratch))
            seen = answers.look(Watch(run, model, Windows(), {}, inputs), range(number, number + 1))
        counts = {key: dict(zip(each.categories, each.counts[0], strict=True)) for key, each in seen.counts.items()}
        return {" ".join(key): float(values[0]) for key, values in seen.figures.items()} | {
            " ".join(key): list(each.values()) if key.subject else each for key, each in counts.items()
        }

    return work


def pandas(day: str) -> Callable[[], Figures]:
    """The same figures as a data scientist writes them."""
    import numpy as np
    import pandas as pd

    from clientage.context import opened
    from clientage.monitoring.reference import Reference
    from clientage.stages.watch.usual import REFERENCE

    inputs = Reference.loads(opened(_settings()).read_text(REFERENCE)).inputs
    start = pd.Timestamp(day)

    def work() -> Figures:
        rows = pd.read_parquet(f"{WORKSPACE}/predictions")
        rows = rows[(rows["time"] >= start) & (rows["time"] < start + timedelta(days=7))]
        rows = rows.drop_duplicates("prediction_id")
        answered = rows[rows["error"].isna()]
        asked = pd.DataFrame([json.loads(text) for text in answered["inputs"]])
        latency = rows.groupby("request_id")["latency"].max()
        found: Figures = {f"service p{share} ": latency.quantile(share / 100) for share in (50, 95, 99)}
        found |= {"service predictions ": len(answered), "service refused ": rows["error"].notna().mean()}
        found["predictions mix "] = answered["segment_id"].astype(int).astype(str).value_counts().to_dict()
        for name, each in inputs.items():
            values = asked[name].astype(float)
            bins = np.searchsorted(each.edges, values, "left")
            found[f"predictions psi {name}"] = np.bincount(bins, minlength=len(each.edges) + 1).tolist()
            found |= {f"predictions {m} {name}": getattr(values, m)() for m in ("min", "max", "mean", "median")}
            outside = (values < each.lowest) | (values > each.highest)
            found[f"predictions outside {name}"] = outside.mean()
        return found

    return work


def _needs(workspace: Path) -> list[str]:
    """What the model goes by."""
    from clientage.context import MODEL
    from clientage.segments import document

    return list(document.loads((workspace / MODEL).read_text(encoding="utf-8")).needs)


def _settings(*more: str) -> "Settings":
    from clientage.settings import load

    return load(overrides=[f"workspace={WORKSPACE}", "segments.recipe=behaviour", "segments.k=5", *more])
