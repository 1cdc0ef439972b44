"""What monitoring might have found, made up: tables `drift`, `journeys` and `episodes` of a workspace."""

import math
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from clientage.tables import arrow_schema

START, WEEKS = date(2024, 1, 1), 30
FIRST_DRIFT = 24
FEATURES = {"monetary": 500.0, "recency_days": 60.0, "frequency": 4.0}


def week(number):
    return START + timedelta(days=7 * number)


def measured(number, area, measure, value, subject="", **more):
    """A row of `drift`, well unless said otherwise."""
    row = {
        "window": week(number), "days": 7, "reference": number < 20, "model": "0123abcd", "area": area,
        "measure": measure, "subject": subject, "value": value, "expected": None, "low": None, "high": None,
        "score": None, "verdict": "ok", "because": "", "rows": 400 + 10 * number,
    }  # fmt: skip
    return row | more


def _window(number):
    """All that is measured in a window; from `FIRST_DRIFT` on, spend has moved."""
    bad = number >= FIRST_DRIFT
    verdict = {"verdict": "drift" if bad else "ok", "score": 1.6 if bad else 0.3}
    because = "spend: median 900, usually 500; segment mix: Top spenders 12% → 21%" if bad else ""
    yield measured(number, "all", "verdict", None, **verdict, because=because)
    for name, typical in FEATURES.items():
        wave = 1 + 0.05 * math.sin(number) + (0.8 if bad and name == "monetary" else 0)
        low, high = 0.1 * typical, 8 * typical
        yield measured(number, "customers", "min", 0.11 * typical * wave, name, low=low)
        yield measured(number, "customers", "max", 7 * typical * wave, name, high=high)
        yield measured(number, "customers", "mean", 1.4 * typical * wave, name)
        yield measured(number, "customers", "median", typical * wave, name)
        moved = verdict | {"because": "median 900, usually 500" if bad else ""} if name == "monetary" else {}
        yield measured(number, "customers", "psi", 0.4 if moved.get("because") else 0.08, name, high=0.25, **moved)
    yield measured(number, "segments", "mix", 0.16 if bad else 0.03, high=0.1, **verdict)
    yield measured(number, "volume", "orders", 300 + 20 * math.sin(number), low=200.0, high=400.0, expected=300.0)
    for measure, value in (("p50", 0.004), ("p95", 0.012), ("p99", 0.03)):
        yield measured(number, "service", measure, value * (1 + 0.1 * math.sin(number)), high=2 * value)


def drift():
    return [row for number in range(WEEKS) for row in _window(number)]


def episodes():
    told = {"because": "spend: median 900, usually 500"}
    return [
        {"opened": week(3), "last": week(4), "resolved": week(6), "windows": 2, "because": "fewer orders"},
        {"opened": week(FIRST_DRIFT), "last": week(WEEKS - 1), "resolved": None, "windows": 6, **told},
    ]


def journeys(customers, names):
    """Each customer came in some week, and every third went on to the next segment.

    Args:
        customers: Ids with the number of the segment they are in.
        names: Of segments by number.
    """
    numbers = sorted(names)
    for i, (customer, now) in enumerate(sorted(customers)):
        came, gone = i % 12, 12 + i % (WEEKS - 12)
        if i % 3:
            yield {"customer_id": customer, "since": week(came), "segment_id": now, "segment": names[now]}
            continue
        before = numbers[(numbers.index(now) + 1) % len(numbers)]
        yield {"customer_id": customer, "since": week(came), "segment_id": before, "segment": names[before]}
        yield {"customer_id": customer, "since": week(gone), "segment_id": now, "segment": names[now]}


def write(workspace, name, rows):
    """A table of a workspace, as it would be written."""
    path = workspace / "tables" / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), arrow_schema(name)), path)


def watch(workspace):
    """All three tables, beside those of a run."""
    found = pq.read_table(workspace / "tables" / "segments.parquet", columns=["customer_id", "segment_id", "segment"])
    rows = found.to_pylist()
    names = {row["segment_id"]: row["segment"] for row in rows}
    write(workspace, "drift", drift())
    write(workspace, "episodes", episodes())
    write(workspace, "journeys", journeys([(row["customer_id"], row["segment_id"]) for row in rows], names))


def write_as_is(path, table):
    """A table in place of the one that is there."""
    pq.write_table(table, path)
