"""Predictions in PostgreSQL, for real: each once, whatever was sent twice, and a sentence for what goes wrong."""

import contextlib
import os
import signal
import sys

import orjson
import psycopg
import pytest
from predictions import record, refused

from clientage.errors import SettingsError, SinkError
from clientage.serving import postgres as databases
from clientage.serving.postgres import COLUMNS, PostgresSink
from clientage.serving.rows import table
from clientage.serving.sinks import open_sink


def rows(request="r", customers=("c1",), **changes):
    return table([orjson.dumps(record(request, customers, **changes))])[0]


@pytest.fixture
def server(postgres):
    """The server without a table of predictions."""
    postgres("DROP TABLE IF EXISTS predictions")
    return postgres


@pytest.fixture
def sink(server):
    with contextlib.closing(open_sink(server.address())) as opened:
        yield opened


def kept(server, columns="prediction_id"):
    return server(f"SELECT {columns} FROM predictions ORDER BY prediction_id").splitlines()[1:]


def test_what_is_written_is_there_once_in_full(server, sink):
    given = rows("r1", ["x", None], distance=None, shadow="4", shadow_segment_id=[1, None])
    sink.write("a-0", given)
    sink.write("a-0", given)
    sink.write("b-0", rows("r2"))
    assert kept(server) == ["r1-0", "r1-1", "r2-0"]
    first = server("SELECT row_to_json(p) FROM predictions p WHERE prediction_id = 'r1-1'").splitlines()[1]
    expected = given.to_pylist()[1] | {"time": "2023-11-14T22:13:20.25"}
    assert orjson.loads(first.strip('"').replace('""', '"')) == expected
    assert list(expected) == list(COLUMNS)


def test_one_batch_may_hold_a_prediction_twice(server, sink):
    sink.write("a-0", table([orjson.dumps(record("r1"))] * 2)[0])
    assert kept(server) == ["r1-0"]


NASTY = ["O'Hara", '"', "\\N", "\\.", "a\tb\nc", "'); DROP TABLE predictions; --", "%s", "é✓", "\0nul"]


def test_a_text_stays_a_text_whatever_is_in_it(server, sink):
    sink.write("a-0", rows("r1", NASTY))
    found = server("SELECT json_agg(customer_id ORDER BY place) FROM predictions").splitlines()[1]
    told = [name.replace("\0", "\ufffd") for name in NASTY]
    assert orjson.loads(found[1:-1].replace('""', '"')) == told
    for name in NASTY:
        assert sink.forget(name) == 1
    assert kept(server) == []


def test_a_customer_is_forgotten(server, sink):
    assert sink.forget("c1") == 0
    sink.write("a-0", rows("r1", ["c1", "c2", "c1", None]))
    assert sink.forget("c1") == 2
    assert kept(server, "coalesce(customer_id, 'nobody')") == ["c2", "nobody"]


def test_columns_of_your_own_are_left_alone(server, sink):
    sink.write("a-0", rows("r1"))
    server("ALTER TABLE predictions ADD COLUMN seen timestamptz DEFAULT now()")
    sink.write("b-0", rows("r2"))
    assert kept(server, "seen IS NULL") == ["f", "f"]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("CREATE TABLE predictions (prediction_id int PRIMARY KEY)", r"another shape \(prediction_id, request_id, pl"),
        (f"CREATE TABLE predictions ({databases.DEFINED}); ALTER TABLE predictions ALTER latency TYPE text",
         r"another shape \(latency\)"),
    ],
)  # fmt: skip
def test_a_table_of_another_shape_is_told(server, sink, made, told):
    server(made)
    for act in (lambda: sink.write("a-0", rows()), lambda: sink.forget("c1")):
        with pytest.raises(SinkError, match=told) as refused:
            act()
        assert refused.value.kind == "another shape"
    assert kept(server) == []


OLD = f"CREATE TABLE predictions ({databases.DEFINED}, PRIMARY KEY (prediction_id)); " \
    "ALTER TABLE predictions DROP COLUMN error"  # fmt: skip


def test_a_table_from_before_a_column_was_kept_gets_it(server, sink):
    server(OLD)
    server("INSERT INTO predictions (prediction_id, customer_id) VALUES ('r0-0', 'c1'), ('r0-1', 'c2')")
    assert sink.forget("c1") == 1
    for _ in range(2):
        sink.write("a-0", table([orjson.dumps(record("r1") | refused({1: "not a number"}))])[0])
    assert kept(server, "prediction_id, coalesce(error, '-')") == ["r0-1,-", "r1-0,-", "r1-1,not a number"]


def test_who_may_not_add_the_column_is_told_what_its_owner_has_to_say(server, sink):
    server(f"CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA public TO guest; {OLD}")
    server("GRANT SELECT, INSERT ON predictions TO guest")
    with contextlib.closing(PostgresSink(server.address("guest"))) as guest:
        with pytest.raises(SinkError, match="lacks error, which this user may not add") as refused_:
            guest.write("a-0", rows("r1"))
        assert refused_.value.kind == "no permission"
        server(str(refused_.value).partition("say: ")[2])
        guest.write("a-0", rows("r1"))
    assert kept(server) == ["r1-0"]
    server("DROP OWNED BY guest; DROP ROLE guest")


def test_a_table_without_its_key_is_refused(server, sink):
    server(f"CREATE TABLE predictions ({databases.DEFINED})")
    with pytest.raises(SinkError, match="the database refuses predictions") as refused:
        sink.write("a-0", rows())
    assert refused.value.kind == "InvalidColumnReference"


def test_without_permission_it_is_told_and_with_it_no_more_than_needed(server, sink):
    server("CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA public TO guest")
    with contextlib.closing(PostgresSink(server.address("guest"))) as guest:
        with pytest.raises(SinkError, match="does not let this user keep predictions") as refused:
            guest.write("a-0", rows("r1"))
        assert refused.value.kind == "no permission"
        sink.write("a-0", rows("r0"))
        with pytest.raises(SinkError, match="does not let this user"):
            guest.write("a-0", rows("r1"))
        server("GRANT SELECT, INSERT ON predictions TO guest")
        guest.write("a-0", rows("r1"))
    assert kept(server) == ["r0-0", "r1-0"]
    server("DROP OWNED BY guest; DROP ROLE guest")


def test_a_server_that_is_away_is_told_and_found_again(server, sink):
    sink.write("a-0", rows("r1"))
    server.stop()
    try:
        for _ in range(2):
            with pytest.raises(SinkError, match=r"Start it, or mend --set serve\.sink") as away:
                sink.write("b-0", rows("r2"))
    finally:
        server.start()
    assert away.value.kind == "away"
    sink.write("b-0", rows("r2"))
    assert kept(server) == ["r1-0", "r2-0"]


def test_a_table_that_others_hold_is_not_waited_for_without_end(server, sink, monkeypatch):
    sink.write("a-0", rows("r1"))
    monkeypatch.setattr(databases, "STATEMENT", 1)
    with psycopg.connect(server.address()) as other:
        other.execute("LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(SinkError, match="did not answer in time") as late:
            sink.write("b-0", rows("r2"))
    assert late.value.kind == "no answer"
    sink.write("b-0", rows("r2"))
    assert kept(server) == ["r1-0", "r2-0"]


def test_a_server_that_hangs_is_hung_up_on(server, sink, monkeypatch):
    sink.write("a-0", rows("r1"))
    monkeypatch.setattr(databases, "LONGEST", 0.5)
    pid = int(server("SELECT pid FROM pg_stat_activity WHERE application_name = 'clientage'").splitlines()[1])
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(SinkError) as silent:
            sink.write("b-0", rows("r2"))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert silent.value.kind == "away"
    monkeypatch.undo()
    sink.write("b-0", rows("r2"))
    assert kept(server) == ["r1-0", "r2-0"]


def test_what_is_told_has_nobodys_data(server, sink):
    server(f"CREATE TABLE predictions ({databases.DEFINED}, PRIMARY KEY (prediction_id), CHECK (customer_id <> 'zoe'))")
    with pytest.raises(SinkError) as refused:
        sink.write("a-0", rows("r1", ["zoe"]))
    assert "zoe" not in str(refused.value)
    assert refused.value.kind == "CheckViolation"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:hunter2@host/db",
        "postgres://ann:hunter2@host/db",
        "postgresql://ann@host/db?password=hunter2",
        "postgresql://ann@host/db?sslpassword=hunter2",
        "postgresql://ann:hunter2@host:port/db",
        "postgresql://host/db?hunter2=1",
    ],
)
def test_an_address_that_will_not_do_is_refused_without_repeating_it(address):
    with pytest.raises(SettingsError, match="postgresql://user@host/database") as refused:
        open_sink(address).write("a-0", rows())
    assert "hunter2" not in str(refused.value)


def test_without_psycopg_it_says_what_to_install(monkeypatch):
    for name in ("psycopg", "psycopg.conninfo"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SinkError, match=r"pip install 'clientage\[postgres\]'") as missing:
        open_sink("postgresql://host/db")
    assert missing.value.kind == "not installed"
