"""Monitoring as a whole: what it finds, what it keeps, and what it says of bad input."""

import hashlib
import shutil
from datetime import date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from clientage import pipeline
from clientage.errors import ClientageError, InputError, SettingsError, WorkspaceError
from clientage.monitor import SILENT, monitor
from clientage.monitoring.windows import Windows
from clientage.settings import load
from clientage.stages.watch.usual import REFERENCE
from clientage.transactions.simulate import simulate
from clientage.warehouse import connect

MADE, SHIFTED, END = date(2024, 8, 26), date(2024, 9, 16), date(2024, 9, 30)
QUICK = ("segments.k=3", "segments.bootstraps=2", "monitor.reference_windows=9")
AGAIN = ["read", "clean", "features", "segment"]
KEPT = ("tables/drift.parquet", "tables/journeys.parquet", "tables/episodes.parquet", REFERENCE)


class Shop:
    """A workspace with a model from before the last windows, and the lines it was made from."""

    def __init__(self, folder, *options):
        self.folder, self.options = folder, options
        self.source = folder / "lines.parquet"

    def settings(self, *others):
        return load(overrides=[f"workspace={self.folder / 'ws'}", *QUICK, *self.options, *others])

    def train(self, source=None, day=MADE):
        made = [*AGAIN[:-1], "train", "segment"]
        pipeline.step(self.settings(f"as_of={day}"), made, str(source or self.source))
        return self.arrive()

    def arrive(self, lines=None, *others, stages=AGAIN):
        """Lines come to be known, up to the last of them."""
        if lines is not None:
            pq.write_table(lines, self.source)
        again = stages if lines is not None else stages[2:]
        pipeline.step(self.settings(*others), again, str(self.source) if lines is not None else "")
        return self

    def copy(self, folder):
        shutil.copytree(self.folder, folder)
        return Shop(folder, *self.options)

    def lines(self):
        return pq.read_table(self.source)

    def rows(self, name="drift"):
        return connect(self.folder / "ws").read(name).to_pyarrow().to_pylist()

    def digests(self):
        return {name: hashlib.sha256((self.folder / "ws" / name).read_bytes()).hexdigest() for name in KEPT}


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A steady shop whose prices rise, watched from its model on."""
    shop = Shop(tmp_path_factory.mktemp("watched") / "shop")
    simulate(800, out=shop.source, steady=True, months=9, shifts=[f"price=0.3@{SHIFTED}"])
    shop.train()
    monitor(shop.settings(), until=MADE)
    shop.copy(shop.folder.with_name("unwatched"))
    monitor(shop.settings())
    return shop


@pytest.fixture
def shop(watched, tmp_path):
    """One of the same, to do things with."""
    return watched.copy(tmp_path / "shop")


def overall(rows):
    return {row["window"]: row for row in rows if row["area"] == "all"}


def by_key(rows):
    return {(row["window"], row["area"], row["measure"], row["subject"]): row for row in rows}


def test_windows_are_judged_one_after_the_other(watched):
    found = overall(watched.rows())
    assert list(found) == [MADE + timedelta(days=7 * week) for week in range(-9, 5)]
    assert all(row["reference"] == (window < MADE) for window, row in found.items())
    shifted = {window for window in found if window >= SHIFTED}
    assert len(shifted) == 2
    for window in shifted:
        assert found[window]["verdict"] == "drift"
        assert "prices of the same products: +" in found[window]["because"]
    assert all(row["verdict"] in ("ok", "watch") for window, row in found.items() if MADE <= window < SHIFTED)


def test_every_figure_has_a_place_once(watched):
    rows = watched.rows()
    assert len(by_key(rows)) == len(rows)
    assert {row["verdict"] for row in rows} <= {"ok", "watch", "drift", "unknown"}
    assert all(row["verdict"] == "unknown" for row in rows if row["value"] is None and row["area"] != "all")
    assert len({row["model"] for row in rows}) == 1
    assert {row["days"] for row in rows} == {7}


def test_twice_gives_the_same_bytes(shop):
    before = shop.digests()
    found = monitor(shop.settings("warehouse.threads=1"))
    assert shop.digests() == before
    assert found.drifts


@pytest.mark.parametrize("weeks", [1, 4])
def test_windows_one_by_one_are_those_of_all_at_once(shop, weeks):
    before, since = shop.digests(), MADE + timedelta(days=7 * weeks)
    found = monitor(shop.settings(), since=since, until=since + timedelta(days=7))
    assert [each.window for each in found.new] == [since]
    assert shop.digests() == before


def test_who_moved_is_told_rightly_even_where_windows_before_were_left_out(watched, tmp_path):
    shop = Shop(watched.folder.with_name("unwatched")).copy(tmp_path / "shop")
    monitor(shop.settings(), since=SHIFTED)
    whole, part = by_key(watched.rows()), by_key(shop.rows())
    assert {key: row for key, row in whole.items() if row["reference"] or key[0] >= SHIFTED} == part
    assert state(shop.rows("journeys"), END) == state(watched.rows("journeys"), END)


def test_only_windows_asked_for_change(shop):
    before, since = by_key(shop.rows()), SHIFTED
    shop.arrive(
        shop.lines().filter(pc.less(shop.lines()["InvoiceDate"], pa.scalar(datetime(2024, 9, 19)))), f"as_of={END}"
    )
    monitor(shop.settings(f"as_of={END}"), since=since)
    after = by_key(shop.rows())
    changed = {key[0] for key in before if before[key] != after.get(key)}
    assert changed == {window for window in overall(before.values()) if window >= since}


def test_late_lines_count_in_their_windows(shop):
    before, late = by_key(shop.rows()), MADE + timedelta(days=14)
    lines = shop.lines()
    some = lines.filter(
        pc.equal(lines["InvoiceDate"].cast(pa.date32()), pa.scalar(MADE + timedelta(days=3)))
    ).to_pylist()
    come = [row | {"InvoiceNo": f"9{row['InvoiceNo']}"} for row in some]
    come = [row | {"InvoiceDate": datetime(late.year, late.month, late.day, 12)} for row in come]
    shop.arrive(pa.concat_tables([lines, pa.Table.from_pylist(come, lines.schema)]))
    monitor(shop.settings())
    after = by_key(shop.rows())
    orders = "volume", "orders", ""
    assert after[late, *orders]["value"] > before[late, *orders]["value"]
    assert {key for key in before if key[0] < late and before[key] != after[key]} == set()
    assert {key[0] for key in before if key[1:] == orders and before[key] != after[key]} == {late}


def state(journeys, day):
    found = {}
    for row in sorted(journeys, key=lambda row: row["since"]):
        if row["since"] <= day:
            found[row["customer_id"]] = row["segment_id"], row["segment"]
    return found


def test_journeys_lead_to_the_segments_of_each_day(shop):
    journeys = shop.rows("journeys")
    for day in (MADE - timedelta(days=28), MADE, SHIFTED, END):
        shop.arrive(None, f"as_of={day}")
        segments = {row["customer_id"]: (row["segment_id"], row["segment"]) for row in shop.rows("segments")}
        assert state(journeys, day) == segments
    changes = sorted(journeys, key=lambda row: (row["customer_id"], row["since"]))
    pairs = [(a, b) for a, b in pairwise(changes) if a["customer_id"] == b["customer_id"]]
    assert pairs
    assert all(a["segment_id"] != b["segment_id"] for a, b in pairs)


def test_the_last_window_says_whether_the_shop_drifts(shop):
    found = monitor(shop.settings(), until=SHIFTED)
    assert not found.drifts
    assert found.new[-1].window == SHIFTED - timedelta(days=7)
    assert len(overall(shop.rows())) == 14  # what was found of later windows stays


def test_no_window_since_is_no_finding(shop):
    before = shop.digests()
    assert monitor(shop.settings(), since=date(2030, 1, 1)).new == ()
    assert monitor(shop.settings(), until=date(2000, 1, 1)).new == ()
    with pytest.raises(SettingsError, match=r"since 2024-09-16 lies after until 2024-08-26.*Exchange the two"):
        monitor(shop.settings(), since=SHIFTED, until=MADE)
    assert shop.digests() == before


def test_windows_of_another_length_take_the_place_of_all(shop):
    settings = shop.settings("monitor.days=10", "monitor.reference_windows=8")
    found = monitor(settings)
    assert found.days == 10
    assert {Windows(10).first(Windows(10).numbered(each.window)) for each in found.windows} == set(overall(shop.rows()))
    assert {row["days"] for row in shop.rows()} == {10}
    assert sum(each.reference for each in found.windows) == 8  # though the model was made in the midst of one
    assert found.drifts


def test_a_limit_can_be_set(shop):
    settings = shop.settings('monitor.limits={"items.prices": 0.9, "segments.mix": 9.0}')
    monitor(settings, since=SHIFTED)
    rows = by_key(shop.rows())
    row = rows[SHIFTED, "items", "prices", ""]
    assert row["verdict"] == "ok"
    assert row["high"] == pytest.approx(row["expected"] * 1.9)


def test_what_is_not_judged_has_no_limit_to_set(shop):
    with pytest.raises(SettingsError, match=r"nothing is judged as service\.p95, volume\.order\."):
        monitor(shop.settings('monitor.limits={"service.p95": 0.5, "volume.order": 1, "volume.orders": 1}'))


def test_windows_after_the_last_line_are_gone(shop):
    shop.arrive(None, f"as_of={SHIFTED}")
    monitor(shop.settings(f"as_of={SHIFTED}"))
    assert max(overall(shop.rows())) < SHIFTED
    assert shop.rows("episodes") == []


@pytest.mark.parametrize("told_again", [True, False])
def test_a_quarter_of_silence_is_judged_and_no_more_of_it(shop, told_again):
    late = f"as_of={END + timedelta(days=7 * 500)}"
    shop.arrive(None, late)
    found = monitor(shop.settings(*[late] * told_again))
    last = found.new[-1]
    assert (last.verdict, last.window) == ("drift", END + timedelta(days=7 * SILENT))
    assert "orders: 0, usually" in last.because
    assert len(found.new) <= SILENT + 20


def test_a_reference_ends_where_the_model_was_made(shop):
    before = shop.digests()
    monitor(shop.settings(f"monitor.reference_until={END}"))
    assert shop.digests()["tables/drift.parquet"] == before["tables/drift.parquet"]


def test_weeks_in_which_nothing_was_sold_teach_nothing(shop):
    lines = shop.lines()
    pq.write_table(lines.filter(pc.invert(pc.is_in(pc.month(lines["InvoiceDate"]), pa.array([7])))), shop.source)
    shop.train()
    with pytest.raises(InputError, match=r"there are \d whole windows of 7 days in which anything was sold to learn"):
        monitor(shop.settings())


def test_a_window_keeps_the_verdict_it_had_when_it_was_new(shop):
    before = overall(shop.rows())
    shop.train(day=END)
    found = monitor(shop.settings())
    after = overall(shop.rows())
    assert next(each for each in found.windows if each.window == SHIFTED).reference
    assert after[SHIFTED] == before[SHIFTED]
    assert len({row["model"] for row in shop.rows()}) == 2


def test_too_short_a_history_says_how_many_windows_are_needed(shop):
    with pytest.raises(InputError, match=r"there are 7 whole windows of 7 days .* 8 are needed.*monitor\.days"):
        monitor(shop.settings("monitor.reference_from=2024-07-08"))


def test_a_workspace_without_a_model_says_what_is_missing(shop, tmp_path):
    with pytest.raises(WorkspaceError, match=r"there are no tables yet.*clientage run FILE"):
        monitor(load(overrides=[f"workspace={tmp_path / 'none'}"]))
    (shop.folder / "ws" / pipeline.MODEL).unlink()
    with pytest.raises(WorkspaceError, match=r"there is no model to look at.*clientage run FILE"):
        monitor(shop.settings())


def test_a_spoilt_reference_is_made_again_on_request(shop):
    before = shop.digests()
    (shop.folder / "ws" / REFERENCE).write_text("{}")
    with pytest.raises(InputError, match="clientage monitor --renew"):
        monitor(shop.settings())
    monitor(shop.settings(), renew=True)
    assert shop.digests() == before


def test_a_column_that_vanished_is_found_and_named(shop):
    shop.arrive(shop.lines().drop_columns(["Country"]))
    monitor(shop.settings(), since=SHIFTED)
    rows = by_key(shop.rows())
    assert rows[SHIFTED, "missing", "empty", "country"]["value"] == 1
    assert rows[SHIFTED, "missing", "empty", "country"]["verdict"] == "drift"
    assert "no country: 100.0%" in overall(shop.rows())[SHIFTED]["because"]


def test_quantities_that_vanished_are_found_and_named(shop):
    lines, journeys = shop.lines(), shop.rows("journeys")
    totals = pc.multiply(lines["Quantity"].cast(pa.float64()), lines["UnitPrice"])
    lines = lines.drop_columns(["Quantity", "UnitPrice"]).append_column("LineTotal", totals)
    shop.arrive(lines, stages=AGAIN[:-1])  # nobody can be put into segments any more
    monitor(shop.settings(), since=SHIFTED)
    rows = by_key(shop.rows())
    for column in ("quantity", "unit_price"):
        assert rows[SHIFTED, "missing", "empty", column]["verdict"] == "drift"
    assert "no quantity: 100.0%" in overall(shop.rows())[SHIFTED]["because"]
    assert shop.rows("journeys") == journeys


def test_all_values_the_same_are_no_end(shop):
    lines = shop.lines()
    early = lines.filter(pc.less(lines["InvoiceDate"], pa.scalar(datetime(2024, 9, 9))))
    one = {"StockCode": "10001", "Description": "SAME", "Quantity": 1, "UnitPrice": 1.0, "Country": "France"}
    same = [
        one | {"InvoiceNo": f"{day}{customer}", "CustomerID": f"{customer}", "InvoiceDate": datetime(2024, 9, day, 12)}
        for day in range(9, 23)
        for customer in range(30_000, 30_020)
    ]
    shop.arrive(pa.concat_tables([early, pa.Table.from_pylist(same, lines.schema)]))
    found = monitor(shop.settings(), since=date(2024, 9, 9))
    assert [each.verdict for each in found.new] == ["drift"] * 2


def test_names_from_data_stay_text(shop):
    lines, nasty = shop.lines(), "</td><script>alert('50%{0}')</script>"
    text = pa.array([nasty] * len(lines))
    late = pc.greater_equal(lines["InvoiceDate"], pa.scalar(datetime(2024, 9, 16)))
    for name in ("StockCode", "Country", "CustomerID"):
        place = lines.schema.get_field_index(name)
        lines = lines.set_column(place, name, pc.if_else(late, text, lines[name]))
    shop.arrive(lines)
    monitor(shop.settings(), since=SHIFTED)
    rows = by_key(shop.rows())
    assert nasty in rows[SHIFTED, "items", "country mix", ""]["because"]
    assert nasty in {row["customer_id"] for row in shop.rows("journeys")}


def test_a_window_in_which_nothing_was_ordered(shop):
    lines, closed = shop.lines(), MADE + timedelta(days=14)
    day = lines["InvoiceDate"].cast(pa.date32())
    inside = pc.and_(pc.greater_equal(day, pa.scalar(closed)), pc.less(day, pa.scalar(closed + timedelta(days=7))))
    shop.arrive(lines.filter(pc.invert(inside)))
    monitor(shop.settings())
    rows = by_key(shop.rows())
    assert rows[closed, "volume", "orders", ""]["value"] == 0
    assert overall(shop.rows())[closed]["verdict"] == "drift"
    assert rows[closed, "items", "item mix", ""]["verdict"] == "unknown"


def test_lines_that_are_all_set_aside_are_told_of_though_none_is_left_to_use(shop):
    lines = shop.lines()
    late = pc.greater_equal(lines["InvoiceDate"], pa.scalar(datetime(2024, 9, 16)))
    place, codes = lines.schema.get_field_index("StockCode"), lines["StockCode"]
    shop.arrive(lines.set_column(place, "StockCode", pc.if_else(late, pa.scalar(None, codes.type), codes)))
    found = monitor(shop.settings())
    assert [(each.window, each.verdict) for each in found.new][-2:] == [
        (SHIFTED, "drift"),
        (SHIFTED + timedelta(days=7), "drift"),
    ]
    assert "no product: 100.0%" in overall(shop.rows())[SHIFTED]["because"]


def test_a_run_meanwhile_waits_for_its_turn(shop):
    refused = []

    def meanwhile(*_):
        if not refused:
            with pytest.raises(WorkspaceError, match="another run is using this workspace") as error:
                pipeline.step(shop.settings(), ["features"])
            refused.append(error)

    before = shop.digests()
    monitor(shop.settings(), since=SHIFTED, tell=meanwhile)
    assert refused
    assert shop.digests() == before


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "half written"])
def test_lines_that_are_rewritten_meanwhile_are_read_or_told_of(shop, whole):
    path = shop.folder / "ws/tables/lines.parquet"
    content = path.read_bytes()

    def meanwhile(*_):
        if whole:
            draft = path.with_suffix(".draft")
            draft.write_bytes(content)
            draft.replace(path)
        else:
            path.write_bytes(content[: len(content) // 2])

    before = shop.digests()
    if whole:
        monitor(shop.settings(), since=SHIFTED, tell=meanwhile)
    else:
        with pytest.raises(ClientageError, match=r"lines\.parquet"):
            monitor(shop.settings(), since=SHIFTED, tell=meanwhile)
    assert shop.digests() == before


@pytest.fixture(scope="module")
def real_shop(real, tmp_path_factory):
    """The public shop with the model of June 2011."""
    shop = Shop(tmp_path_factory.mktemp("real") / "shop")
    shop.options = "segments.k=5", "monitor.reference_windows=26"
    shop.train(real, date(2011, 7, 1))
    monitor(shop.settings())
    return shop


def test_the_real_shop_drifts_before_christmas_and_not_in_summer(real_shop):
    found = overall(real_shop.rows())

    def share(first, end, *, reference):
        weeks = [row for day, row in found.items() if first <= day < end and row["reference"] == reference]
        return sum(row["verdict"] == "drift" for row in weeks) / len(weeks)

    assert share(date(2011, 10, 3), date(2011, 12, 5), reference=False) >= 0.9
    assert share(date(2011, 7, 4), date(2011, 8, 29), reference=False) == 0
    assert share(date(2011, 1, 1), date(2011, 7, 1), reference=True) <= 0.08


def test_the_real_shop_twice_gives_the_same_bytes(real_shop):
    before = real_shop.digests()
    monitor(real_shop.settings("warehouse.threads=1"))
    assert real_shop.digests() == before
