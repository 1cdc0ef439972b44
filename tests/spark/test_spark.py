"""Spark on this machine: tables in parts, what is missing or wrong, and a run that ends right after a refusal."""

import shutil
import stat
from datetime import date, datetime

import ibis
import numpy as np
import pyarrow as pa
import pytest
from alike import ordered, same
from clusters import Cluster
from sklearn.metrics import adjusted_rand_score

from clientage import drafts, pipeline
from clientage.cli import main
from clientage.context import opened
from clientage.errors import InputError, SettingsError, SparkError
from clientage.forget import forget
from clientage.segments.fit import fit_centroids
from clientage.segments.space import RECIPES
from clientage.settings import load
from clientage.spark import addresses, kmeans
from clientage.spark import session as sessions
from clientage.spark.engine import Engine
from clientage.spark.refusals import log, reason
from clientage.transactions.simulate import simulate
from clientage.warehouse.parquet import ParquetWarehouse

pytestmark = pytest.mark.slow

QUICK = ("segments.k=3", "segments.bootstraps=2")
STEPS = ["read", "clean", "features", "train", "segment", "profile"]


def settings(folder, *more):
    return load(overrides=[f"workspace={folder}", *QUICK, *more])


def on_spark(folder, *more):
    return settings(folder, "warehouse.url=local[2]", *more)


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Order lines of a small shop."""
    return simulate(1_200, out=tmp_path_factory.mktemp("shop") / "lines.parquet", months=14, seed=3).lines_path


@pytest.fixture(scope="module")
def made(lines, tmp_path_factory):
    """A workspace that Spark made, and one that DuckDB made."""
    there, here = (tmp_path_factory.mktemp(name) for name in ("there", "here"))
    computed, frame = [], Engine.frame

    def counted(engine, table):
        computed.append(table)
        return frame(engine, table)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "frame", counted)
        pipeline.step(on_spark(there), STEPS, str(lines))
    assert len(computed) > 10
    pipeline.step(settings(here), STEPS, str(lines))
    return there, here


def rows(wanted, name):
    warehouse = opened(wanted)
    return ordered(warehouse.collect(warehouse.read(name)), name)


def test_a_run_is_that_of_duckdb(made):
    there, here = made
    names = {path.name for path in (here / "tables").iterdir()}
    assert {path.name for path in (there / "tables").iterdir()} == names
    for name in sorted(each.removesuffix(".parquet") for each in names):
        same(rows(settings(here), name), rows(settings(there), name))


def test_what_spark_writes_in_parts_is_one_file_in_order(made, tmp_path):
    taken = opened(settings(made[0]))
    wanted = taken.collect(taken.read("customers"))
    warehouse = opened(on_spark(tmp_path / "a shop[1] {x}"), computing=True)
    with warehouse.transaction():
        warehouse.engine.session.conf.set("spark.sql.adaptive.enabled", "false")  # which would join small parts
        customers = warehouse.taken(made[0] / "tables" / "customers.parquet")
        assert len(warehouse._saved(warehouse.engine.frame(customers.order_by("customer_id")))) > 1
        assert warehouse.write("customers", customers.order_by("customer_id")) == len(wanted)
        assert warehouse.collect(warehouse.read("customers").count()).as_py() == len(wanted)
        few = warehouse.read("customers").filter(lambda t: t.frequency > 3)
        assert warehouse.write("customers", few.order_by("customer_id")) < len(
            wanted
        )  # from what it takes the place of
        warehouse.write("customers", customers.order_by("customer_id"))
        warehouse.engine.session.conf.set("spark.sql.adaptive.enabled", "true")
    reader = opened(settings(tmp_path / "a shop[1] {x}"))
    assert (reader.workspace / "tables" / "customers.parquet").is_file()
    assert reader.collect(reader.read("customers")).equals(wanted)


def test_an_expression_of_many_days_is_that_of_each_call(made, tmp_path):
    warehouse, day = opened(on_spark(tmp_path), computing=True), date(2024, 6, 1)
    with warehouse.transaction():
        lines = warehouse.taken(made[0] / "tables" / "lines.parquet")
        before = lines.filter(lines.invoiced_at < ibis.timestamp(str(day))).agg(lines=lambda t: t.count())
        found = []
        for days in ({1: date(2024, 7, 1), 2: date(2024, 8, 1)}, {7: date(2024, 9, 1)}):
            each = {number: {day: other} for number, other in days.items()}
            told = warehouse.on_days(before, each, "before", lambda share: None)
            found.append({row["window"]: row["lines"] for row in warehouse.collect(told).to_pylist()})
    every = opened(settings(made[0]))
    times = every.collect(every.read("lines").select("invoiced_at"))["invoiced_at"].to_pylist()
    expected = [sum(time < datetime(2024, month, 1) for time in times) for month in (7, 8, 9)]
    assert found == [{1: expected[0], 2: expected[1]}, {7: expected[2]}]


def test_who_only_looks_or_takes_out_waits_for_no_spark(made, tmp_path, monkeypatch):
    shutil.copytree(made[0], tmp_path / "ws")
    monkeypatch.setattr(sessions, "session", lambda *_, **__: pytest.fail("Spark was started"))
    wanted = on_spark(tmp_path / "ws")
    gone = rows(settings(tmp_path / "ws"), "customers")["customer_id"][0].as_py()
    assert pipeline.exists(wanted, "customers")
    assert pipeline.rows(wanted, "profiles")
    forget(wanted, gone)
    assert gone not in rows(wanted, "customers")["customer_id"].to_pylist()


def test_offers_of_more_customers_than_may_be_collected_are_those_of_duckdb(made, tmp_path, monkeypatch):
    monkeypatch.setattr(ParquetWarehouse, "near", False)  # so that it takes the same way
    for name, at, by in (("there", made[0], on_spark), ("here", made[1], settings)):
        shutil.copytree(at, tmp_path / name)
        pipeline.step(by(tmp_path / name, "segments.sample=1000"), ["recommend"])
    assert len(rows(settings(tmp_path / "here"), "segments")) > 1000
    for name in ("affinities", "popularity", "recommendations", "favourites"):
        same(*(rows(settings(tmp_path / place), name) for place in ("here", "there")))


def test_a_draft_is_made_on_spark_beside_the_tables(made, lines, tmp_path):
    shutil.copytree(made[0], tmp_path / "ws")
    wanted = on_spark(tmp_path / "ws", "as_of=2024-12-01")
    before = rows(settings(tmp_path / "ws"), "customers")
    drafts.draft(wanted, "day", ["read", "clean", "features"], str(lines))
    assert rows(settings(tmp_path / "ws"), "customers").equals(before)
    shutil.copytree(made[1], tmp_path / "here")
    here = settings(tmp_path / "here", "as_of=2024-12-01")
    pipeline.step(here, ["features"])
    same(rows(here, "customers"), rows(settings(drafts.folder(wanted, "day")), "customers"))


def test_an_infinite_number_is_known_as_one():
    engine = Engine("local[2]", sessions.session("local[2]"))
    table = ibis.memtable(pa.table({"x": [1.0, float("inf"), None]}))
    found = engine.to_pyarrow(table.mutate(below=table.x < float("inf")))
    assert sorted(found.to_pylist(), key=str) == sorted(
        [{"x": 1.0, "below": True}, {"x": float("inf"), "below": False}, {"x": None, "below": None}], key=str
    )


def test_a_table_that_is_half_written_is_told_and_a_new_run_ends_right(made, lines, tmp_path):
    wanted = on_spark(tmp_path)
    pipeline.step(wanted, ["read", "clean", "features"], str(lines))
    before = rows(settings(tmp_path), "customers")
    table = tmp_path / "tables" / "lines.parquet"
    table.write_bytes(table.read_bytes()[:2000])
    with pytest.raises(SparkError, match=r"a table is damaged or half written\. Make it again .* as they were\."):
        pipeline.step(wanted, ["features"])
    assert rows(settings(tmp_path), "customers").equals(before)
    pipeline.step(wanted, ["read", "clean", "features"], str(lines))
    assert rows(settings(tmp_path), "customers").equals(before)


def java(folder, version):
    """A Java that says it is of a version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return folder


@pytest.mark.parametrize("version", ["17.0.15", "21", "21.0.1"])
def test_a_java_that_spark_runs_on(monkeypatch, tmp_path, version):
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path, version)))
    addresses.require_java()


@pytest.mark.parametrize(
    ("version", "told"), [("11.0.2", "is Java 11"), ("1.8.0_292", "is Java 8"), ("?", "is no Java")]
)
def test_the_wrong_java_is_told(monkeypatch, tmp_path, version, told):
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path, version)))
    with pytest.raises(SparkError, match=rf"needs Java 17 or 21; .*/bin/java {told}\. Install it"):
        addresses.require_java()


def test_no_java_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkError, match=rf"JAVA_HOME is {tmp_path}, and there is no bin/java\. Install it"):
        addresses.require_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparkError, match=r"there is no java on the path\. Install it"):
        addresses.require_java()


def test_a_cluster_that_is_not_there_is_told_before_anything_is_done(lines, tmp_path, capsys):
    arguments = [
        "run",
        str(lines),
        "--workspace",
        str(tmp_path / "ws"),
        "--warehouse",
        "spark://127.0.0.1:1,127.0.0.1:2",
    ]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    assert ended.value.code == 1
    assert (
        "no master of Spark answers at 127.0.0.1:1 (Connection refused), 127.0.0.1:2 (Connection refused)" in told.err
    )
    assert not (tmp_path / "ws" / "tables").exists()


def test_a_cluster_without_workers_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "WORKERS", 2.0)
    cluster = Cluster(tmp_path)
    try:
        with pytest.raises(
            SparkError, match=r"the master answers, and no worker took the work in 2 s \(asked for 953m each"
        ):
            sessions.session(cluster.address, memory="1GB")
    finally:
        cluster.end()


@pytest.mark.parametrize("url", ["spark://", "local[x]", "local[0]", "duckdb://x", "spark:/host:1"])
def test_an_address_of_nothing_is_told(tmp_path, url):
    with pytest.raises(SettingsError, match=r"warehouse\.url: .* spark://host:port"):
        opened(settings(tmp_path, f"warehouse.url={url}"), computing=True)


def test_limits_are_told_to_spark_by_its_own_names():
    here = sessions._settings("local[*]", "1.5 GB", 3)
    assert (here["spark.master"], here["spark.driver.memory"]) == ("local[3]", "1430m")
    assert "spark.executor.memory" not in here
    there = sessions._settings("spark://a:7077", "512MiB", 8)
    assert (there["spark.executor.memory"], there["spark.driver.memory"], there["spark.cores.max"]) == (
        "512m",
        "512m",
        "8",
    )
    assert "spark.driver.host" not in there
    with pytest.raises(SparkError, match=r"warehouse\.memory: 'much' is no size"):
        sessions._settings("local", "much", 0)


def test_masters_of_a_cluster():
    assert list(addresses.masters("spark://a,b:1,[::1]:2,[::2]")) == [("a", 7077), ("b", 1), ("::1", 2), ("::2", 7077)]


def test_a_master_of_no_name_is_told():
    with pytest.raises(SparkError, match=r"no master of Spark answers at a\.\.b:7077 \("):
        addresses.require_master("spark://a..b")


def test_a_secret_is_no_option(tmp_path):
    with pytest.raises(SettingsError, match=r"spark\.authenticate\.secret: settings end up in logs"):
        settings(tmp_path, 'warehouse.spark={"spark.authenticate.secret": "x"}')


def test_a_session_is_used_again_until_it_is_asked_for_more_or_died(monkeypatch, tmp_path):
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))  # of another Spark, that is not ours
    first = sessions.session("local[1]", memory="900MB")
    assert sessions.session("local[1]", memory="900MB").sparkContext is first.sparkContext
    second = sessions.session("local[1]", memory="1GB")
    assert second.sparkContext is not first.sparkContext
    assert second.sparkContext._jvm.java.lang.Runtime.getRuntime().maxMemory() > 9e8
    second.sparkContext._gateway.proc.kill()
    second.sparkContext._gateway.proc.wait()
    assert sessions.session("local[1]", memory="1GB").range(3).count() == 3
    assert oct(log().stat().st_mode)[-3:] == "600"


def test_a_session_of_somebody_else_is_left_alone():
    sessions.end()
    from pyspark.sql import SparkSession  # noqa: PLC0415

    theirs = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    with pytest.raises(SparkError, match=r"a session of Spark that is not ours runs in this process\. End it first"):
        sessions.session("local[2]")
    assert theirs.range(2).count() == 2
    theirs.stop()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "out of memory"),
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("Job aborted: ExecutorLostFailure (executor 1 exited)", "workers were lost"),
        ("java.io.FileNotFoundException: File file:/ws/x does not exist", "at the same path on every machine"),
        ("java.nio.file.AccessDeniedException: Permission denied", "no permission"),
        ("Cannot call methods on a stopped SparkContext.", "the cluster went away"),
        ("[SOMETHING] new\nat line", "Spark failed ([SOMETHING] new); see "),
        ("", "Spark failed (without a word); see "),
    ],
)
def test_what_spark_says_in_the_words_of_a_user(told, said):
    assert said in reason(told)


def test_a_fit_on_all_customers_is_that_of_a_sample_that_has_them_all(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "ws")
    pipeline.step(on_spark(tmp_path / "ws", "segments.full_fit=true", "segments.restarts=3"), ["train", "segment"])
    before, after = (rows(settings(folder), "segments")["segment_id"] for folder in (made[0], tmp_path / "ws"))
    assert adjusted_rand_score(before, after) > 0.95


def test_a_fit_on_all_customers_is_the_same_on_any_number_of_cores(made, monkeypatch):
    monkeypatch.setattr(kmeans, "ROWS", 300)  # several parts
    found = []
    for cores in (4, 1):
        session = sessions.session(f"local[{cores}]")
        customers = session.read.parquet(f"file://{made[0]}/tables/customers.parquet")
        points = customers.selectExpr("ln(1 + recency_days) AS x", "ln(1 + frequency) AS y").repartition(cores)
        found.append(kmeans.centroids(points, 3, seed=7, restarts=1))
    assert found[0].shape == (3, 2)
    assert found[0].tobytes() == found[1].tobytes()


def test_a_fit_on_all_customers_needs_spark(tmp_path):
    with pytest.raises(SettingsError, match=r"segments\.full_fit: only Spark fits on all customers"):
        settings(tmp_path, "segments.full_fit=true")


def test_a_segment_that_nobody_of_the_sample_is_in_is_told(made):
    columns = rows(settings(made[1]), "customers")
    numbers = {name: np.asarray(columns[name].to_numpy(), float) for name in (*RECIPES["behaviour"].features, "spend")}

    def far(space):
        return np.vstack([np.zeros((2, space.matrix.shape[1])), np.full(space.matrix.shape[1], 1e6)])

    with pytest.raises(InputError, match=r"of 3 segments of all customers only 1 have customers in the sample"):
        fit_centroids(RECIPES["behaviour"], numbers, 3, elsewhere=far)
