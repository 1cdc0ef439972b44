"""Spark on this machine: tables in parts, what is missing or wrong, and a run that ends right after a refusal."""

import shutil
import stat

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from alike import ordered, same
from clusters import Cluster
from sklearn.metrics import adjusted_rand_score

from clientage import drafts, pipeline
from clientage.cli import main
from clientage.context import opened
from clientage.errors import SettingsError, SparkError
from clientage.settings import load
from clientage.spark import addresses
from clientage.spark import session as sessions
from clientage.spark.refusals import reason
from clientage.transactions.simulate import simulate

pytestmark = pytest.mark.slow

QUICK = ("segments.k=3", "segments.bootstraps=2")


def settings(folder, *more):
    return load(overrides=[f"workspace={folder}", *QUICK, *more])


def on_spark(folder, *more):
    return settings(folder, "warehouse.url=local[2]", *more)


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Order lines of a small shop."""
    return simulate(300, out=tmp_path_factory.mktemp("shop") / "lines.parquet", months=14, seed=3).lines_path


@pytest.fixture(scope="module")
def made(lines, tmp_path_factory):
    """A workspace that Spark made, and one that DuckDB made."""
    there, here = (tmp_path_factory.mktemp(name) for name in ("there", "here"))
    for wanted in (on_spark(there), settings(here)):
        pipeline.step(wanted, ["read", "clean", "features", "train", "segment", "profile"], str(lines))
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


def test_large_tables_are_folders_of_parts_that_any_engine_reads_and_a_later_run_replaces(made, tmp_path):
    there, _ = made
    taken = opened(settings(there))
    wanted = taken.collect(taken.read("customers"))
    parts = tmp_path / "tables" / "customers.parquet"
    warehouse = opened(on_spark(tmp_path))
    with warehouse.transaction():
        customers = warehouse.taken(there / "tables" / "customers.parquet")
        warehouse.engine.session.conf.set("spark.sql.adaptive.enabled", "false")  # which would join small parts
        assert warehouse.write("customers", customers.order_by("customer_id")) == len(wanted)
        warehouse.engine.session.conf.set("spark.sql.adaptive.enabled", "true")
        assert warehouse.collect(warehouse.read("customers").count()).as_py() == len(wanted)
    assert len(list(parts.iterdir())) > 1
    assert all(path.name.startswith("part-0") for path in parts.iterdir())
    reader = opened(settings(tmp_path))
    assert reader.collect(reader.read("customers")).equals(wanted)  # in order
    with reader.transaction():
        reader.write("customers", reader.read("customers").limit(5))
    assert parts.is_file()
    assert pq.read_metadata(parts).num_rows == 5
    with reader.transaction():
        reader.adopt("tables/customers.parquet", _folder_of_two(reader, tmp_path))
    assert reader.collect(reader.read("customers").count()).as_py() == 5
    assert parts.is_dir()
    with reader.transaction():
        reader.drop("customers")
    assert not parts.exists()


def _folder_of_two(warehouse, folder):
    parts = folder / "two.parquet"
    parts.mkdir()
    known = warehouse.collect(warehouse.read("customers"))
    for number, part in enumerate((known.slice(0, 2), known.slice(2))):
        pq.write_table(part, parts / f"part-{number:05}.parquet")
    return parts


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
    from clientage.spark.engine import Engine  # noqa: PLC0415

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
    part = next(iter(sorted(table.iterdir()))) if table.is_dir() else table
    part.write_bytes(part.read_bytes()[:2000])
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
            SparkError, match=r"the master answers, and no worker took the work in 2 s \(asked for 1g each"
        ):
            sessions.session(cluster.address, memory="1GB")
    finally:
        cluster.end()


@pytest.mark.parametrize("url", ["spark://", "local[x]", "local[0]", "duckdb://x", "spark:/host:1"])
def test_an_address_of_nothing_is_told(tmp_path, url):
    with pytest.raises(SettingsError, match=r"warehouse\.url: .* spark://host:port"):
        opened(settings(tmp_path, f"warehouse.url={url}"))


def test_limits_are_told_to_spark_by_its_own_names():
    here = sessions._settings("local[*]", "4 GB", 3)
    assert (here["spark.master"], here["spark.driver.memory"]) == ("local[3]", "4g")
    there = sessions._settings("spark://a:7077", "512MiB", 8)
    assert (there["spark.executor.memory"], there["spark.cores.max"]) == ("512m", "8")
    assert "spark.driver.memory" not in there


def test_masters_of_a_cluster():
    assert list(addresses.masters("spark://a,b:1,[::1]:2")) == [("a", 7077), ("b", 1), ("::1", 2)]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "out of memory"),
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("Job aborted: ExecutorLostFailure (executor 1 exited)", "workers were lost"),
        ("java.io.FileNotFoundException: File file:/ws/x does not exist", "at the same path on every machine"),
        ("java.nio.file.AccessDeniedException: Permission denied", "no permission"),
        ("Cannot call methods on a stopped SparkContext.", "the cluster went away"),
        ("[SOMETHING] new\nat line", "Spark failed ([SOMETHING] new)"),
        ("", "Spark failed (without a word)"),
    ],
)
def test_what_spark_says_in_the_words_of_a_user(told, said):
    assert said in reason(told)


def test_a_fit_on_all_customers_is_that_of_a_sample_that_has_them_all(made, tmp_path):
    there, _ = made
    texts = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        shutil.copytree(there, folder)
        wanted = on_spark(folder, "segments.full_fit=true", "segments.restarts=3")
        pipeline.step(wanted, ["train", "segment"])
        texts.append((folder / pipeline.MODEL).read_bytes())
    assert texts[0] == texts[1]
    before, after = (rows(settings(folder), "segments")["segment_id"] for folder in (there, tmp_path / "a"))
    assert adjusted_rand_score(before, after) > 0.95


def test_a_fit_on_all_customers_needs_spark(tmp_path):
    with pytest.raises(SettingsError, match=r"segments\.full_fit: only Spark fits on all customers"):
        settings(tmp_path, "segments.full_fit=true")
