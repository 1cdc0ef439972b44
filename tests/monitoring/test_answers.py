"""What the service answered, on real files of predictions: counted once, by window, whatever lies in them."""

import shutil
from datetime import date, timedelta

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shops
from asked import MONDAY, answer, refusal, written
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from clientage import pipeline
from clientage.context import MODEL, Run
from clientage.customers.features import customer_features
from clientage.errors import WorkspaceError
from clientage.manifest import Manifest
from clientage.monitor import REFERENCE, monitor
from clientage.monitoring.features import Range
from clientage.monitoring.measures import Key
from clientage.monitoring.observed import Observed
from clientage.monitoring.reference import Reference
from clientage.monitoring.windows import Windows
from clientage.segments import document, fit
from clientage.segments.space import RECIPES
from clientage.serving import folder as folders
from clientage.serving import spool
from clientage.settings import load
from clientage.stages.watch import answers
from clientage.stages.watch.watch import Watch
from clientage.transactions.simulate import simulate
from clientage.warehouse import connect

INPUTS = {"recency_days": Range((3.0, 10.0), 1.0, 30.0), "monetary": Range((50.0,), 0.0, 100.0)}
FIRST = Windows().numbered(MONDAY.date())
NUMBERS = range(FIRST, FIRST + 3)
ANSWERED, REFUSED = Key("service", "predictions"), Key("service", "refused")
MIX = Key("predictions", "mix")


def watching(folder, *overrides, inputs=INPUTS, model=None):
    """What looks at the windows of a workspace."""
    (folder / "scratch").mkdir(exist_ok=True)
    settings = load(None, [f"workspace={folder}", *overrides])
    run = Run(settings, connect(folder), Manifest(), scratch=folder / "scratch")
    return Watch(run, model, Windows(), {}, inputs)


def look(folder, *overrides, **options):
    return answers.look(watching(folder, *overrides, **options), NUMBERS)


def bins(seen, name, row=0):
    return seen.counts[Key("predictions", "psi", name)].counts[row].tolist()


def figure(seen, measure, name="", area="predictions"):
    return seen.figures[Key(area, measure, name)].tolist()


@pytest.fixture
def log(tmp_path):
    return tmp_path / spool.SINK


# What is counted


def test_windows_are_counted_apart_and_one_without_a_prediction_is_unknown(tmp_path, log):
    values = [(1, 10.0), (3, 50.0), (4, 50.5), (40, 120.0)]
    asked = [{"recency_days": days, "monetary": spent} for days, spent in values]
    written(log, "a-0", *(answer(f"r{i}", inputs=each) for i, each in enumerate(asked)))
    written(log, "b-0", answer("s", day=14, segment_id=2))
    seen = look(tmp_path)
    assert bins(seen, "recency_days") == [2, 1, 1]
    assert bins(seen, "monetary") == [2, 2]
    assert bins(seen, "recency_days", 1) == [0, 0, 0]
    assert figure(seen, "outside", "recency_days") == pytest.approx([0.25, np.nan, 0], nan_ok=True)
    for measure, value in {"min": 1, "max": 40, "mean": 12, "median": 3.5}.items():
        assert figure(seen, measure, "recency_days") == pytest.approx([value, np.nan, 5], nan_ok=True)
    assert seen.behind["predictions"].tolist() == seen.behind["service"].tolist() == [4, 0, 1]
    assert seen.counts[MIX].categories == ("1", "2")
    assert seen.counts[MIX].counts.tolist() == [[4, 0], [0, 0], [0, 1]]
    assert figure(seen, "predictions", area="service") == pytest.approx([4, np.nan, 1], nan_ok=True)


def test_a_window_ends_at_midnight_of_utc(tmp_path, log):
    written(log, "a-0", answer("before", time=MONDAY - timedelta(microseconds=1)), answer("first"))
    last = MONDAY + timedelta(days=7) - timedelta(microseconds=1)
    written(log, "b-0", answer("last", time=last), answer("next", day=7), answer("after", day=21))
    assert look(tmp_path).behind["service"].tolist() == [2, 1, 0]


def test_what_lies_in_two_files_counts_once(tmp_path, log):
    rows = [answer("r", 0), answer("r", 1), refusal("r", 2)]
    for name in ("a-0", "b-0", "c-merged-1"):
        written(log, name, *rows)
    seen = look(tmp_path)
    assert seen.behind["service"].tolist() == [3, 0, 0]
    assert bins(seen, "monetary") == [0, 2]


def test_a_refused_instance_is_in_no_mix_and_no_spread(tmp_path, log):
    written(log, "a-0", answer("r"), *(refusal("r", place) for place in (1, 2, 3)), answer("s", day=7))
    seen = look(tmp_path)
    assert seen.figures[REFUSED].tolist() == pytest.approx([0.75, 0, np.nan], nan_ok=True)
    assert seen.figures[ANSWERED].tolist() == pytest.approx([1, 1, np.nan], nan_ok=True)
    assert seen.counts[MIX].counts.tolist() == [[1], [1], [0]]
    assert bins(seen, "recency_days") == [0, 1, 0]


def test_a_request_counts_once_however_many_it_asks_for(tmp_path, log):
    rng = np.random.default_rng(1)
    seconds = rng.exponential(0.01, 40).tolist()
    sizes = rng.integers(1, 30, 40).tolist()
    rows = [
        answer(f"r{i}", place, latency=latency)
        for i, (latency, size) in enumerate(zip(seconds, sizes, strict=True))
        for place in range(size)
    ]
    written(log, "a-0", *rows)
    seen = look(tmp_path)
    for share in (50, 95, 99):
        assert figure(seen, f"p{share}", area="service")[0] == pytest.approx(np.percentile(seconds, share), rel=1e-12)


# Whatever lies in the files


@pytest.mark.parametrize(
    ("inputs", "known", "lacking"),
    [
        ({"recency_days": None, "monetary": 5}, "monetary", "recency_days"),
        ({"recency_days": 4}, "recency_days", "monetary"),
        ({"monetary": 5, "PC1": 0.5}, "monetary", "recency_days"),
        ({"monetary": 1e99, "recency_days": "x"}, "monetary", "recency_days"),
        ({"monetary": -1e99, "recency_days": [1]}, "monetary", "recency_days"),
    ],
)
def test_what_was_not_told_is_nobodys(tmp_path, log, inputs, known, lacking):
    written(log, "a-0", answer("r", inputs=inputs), answer("s"))
    seen = look(tmp_path)
    assert sum(bins(seen, known)) == 2
    assert sum(bins(seen, lacking)) == 1
    assert seen.behind["predictions"].tolist() == [2, 0, 0]


@pytest.mark.parametrize("inputs", [None, "", "spoilt", "{", "[1]", "5", "null", '{"recency_days":'])
def test_inputs_that_are_none_spoil_no_other(tmp_path, log, inputs):
    written(log, "a-0", answer("r", inputs=inputs), answer("s"), answer("t"))
    seen = look(tmp_path)
    assert bins(seen, "recency_days") == [0, 2, 0]
    assert seen.counts[MIX].counts.tolist() == [[3], [0], [0]]


def test_files_from_before_refusals_were_logged_do_not_tell_them(tmp_path, log):
    log.mkdir()
    old = pa.Table.from_pylist([answer("r")], folders.SCHEMA).drop_columns("error")
    pq.write_table(old, log / "a-0.parquet")
    seen = look(tmp_path)
    assert np.isnan(seen.figures[REFUSED]).all()
    assert seen.figures[ANSWERED][0] == 1
    written(log, "b-0", answer("s"), refusal("s", 1), answer("t", day=7))
    seen = look(tmp_path)
    assert seen.figures[REFUSED].tolist() == pytest.approx([1 / 3, 0, np.nan], nan_ok=True)


def test_answers_of_other_versions_and_forms_count(tmp_path, log):
    written(log, "a-0", answer("r", version="2"), answer("s", form="customer", segment_id=77, version="4"))
    seen = look(tmp_path)
    assert seen.counts[MIX].categories == ("1", "77")
    assert seen.behind["predictions"][0] == 2


@pytest.mark.parametrize("made", ["nothing", "folder", "draft", "other days", "no rows"])
def test_where_nothing_was_asked_nothing_is_said(tmp_path, log, made):
    if made != "nothing":
        log.mkdir()
    if made == "draft":
        (log / ".draft.parquet").write_text("half")
    if made == "other days":
        written(log, "a-0", answer("r", day=-1), answer("s", day=21), answer("t", time=None))
    if made == "no rows":
        written(log, "a-0")
    assert look(tmp_path) == Observed(tuple(NUMBERS))


@pytest.mark.parametrize("beside", [True, False])
def test_a_file_that_is_none_of_predictions_is_named(tmp_path, log, beside):
    if beside:
        written(log, "a-0", answer("r"))
    log.mkdir(exist_ok=True)
    (log / "b-0.parquet").write_text("spoilt")
    with pytest.raises(WorkspaceError, match=r"b-0\.parquet: predictions that cannot be read\. Restore the file"):
        look(tmp_path)
    pq.write_table(pa.table({"time": ["x"]}), log / "b-0.parquet")
    with pytest.raises(WorkspaceError, match=r"b-0\.parquet: predictions that cannot be read"):
        look(tmp_path)


# Where they lie


def test_all_folders_that_were_ever_shipped_to_count(tmp_path, log):
    written(log, "a-0", answer("own"))
    written(tmp_path / "set", "a-0", answer("set"), answer("own"))
    written(tmp_path / "before", "a-0", answer("before"))
    (tmp_path / spool.FOLDER).mkdir(parents=True)
    spool.remember_sink(tmp_path / spool.FOLDER, str(tmp_path / "before"))
    spool.remember_sink(tmp_path / spool.FOLDER, "postgresql://nobody@localhost:1/none")
    assert look(tmp_path, f"serve.sink={tmp_path / 'set'}").behind["service"][0] == 3


def test_a_database_is_not_asked(tmp_path):
    assert look(tmp_path, "serve.sink=postgresql://nobody@localhost:1/none") == Observed(tuple(NUMBERS))


@pytest.mark.parametrize("moment", ["_places", "_kept", "_medians"])
def test_files_that_are_merged_while_they_are_read_are_read_again(tmp_path, log, monkeypatch, moment):
    monkeypatch.setattr(folders, "MANY", 4)
    for i in range(4):
        written(log, f"{i}-0", answer(f"r{i}"))
    read, asked = getattr(answers, moment), []

    def merging(*arguments):
        if not asked:
            written(log, "9-0", answer("new"))
        asked.append(arguments)
        return read(*arguments)

    monkeypatch.setattr(answers, moment, merging)
    seen = look(tmp_path)
    assert [path.name for path in log.glob("*-merged-*")]
    assert len(asked) == 2
    assert seen.behind["service"].tolist() == [5, 0, 0]


def test_a_folder_that_is_merged_without_end_is_told(tmp_path, log, monkeypatch):
    written(log, "a-0", answer("r"))

    def gone(*_):
        raise FileNotFoundError

    monkeypatch.setattr(answers, "_read", gone)
    with pytest.raises(WorkspaceError, match="the predictions are being merged again and again"):
        look(tmp_path)


ROWS = st.lists(
    st.tuples(st.integers(0, 20), st.one_of(st.none(), st.floats(-1e100, 1e100)), st.booleans()), max_size=30
)


@tried(deadline=None, max_examples=12)
@given(ROWS, st.randoms(use_true_random=False))
def test_however_they_lie_in_files_the_same_is_seen(tmp_path_factory, rows, random):
    given_ = [
        refusal(f"r{i}", day=day) if bad else answer(f"r{i}", day=day, inputs={"monetary": value})
        for i, (day, value, bad) in enumerate(rows)
    ]
    one, many = (tmp_path_factory.mktemp(name) for name in ("one", "many"))
    written(one / spool.SINK, "a-0", *given_)
    random.shuffle(given_)
    for i, row in enumerate(given_):
        written(many / spool.SINK, f"{i % 3}-{i}", row)
    seen, again = look(one), look(many)
    assert orjson.dumps(seen.document()) == orjson.dumps(again.document())
    if rows:
        known = sum(value is not None and not bad for _, value, bad in rows)
        assert sum(sum(bins(seen, "monetary", row)) for row in range(3)) == known
        assert sum(seen.behind["service"]) == len(rows)


# What is usual


def test_the_population_is_all_customers_in_the_segments_that_the_model_finds(tmp_path):
    found = shops.columns(600)
    model = fit.fit_centroids(RECIPES["behaviour"], found, 3)
    inputs = {name: Range.of(found[name]) for name in model.needs}
    watch = watching(tmp_path, inputs=inputs, model=model)
    usual = answers.population(watch, shops.customers(found))
    ids, counts = np.unique(model.predict(found), return_counts=True)
    assert usual.counts[MIX].categories == tuple(map(str, ids))
    assert usual.counts[MIX].counts.tolist() == [counts.tolist()]
    for name in model.needs:
        assert usual.counts[Key("predictions", "psi", name)].counts.sum() == 600
        assert usual.figures[Key("predictions", "median", name)] == pytest.approx([np.median(found[name])])
        assert usual.figures[Key("predictions", "outside", name)] == [0]


# The verdict


TODAY, MADE = "2024-08-12", "2024-07-01"


def settings(workspace, as_of=TODAY):
    return load(None, [f"workspace={workspace}", "segments.k=5", f"as_of={as_of}"])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A steady shop, a model of its first half year, and six weeks more."""
    folder = tmp_path_factory.mktemp("asked")
    source = folder / "in.parquet"
    simulate(1000, out=source, seed=1, start=date(2024, 1, 1), months=8, steady=True)
    steps = ["read", "clean", "features", "train", "segment"]
    pipeline.step(settings(folder / "workspace", MADE), steps, str(source))
    monitor(settings(folder / "workspace", MADE))
    pipeline.step(settings(folder / "workspace"), ["read", "clean", "features", "segment"], str(source))
    return folder / "workspace"


@pytest.fixture
def workspace(base, tmp_path):
    return shutil.copytree(base, tmp_path / "workspace")


def customers(workspace, number):
    """Customers as a service is asked for them at the beginning of a week, with their segments."""
    warehouse = connect(workspace)
    model = document.loads((workspace / MODEL).read_text())
    every = customer_features(warehouse.read("baskets"), week(number))
    found = model.locate(every, *model.needs).order_by("customer_id")
    rows = warehouse.collect(found.select("segment_id", "segment", *model.needs)).to_pylist()
    return [(row["segment_id"], row["segment"], {name: float(row[name]) for name in model.needs}) for row in rows]


def ask(workspace, asked, week, refused=0):
    """A week in which the service was asked for customers."""
    day = MONDAY + timedelta(days=7 * week)
    rows = [
        answer(f"{week}-{i}", time=day + timedelta(minutes=i), inputs=inputs, segment_id=id_, segment=name)
        for i, (id_, name, inputs) in enumerate(asked)
    ]
    rows += [refusal(f"{week}-{i}", 1, time=day + timedelta(minutes=i)) for i in range(refused)]
    written(workspace / spool.SINK, f"{week}-0", *rows)


def drift(workspace, **wanted):
    """Rows of the table `drift` of the service, by window, area, measure and subject."""
    monitor(settings(workspace), **wanted)
    table = connect(workspace).read("drift")
    rows = table.to_pyarrow().to_pylist()
    return {
        (row["window"], *(row[name] for name in ("area", "measure", "subject"))): row
        for row in rows
        if row["area"] in answers.AREAS
    }


def week(number):
    return (MONDAY + timedelta(days=7 * number)).date()


def test_a_service_that_is_asked_for_everybody_does_not_drift(workspace):
    everybody = customers(workspace, 1)
    ask(workspace, everybody, 1, refused=2)
    found = drift(workspace)
    assert {key[0] for key in found} == {week(1)}, "windows without a prediction have no rows"
    assert {row["verdict"] for row in found.values()} == {"ok"}
    mix = found[week(1), "predictions", "mix", ""]
    assert mix["value"] < 0.1
    assert (mix["rows"], mix["expected"], mix["high"]) == (len(everybody), 0, 0.25)
    assert found[week(1), "service", "predictions", ""]["value"] == len(everybody)
    assert found[week(1), "service", "predictions", ""]["rows"] == len(everybody) + 2
    assert found[week(1), "service", "p95", ""]["value"] == 0.002
    known = Reference.loads((workspace / REFERENCE).read_text()).inputs["monetary"]
    mean = found[week(1), "predictions", "mean", "monetary"]
    assert (mean["low"], mean["high"]) == (known.lowest, known.highest)


def test_a_service_that_is_asked_for_others_drifts_and_it_is_said_for_whom(workspace):
    everybody = customers(workspace, 5)
    lapsed = max({id_ for id_, _, _ in everybody})
    ask(workspace, [each for each in everybody if each[0] == lapsed], 5)
    found = drift(workspace)
    mix = found[week(5), "predictions", "mix", ""]
    assert mix["verdict"] == "drift"
    assert mix["because"].startswith("segment mix of who was asked for: “")
    assert "→ 100.0%" in mix["because"]
    spent = found[week(5), "predictions", "psi", "monetary"]
    assert spent["verdict"] == "drift"
    assert spent["because"].startswith("monetary asked for: median ")
    judged = monitor(settings(workspace)).new[5]
    assert (judged.window, judged.verdict) == (week(5), "drift")
    assert "asked for" in judged.because


def test_refusals_are_told_and_do_not_say_that_the_segments_are_wrong(workspace):
    everybody = customers(workspace, 1)
    quiet = [each.verdict for each in monitor(settings(workspace)).new]
    ask(workspace, everybody, 1, refused=len(everybody) // 2)
    refused = drift(workspace)[week(1), "service", "refused", ""]
    assert refused["verdict"] == "drift"
    assert refused["because"] == "asked for and refused: 33.3%, usually 0.0%"
    assert [each.verdict for each in monitor(settings(workspace)).new] == quiet


def test_predictions_outside_the_range_of_the_model_are_told(workspace):
    known = customers(workspace, 2)
    strange = [(id_, name, inputs | {"monetary": 1e15}) for id_, name, inputs in known[: len(known) // 10]]
    ask(workspace, known + strange, 2)
    outside = drift(workspace)[week(2), "predictions", "outside", "monetary"]
    assert outside["verdict"] == "drift"
    assert outside["because"].startswith("monetary asked for outside the range of the model: 9.")


def test_the_same_log_gives_the_same_bytes_and_a_later_file_changes_its_window_alone(workspace):
    ask(workspace, customers(workspace, 1), 1)
    first = drift(workspace)
    before = (workspace / "tables/drift.parquet").read_bytes()
    assert drift(workspace) == first
    assert (workspace / "tables/drift.parquet").read_bytes() == before
    ask(workspace, customers(workspace, 1)[:50], 3)
    later = drift(workspace)
    assert {key[0] for key in later} == {week(1), week(3)}
    assert {key: row for key, row in later.items() if key[0] == week(1)} == first


def test_what_is_usual_is_kept_with_the_model(workspace):
    reference = Reference.loads((workspace / REFERENCE).read_text())
    again = Reference.loads(reference.dumps())
    assert orjson.dumps(again.population.document()) == orjson.dumps(reference.population.document())
    known = reference.population.counts[Key("predictions", "psi", "monetary")]
    assert known.counts.sum() == reference.population.behind["predictions"][0] > 500
    assert reference.usual.counts[MIX].counts.sum() == known.counts.sum()
    assert str(reference.day) == MADE
