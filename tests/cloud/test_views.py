"""The views of BigQuery: each with an answer that is known, clean SQL, and nothing read that no table has."""

import datetime
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import sqlglot
from bigqueries import PROJECT
from google.cloud import bigquery
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from clientage import delivery
from clientage.cloud.bigquery import KINDS, Dataset
from clientage.cloud.views import views
from clientage.serving.rows import table
from clientage.serving.sinks import open_sink
from clientage.tables import PREDICTIONS, SPECS

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from predictions import record, refused

ROOT = Path(__file__).parents[2]
PROMISED = {**{name: spec.columns for name, spec in SPECS.items()}, "predictions": PREDICTIONS.columns}
each_view = pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
DAY = datetime.date(2023, 11, 14)


@functools.cache
def columns(view):
    """Columns of a view, each held against what it reads."""
    schema = {name: {column: KINDS[each.kind] for column, each in of.items()} for name, of in PROMISED.items()}
    for earlier in views():
        statement = earlier.statement.replace("`{dataset}.", "`")
        asked = qualify(sqlglot.parse_one(statement, dialect="bigquery"), schema=schema, dialect="bigquery")
        schema[earlier.name] = dict.fromkeys(asked.named_selects, "STRING")
        if earlier.name == view:
            return asked.named_selects
    raise KeyError(view)


@each_view
def test_reads_nothing_that_is_not_promised(view):
    assert view.reads <= {*PROMISED, *(other.name for other in views())}
    assert columns(view.name)
    for path in re.findall(r"'\$\.(\w+)'", view.statement):
        assert PROMISED["customers"][path].kind in ("integer", "number")


@each_view
def test_says_what_it_is_for(view):
    assert 20 < len(view.meaning) < 300
    assert view.meaning.endswith(".")


@pytest.mark.parametrize("name", ["customer_features", "prediction_features"])
def test_has_every_number_that_is_known_of_customers(name):
    (view,) = (view for view in views() if view.name == name)
    found = re.findall(r"\('(\w+)', SAFE_CAST\(JSON_VALUE\(\w+\.\w+, '\$\.(\w+)'\) AS FLOAT64\)\)", view.statement)
    known = [column for column, each in PROMISED["customers"].items() if each.kind in ("integer", "number")]
    assert found == [(column, column) for column in known]


def test_the_view_of_each_prediction_once_has_all_columns():
    assert columns("predictions_once") == list(PREDICTIONS.columns)


def test_a_column_that_is_not_there_is_found():
    with pytest.raises(sqlglot.errors.OptimizeError, match="nope"):
        qualify(sqlglot.parse_one("SELECT nope FROM drift"), schema={"drift": {"window": "DATE"}})
    assert sqlglot.parse_one("SELECT 1").find(exp.Select)


def test_the_sql_is_clean():
    program = shutil.which("sqlfluff", path=str(Path(sys.executable).parent))
    if program is None:
        reason = "sqlfluff is not installed: make test installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = Path(sys.modules["clientage.cloud.views"].__file__).parent
    linted = subprocess.run(
        [program, "lint", "--dialect", "bigquery", "--config", str(ROOT / "pyproject.toml"), str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert linted.returncode == 0, linted.stdout


@pytest.fixture
def served(dataset, client, ask):
    """Requests of two days, tables of a run, and all views; two predictions are there twice."""
    address = f"bigquery://{PROJECT}/{dataset}"
    day = {"time": 1_700_000_000.25}
    first = table([orjson.dumps(record("r1", ["c1", "c2"], latency=0.5, values=[[3, 50.0], [30, 950.0]], **day))])[0]
    other = record("r2", ["c1"], latency=0.1, segment_id=[1], segment=["Mid"], values=[[-5, None]], **day)
    more = table([orjson.dumps(other | refused({1: "missing feature"}))])[0]
    later = table([orjson.dumps(record("r3", [None], time=1_700_090_000.25))])[0]
    sink = open_sink(address)
    for rows in (first, more, later):
        sink.write("a", rows)
    client.insert_rows_json(f"{dataset}.predictions", [row | {"time": str(row["time"])} for row in first.to_pylist()])
    sink.close()
    for name, of in PROMISED.items():
        if name != "predictions":
            client.create_table(
                bigquery.Table(
                    f"{PROJECT}.{dataset}.{name}",
                    [bigquery.SchemaField(column, KINDS[each.kind]) for column, each in of.items()],
                )
            )
    ask("INSERT INTO `{}.customers` (customer_id, recency_days, monetary) VALUES ('c1', 1, 100), ('c2', 9, 900)")
    ask("INSERT INTO `{}.profiles` (segment_id, segment, colour, share) VALUES (1, 'Mid', '#0072B2', 0.25), "
        "(2, 'Top spenders · active', '#E69F00', 0.5), (3, 'Gone', '#009E73', 0.25)")  # fmt: skip
    ask("INSERT INTO `{}.drift` (`window`, reference, area, measure, subject, value, verdict, `rows`) VALUES "
        "('2023-11-06', TRUE, 'volume', 'orders', '', 9, 'ok', 9), "
        "('2023-11-13', FALSE, 'volume', 'orders', '', 8, 'watch', 8), "
        "('2023-11-20', FALSE, 'volume', 'orders', '', 3, 'drift', 3)")  # fmt: skip
    delivery.renew_views(address)
    return ask


@pytest.mark.slow
def test_answers_are_those_that_are_known(served):
    """All in one: a server that starts for each would take longer than the questions."""
    ask, next_day = served, DAY + datetime.timedelta(days=1)
    assert ask("SELECT * EXCEPT (day) FROM `{}.records_by_day` ORDER BY day") == [
        (6, 4, 2, 2, 2, 1),
        (1, 1, 0, 1, 0, 0),
    ]
    assert ask("SELECT day, requests, p50, p99, longest FROM `{}.latency_by_day` ORDER BY day")[0] == (
        DAY, 2, pytest.approx(0.3, abs=0.2), 0.5, 0.5,
    )  # fmt: skip
    mix = "SELECT day, segment_id, segment, colour, predictions, answered_share, customers_share FROM `{}.segment_mix`"
    assert ask(f"{mix} ORDER BY 1, 2") == [
        (DAY, 1, "Mid", "#0072B2", 1, pytest.approx(1 / 3), 0.25),
        (DAY, 2, "Top spenders · active", "#E69F00", 2, pytest.approx(2 / 3), 0.5),
        (DAY, 3, "Gone", "#009E73", 0, 0.0, 0.25),
        (next_day, 1, "Mid", "#0072B2", 0, 0.0, 0.25),
        (next_day, 2, "Top spenders · active", "#E69F00", 1, 1.0, 0.5),
        (next_day, 3, "Gone", "#009E73", 0, 0.0, 0.25),
    ]
    assert ask("SELECT * FROM `{}.customer_features` ORDER BY 1, 2") == [
        ("c1", "monetary", 100.0), ("c1", "recency_days", 1.0), ("c2", "monetary", 900.0), ("c2", "recency_days", 9.0),
    ]  # fmt: skip
    assert ask("SELECT feature, value FROM `{}.prediction_features` WHERE prediction_id = 'r2-0'") == [
        ("recency_days", -5.0)
    ]
    numbers = "SELECT * EXCEPT (day, median, customers_median) FROM `{}.features_by_day`"
    assert ask(f"{numbers} WHERE day = '{DAY}' ORDER BY feature") == [
        ("monetary", 2, 50.0, 950.0, 500.0, 100.0, 900.0, 500.0),
        ("recency_days", 3, -5.0, 30.0, pytest.approx(28 / 3), 1.0, 9.0, 5.0),
    ]
    assert ask(f"SELECT median FROM `{{}}.features_by_day` WHERE day = '{DAY}' AND feature = 'recency_days'") == [
        (3.0,)
    ]
    out = "SELECT prediction_id, customer_id, feature, value, low, high, side FROM `{}.out_of_range` "
    assert ask(f"{out} WHERE day = '{DAY}' ORDER BY 1, 3") == [
        ("r1-0", "c1", "monetary", 50.0, 100.0, 900.0, "below"),
        ("r1-1", "c2", "monetary", 950.0, 100.0, 900.0, "above"),
        ("r1-1", "c2", "recency_days", 30.0, 1.0, 9.0, "above"),
        ("r2-0", "c1", "recency_days", -5.0, 1.0, 9.0, "below"),
    ]
    assert ask("SELECT first_day, verdict, based_on, is_latest FROM `{}.drift_verdicts` ORDER BY 1") == [
        (datetime.date(2023, 11, 13), "watch", 8, False),
        (datetime.date(2023, 11, 20), "drift", 3, True),
    ]
    assert ask("SELECT COUNT(*), COUNT(DISTINCT prediction_id) FROM `{}.predictions_once`") == [(5, 5)]


@pytest.mark.slow
def test_every_view_can_be_asked_and_has_the_columns_that_are_said(served, dataset, client):
    for view in views():
        asked = client.query(f"SELECT * FROM `{dataset}.{view.name}` LIMIT 0").result()
        assert [field.name for field in asked.schema] == columns(view.name)
    assert Dataset(f"bigquery://{PROJECT}/{dataset}").table("segment_mix").table_type == "VIEW"
