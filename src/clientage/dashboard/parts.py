"""What pages are made of: charts with their reading, tables, controls, and what to say where there is nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import dcc, html

from clientage.dashboard.access import Person
from clientage.dashboard.data.source import Found, Shop, Source
from clientage.dashboard.works import Works
from clientage.report import words
from clientage.report.panels import TEMPLATES, Chart

Component: TypeAlias = Any
Row: TypeAlias = Mapping[str, Any]

QUERY, LATE, FAR, NEAR = "query", "late", "far", "near"
CONFIG: Any = {"displayModeBar": False, "displaylogo": False, "responsive": True, "scrollZoom": False}


@dataclass(frozen=True)
class State:
    """What a page is made from: the same state, tables and models make the same page.

    Attributes:
        source: The tables.
        works: What takes long.
        person: Who looks.
        query: What the address asks for.
        scheme: light or dark.
        slow: The same tables with an engine of their own, for what takes long where there are many order lines.
    """

    source: Source
    works: Works
    person: Person
    query: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "light"
    slow: Source | None = None

    def asked(self, question: Callable[[Shop], Found]) -> Found:
        """The answer to a question that may take long."""
        return (self.slow or self.source).ask(question)

    def get(self, name: str, among: Sequence[str] = (), default: str = "") -> str:
        """What the address says, where it is one of those that there are."""
        value = self.query.get(name, default)
        return value if not among or value in among else default


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        path: Its address.
        name: In the menu.
        layout: Makes it.
    """

    path: str
    name: str
    layout: Callable[[State], Component]


def page(title: str, *children: Component, lead: str = "") -> Component:
    """A page under its title."""
    head = [html.H1(title), *([html.P(lead, className="soft")] if lead else [])]
    return html.Div([*head, *(child for child in children if child is not None)], className="page")


def panel(title: str, *children: Component, id: str = "") -> Component:  # noqa: A002 - as Dash has it
    """A part of a page under a title."""
    own: dict[str, Any] = {"id": id} if id else {}
    return html.Section([html.H2(title), *(child for child in children if child is not None)], className="panel", **own)


def drawn(
    chart: Chart, scheme: str, *, key: Component = None, before: Component = None, instead: Component = None
) -> Component:
    """A chart under the question it answers; its reading says the same to those who do not see it."""
    return panel(chart.title, before, figure(chart, scheme, key=key, instead=instead), id=f"panel-{chart.id}")


def late(state: State, name: str, made: Callable[[State], Component], *questions: Callable[..., Any]) -> Component:
    """A part that may take long: at once where its answers are known, else as soon as they are, beside the page.

    Args:
        state: Of the page.
        name: Of the part, among `pages.LATE`.
        made: Makes it.
        questions: What it asks.
    """
    if all((state.slow or state.source).knows(question) for question in questions):
        return made(state)
    waiting = html.P("Counting …", className="soft", role="status")
    return html.Div(waiting, id={"type": LATE, "name": name, "query": urlencode(state.query)})


def far(state: State, name: str, chart: Chart) -> Component:
    """The place of a chart that costs the browser much: it is drawn as soon as somebody comes near.

    Args:
        state: Of the page.
        name: Of the part that draws it, among `pages.LATE`.
        chart: It.
    """
    own = {"name": name, "query": urlencode(state.query)}
    style = {"height": f"{chart.height}px"}
    return html.Div(dcc.Store(id={"type": NEAR, **own}), id={"type": FAR, **own}, className="far", style=style)


def graph(chart: Chart, scheme: str) -> Component:
    """A chart alone."""
    layout = {**chart.figure["layout"], "template": TEMPLATES.get(scheme, TEMPLATES["light"])}
    return dcc.Graph(
        figure={"data": chart.figure["data"], "layout": layout},
        config=CONFIG,
        style={"height": f"{chart.height}px"},
        responsive=True,
    )


def figure(
    chart: Chart, scheme: str, *, key: Component = None, told: bool = True, instead: Component = None
) -> Component:
    """A chart, or what stands in its place, with its reading, unless that is told beside it; without its title."""
    inner = graph(chart, scheme) if instead is None else instead
    described: dict[str, Any] = {"role": "img", "aria-label": f"{chart.title} {chart.reading}"}
    caption = [html.Figcaption(chart.reading)] if chart.reading and told else []
    keys = [] if key is None else [key]
    return html.Figure([*caption, *keys, html.Div(inner, className="chart", id=f"chart-{chart.id}", **described)])


def key_of(colours: Mapping[str, str], what: str = "Colours") -> Component:
    """Colours by what they stand for."""
    items = [html.Li([chip(colour), name]) for name, colour in colours.items()]
    return html.Ul(items, className="key", **aria(label=what))


def segments_key(profiles: Sequence[Row]) -> Component:
    """Colours of the segments."""
    return key_of({row["segment"]: row["colour"] for row in profiles}, "Colours of the segments")


def chip(colour: str | None) -> Component:
    """A colour."""
    return html.Span(className="chip", style={"background": words.colour(colour)}, **aria(hidden="true"))


def facts(found: Sequence[tuple[str, str]]) -> Component:
    """A few figures with what they are."""
    return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in found], className="figures")


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Component]], *, numbers: int = 0) -> Component:
    """A table that a narrow screen scrolls by itself.

    Args:
        caption: What it shows, for those who do not see it.
        heads: Of its columns.
        rows: Its cells; the first of each row names it.
        numbers: How many columns at the end are numbers.
    """
    text = len(heads) - numbers
    looks = ["number" if i >= text else "" for i in range(len(heads))]
    head = html.Tr([html.Th(each, scope="col", className=look) for each, look in zip(heads, looks, strict=True)])
    body = [
        html.Tr(
            [
                html.Th(cell, scope="row") if i == 0 else html.Td(cell, className=look)
                for i, (cell, look) in enumerate(zip(row, looks, strict=True))
            ]
        )
        for row in rows
    ]
    whole = html.Table([html.Caption(caption, className="hidden"), html.Thead(head), html.Tbody(body)])
    scrolled: dict[str, Any] = {"tabIndex": 0, "role": "region", "aria-label": caption}
    return html.Div(whole, className="scrolled", **scrolled)


def empty(sentence: str, *commands: str) -> Component:
    """What to run where there is nothing to show."""
    told = [html.Pre(html.Code(f"$ {command}")) for command in commands]
    return html.Div([html.P(sentence), *told], className="empty", role="status")


def trouble(sentence: str) -> Component:
    """What went wrong, in the user's words."""
    return dmc.Alert(sentence, title="This cannot be shown", color="orange", variant="light", id="trouble")


def control(name: str, default: str = "") -> dict[str, str]:
    """The id of a control whose value stands in the address under this name, unless it is the default."""
    return {"type": QUERY, "name": name, "default": default}


def select(name: str, title: str, choices: Sequence[tuple[str, str]], value: str, default: str = "") -> Component:
    """A choice that stands in the address.

    Args:
        name: In the address.
        title: Above it.
        choices: Values and what they are called.
        value: The one chosen.
        default: The one that the address leaves out.
    """
    data = [{"value": each, "label": text} for each, text in choices]
    return dmc.Select(
        id=control(name, default), label=title, data=data, value=value, allowDeselect=False, checkIconPosition="right",
        searchable=len(choices) > 12, nothingFoundMessage="Nothing found", className="control", maxDropdownHeight=320,
    )  # fmt: skip


def controls(*given: Component) -> Component:
    """Controls in a row, which wraps."""
    return html.Div(list(given), className="controls", role="group", **aria(label="What to show"))


def link(text: Component, path: str, **query: str) -> Component:
    """A link to another page or another state of this one."""
    known = {name: value for name, value in query.items() if value}
    return dcc.Link(text, href=f"{path}?{urlencode(known)}" if known else path)


def aria(**given: str) -> dict[str, Any]:
    """What a screen reader is told, by name."""
    return {f"aria-{name}": value for name, value in given.items()}


def badge(text: str, kind: str = "") -> Component:
    """A word that stands out; its colour says nothing that the word does not."""
    return html.Span(text, className=f"badge {kind}".strip())


def change(now: float, before: float) -> Component:
    """How much more or less than before, with its direction as a sign."""
    text = words.change(now, before)
    side = "up" if now > before else "down" if now < before else ""
    arrow = {"up": "▲ ", "down": "▼ "}.get(side, "")
    return html.Span([html.Span(arrow, **aria(hidden="true")), text], className=f"change {side}".strip())
