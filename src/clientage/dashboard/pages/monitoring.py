"""Monitoring: whether the shop is still the one that its segments were made from."""

from collections.abc import Mapping, Sequence

from dash import html

from clientage.dashboard import charts, parts
from clientage.dashboard.data import overview, watched
from clientage.dashboard.data.source import has
from clientage.dashboard.parts import Component, Row, State
from clientage.report import words

AREAS: Mapping[str, str] = {
    "volume": "Volume", "items": "What is sold", "orders": "Orders", "missing": "What is missing",
    "customers": "Features of customers", "segments": "Segments", "outcomes": "What customers did next",
    "predictions": "What was asked", "service": "The service",
}  # fmt: skip
LATENCY = ("p50", "p95", "p99")


def layout(state: State) -> Component:
    """The page."""
    if not state.source.ask(has, "drift"):
        told = "Nothing was watched yet. Monitoring compares new weeks with those that the segments were made from."
        return parts.page("Monitoring", parts.empty(told, "clientage monitor"))
    names = _segments(state)
    verdicts = state.source.ask(watched.verdicts)
    return parts.page(
        "Monitoring",
        _latest(state, verdicts, names),
        _windows(verdicts),
        _episodes(state),
        _feature(state),
        _measure(state, names),
        _latency(state, names),
        parts.drawn(charts.records(state.source.ask(watched.counts)), state.scheme),
        lead="Windows of new lines, customers and predictions against those that the segments were made from.",
    )


def _segments(state: State) -> dict[int, str]:
    if not state.source.ask(has, "profiles"):
        return {}
    return {row["segment_id"]: row["segment"] for row in state.source.ask(overview.whole).profiles}


def _latest(state: State, verdicts: Sequence[Row], names: Mapping[int, str]) -> Component:
    """The last window: the verdict, and what was not well."""
    judged = [row for row in verdicts if not row["reference"]]
    if not judged:
        return parts.empty("No window is over since the model was made. Bring new lines.", "clientage monitor")
    last = judged[-1]
    rows = [
        [
            f"{AREAS.get(row['area'], row['area'])}: {charts.measure_name(row['measure'])}",
            charts.subject_name(row["subject"], names) if row["subject"] else "all",
            parts.badge(row["verdict"], row["verdict"]),
            row["because"] or "",
            words.UNKNOWN if row["score"] is None else f"{row['score']:.2f}",
        ]
        for row in state.source.ask(watched.found, last["window"])
    ]
    heads = ["what", "of", "verdict", "because", "score"]
    told = [parts.badge(last["verdict"], last["verdict"]), f" {last['because'] or 'Nothing stands out.'}"]
    found = parts.table("What was not as usual", heads, rows, numbers=1) if rows else None
    limit = "Above a score of 1 it drifts, and on watch for a second time within three windows."
    note = html.P(limit, className="soft") if rows else None
    return parts.panel(f"The window of {words.day(last['window'])}", html.P(told), found, note)


def _windows(verdicts: Sequence[Row]) -> Component:
    """All windows as a strip: each a mark with its verdict."""
    if not verdicts:
        return None
    marks = [html.Li(_mark(row), className=_looks(row)) for row in verdicts]
    told = [_counted([row for row in verdicts if not row["reference"]], "judged")]
    told.append(
        _counted([row for row in verdicts if row["reference"]], "of the reference, each as if it had been left out")
    )
    return parts.panel("Window by window", html.P(" ".join(filter(None, told))), html.Ol(marks, className="strip"))


def _counted(verdicts: Sequence[Row], which: str) -> str:
    """How many windows have which verdict; empty for none."""
    counts = {kind: sum(row["verdict"] == kind for row in verdicts) for kind in ("drift", "watch", "ok", "unknown")}
    told = " · ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    return f"{len(verdicts)} {which}: {told}." if verdicts else ""


def _looks(row: Row) -> str:
    return f"mark {row['verdict']}{' reference' if row['reference'] else ''}"


def _mark(row: Row) -> Component:
    when = f"{words.day(row['window'])}: {row['verdict']}{', reference' if row['reference'] else ''}"
    return html.Span(when, className="hidden", title=when)


def _episodes(state: State) -> Component:
    """Times of drift."""
    if not state.source.ask(has, "episodes"):
        return None
    found = state.source.ask(watched.episodes)
    if not found:
        return parts.panel("Episodes of drift", html.P("None so far."))
    rows = [
        [
            words.day(row["opened"]),
            words.day(row["resolved"]) if row["resolved"] else parts.badge("goes on", "drift"),
            row["because"],
            words.count(row["windows"]),
        ]
        for row in found
    ]
    table = parts.table(
        "Episodes of drift, the latest first", ["opened", "resolved", "because", "windows"], rows, numbers=1
    )
    return parts.panel("Episodes of drift", table)


def _feature(state: State) -> Component:
    """A feature over time."""
    features = state.source.ask(watched.features)
    if not features:
        return None
    first = "monetary" if "monetary" in features else features[0]
    chosen = state.get("feature", features, first)
    choices = [(name, words.feature_name(name)) for name in features]
    currency = state.source.ask(overview.whole).currency if state.source.ask(has, "profiles") else ""
    pick = parts.controls(parts.select("feature", "Feature", choices, chosen, first))
    chart = charts.feature(chosen, state.source.ask(watched.feature, chosen), currency)
    return parts.drawn(chart, state.scheme, before=pick)


def _measure(state: State, names: Mapping[int, str]) -> Component:
    """A measure of drift over time, with its limits."""
    found = [row for row in state.source.ask(watched.measures) if row["measure"] not in LATENCY]
    if not found:
        return None
    choices = [
        (
            f"{row['area']}.{row['measure']}",
            f"{AREAS.get(row['area'], row['area'])}: {charts.measure_name(row['measure'])}",
        )
        for row in found
    ]
    every = [value for value, _ in choices]
    first = "segments.mix" if "segments.mix" in every else every[0]
    chosen = state.get("measure", every, first)
    area, _, measure = chosen.partition(".")
    pick = parts.controls(parts.select("measure", "Measure", choices, chosen, first))
    chart = charts.over_time(measure, state.source.ask(watched.over_time, area, measure), names)
    return parts.drawn(chart, state.scheme, before=pick)


def _latency(state: State, names: Mapping[int, str]) -> Component:
    """How long the service took."""
    rows = [
        row | {"subject": measure}
        for measure in LATENCY
        for row in state.source.ask(watched.over_time, "service", measure)
    ]
    if not rows:
        return None
    return parts.drawn(charts.over_time("latency", rows, names, "latency"), state.scheme)
