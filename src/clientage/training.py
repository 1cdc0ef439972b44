"""Train a challenger beside the model in use: fitted, matched, judged, kept in the workspace and sent to MLflow."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from ibis.expr.datatypes import DataType

from clientage import pipeline
from clientage.context import CHALLENGER, FRESH, MODEL, TRACKING, Columns, Lineage, Run, enough, opened, store
from clientage.errors import TrackingError, WorkspaceError
from clientage.export.revision import dvc_revision
from clientage.ledger import MANIFEST
from clientage.pipeline import REPORT, Tell
from clientage.report.page import figures
from clientage.segments import document
from clientage.segments import evaluate as groupings
from clientage.segments.align import highest
from clientage.segments.document import SegmentModel
from clientage.segments.evaluate import Score
from clientage.segments.grid import GridModel
from clientage.settings import Settings
from clientage.stages.evaluate import cutoffs
from clientage.stages.report import PAGES
from clientage.stages.segments import stability
from clientage.tables import TABLES
from clientage.tracking import experiments, registry
from clientage.tracking.experiments import Candidate, Record, Sent
from clientage.tracking.store import Store
from clientage.warehouse import held

STAGES = ("train", "segment", "profile", "recommend", "report")
LATEST = f"{TRACKING}/champion.json"
NOBODY: dict[str, Any] = {"version": None, "model": "", "last_number": 0}
LONGEST = 5_000  # letters that MLflow takes for a parameter, with room to spare


@dataclass(frozen=True)
class Trained:
    """A challenger.

    Attributes:
        workspace: Where its tables and report are.
        sent: Trainings that went to MLflow, this one the last; empty where it could not be reached.
        waiting: Why this one waits in the workspace; empty where it was sent.
        scores: Worth at each cutoff.
        metrics: What came of it.
        before: The same of the model it was matched to, on the same customers: `r2` and `auc`; empty without one.
        champion: Version it was matched to; None where there is none.
        matched: Segments that go on, by number.
        new: Segments that are new.
        ended: Segments of the champion that are no more.
    """

    workspace: Path
    sent: tuple[Sent, ...]
    waiting: str
    scores: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, float | None]
    before: Mapping[str, float | None]
    champion: int | None
    matched: tuple[int, ...]
    new: tuple[int, ...]
    ended: tuple[int, ...]


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Nobody else trains or promotes in this workspace meanwhile.

    Raises:
        WorkspaceError: Somebody does.
    """
    if not settings.workspace.is_dir():
        raise WorkspaceError(f"{settings.workspace}: there are no tables yet. Make them with `clientage run FILE`.")
    busy = f"{settings.workspace}: another training or promotion is under way here. Wait for it."
    with held(settings.workspace / TRACKING / ".lock", busy):
        yield


def train(settings: Settings, *, sweep: bool = False, tell: Tell = lambda *_: None) -> Trained:
    """Make a challenger from the customers that are there; the model in use and its tables stay as they are.

    Args:
        settings: All of them.
        sweep: Whether to try a grid of settings first, and train with the best.
        tell: Told of each finished stage and of progress.

    Raises:
        ClientageError: What the user can mend.
    """
    place, there = settings.within(settings.workspace / CHALLENGER), store(settings)
    with alone(settings):
        known = champion_of(settings, there)
        version, champion = known.version, known.lineage.previous
        _prepare(settings, place)
        cutoffs(pipeline.looking(place))  # refused before the work is done
        pipeline.step(place, ["sweep"] * sweep + list(STAGES), lineage=known.lineage, tell=tell)
        run = pipeline.looking(place)
        model = document.loads(run.warehouse.read_text(MODEL))
        scores = worth(run, model)
        record = _record(run, model, scores, version)
        before = _before(run, champion)
        experiments.keep(there, record, run.warehouse.read_text(MODEL), _files(run, scores))
        sent, waiting = _sent(there)
    old = {segment.segment_id for segment in champion.segments} if champion else set()
    ids = {segment.segment_id for segment in model.segments}
    return Trained(
        place.workspace,
        sent,
        waiting,
        tuple({"cutoff": day} | asdict(score) for day, score in scores.items()),
        record.metrics,
        before,
        version,
        *(tuple(sorted(found)) for found in (ids & old, ids - old, old - ids)),
    )


@dataclass(frozen=True)
class Known:
    """The champion that a training is matched to.

    Attributes:
        version: Its number; None where there is none.
        lineage: The model itself, and the highest number that any model in the registry gave to a segment.
    """

    version: int | None = None
    lineage: Lineage = FRESH


def champion_of(settings: Settings, there: Store) -> Known:
    """The champion, as the registry has it; as it was last seen where the registry cannot be reached.

    Where there is none yet, segments are matched to the model that the workspace uses.
    """
    path = settings.workspace / LATEST
    with suppress(TrackingError):
        remember(settings, there)
    latest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else NOBODY
    text, warehouse = latest["model"], opened(settings)
    if not text and warehouse.path(MODEL).exists():
        text = warehouse.read_text(MODEL)
    kept = [experiments.read(folder).tags.get("last_number", "0") for folder in experiments.waiting(there)]
    last = max([latest["last_number"], *map(int, kept)])
    return Known(latest["version"], Lineage(document.loads(text) if text else None, last))


def remember(settings: Settings, there: Store) -> None:
    """Note the champion beside the outbox, for trainings without the registry.

    Raises:
        TrackingError: The registry cannot be reached.
    """
    path = settings.workspace / LATEST
    version = registry.find(there, registry.CHAMPION)
    latest = {
        "version": version.version if version else None,
        "model": registry.document(there, version) if version else "",
        "last_number": max((int(each.tags.get("last_number", 0)) for each in registry.versions(there)), default=0),
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(latest), encoding="utf-8")
    draft.replace(path)


def worth(run: Run, model: SegmentModel) -> dict[date, Score]:
    """How well the segments of a model tell what customers do next, at each cutoff that the lines allow."""
    wanted, seed, found = run.settings.evaluate, run.settings.segments.seed, {}
    for day in cutoffs(run):
        customers = run.snapshot(day, model.needs)
        if not enough(customers, wanted.groups):
            continue
        labels = model.predict(customers)
        found[day] = groupings.score(labels, customers["next_spend"], folds=wanted.folds, seed=seed)
    return found


def _before(run: Run, old: SegmentModel | None) -> dict[str, float | None]:
    """What the segments of the model before tell of the same customers; empty where it cannot be told."""
    if old is None or not set(old.needs) <= set(run.read("customers").columns):
        return {}
    scores = list(worth(run, old).values())
    return {name: _mean(scores, name) for name in ("r2", "auc")}


def _prepare(settings: Settings, place: Settings) -> None:
    """A workspace beside the one in use, with its tables up to the customers."""
    made = {table for name in STAGES for table in pipeline.STAGE[name].writes}
    source, target = opened(settings), opened(place)
    with source.transaction(), target.transaction():
        for name in TABLES:
            if name in made or not source.exists(name):
                target.drop(name)
            else:
                target.adopt_table(name, source)
        facts = pipeline.ledger(source)
        facts.facts = {name: said for name, said in facts.facts.items() if name not in STAGES}
        facts.warehouse = target
        facts.write()
        for name in (MODEL, *PAGES):
            target.remove(name)


def _sent(there: Store) -> tuple[tuple[Sent, ...], str]:
    try:
        return tuple(experiments.send(there)), ""
    except TrackingError as away:
        return (), str(away)


def _record(run: Run, model: SegmentModel, scores: Mapping[date, Score], champion: int | None) -> Record:
    settings, manifest = run.settings, run.manifest
    now = run.columns(run.read("customers"))
    mean, worst = stability(run, model)
    shares = np.unique(model.predict(now), return_counts=True)[1] / len(now["frequency"])
    metrics = {
        "segments": float(len(model.segments)),
        "customers": float(manifest.tables["customers"]),
        "stability": mean,
        "stability_worst": worst,
        "smallest_share": float(shares.min()),
        **{name: _mean(list(scores.values()), name) for name in ("r2", "r2_se", "auc", "auc_se")},
        **_indices(run),
    }
    return Record(
        f"{settings.segments.recipe} · {len(model.segments)} segments · {manifest.as_of}",
        _deciding(settings),
        metrics,
        _tags(run, model, champion),
        _features(run, model, now),
        isinstance(model, GridModel),
        tuple(_candidates(run)),
    )


def _tags(run: Run, model: SegmentModel, champion: int | None) -> dict[str, str]:
    manifest = run.manifest
    tags = {
        "data": manifest.data,
        "settings": manifest.settings,
        "as_of": str(manifest.as_of),
        "recipe": model.recipe,
        "clientage": manifest.versions["clientage"],
        "matched_to": str(champion or ""),
        "last_number": str(highest(model)),
        "commit": _commit(),
        "dvc": _dvc(run),
    }
    return {name: value for name, value in tags.items() if value}


def _dvc(run: Run) -> str:
    """What DVC calls the order lines of the workspace in use; empty where it does not know them."""
    location = str(run.manifest.source.get("location", ""))
    found = dvc_revision(run.settings.workspace.parent, location, run.manifest.data)
    return json.dumps(found) if found else ""


def _commit() -> str:
    """The Git commit of the folder that the command runs in, and whether anything was changed since."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()


def _features(run: Run, model: SegmentModel, now: Columns) -> dict[str, tuple[str, float]]:
    """What the model needs of a customer: kind, as in the table, and median: the example is nobody in particular."""
    schema = run.read("customers").schema()
    return {name: (_kind(schema[name]), float(np.nanmedian(now[name]))) for name in model.needs}


def _kind(of: DataType) -> str:
    return "boolean" if of.is_boolean() else "long" if of.is_integer() else "double"


def _candidates(run: Run) -> Iterator[Candidate]:
    """Everything that was tried: the sweep, else the numbers of segments."""
    if run.warehouse.exists("candidates"):
        for row in run.rows(run.read("candidates")):
            tried = {
                name: str(row.pop(name)) for name in ("recipe", "log", "weights", "init", "k", "n_init", "max_iter")
            }
            yield Candidate(f"candidate {row.pop('candidate')}", tried | {"chosen": str(row.pop("chosen"))}, row)
    elif run.warehouse.exists("quality"):
        rows = run.rows(run.read("quality").order_by("as_of", "k"))
        now = max(row["as_of"] for row in rows)
        for row in (row for row in rows if row["as_of"] == now):
            same = [other["stability"] for other in rows if other["k"] == row["k"] and other["stability"] is not None]
            figures = {name: row[name] for name in FIGURES} | {"stability": float(np.mean(same)) if same else None}
            yield Candidate(f"k={row['k']}", {"k": str(row["k"]), "chosen": str(row["chosen"])}, figures)


FIGURES = ("inertia", "silhouette", "davies_bouldin", "calinski_harabasz", "smallest_share")


def _indices(run: Run) -> dict[str, float | None]:
    """Figures of the number in use, now."""
    if not run.warehouse.exists("quality"):
        return {}
    rows = [row for row in run.rows(run.read("quality").order_by("as_of")) if row["chosen"]]
    return {name: rows[-1][name] for name in FIGURES[:-1]} if rows else {}


def _files(run: Run, scores: Mapping[date, Score]) -> dict[str, str]:
    """What is kept beside the model: report, figures, scorecard, manifest, who moved."""
    page = run.warehouse.read_text(REPORT)
    card = [{"cutoff": str(day)} | asdict(score) for day, score in scores.items()]
    files = {REPORT: page, MANIFEST: run.warehouse.read_text(MANIFEST)}
    files |= {f"figures/{name}.json": figure for name, figure in figures(page).items()}
    files["scorecard.json"] = json.dumps(card, indent=1)
    for name in ("profiles", "migrations"):
        if run.warehouse.exists(name):
            files[f"{name}.json"] = json.dumps(run.rows(run.read(name)), indent=1, default=str, ensure_ascii=False)
    return files


def _mean(scores: Sequence[Score], name: str) -> float | None:
    known = [value for score in scores if (value := getattr(score, name)) is not None]
    return float(np.mean(known)) if known else None


def _deciding(settings: Settings) -> dict[str, str]:
    """The settings that decide tables, as `section.key`."""
    every = _flat(settings.model_dump(mode="json"))
    return {name: value for name, value in every.items() if not name.startswith(pipeline.UNDECISIVE)}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings as `section.key`."""
    found: dict[str, str] = {}
    for name, value in tree.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: str(value)[:LONGEST]}
    return found
