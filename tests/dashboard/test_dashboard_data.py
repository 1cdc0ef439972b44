"""What pages ask of the tables: the same as counting by hand, and never half of one run and half of the next."""

import csv
import io
import shutil
import threading
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import watched_tables
from dashboards import MARKUP
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clientage.dashboard.data import customers, overview, person, watched
from clientage.dashboard.data.customers import COLUMNS, Wanted
from clientage.dashboard.data.source import Source
from clientage.dashboard.warm import keep_warm, warm
from clientage.errors import WorkspaceError


@pytest.fixture(scope="session")
def everyone(shop):
    """All customers with their segment, as rows."""
    found = {
        name: {row["customer_id"]: row for row in pq.read_table(shop / "tables" / f"{name}.parquet").to_pylist()}
        for name in ("customers", "segments")
    }
    return [row | found["segments"][own] for own, row in found["customers"].items()]


def fits(row, wanted):
    return (
        wanted.text.lower() in row["customer_id"].lower()
        and wanted.segment in (None, row["segment_id"])
        and wanted.country in ("", row["country"])
        and wanted.buyer in ("", row["buyer"])
        and (wanted.least is None or row["monetary"] >= wanted.least)
    )


any_wanted = st.builds(
    Wanted,
    text=st.sampled_from(["", "1", "c0", "C00", "%", "_", "'", "<img", MARKUP, "'; DROP TABLE customers; --"]),
    segment=st.sampled_from([None, 1, 2, 99]),
    country=st.sampled_from(["", "United Kingdom", "Germany", "Nowhere' OR '1'='1"]),
    buyer=st.sampled_from(["", "personal", "bulk"]),
    least=st.sampled_from([None, 0.0, 250.5]),
)


@given(any_wanted, st.sampled_from(COLUMNS), st.booleans(), st.integers(0, 60))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_are_the_customers_that_fit_in_order(source, everyone, wanted, column, down, start):
    own = [row for row in everyone if fits(row, wanted)]
    assert source.ask(customers.count, wanted) == len(own)
    page = source.ask(customers.page, wanted, start, start + 20, ((column, down),))
    ordered = sorted(own, key=lambda row: row["customer_id"].encode())
    ordered.sort(key=lambda row: _key(row[column]), reverse=down)
    assert [row[column] for row in page] == [row[column] for row in ordered[start : start + 20]]
    assert {row["customer_id"] for row in page} <= {row["customer_id"] for row in own}


def _key(value):
    return value.encode() if isinstance(value, str) else value


def test_pages_follow_one_another_without_gap(source):
    ids = [source.ask(customers.page, Wanted(), at, at + 50, (("segment", False),)) for at in (0, 50)]
    both = source.ask(customers.page, Wanted(), 0, 100, (("segment", False),))
    assert [row["customer_id"] for page in ids for row in page] == [row["customer_id"] for row in both]


def test_a_page_is_small_whatever_is_asked_for(source):
    assert len(source.ask(customers.page, Wanted(), 0, 10**9)) == customers.MOST_ROWS
    assert source.ask(customers.page, Wanted(), 10, 5) == []
    assert len(source.ask(customers.page, Wanted(), -5, 5, (("password", True),))) == 5


@pytest.mark.parametrize("query", [{"segment": "x", "least": "much"}, {"segment": "", "least": ""}, {}])
def test_what_cannot_be_read_lets_all_through(query):
    assert Wanted.of(query) == Wanted()


def test_the_list_is_that_of_the_filters_and_runs_nothing(source, everyone):
    wanted = Wanted(segment=1)
    text = source.alone(lambda shop: "".join(customers.listed(shop, wanted)))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    own = [row for row in everyone if fits(row, wanted)]
    assert {row["customer_id"] for row in rows} == {row["customer_id"] for row in own}
    assert {"segment", "spend", "product_1"} <= set(rows[0])
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    nobody = source.alone(lambda shop: "".join(customers.listed(shop, Wanted(text="nobody"))))
    assert nobody.count("\n") == 1


def test_what_changed_is_what_the_lines_say(source, shop):
    known = source.ask(overview.whole)
    figures, segments = source.ask(overview.changes)
    lines = pq.read_table(shop / "tables" / "lines.parquet").to_pylist()
    own = {row["customer_id"] for row in pq.read_table(shop / "tables" / "segments.parquet").to_pylist()}
    ends = [known.day - timedelta(days=known.horizon * ago) for ago in (2, 1, 0)]
    for name, (start, end) in {"before": ends[:2], "now": ends[1:]}.items():
        window = [row for row in lines if start <= row["invoiced_at"].date() < end and row["customer_id"] in own]
        kept = [row for row in window if not row["cancelled"]]
        told = {row["name"]: row[name] for row in figures}
        assert told["revenue"] == pytest.approx(sum(row["amount"] for row in window))
        assert told["customers"] == len({row["customer_id"] for row in kept})
        assert told["orders"] == len({row["invoice"] for row in kept})
    assert sum(row["revenue"] for row in segments) == pytest.approx(figures[0]["now"])


def test_one_customer_is_whole(source, shop):
    found = source.ask(person.person, MARKUP)
    lines = [
        row for row in pq.read_table(shop / "tables" / "lines.parquet").to_pylist() if row["customer_id"] == MARKUP
    ]
    assert sum(row["amount"] for row in found.orders) == pytest.approx(sum(row["amount"] for row in lines))
    assert sum(row["amount"] for row in found.months) == pytest.approx(sum(row["amount"] for row in lines))
    assert found.total == len({row["invoice"] for row in lines})
    assert [row["rank"] for row in found.offers] == sorted(row["rank"] for row in found.offers)
    assert found.segment["segment_id"] == found.journey[-1]["segment_id"]
    assert source.ask(person.person, "nobody' OR '1'='1") is None


def at(rows, day):
    """Segment of each customer on a day, by hand."""
    known = {}
    for row in sorted(rows, key=lambda row: row["since"]):
        if row["since"] <= day:
            known[row["customer_id"]] = row["segment_id"]
    return known


def test_flows_are_who_was_where_on_both_days(source, shop):
    rows = pq.read_table(shop / "tables" / "journeys.parquet").to_pylist()
    days = source.ask(watched.days)
    assert days == sorted({row["since"] for row in rows})
    for first, last in ((days[0], days[-1]), (days[3], days[-3])):
        then, now = at(rows, first), at(rows, last)
        counts = {}
        for customer, segment in now.items():
            pair = then.get(customer, watched.NEW), segment
            counts[pair] = counts.get(pair, 0) + 1
        found = source.ask(watched.flows, first, last)
        assert {(row["from_segment_id"], row["segment_id"]): row["customers"] for row in found} == counts


def test_the_mix_adds_up_on_every_day(source, shop):
    rows = pq.read_table(shop / "tables" / "journeys.parquet").to_pylist()
    found = source.ask(watched.mix)
    for day in source.ask(watched.days):
        known = list(at(rows, day).values())
        told = {row["segment_id"]: row["customers"] for row in found if row["since"] == day and row["customers"]}
        assert told == {segment: known.count(segment) for segment in set(known)}


def test_what_was_found_in_a_window_comes_worst_first(source):
    verdicts = source.ask(watched.verdicts)
    assert [row["verdict"] for row in verdicts].count("drift") == watched_tables.WEEKS - watched_tables.FIRST_DRIFT
    found = source.ask(watched.found, verdicts[-1]["window"])
    assert {row["verdict"] for row in found} == {"drift"}
    assert source.ask(watched.found, verdicts[0]["window"]) == []
    assert set(source.ask(watched.feature, "monetary")) == set(watched.FIGURES)


# Tables that come, go and change


@pytest.fixture
def own(shop, tmp_path):
    """A workspace that a test may spoil."""
    folder = tmp_path / "workspace"
    shutil.copytree(shop, folder)
    return folder


def test_nothing_there_is_a_sentence(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(WorkspaceError, match="clientage run FILE"):
            Source(folder).ask(overview.whole)


def test_a_spoilt_table_is_a_sentence(own):
    (own / "tables" / "profiles.parquet").write_bytes(b"no table")
    with pytest.raises(WorkspaceError, match="workspace"):
        Source(own).ask(overview.whole)


def test_answers_are_kept_until_the_tables_change(own):
    source, asked = Source(own), []

    def question(shop):
        asked.append(1)
        return len(shop.tables)

    before = source.ask(question)
    assert source.ask(question) == before
    assert len(asked) == 1
    (own / "tables" / "episodes.parquet").unlink()
    assert source.ask(question) == before - 1
    assert len(asked) == 2


def test_what_is_known_waits_for_nobody(own):
    source, gate, began = Source(own), threading.Event(), threading.Event()
    known = source.ask(overview.whole)

    def slow(_):
        began.set()
        return gate.wait(30)

    asking = threading.Thread(target=source.ask, args=(slow,))
    asking.start()
    try:
        assert began.wait(30)
        assert source.ask(overview.whole) == known  # would hang, were it to wait
        assert asking.is_alive()
    finally:
        gate.set()
        asking.join()


def test_an_answer_never_mixes_two_runs(own):
    """Two tables that always agree are rewritten all the time; whoever asks for both sees them agree."""
    source, ended = Source(own), threading.Event()
    staging = own / ".staging"

    def rewrite():
        turn = 0
        while not ended.is_set():
            turn += 1
            (staging / "tables").mkdir(parents=True, exist_ok=True)
            for name in ("episodes", "journeys"):
                rows = {"episodes": watched_tables.episodes()[:1], "journeys": list(one_journey())}[name] * turn
                table = pa.Table.from_pylist(rows, pq.read_schema(own / "tables" / f"{name}.parquet"))
                pq.write_table(table, staging / "tables" / f"{name}.parquet")
            (staging / "COMPLETE").touch()
            for name in ("episodes", "journeys"):
                (staging / "tables" / f"{name}.parquet").replace(own / "tables" / f"{name}.parquet")
            (staging / "COMPLETE").unlink()
            ended.wait(0.05)

    def both(shop):
        return [shop.rows(shop.tables[name].count().as_table())[0] for name in ("episodes", "journeys")]

    writer = threading.Thread(target=rewrite)
    (staging / "tables").mkdir(parents=True, exist_ok=True)
    writer.start()
    try:
        seen = set()
        for _ in range(15):
            try:
                first, second = source.ask(both)
            except WorkspaceError as busy:
                assert "being rewritten" in str(busy)
                continue
            assert list(first.values()) == list(second.values())
            seen.add(next(iter(first.values())))
    finally:
        ended.set()
        writer.join()
    assert seen


def test_a_list_is_of_one_run_though_the_tables_are_rewritten_meanwhile(own):
    source, path, tries = Source(own), own / "tables" / "segments.parquet", []

    def question(shop):
        lines = customers.listed(shop, Wanted())
        tries.append(next(lines))
        if len(tries) == 1:  # a run ends while the list is under way
            half = pq.read_table(path)
            pq.write_table(half.slice(0, 7), path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)
        return list(lines)

    found = source.alone(question)
    assert len(tries) == 2
    assert len(found) <= 7


def one_journey():
    yield {"customer_id": "c", "since": watched_tables.START, "segment_id": 1, "segment": "one"}


def test_first_answers_are_there_before_anybody_asks(own):
    source, ended = Source(own), threading.Event()
    ended.set()
    slow = Source(own)
    assert not slow.knows(overview.months)
    keep_warm(source, slow, ended)
    assert source.knows(overview.figures)
    assert slow.knows(overview.months)
    assert not source.knows(overview.months)
    (own / "tables" / "episodes.parquet").unlink()
    assert not slow.knows(overview.months)
    nowhere = Source(own / "nowhere")
    warm(nowhere, nowhere)  # nothing to say, and nobody to say it to
