"""Migration: who went from which segment to which, between two days."""

from collections.abc import Mapping, Sequence
from datetime import date

from dash import html

from clientage.dashboard import charts, parts
from clientage.dashboard.data import overview, watched
from clientage.dashboard.data.overview import Whole
from clientage.dashboard.data.source import has
from clientage.dashboard.data.watched import NEW
from clientage.dashboard.parts import Component, Row, State
from clientage.report import words
from clientage.report.panels import Chart, Section


def layout(state: State) -> Component:
    """The page."""
    known = state.source.ask(overview.whole)
    trained = state.source.ask(overview.moved)
    days = state.source.ask(watched.days) if state.source.ask(has, "journeys") else []
    if len(days) < 2:
        told = "Customers have not yet been watched on two days. Monitoring finds who goes where."
        shown: list[Component] = [parts.empty(told, "clientage monitor")]
    else:
        shown = _between(state, days, known)
    shown += [parts.drawn(chart, state.scheme, key=parts.segments_key(known.profiles)) for chart in _charts(trained)]
    return parts.page("Migration", *shown)


def _charts(section: Section | None) -> Sequence[Chart]:
    return section.charts if section else ()


def _between(state: State, days: Sequence[date], known: Whole) -> list[Component]:
    """Two days to choose, and what happened between them."""
    every = [day.isoformat() for day in days]
    usual = min(days[:-1], key=lambda day: abs((days[-1] - day).days - known.horizon)).isoformat()
    first, last = state.get("from", every, usual), state.get("to", every, every[-1])
    choices = [(day.isoformat(), words.day(day)) for day in days]
    pick = parts.controls(
        parts.select("from", "From", choices, first, usual), parts.select("to", "To", choices, last, every[-1])
    )
    if first >= last:
        return [pick, parts.empty("Choose a second day that comes after the first.")]
    ask = state.source.ask
    found = ask(watched.flows, date.fromisoformat(first), date.fromisoformat(last))
    names = ask(watched.names) | {row["segment_id"]: row["segment"] for row in known.profiles} | {NEW: "not yet there"}
    colours = {row["segment_id"]: row["colour"] for row in known.profiles}
    text = reading(found)
    flows = parts.drawn(charts.flows(found, names, colours, text), state.scheme, before=pick)
    mix = parts.drawn(charts.mix(ask(watched.mix), names, colours), state.scheme, key=_key(found, names, colours))
    return [flows, parts.panel("The same in numbers", matrix(found, names)), mix]


def _key(found: Sequence[Row], names: Mapping[int, str], colours: Mapping[int, str]) -> Component:
    own = sorted({row["segment_id"] for row in found})
    return parts.key_of({names.get(each, str(each)): colours.get(each, "") for each in own}, "Colours of the segments")


def reading(found: Sequence[Row]) -> str:
    """How many stayed, and how many are new."""
    old = [row for row in found if row["from_segment_id"] != NEW]
    total, new = (
        sum(row["customers"] for row in old),
        sum(row["customers"] for row in found) - sum(row["customers"] for row in old),
    )
    stayed = sum(row["customers"] for row in old if row["from_segment_id"] == row["segment_id"])
    text = f"{words.share(stayed / total)} of {words.customers(total)} are where they were." if total else ""
    return f"{text} {words.customers(new)} came in between.".strip() if new else text


def matrix(found: Sequence[Row], names: Mapping[int, str]) -> Component:
    """Customers by segment then and now."""
    left = sorted({row["from_segment_id"] for row in found})
    right = sorted({row["segment_id"] for row in found})
    counts = {(row["from_segment_id"], row["segment_id"]): row["customers"] for row in found}
    rows = [
        [names.get(old, str(old)), *(words.count(number) for number in (*own, sum(own)))]
        for old in left
        for own in [[counts.get((old, new), 0) for new in right]]
    ]
    heads = ["from, then", *(names.get(new, str(new)) for new in right), "all"]
    note = html.P(
        "Rows are where customers were on the first day, columns where they are on the second.", className="soft"
    )
    return html.Div([note, parts.table("Customers by segment then and now", heads, rows, numbers=len(right) + 1)])
