"""Segments: who they are, what sets them apart, what they are worth, and what to do."""

from collections.abc import Sequence

from dash import html

from clientage.dashboard import parts
from clientage.dashboard.data import overview as asked
from clientage.dashboard.data.overview import Whole
from clientage.dashboard.parts import Component, Row, State
from clientage.report import words

LIFTED = 12


def layout(state: State) -> Component:
    """The page."""
    ask = state.source.ask
    known = ask(asked.whole)
    row = chosen(state)
    return parts.page(
        "Segments",
        html.Div([_card(each, known) for each in known.profiles], className="cards"),
        _one(state, row, known),
        _spread(state),
        _space(state, known),
        parts.late(state, "worths", worths, asked.worths),
        lead="In order of their revenue. Follow a name to its profile.",
    )


def worths(state: State) -> Component:
    """What customers are worth, and kinds of buyers."""
    return html.Div([parts.drawn(chart, state.scheme) for chart in state.asked(asked.worths)])


def chosen(state: State) -> Row:
    """The segment that the address names, or the first."""
    profiles = state.source.ask(asked.whole).profiles
    return next((row for row in profiles if str(row["segment_id"]) == state.get("segment")), profiles[0])


def _card(row: Row, known: Whole) -> Component:
    """A segment in short."""
    name = parts.link(row["segment"], "/segments", segment=str(row["segment_id"]))
    figures = [("of customers", words.share(row["share"])), ("of revenue", words.share(row["revenue_share"]))]
    figures += [(f"buy again in {known.horizon} days", words.share(row["buys_again"]))]
    style = {"borderTopColor": words.colour(row["colour"])}
    return html.Article([html.H2(name), parts.facts(figures), html.P(row["action"], className="do")], style=style)


def _one(state: State, row: Row, known: Whole) -> Component:
    """The profile of one segment."""
    own = row["segment_id"]
    choices = [(str(each["segment_id"]), each["segment"]) for each in known.profiles]
    radar = state.source.ask(asked.radars).get(own)
    return parts.panel(
        f"Profile: {row['segment']}",
        parts.controls(parts.select("segment", "Segment", choices, str(own), choices[0][0])),
        parts.facts(_worth(row, known)),
        html.P([html.Strong("What to do: "), row["action"]]),
        html.P(row["summary"]),
        html.P(_rule(row), className="soft"),
        html.P(parts.link("See these customers", "/customers", segment=str(own))),
        html.Div(
            [
                html.Div([html.H3(radar.title), parts.figure(radar, state.scheme, told=False)]) if radar else None,
                html.Div([html.H3("How unlike the average customer?"), _lift(state, own, known)]),
            ],
            className="halves",
        ),
        parts.late(state, "offers", offers, asked.offers),
        id="profile",
    )


def _worth(row: Row, known: Whole) -> list[tuple[str, str]]:
    money, days = known.currency, known.horizon
    found = [
        ("customers", words.count(row["customers"])),
        ("revenue", words.fitting_money(row["revenue"], money)),
        (f"average spend in {days} days, less returns", words.fitting_money(row["next_spend"], money)),
    ]
    if row.get("expected_spend") is not None:
        found.append((f"expected spend in the next {days} days, each", words.money(row["expected_spend"], money)))
    return found


def _rule(row: Row) -> str:
    if not row["rule"]:
        return "No simple rule of thumb tells these customers."
    return (
        f"Rule of thumb: {row['rule']}. It finds {words.share(row['rule_recall'])} of this segment, and "
        f"{words.share(row['rule_precision'])} of those it finds belong here."
    )


def _lift(state: State, segment: int, known: Whole) -> Component:
    """Features, the most unlike the average first."""
    found = state.source.ask(asked.lift, segment)[:LIFTED]
    rows = [
        [
            words.feature_name(row["feature"]),
            words.amount(row["feature"], row["median"], known.currency),
            "–" if row["lift"] is None else f"{row['lift']:.1f} ×",
            "–" if row["z"] is None else f"{row['z']:+.1f}".replace("-", "−"),
        ]
        for row in found
    ]
    heads = ["feature", "median", "mean, of the average", "standard deviations"]
    return parts.table("Features of the segment against all customers", heads, rows, numbers=3)


def offers(state: State) -> Component:
    """What the chosen segment likes, and what to offer to it."""
    row, section = chosen(state), state.asked(asked.offers)
    own = next((each for each in section.rows if each["segment"] == row["segment"]), None) if section else None
    if own is None:
        return parts.empty("Nothing is recommended yet.", "clientage step recommend")
    lists = [("Favourites", own["favourites"]), ("Recommended most", own["recommended"])]
    return html.Div(
        [html.Div([html.H3(title), _products(found)]) for title, found in lists if found], className="halves"
    )


def _products(found: Sequence[tuple[str, str]]) -> Component:
    return html.Ol([html.Li([name, html.Span(f" · {told}", className="soft")]) for name, told in found])


def _spread(state: State) -> Component:
    """How a feature is spread."""
    features = state.source.ask(asked.features)
    first = "monetary" if "monetary" in features else features[0]
    name = state.get("feature", features, first)
    chart = state.source.ask(asked.distribution, name)
    choices = [(each, words.feature_name(each)) for each in features]
    return parts.panel(
        "How do the segments differ, feature by feature?",
        parts.controls(parts.select("feature", "Feature", choices, name, first)),
        parts.figure(chart, state.scheme),
        html.P(
            "The mark is the median customer, the bar the middle half, the line all but the outermost 5% on each side.",
            className="soft",
        ),
    )


def _space(state: State, known: Whole) -> Component:
    """The map of customers."""
    chart = state.source.ask(asked.space)
    if chart is None:
        return None
    key, place = parts.segments_key(known.profiles), parts.far(state, "space", chart)
    return parts.drawn(chart, state.scheme, key=key, instead=place)


def space(state: State) -> Component:
    """The map itself: to draw it in three dimensions takes a browser longer than the whole page."""
    chart = state.source.ask(asked.space)
    return None if chart is None else parts.graph(chart, state.scheme)
