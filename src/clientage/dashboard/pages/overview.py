"""Overview: what the shop takes, from whom, and what changed since the window before."""

from collections.abc import Sequence

from dash import html

from clientage.dashboard import parts
from clientage.dashboard.data import overview as asked
from clientage.dashboard.data import watched
from clientage.dashboard.data.overview import Whole
from clientage.dashboard.data.source import has
from clientage.dashboard.parts import Component, Row, State
from clientage.report import words


def layout(state: State) -> Component:
    """The page."""
    ask = state.source.ask
    known = ask(asked.whole)
    day = f"As of {words.day(known.day)}" if known.day else ""
    return parts.page(
        known.name or "Overview",
        parts.facts(_figures(ask(asked.figures), known)),
        _warnings(known),
        _verdict(state),
        parts.late(state, "changes", changes, asked.changes, asked.buys_again),
        parts.drawn(ask(asked.revenue), state.scheme),
        parts.late(state, "months", months, asked.months),
        _places(state),
        lead=day,
    )


def changes(state: State) -> Component:
    """The last window against the one before."""
    known = state.source.ask(asked.whole)
    figures, segments = state.asked(asked.changes)
    return _changes(figures, segments, known, state.asked(asked.buys_again)) if figures else None


def months(state: State) -> Component:
    """Revenue by month."""
    key = parts.segments_key(state.source.ask(asked.whole).profiles)
    return parts.drawn(state.asked(asked.months), state.scheme, key=key)


def _figures(head: Row, known: Whole) -> list[tuple[str, str]]:
    return [
        ("customers", words.count(head["customers"])),
        ("revenue, less returns", words.fitting_money(head["revenue"], known.currency)),
        ("orders", words.count(head["orders"] or 0)),
        ("segments", words.count(len(known.profiles))),
    ]


def _warnings(known: Whole) -> Component:
    if not known.warnings:
        return None
    items = [html.Li(text) for text in known.warnings]
    return html.Ul(items, className="warnings", **parts.aria(label="Before you act on this"))


def _verdict(state: State) -> Component:
    """What monitoring said last."""
    if not state.source.ask(has, "drift"):
        return None
    found = [row for row in state.source.ask(watched.verdicts) if not row["reference"]]
    if not found:
        return html.P(["No window is over since the model was made. ", parts.link("Look", "/monitoring")])
    last = found[-1]
    told = f"The window of {words.day(last['window'])}: {last['verdict']}. {last['because']}".strip()
    return html.P([parts.badge(last["verdict"], last["verdict"]), " ", told, " ", parts.link("Look", "/monitoring")])


def _changes(figures: Sequence[Row], segments: Sequence[Row], known: Whole, again: float | None) -> Component:
    """The last window against the one before."""
    days = known.horizon
    told = "" if again is None else f"{words.share(again)} of those who had bought before bought again."
    shop = [
        [row["name"].capitalize(), _told(row, "now", known), _told(row, "before", known), _change(row)]
        for row in figures
    ]
    own = [
        [
            html.Span([parts.chip(row["colour"]), row["segment"]]),
            words.count(row["customers"]),
            words.short_money(row["revenue"], known.currency),
            words.short_money(row["revenue_before"], known.currency),
            parts.change(row["revenue"], row["revenue_before"]),
        ]
        for row in segments
    ]
    return parts.panel(
        "What changed?",
        html.P(f"The last {days} days against the {days} before. {told}".strip()),
        parts.table("The shop, window against window", ["figure", "now", "before", "change"], shop, numbers=3),
        parts.table(
            "The segments, window against window",
            ["segment", "ordered", "revenue now", "before", "change"], own, numbers=4,
        ),
    )  # fmt: skip


def _told(row: Row, name: str, known: Whole) -> str:
    value = row[name] or 0
    return words.short_money(value, known.currency) if row["name"] == "revenue" else words.count(value)


def _change(row: Row) -> Component:
    return parts.change(row["now"] or 0, row["before"] or 0)


def _places(state: State) -> Component:
    """Where customers live."""
    section = state.source.ask(asked.places)
    if section is None or not section.charts:
        return None
    return parts.drawn(section.charts[0], state.scheme)
