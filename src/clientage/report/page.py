"""The report as one HTML file that opens offline: text first, charts drawn by the plotly.js inside it."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir
import jinja2
import pyarrow as pa
from plotly.offline import get_plotlyjs

from clientage.report import charts, correlations, diagnostics, queries, readings, words
from clientage.report.candidates import candidates
from clientage.report.forecasts import forecasts
from clientage.report.kinds import COLOURS, kinds
from clientage.report.moves import moves
from clientage.report.offers import offers
from clientage.report.panels import Chart, Section, chart
from clientage.report.recommenders import recommenders
from clientage.report.regions import regions
from clientage.report.spread import spread
from clientage.report.style import TEMPLATES
from clientage.report.worth import worth

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
    spreads = _spreads(profiles, traits, currency)
    parts = (
        _business(tables, profiles, day, currency),
        _fit(tables, facts),
        _space(tables, profiles, head.customers),
        _lines(tables, rejected),
    )
    sections = _sections(tables, facts, profiles, traits)
    optional = [each for section in sections.values() if section for each in section.charts]
    shown = {each.id: each for part in (*parts, optional) for each in part}
    radars = _radars(profiles, traits)
    return _template().render(
        facts=_KNOWN | dict(facts),
        source=_SOURCE | source,
        currency=currency,
        day=day,
        headline=head,
        horizon=horizon,
        profiles=profiles.to_pylist(),
        warnings=[text for stage in (facts.get("warnings") or {}).values() for text in stage],
        charts=shown,
        radars=radars,
        radar_reading=readings.radar(profiles, traits),
        spreads=spreads,
        sections=sections,
        kind_colours=COLOURS,
        indices=[shown[name] for name in diagnostics.INDICES if name in shown],
        choice=readings.choice(facts.get("choice", {})),
        scores=_scores(tables),
        rejected=rejected or {},
        document=_document([*shown.values(), *radars], spreads),
        plotly=_plotly(),
    )


def figures(page: str) -> dict[str, str]:
    """The charts of a report by their id, each as Plotly's JSON, for other tools to keep."""
    found = re.search(r'<script type="application/json" id="document">(.*?)</script>', page, re.DOTALL)
    charts = json.loads(found[1])["charts"] if found else {}
    return {name: json.dumps(figure, indent=1) for name, figure in charts.items()}


def _document(drawn: Sequence[Chart], spreads: Sequence[Chart]) -> str:
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


def _business(tables: Mapping[str, ir.Table], profiles: pa.Table, day: date | None, currency: str) -> list[Chart]:
    """Who brings the revenue, when and where."""
    last = day - timedelta(days=1) if day else None
    monthly = queries.monthly(tables, day)
    # told by the table `regions` in more detail
    by_country = None if "regions" in tables else queries.countries(tables, day)
    found = [
        chart("revenue", charts.revenue_share(profiles), readings.revenue_share(profiles)),
        chart("months", charts.months(monthly, profiles, last, currency), readings.months(monthly, last, currency)),
    ]
    if by_country is not None and len(by_country):
        found.append(chart("countries", charts.countries(by_country, currency), readings.countries(by_country)))
    return found


def _sections(
    tables: Mapping[str, ir.Table], facts: Mapping[str, Any], profiles: pa.Table, traits: pa.Table
) -> dict[str, Section | None]:
    """What is shown only where its tables are there."""
    rows, currency = profiles.to_pylist(), facts.get("source", {}).get("currency") or ""
    days, recommender = rows[0]["horizon_days"], facts.get("recommender") or {}
    several = ("candidates", "migrations", "regions", "recommenders", "values")
    small = {name: queries.collect(tables[name]) for name in several if name in tables}
    return {
        "moves": moves(small["migrations"], rows) if "migrations" in small else None,
        "offers": offers(tables, rows, recommender),
        "worth": worth(tables, profiles, traits, currency),
        "kinds": kinds(tables, rows, facts.get("choice", {}).get("buyers") or {}),
        "candidates": candidates(small["candidates"], facts.get("choice") or {}) if "candidates" in small else None,
        "regions": regions(small["regions"], rows, currency) if "regions" in small else None,
        "recommenders": recommenders(small["recommenders"], recommender.get("model", ""))
        if "recommenders" in small
        else None,
        "forecasts": forecasts(small["values"], days, currency) if "values" in small else None,
    }


def _radars(profiles: pa.Table, traits: pa.Table) -> list[Chart]:
    known = {row["segment_id"] for row in traits.to_pylist() if row["z"] is not None}
    return [
        chart(f"radar-{row['segment_id']}", charts.radar(profiles, traits, row["segment_id"]), row["summary"])
        for row in profiles.to_pylist()
        if row["segment_id"] in known
    ]


def _spreads(profiles: pa.Table, traits: pa.Table, currency: str) -> list[Chart]:
    """A chart for each feature, the one shown first in front."""
    order = {name: i for i, name in enumerate(words.FEATURES, 1)} | {FIRST_FEATURE: 0}
    features = sorted(set(traits["feature"].to_pylist()), key=lambda feature: (order.get(feature, len(order)), feature))
    return [
        chart(
            feature,
            spread(profiles, traits, feature, currency),
            readings.spread(profiles, traits, feature, currency),
            words.feature_name(feature),
        )
        for feature in features
    ]


def _fit(tables: Mapping[str, ir.Table], facts: Mapping[str, Any]) -> list[Chart]:
    """How many segments, and what they predict."""
    found = []
    chosen = facts.get("choice", {})
    if "quality" in tables and len(quality := queries.collect(tables["quality"].order_by("as_of", "k"))):
        if quality["stability"].null_count < len(quality):
            figure = diagnostics.stability(quality, chosen.get("limits"))
            found.append(chart("stability", figure, readings.choice(chosen)))
        found += [chart(name, diagnostics.index(quality, name), "") for name in diagnostics.INDICES]
    if "evaluation" in tables:
        evaluation = queries.collect(tables["evaluation"])
        text = readings.scorecard(evaluation, chosen.get("recipe", ""))
        found += [
            chart(name, diagnostics.scorecard(evaluation, name), text if name == "r2" else "")
            for name in diagnostics.MEASURES
        ]
    return found


def _space(tables: Mapping[str, ir.Table], profiles: pa.Table, total: int) -> list[Chart]:
    """The map of customers and what moves together."""
    names, found = correlations.correlated(queries.features(tables, total))
    figure = correlations.correlations(names, found)
    shown = [chart("correlations", figure, readings.correlations(names, found))]
    points = queries.points(tables, total)
    if points is not None:
        figure = diagnostics.customer_map(points, profiles)
        shown.append(chart("map", figure, readings.customer_map(len(points), total)))
    return shown


def _lines(tables: Mapping[str, ir.Table], reasons: Mapping[str, int] | None) -> list[Chart]:
    """What became of the order lines."""
    if reasons is None:
        return []
    used = queries.rows(tables["lines"])
    received = used + sum(reasons.values())
    return [chart("funnel", charts.funnel(received, reasons, used), readings.funnel(received, reasons, used))]


def _scores(tables: Mapping[str, ir.Table]) -> list[dict[str, Any]]:
    return diagnostics.averages(queries.collect(tables["evaluation"])) if "evaluation" in tables else []


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("clientage.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(words, name)
        for name in (
            "count",
            "share",
            "fitting_money",
            "day",
            "colour",
            "feature_name",
            "reason",
            "measured",
            "recommender",
            "buyer",
        )
    }
    return environment.get_template("page.html.j2")


@cache
def _plotly() -> str:
    return str(get_plotlyjs())
