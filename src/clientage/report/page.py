"""The report as one HTML file that opens offline: text first, charts drawn by the plotly.js inside it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir
import jinja2
import pyarrow as pa
from plotly.offline import get_plotlyjs

from clientage.report import diagnostics, queries, words
from clientage.report.candidates import candidates
from clientage.report.charts import funnel, months, outstanding, radars, revenue_share
from clientage.report.correlations import correlations
from clientage.report.kinds import COLOURS, kinds
from clientage.report.moves import moves
from clientage.report.offers import offers
from clientage.report.panels import TEMPLATES, Chart, Section
from clientage.report.recommenders import recommenders
from clientage.report.regions import regions
from clientage.report.spread import spread
from clientage.report.worth import forecasts, worth

FIRST_FEATURE = "monetary"

# what a run may not have said of itself
_KNOWN: dict[str, Any] = {"data": "", "warnings": {}, "settings": "", "tables": {}, "versions": {}}
_SOURCE: dict[str, Any] = {"shop": "", "first": "", "last": "", "files": [], "missing_features": {}}


def render(tables: Mapping[str, ir.Table], facts: Mapping[str, Any]) -> str:
    """The report, as HTML.

    Args:
        tables: The named tables that are there. Needs `customers`, `segments`, `profiles`, `traits` and `lines`;
            shows more with each of the others.
        facts: What `clientage.manifest` says of the run.

    Returns:
        The whole page. The same tables and facts give the same text.
    """
    source = facts.get("source", {})
    currency = source.get("currency") or ""
    day = words.as_date(facts.get("as_of")) or queries.as_of(tables)
    profiles = queries.collect(tables["profiles"].order_by(ibis.desc("revenue"), "segment_id"))
    traits = queries.collect(tables["traits"].order_by("segment_id", "feature"))
    horizon = profiles["horizon_days"][0].as_py()
    head = queries.headline(tables, day, horizon)
    rejected = queries.reasons(tables["rejected"], facts.get("reasons", {})) if "rejected" in tables else None
    drawn = [
        revenue_share(profiles), _months(tables, profiles, day, currency), *_fit(tables, facts.get("choice", {})),
        *_space(tables, profiles, head["customers"]), *_lines(tables, rejected),
    ]  # fmt: skip
    sections = _sections(tables, facts, profiles, traits)
    drawn += [chart for section in sections.values() if section for chart in section.charts]
    rings, spreads = radars(profiles, traits), _spreads(profiles, traits, currency)
    return template("page.html.j2").render(
        facts=_KNOWN | dict(facts),
        source=_SOURCE | source,
        currency=currency,
        day=day,
        headline=head,
        horizon=horizon,
        profiles=profiles.to_pylist(),
        warnings=[text for stage in (facts.get("warnings") or {}).values() for text in stage],
        charts={chart.id: chart for chart in drawn},
        radars=rings,
        radar_reading=outstanding(profiles, traits),
        spreads=spreads,
        sections=sections,
        kind_colours=COLOURS,
        indices=[chart for chart in drawn if chart.id in diagnostics.INDICES],
        choice=diagnostics.choice(facts.get("choice", {})),
        scores=diagnostics.averages(queries.collect(tables["evaluation"])) if "evaluation" in tables else [],
        rejected=rejected or {},
        document=document([*drawn, *rings], spreads),
        plotly=get_plotlyjs(),
    )


def figures(page: str) -> dict[str, str]:
    """The charts of a report by their id, each as Plotly's JSON, for other tools to keep."""
    found = re.search(r'<script type="application/json" id="document">(.*?)</script>', page, re.DOTALL)
    charts = json.loads(found[1])["charts"] if found else {}
    return {name: json.dumps(figure, indent=1) for name, figure in charts.items()}


def document(drawn: Sequence[Chart], spreads: Sequence[Chart] = ()) -> str:
    """What the page's script draws, as JSON in which no tag can stand; what is not a number is null."""
    figures = {chart.id: chart.figure for chart in drawn}
    if spreads:
        figures["spread"] = spreads[0].figure
    choices = {chart.id: {"figure": chart.figure, "reading": chart.reading} for chart in spreads}
    text = _json({"charts": figures, "spreads": choices, "templates": TEMPLATES})
    if "NaN" in text or "Infinity" in text:
        text = _json(json.loads(text, parse_constant=lambda _: None))
    return text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>/"})


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _months(tables: Mapping[str, ir.Table], profiles: pa.Table, day: date | None, currency: str) -> Chart:
    """When revenue was made."""
    last = day - timedelta(days=1) if day else None
    return months(queries.monthly(tables, day), profiles, last, currency)


def _sections(
    tables: Mapping[str, ir.Table], facts: Mapping[str, Any], profiles: pa.Table, traits: pa.Table
) -> dict[str, Section | None]:
    """What is shown only where its tables are there."""
    rows, currency = profiles.to_pylist(), facts.get("source", {}).get("currency") or ""
    choice, recommender = facts.get("choice") or {}, facts.get("recommender") or {}
    optional: Mapping[str, tuple[str, Callable[[pa.Table], Section | None]]] = {
        "moves": ("migrations", lambda found: moves(found, rows)),
        "candidates": ("candidates", lambda found: candidates(found, choice)),
        "regions": ("regions", lambda found: regions(found, rows, currency)),
        "recommenders": ("recommenders", lambda found: recommenders(found, recommender.get("model", ""))),
        "forecasts": ("values", lambda found: forecasts(found, rows[0]["horizon_days"], currency)),
    }
    return {
        "offers": offers(tables, rows, recommender),
        "worth": worth(tables, profiles, traits, currency),
        "kinds": kinds(tables, rows, choice.get("buyers") or {}),
    } | {
        name: show(queries.collect(tables[table])) if table in tables else None
        for name, (table, show) in optional.items()
    }


def _spreads(profiles: pa.Table, traits: pa.Table, currency: str) -> list[Chart]:
    """A chart for each feature, the one shown first in front."""
    order = {name: i for i, name in enumerate(words.FEATURES, 1)} | {FIRST_FEATURE: 0}
    features = sorted(set(traits["feature"].to_pylist()), key=lambda feature: (order.get(feature, len(order)), feature))
    return [spread(profiles, traits, feature, currency) for feature in features]


def _fit(tables: Mapping[str, ir.Table], choice: Mapping[str, Any]) -> list[Chart]:
    """How many segments, and what they predict."""
    found = []
    if "quality" in tables and len(quality := queries.collect(tables["quality"].order_by("as_of", "k"))):
        if quality["stability"].null_count < len(quality):
            found.append(diagnostics.stability(quality, choice))
        found += [diagnostics.index(quality, name) for name in diagnostics.INDICES]
    if "evaluation" in tables:
        evaluation, recipe = queries.collect(tables["evaluation"]), choice.get("recipe", "")
        found += [diagnostics.scorecard(evaluation, name, recipe) for name in diagnostics.MEASURES]
    return found


def _space(tables: Mapping[str, ir.Table], profiles: pa.Table, total: int) -> list[Chart]:
    """What moves together, and the map of customers."""
    shown, points = [correlations(queries.features(tables, total))], queries.points(tables, total)
    return shown if points is None else [*shown, diagnostics.customer_map(points, profiles, total)]


def _lines(tables: Mapping[str, ir.Table], reasons: Mapping[str, int] | None) -> list[Chart]:
    """What became of the order lines."""
    if reasons is None:
        return []
    used = queries.rows(tables["lines"])
    return [funnel(used + sum(reasons.values()), reasons, used)]


_FILTERS = (
    "count", "share", "fitting_money", "day", "colour", "feature_name", "reason", "measured", "recommender", "buyer",
)  # fmt: skip


@cache
def template(name: str) -> jinja2.Template:
    """A page to be filled in; all text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("clientage.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(words, name) for name in _FILTERS}
    return environment.get_template(name)
