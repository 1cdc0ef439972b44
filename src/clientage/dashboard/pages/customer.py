"""One customer: features, orders, products, what to offer, and the way from segment to segment."""

from dash import html

from clientage.dashboard import charts, parts
from clientage.dashboard.data import overview
from clientage.dashboard.data import person as asked
from clientage.dashboard.data.overview import Whole
from clientage.dashboard.data.person import ORDERS, Person
from clientage.dashboard.parts import Component, State
from clientage.report import words


def layout(state: State) -> Component:
    """The page."""
    customer = state.get("id")
    known = state.source.ask(overview.whole)
    found = state.source.ask(asked.person, customer)
    back = html.P(parts.link("All customers", "/customers"))
    if found is None:
        told = f"There is no customer {customer}." if customer else "No customer was chosen."
        return parts.page("Customer", back, parts.empty(told))
    return parts.page(
        f"Customer {customer}",
        back,
        _segment(found, known),
        parts.facts(_figures(found, known)),
        parts.drawn(charts.history(found.months, known.currency), state.scheme) if found.months else None,
        html.Div([_features(found, known), _offers(found)], className="halves"),
        html.Div([_orders(found, known), _products(found, known)], className="halves"),
        _journey(found),
    )


def _segment(found: Person, known: Whole) -> Component:
    """Which segment, what to do, and what would move them."""
    own = next((row for row in known.profiles if row["segment_id"] == found.segment.get("segment_id")), None)
    if own is None:
        return html.P("In no segment.")
    name = parts.link(own["segment"], "/segments", segment=str(own["segment_id"]))
    moved = _move(found, known)
    lines = [html.P([parts.chip(own["colour"]), html.Strong(name), f": {own['action']}"])]
    return html.Div([*lines, html.P(moved, className="soft")] if moved else lines)


def _move(found: Person, known: Whole) -> str:
    """The smallest change that would lead to another segment."""
    row = found.segment
    to = next((each["segment"] for each in known.profiles if each["segment_id"] == row.get("move_segment")), "")
    if not to or row.get("move_feature") is None:
        return ""
    value = words.amount(row["move_feature"], row["move_to"], known.currency)
    return f"Would be in “{to}” if {words.feature_name(row['move_feature']).lower()} passed {value}."


def _figures(found: Person, known: Whole) -> list[tuple[str, str]]:
    row, money = found.features, known.currency
    figures = [
        ("orders", words.count(row["frequency"])),
        ("spend", words.fitting_money(row["monetary"], money)),
        ("days since last order", words.count(row["recency_days"])),
        ("buys", words.buyer(found.segment.get("buyer") or words.UNKNOWN)),
    ]
    if row.get("country"):
        figures.append(("country", row["country"]))
    if row.get("expected_spend") is not None:
        figures.append((f"expected spend in {known.horizon} days", words.money(row["expected_spend"], money)))
    return figures


def _features(found: Person, known: Whole) -> Component:
    rows = [
        [words.feature_name(name), words.amount(name, value, known.currency)]
        for name, value in found.features.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return parts.panel("Features", parts.table("Features of the customer", ["feature", "value"], rows, numbers=1))


def _offers(found: Person) -> Component:
    if not found.offers:
        return parts.panel("What to offer", parts.empty("Nothing is recommended.", "clientage step recommend"))
    items = [
        html.Li([row.get("description") or row["product"], html.Span(_because(row), className="soft")])
        for row in found.offers
    ]
    return parts.panel("What to offer", html.Ol(items))


def _because(row: parts.Row) -> str:
    return f" · because of {row['because']}" if row.get("because") else " · popular"


def _orders(found: Person, known: Whole) -> Component:
    rows = [
        [
            row["invoice"] or "–",
            words.day(row["day"]),
            words.count(row["lines"]),
            words.money(row["amount"], known.currency),
        ]
        for row in found.orders
    ]
    more = (
        html.P(f"The last {ORDERS} of {words.count(found.total)}.", className="soft") if found.total > ORDERS else None
    )
    table = parts.table("Orders, the latest first", ["order", "day", "lines", "amount"], rows, numbers=2)
    return parts.panel("Orders", table, more)


def _products(found: Person, known: Whole) -> Component:
    if not found.products:
        return parts.panel("Products", parts.empty("These order lines name no products."))
    rows = [
        [
            row.get("description") or row["product"],
            words.count(row["orders"]),
            words.money(row["amount"], known.currency),
        ]
        for row in found.products
    ]
    table = parts.table("Products that most was spent on", ["product", "orders", "amount"], rows, numbers=2)
    return parts.panel("Products", table)


def _journey(found: Person) -> Component:
    if not found.journey:
        told = "No way from segment to segment is known: monitoring writes it."
        return parts.panel("Journey", parts.empty(told, "clientage monitor"))
    steps = [html.Li([f"{words.day(row['since'])}: ", html.Strong(row["segment"])]) for row in found.journey]
    return parts.panel("Journey", html.Ol(steps, className="journey"))
