"""The flow: stages in order, and the one place that reads and writes.

read → transactions → clean → lines, rejected → features → customers → train → model, quality
→ segment → segments → profile → profiles, traits → evaluate → evaluation → report → report.html
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import platformdirs
import pyarrow as pa

from clientage.context import Columns, Run, buyers, enough
from clientage.customers.features import customer_features, missing_features
from clientage.errors import InputError, SettingsError, WorkspaceError
from clientage.expressions import exact_sum
from clientage.manifest import Manifest, fingerprint
from clientage.report.page import render
from clientage.segments import choose, document, evaluate, fit, profile
from clientage.segments.grid import GridModel
from clientage.segments.model import CentroidModel
from clientage.segments.space import RECIPES
from clientage.settings import Settings
from clientage.tables import TABLES
from clientage.transactions import checks, source
from clientage.transactions.clean import RULES, judge, split
from clientage.transactions.received import Received
from clientage.warehouse import Warehouse, connect

MODEL, REPORT, MANIFEST = "model/segments.json", "report.html", "run.json"

LEAST_HORIZON = 14  # days, below which hardly anybody buys again

Tell = Callable[[str, Any], None]


@dataclass(frozen=True)
class Stage:
    """A step of the flow.

    Attributes:
        name: As in `clientage step NAME`.
        reads: Tables it reads, and `model`.
        writes: Tables it makes, and `model`.
        run: What it does.
        optional: Those of `reads` that it can do without.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    run: Callable[[Run], None]
    optional: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of `reads` that must be there."""
        return tuple(table for table in self.reads if table not in self.optional)


def run(settings: Settings, location: str, *, with_evaluation: bool = False, tell: Tell = lambda *_: None) -> Manifest:
    """Order lines in, segments and a report out; all tables appear together at the end.

    Args:
        settings: All of them.
        location: A file, folder, pattern, address, `uci` or `sample`.
        with_evaluation: Whether the temporal hold-out is part of it.
        tell: Told of each finished stage (name, the manifest) and of progress (`progress`, share).

    Raises:
        ClientageError: What the user can mend; the previous tables are as they were.
    """
    names = [stage.name for stage in STAGES if stage.name != "evaluate" or with_evaluation]
    return _run(settings, names, location, tell)


def step(settings: Settings, names: list[str], location: str = "", *, tell: Tell = lambda *_: None) -> Manifest:
    """Some stages on the tables that are there.

    Raises:
        ClientageError: What the user can mend, such as a table that is not there yet.
    """
    if unknown := [name for name in names if name not in STAGE]:
        raise SettingsError(f"there is no stage {', '.join(unknown)}. The stages are {', '.join(STAGE)}.")
    if "read" in names and not location:
        raise SettingsError("the stage read needs a source. Give a file: clientage step read FILE.")
    return _run(settings, names, location, tell)


def rows(settings: Settings, name: str) -> list[dict[str, Any]]:
    """A small table of the workspace, such as `profiles`, as dictionaries.

    Raises:
        WorkspaceError: It has not been written yet.
    """
    warehouse = connect(settings.workspace)
    found: list[dict[str, Any]] = warehouse.collect(warehouse.read(name)).to_pylist()
    return found


def _run(settings: Settings, names: list[str], location: str, tell: Tell) -> Manifest:
    warehouse = connect(settings.workspace, memory=settings.warehouse.memory, threads=settings.warehouse.threads)
    with warehouse.transaction() as scratch:
        path = warehouse.path(MANIFEST)
        before = Manifest.loads(path.read_text(encoding="utf-8")) if path.exists() else Manifest()
        manifest = Manifest() if "read" in names else replace(before)
        # what decides the tables: not where they are, what they may use, or how they are judged
        decisive = settings.model_dump(mode="json", exclude={"workspace", "warehouse", "evaluate"})
        manifest.settings = fingerprint(decisive)
        context = Run(settings, warehouse, manifest, location, scratch, lambda share: tell("progress", share))
        _require(names, warehouse)
        for name in names:
            with manifest.measured(name):
                STAGE[name].run(context)
            tell(name, manifest)
        if (manifest.data, manifest.settings) != (before.data, before.settings):
            for table in _outdated(names):
                warehouse.drop(table)
        rows = before.tables | manifest.tables
        manifest.tables = {table: rows[table] for table in TABLES if table in rows and warehouse.exists(table)}
        warehouse.write_text(MANIFEST, manifest.dumps())
    return manifest


def _require(names: list[str], warehouse: Warehouse) -> None:
    """All that the stages need is there or made by one before them.

    Raises:
        WorkspaceError: What is missing, and which stages make it.
    """
    made = {table for table in (*TABLES, "model") if _there(warehouse, table)}
    for name in names:
        if missing := [table for table in STAGE[name].needs if table not in made]:
            makers = [stage.name for stage in STAGES if set(stage.writes) & set(missing)]
            raise WorkspaceError(
                f"{warehouse.workspace}: the stage {name} needs {' and '.join(missing)}, which "
                f"{'is' if len(missing) == 1 else 'are'} not there yet. "
                f"Make {'it' if len(missing) == 1 else 'them'} with `clientage step {makers[0]}`, or all with "
                "`clientage run FILE`."
            )
        made |= set(STAGE[name].writes)


def _there(warehouse: Warehouse, table: str) -> bool:
    return warehouse.path(MODEL).exists() if table == "model" else warehouse.exists(table)


def _outdated(names: list[str]) -> set[str]:
    """Tables that follow from what these stages wrote, and that they did not write again.

    The model outlives new customers: it is made to be applied to them.
    """
    changed = {table for name in names for table in STAGE[name].writes}
    outdated: set[str] = set()
    for stage in STAGES:
        if stage.name not in {*names, "train"} and (changed | outdated) & set(stage.reads):
            outdated |= set(stage.writes)
    return outdated


def load_source(
    settings: Settings,
    warehouse: Warehouse,
    location: str,
    scratch: Path,
    progress: Callable[[float], None] = lambda share: None,
) -> Received:
    """Order lines from a location, as the settings say.

    Raises:
        InputError: They cannot be used: every problem and its mend.
    """
    wanted = settings.source
    return source.load(
        location,
        warehouse.engine,
        columns={name: value for name, value in wanted.columns.model_dump().items() if value},
        date_format=wanted.date_format,
        decimal=wanted.decimal,
        delimiter=wanted.delimiter,
        max_bytes=int(wanted.max_gigabytes * 1e9),
        scratch=scratch,
        progress=lambda doing, share: progress(share or 0.0),
        cache=platformdirs.user_cache_path("clientage"),
    )


def _read(run: Run) -> None:
    settings = run.settings.source
    received = load_source(run.settings, run.warehouse, run.location, run.scratch, run.progress)
    run.write("transactions", received.transactions)
    transactions = run.read("transactions")
    found = run.rows(checks.facts(transactions))[0]
    checks.require_readable(found, settings.max_unreadable)
    run.manifest.data = received.fingerprint
    run.manifest.source = {
        "files": list(received.files),
        "unreadable": found["unreadable"],
        "understood": received.understood.as_dict(),
        "currency": run.settings.shop.currency or received.currency,
        "shop": run.settings.shop.name or received.name,
        "missing_features": missing_features(tuple(transactions.columns)),
    }


def _clean(run: Run) -> None:
    on = run.settings.clean.model_dump()
    transactions = run.read("transactions")
    rules = [name for name in RULES if on[name.replace(" ", "_")]]
    words = "product" in transactions.columns and run.rows(checks.numbered(transactions))[0]["numbered"] is False
    if words:
        rules = [name for name in rules if name != "service code"]
    run.manifest.source["stock_codes"] = "words" if words else "numbers"
    judged = run.warehouse.kept(judge(transactions, rules, on["service_descriptions"]), run.scratch / "judged.parquet")
    for name, table in split(judged).items():
        # in order, so that the same lines give the same bytes whatever the threads did
        run.write(name, table.order_by(["invoiced_at", *table.drop("invoiced_at").columns]))
    rejected = run.read("rejected")
    counts = rejected.group_by("reason").agg(lines=rejected.count())
    found = {row["reason"]: row["lines"] for row in run.rows(counts)}
    run.manifest.reasons = {name: found[name] for name in RULES if name in found}
    checks.require_lines(run.manifest.tables["lines"], found)
    lines = run.read("lines")
    span = run.rows(lines.agg(first=lines.invoiced_at.min(), last=lines.invoiced_at.max()))[0]
    run.manifest.source |= {name: str(moment) for name, moment in span.items()}


def _features(run: Run) -> None:
    lines = run.read("lines")
    last = run.rows(lines.agg(last=lines.invoiced_at.max().date()))[0]["last"]
    if last is None:
        raise InputError("no line has a date. Set lines without one aside: --set clean.incomplete=true.")
    if run.settings.as_of is None and (usual := run.rows(checks.usual_last(lines))[0]["usual"]) is not None:
        checks.require_plausible_end(last, usual)
    as_of = run.settings.as_of or last + timedelta(days=1)
    if late := checks.late(as_of, last):
        run.manifest.warn("features", late)
    run.write("customers", customer_features(lines, as_of, run.settings.shop.home_country))
    run.manifest.as_of = as_of
    if not run.manifest.tables["customers"]:
        raise InputError(f"no customer has an order line before {as_of}. Give a later --as-of.")


def _train(run: Run) -> None:
    now = buyers(run.columns(run.read("customers")))
    fitted = _fit_grid(run, now) if run.settings.segments.recipe == "quintiles" else _fit_centroids(run, now)
    least = 0.0 if isinstance(fitted, GridModel) else run.settings.segments.min_share
    for sentence in fit.doubts(fitted.predict(now), least):
        run.manifest.warn("train", sentence)
    run.warehouse.write_text(MODEL, document.dumps(fitted))


def _fit_grid(run: Run, now: Columns) -> GridModel:
    wanted = run.settings.segments
    model = fit.fit_grid(
        now, wanted.quintiles.model_dump(), wholesale_ratio=wanted.wholesale_ratio, currency=run.manifest.currency
    )
    run.manifest.choice = {"recipe": wanted.recipe, "k": len(model.segments), "reason": "the grid's usual names"}
    run.warehouse.drop("quality")
    return model


def _fit_centroids(run: Run, now: Columns) -> CentroidModel:
    wanted = run.settings.segments
    return fit.fit_centroids(
        wanted.recipe,
        now,
        _chosen_k(run, now),
        seed=wanted.seed,
        restarts=wanted.restarts,
        wholesale_ratio=wanted.wholesale_ratio,
        currency=run.manifest.currency,
    )


def _chosen_k(run: Run, now: Columns) -> int:
    """The number of segments, given or chosen; the figures of every number go to the table `quality`."""
    wanted, as_of = run.settings.segments, run.manifest.day
    ks = sorted({*range(wanted.k_min, wanted.k_max + 1), *([] if wanted.k == "auto" else [wanted.k])})
    snapshots = {as_of: now}
    if wanted.k == "auto":
        earlier = sorted({as_of - timedelta(days=days) for days in wanted.snapshots} - {as_of})
        snapshots = {day: found for day in earlier if enough(found := run.snapshot(day), wanted.k_max)} | snapshots
    limits = choose.Limits(wanted.min_stability, wanted.worst_stability, wanted.min_share)
    rows = choose.measure(
        wanted.recipe,
        snapshots,
        ks,
        limits=limits,
        seed=wanted.seed,
        bootstraps=wanted.bootstraps if wanted.k == "auto" else 0,
        progress=run.progress,
    )
    k, reason = choose.decide(rows, limits) if wanted.k == "auto" else (wanted.k, "as set")
    run.write("quality", [row | {"chosen": row["k"] == k} for row in rows])
    kept = {"mean": limits.mean, "worst": limits.worst} if wanted.k == "auto" else {}
    run.manifest.choice = {"recipe": wanted.recipe, "k": k, "reason": reason, "limits": kept}
    return k


def _segment(run: Run) -> None:
    model = document.loads(run.warehouse.read_text(MODEL))
    customers = run.read("customers")
    segments = model.assign(customers)
    recipe = RECIPES.get(model.recipe)
    if isinstance(model, CentroidModel) and recipe and recipe.outliers:
        columns = run.columns(customers)
        marked = fit.outliers(model.space, recipe.outliers, columns, run.settings.segments.seed)
        ids = run.warehouse.collect(run.sample(customers).select("customer_id"))["customer_id"]
        flags = ibis.memtable(pa.table({"customer_id": ids, "outlier": marked}))
        segments = segments.left_join(flags, "customer_id").drop("customer_id_right")
    run.write("segments", segments.order_by("customer_id"))


def _profile(run: Run) -> None:
    model = document.loads(run.warehouse.read_text(MODEL))
    customers, segments = run.read("customers"), run.read("segments")
    both = customers.join(segments.select("customer_id", "segment_id", "wholesale"), "customer_id")
    sums = both.group_by("segment_id").agg(
        customers=both.count(), revenue=exact_sum(both.spend), wholesale=both.customer_id.count(where=both.wholesale)
    )
    totals = {row["segment_id"]: (row["customers"], row["revenue"], row["wholesale"]) for row in run.rows(sums)}
    columns = run.columns(customers)
    known = profile.Known(
        totals, columns, model.predict(columns), _after(run, model), run.settings.evaluate.horizon_days
    )
    run.write("profiles", profile.profiles(model, known, run.manifest.currency))
    run.write("traits", profile.traits(columns, known.labels))


def _after(run: Run, model: document.SegmentModel) -> profile.After | None:
    """Segments a horizon ago and what happened since, where a horizon lies before that day too."""
    horizon = timedelta(days=run.settings.evaluate.horizon_days)
    day = run.manifest.day - horizon
    if day - _first_day(run) < horizon:
        return None
    customers = run.snapshot(day)
    return profile.After(model.predict(customers), customers["next_spend"] > 0, customers["next_net"])


def _today(run: Run) -> date:
    """The day that all is judged from: as asked for, else that of the table `customers`."""
    return run.settings.as_of or run.manifest.day


def _first_day(run: Run) -> date:
    lines = run.read("lines")
    first: date = run.rows(lines.agg(first=lines.invoiced_at.min().date()))[0]["first"]
    return first


def _evaluate(run: Run) -> None:
    wanted, fixed = run.settings.evaluate, run.settings.segments
    cutoffs = _given_cutoffs(run) or _cutoffs(run)
    rows: list[dict[str, Any]] = []
    for done, cutoff in enumerate(cutoffs, 1):
        customers = run.snapshot(cutoff)
        if not enough(customers, wanted.groups):
            mend = "Give a later --cutoff" if wanted.cutoffs else "Give more lines"
            raise InputError(f"too few customers bought before {cutoff} to judge a grouping. {mend}.")
        scores = evaluate.scorecard(
            customers,
            wanted.groups,
            cuts=fixed.quintiles.model_dump(),
            seed=fixed.seed,
            folds=wanted.folds,
            bootstraps=fixed.bootstraps,
        )
        rows += [{"cutoff": cutoff} | row for row in scores]
        run.progress(done / len(cutoffs))
    run.write("evaluation", rows)


def _given_cutoffs(run: Run) -> tuple[date, ...]:
    """The days to split at from the settings; each must have a whole horizon after it."""
    wanted = run.settings.evaluate
    latest = _today(run) - timedelta(days=wanted.horizon_days)
    if late := [str(cutoff) for cutoff in wanted.cutoffs if cutoff > latest]:
        raise InputError(
            f"there are not {wanted.horizon_days} days of order lines after {', '.join(late)}. "
            f"Give a --cutoff no later than {latest}."
        )
    return wanted.cutoffs


def _report(run: Run) -> None:
    tables = {name: run.warehouse.read(name) for name in TABLES if run.warehouse.exists(name)}
    facts = run.manifest.facts()
    facts["tables"] = {name: facts["tables"][name] for name in tables if name in facts["tables"]}
    run.warehouse.write_text(REPORT, render(tables, facts))


def _cutoffs(run: Run) -> list[date]:
    """Three days, two months apart, the last with a full horizon after it; as many as the data reach back to."""
    first, horizon = _first_day(run), run.settings.evaluate.horizon_days
    days = [_today(run) - timedelta(days=horizon + 60 * i) for i in (2, 1, 0)]
    found = [day for day in days if day - first >= timedelta(days=horizon)]
    if not found:
        fits = (_today(run) - first).days // 2
        shorter = f", or --set evaluate.horizon_days={fits}" if fits >= LEAST_HORIZON else ""
        raise InputError(
            f"the order lines span too few days ({first} to {_today(run)}) for {horizon} days of features and "
            f"{horizon} of outcomes. Give more lines{shorter}."
        )
    return found


STAGES = (
    Stage("read", (), ("transactions",), _read),
    Stage("clean", ("transactions",), ("lines", "rejected"), _clean),
    Stage("features", ("lines",), ("customers",), _features),
    Stage("train", ("lines", "customers"), ("quality", "model"), _train),
    Stage("segment", ("customers", "model"), ("segments",), _segment),
    Stage("profile", ("lines", "customers", "segments", "model"), ("profiles", "traits"), _profile),
    Stage("evaluate", ("lines",), ("evaluation",), _evaluate),
    Stage("report", tuple(TABLES), (), _report, optional=("transactions", "rejected", "quality", "evaluation")),
)
STAGE = {stage.name: stage for stage in STAGES}
