"""The flow: stages in order, and the one place that reads and writes.

read → transactions → clean → lines, rejected → features → customers → train → model, quality
→ segment → segments → profile → profiles, traits → evaluate → evaluation → report → report.html
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import platformdirs
import pyarrow as pa

from clientage.customers.features import customer_features, missing_features
from clientage.errors import InputError, SettingsError
from clientage.manifest import Manifest, fingerprint
from clientage.report.page import render
from clientage.segments import choose, document, evaluate, fit, profile
from clientage.segments.kmeans import Floats, Integers
from clientage.segments.outcomes import outcomes
from clientage.segments.space import RECIPES
from clientage.settings import Settings
from clientage.tables import TABLES, arrow_schema
from clientage.transactions import checks, source
from clientage.transactions.clean import RULES, clean
from clientage.transactions.received import Received
from clientage.warehouse import Warehouse, connect

MODEL, REPORT, MANIFEST = "model/segments.json", "report.html", "run.json"

Columns = dict[str, Floats]
Tell = Callable[[str, Any], None]


@dataclass
class Run:
    """What a stage has at hand.

    Attributes:
        settings: All of them.
        warehouse: Where tables live.
        manifest: What is said of the run.
        location: Where the order lines are, for the stage `read`.
        scratch: A folder that goes away after the run.
        progress: Told the share that is done of long work.
        snapshots: Customers at earlier days, computed once and used by several stages.
    """

    settings: Settings
    warehouse: Warehouse
    manifest: Manifest
    location: str = ""
    scratch: Path = Path()
    progress: Callable[[float], None] = lambda share: None
    snapshots: dict[date, Columns] = field(default_factory=dict)

    def write(self, name: str, table: ir.Table | pa.Table) -> None:
        """Write a table and note its rows."""
        expression = ibis.memtable(table) if isinstance(table, pa.Table) else table
        self.manifest.tables[name] = self.warehouse.write(name, expression)

    def rows(self, table: ir.Table) -> list[dict[str, Any]]:
        """A small result."""
        found: list[dict[str, Any]] = self.warehouse.collect(table).to_pylist()
        return found


@dataclass(frozen=True)
class Stage:
    """A step of the flow.

    Attributes:
        name: As in `clientage step NAME`.
        reads: Tables it needs.
        writes: Tables it makes.
        run: What it does.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    run: Callable[[Run], None]


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
        manifest = Manifest() if "read" in names else before
        manifest.settings = fingerprint(settings.model_dump(mode="json", exclude={"workspace"}))
        context = Run(settings, warehouse, manifest, location, scratch, lambda share: tell("progress", share))
        for name in names:
            with manifest.measured(name):
                STAGE[name].run(context)
            if name == "read" and manifest.data != before.data and "evaluate" not in names:
                warehouse.drop("evaluation")
            tell(name, manifest)
        warehouse.write_text(MANIFEST, manifest.dumps())
    return manifest


def load_source(settings: Settings, warehouse: Warehouse, location: str, scratch: Path) -> Received:
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
        cache=platformdirs.user_cache_path("clientage"),
    )


def _read(run: Run) -> None:
    settings = run.settings.source
    received = load_source(run.settings, run.warehouse, run.location, run.scratch)
    run.write("transactions", received.transactions)
    transactions = run.warehouse.read("transactions")
    found = run.rows(checks.facts(transactions))[0]
    checks.require_readable(found, settings.max_unreadable)
    run.manifest.data = received.fingerprint
    run.manifest.source = {
        "files": list(received.files),
        "first": str(found["first"]),
        "last": str(found["last"]),
        "unreadable": found["unreadable"],
        "currency": run.settings.shop.currency or received.currency,
        "shop": run.settings.shop.name or received.name,
        "missing_features": missing_features(tuple(transactions.columns)),
    }


def _clean(run: Run) -> None:
    on = run.settings.clean.model_dump()
    rules = [name for name in RULES if on[name.replace(" ", "_")]]
    for name, table in clean(run.warehouse.read("transactions"), rules, on["service_descriptions"]).items():
        # in order, so that the same lines give the same bytes whatever the threads did
        run.write(name, table.order_by(["invoiced_at", *table.drop("invoiced_at").columns]))
    rejected = run.warehouse.read("rejected")
    counts = rejected.group_by("reason").agg(lines=rejected.count())
    found = {row["reason"]: row["lines"] for row in run.rows(counts)}
    run.manifest.reasons = {name: found[name] for name in RULES if name in found}
    checks.require_lines(run.manifest.tables["lines"], found)


def _features(run: Run) -> None:
    lines = run.warehouse.read("lines")
    last = run.rows(lines.agg(last=lines.invoiced_at.max().date()))[0]["last"]
    as_of = run.settings.as_of or last + timedelta(days=1)
    run.write("customers", customer_features(lines, as_of, run.settings.shop.home_country))
    run.manifest.as_of = as_of
    if not run.manifest.tables["customers"]:
        raise InputError(f"no customer has an order line before {as_of}. Give a later --as-of.")


def _train(run: Run) -> None:
    wanted = run.settings.segments
    now = _buyers(_columns(run, run.warehouse.read("customers")))
    common = {"wholesale_ratio": wanted.wholesale_ratio, "currency": run.manifest.currency}
    if wanted.recipe == "quintiles":
        model: document.SegmentModel = fit.fit_grid(now, wanted.quintiles.model_dump(), **common)
        run.manifest.choice = {"recipe": wanted.recipe, "k": len(model.segments), "reason": "the grid's usual names"}
        run.warehouse.drop("quality")
    else:
        k = _chosen_k(run, now)
        model = fit.fit_centroids(wanted.recipe, now, k, seed=wanted.seed, restarts=wanted.restarts, **common)
    run.warehouse.write_text(MODEL, document.dumps(model))


def _chosen_k(run: Run, now: Columns) -> int:
    """The number of segments, given or chosen; the figures of every number go to the table `quality`."""
    wanted, as_of = run.settings.segments, run.manifest.day
    ks = sorted({*range(wanted.k_min, wanted.k_max + 1), *([] if wanted.k == "auto" else [wanted.k])})
    snapshots = {as_of: now}
    if wanted.k == "auto":
        earlier = sorted({as_of - timedelta(days=days) for days in wanted.snapshots} - {as_of})
        snapshots = {day: found for day in earlier if _worth(found := _snapshot(run, day), wanted.k_max)} | snapshots
    bootstraps = wanted.bootstraps if wanted.k == "auto" else 0
    rows = choose.measure(wanted.recipe, snapshots, ks, seed=wanted.seed, bootstraps=bootstraps, progress=run.progress)
    limits = choose.Limits(wanted.min_stability, wanted.worst_stability, wanted.min_share)
    k, reason = choose.decide(rows, limits) if wanted.k == "auto" else (wanted.k, "as set")
    run.write("quality", _arrow("quality", [row | {"chosen": row["k"] == k} for row in rows]))
    run.manifest.choice = {"recipe": wanted.recipe, "k": k, "reason": reason}
    return k


def _segment(run: Run) -> None:
    model = document.loads(run.warehouse.read_text(MODEL))
    customers = run.warehouse.read("customers")
    segments = model.assign(customers)
    recipe = RECIPES.get(model.recipe)
    if recipe and recipe.outliers:
        columns = _columns(run, customers)
        marked = fit.outliers(recipe, columns, run.settings.segments.seed)
        ids = run.warehouse.collect(_sample(run, customers).select("customer_id"))["customer_id"]
        flags = ibis.memtable(pa.table({"customer_id": ids, "outlier": marked}))
        segments = segments.left_join(flags, "customer_id").drop("customer_id_right")
    run.write("segments", segments.order_by("customer_id"))


def _profile(run: Run) -> None:
    model = document.loads(run.warehouse.read_text(MODEL))
    customers, segments = run.warehouse.read("customers"), run.warehouse.read("segments")
    both = customers.join(segments.select("customer_id", "segment_id", "wholesale"), "customer_id")
    spend = (both.spend * 1e6).round().cast("int64").sum().cast("float64") / 1e6
    sums = both.group_by("segment_id").agg(
        customers=both.count(), revenue=spend, wholesale=both.customer_id.count(where=both.wholesale)
    )
    totals = {row["segment_id"]: (row["customers"], row["revenue"], row["wholesale"]) for row in run.rows(sums)}
    columns = _columns(run, customers)
    known = profile.Known(totals, columns, model.predict(columns), _after(run, model))
    run.write("profiles", profile.profiles(model, known, run.manifest.currency))
    run.write("traits", profile.traits(columns, known.labels))


def _after(run: Run, model: document.SegmentModel) -> tuple[Integers, Floats] | None:
    """Segments a horizon ago and what was spent since, where the data reach back that far."""
    day = run.manifest.day - timedelta(days=run.settings.evaluate.horizon_days)
    customers = _snapshot(run, day)
    return (model.predict(customers), customers["next_spend"]) if len(customers["spend"]) else None


def _evaluate(run: Run) -> None:
    wanted, fixed = run.settings.evaluate, run.settings.segments
    rows: list[dict[str, Any]] = []
    cutoffs = wanted.cutoffs or _cutoffs(run)
    for done, cutoff in enumerate(cutoffs, 1):
        customers = _snapshot(run, cutoff)
        if not _worth(customers, wanted.groups):
            raise InputError(f"too few customers bought before {cutoff} to judge a grouping. Give a later --cutoff.")
        rows += [
            {"cutoff": cutoff} | row
            for row in evaluate.scorecard(
                customers, wanted.groups, seed=fixed.seed, folds=wanted.folds, bootstraps=fixed.bootstraps
            )
        ]
        run.progress(done / len(cutoffs))
    run.write("evaluation", _arrow("evaluation", rows))


def _report(run: Run) -> None:
    tables = {name: run.warehouse.read(name) for name in TABLES if run.warehouse.exists(name)}
    run.warehouse.write_text(REPORT, render(tables, run.manifest.facts()))


def _cutoffs(run: Run) -> list[date]:
    """Three days, two months apart, the last with a full horizon after it; as many as the data reach back to."""
    lines = run.warehouse.read("lines")
    first = run.rows(lines.agg(first=lines.invoiced_at.min().date()))[0]["first"]
    horizon = run.settings.evaluate.horizon_days
    days = [run.manifest.day - timedelta(days=horizon + 60 * i) for i in (2, 1, 0)]
    found = [day for day in days if day - first >= timedelta(days=horizon)]
    if not found:
        raise InputError(
            f"the order lines span too few days ({first} to {run.manifest.day}) for {horizon} days of features and "
            f"{horizon} of outcomes. Give more lines, or --set evaluate.horizon_days={max(horizon // 3, 1)}."
        )
    return found


def _snapshot(run: Run, day: date) -> Columns:
    """Columns of customers who bought before a day, and what they spent in the horizon after it."""
    if day not in run.snapshots:
        lines = run.warehouse.read("lines")
        customers = customer_features(lines, day, run.settings.shop.home_country)
        after = outcomes(lines, day, run.settings.evaluate.horizon_days)
        both = customers.left_join(after, "customer_id").drop("customer_id_right")
        run.snapshots[day] = _buyers(_columns(run, both.mutate(next_spend=both.next_spend.fill_null(0.0))))
    return run.snapshots[day]


def _sample(run: Run, customers: ir.Table) -> ir.Table:
    """All customers, or as many as may be collected, picked by hashed id; in order of their id."""
    most = run.settings.segments.sample
    total = run.manifest.tables.get("customers", 0)
    if total > most:
        customers = customers.filter(customers.customer_id.hash().abs() % total < most)
    return customers.order_by("customer_id")


def _columns(run: Run, customers: ir.Table) -> Columns:
    """The features of customers as columns of doubles, NaN where missing."""
    names = [name for name, kind in customers.schema().items() if kind.is_numeric() or kind.is_boolean()]
    collected = run.warehouse.collect(_sample(run, customers).select(names))
    return {name: np.asarray(collected[name].cast(pa.float64()).to_numpy(), float) for name in names}


def _buyers(customers: Columns) -> Columns:
    """Those who completed an order: who only returned belongs to a segment, but does not shape it."""
    bought = customers["frequency"] > 0
    return {name: values[bought] for name, values in customers.items()} if bought.any() else customers


def _worth(customers: Columns, k: int) -> bool:
    """Whether there are enough customers to speak of k segments."""
    return len(customers["frequency"]) >= 20 * k


def _arrow(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, arrow_schema(name))


STAGES = (
    Stage("read", (), ("transactions",), _read),
    Stage("clean", ("transactions",), ("lines", "rejected"), _clean),
    Stage("features", ("lines",), ("customers",), _features),
    Stage("train", ("lines", "customers"), ("quality",), _train),
    Stage("segment", ("customers",), ("segments",), _segment),
    Stage("profile", ("lines", "customers", "segments"), ("profiles", "traits"), _profile),
    Stage("evaluate", ("lines",), ("evaluation",), _evaluate),
    Stage("report", tuple(TABLES), (), _report),
)
STAGE = {stage.name: stage for stage in STAGES}
