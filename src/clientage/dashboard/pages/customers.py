"""Customers: search, filter, and a list that is paged in the engine."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import html

from clientage.dashboard import parts
from clientage.dashboard.data import customers as asked
from clientage.dashboard.data import overview
from clientage.dashboard.data.customers import COLUMNS, Wanted
from clientage.dashboard.data.overview import Whole
from clientage.dashboard.parts import Component, State
from clientage.report import words

FILTERS = ("text", "segment", "country", "buyer", "least")
GRID = "grid"
HEADS = {
    "customer_id": "Customer", "segment": "Segment", "buyer": "Buys", "country": "Country",
    "recency_days": "Days since last order", "frequency": "Orders", "monetary": "Spend",
    "expected_spend": "Expected spend",
}  # fmt: skip
WIDTHS = {"customer_id": 95, "segment": 280, "buyer": 138, "country": 142}  # longest names fit
BLOCK = 100
SHOWN_DIRECTLY = 5


def layout(state: State) -> Component:
    """The page."""
    ask = state.source.ask
    known, choices, wanted = ask(overview.whole), ask(asked.choices), Wanted.of(state.query)
    number = ask(asked.count, wanted)
    filters = {name: state.get(name) for name in FILTERS if state.get(name)}
    found = ask(asked.page, wanted, 0, SHOWN_DIRECTLY) if wanted.text and number else []
    return parts.page(
        "Customers",
        _controls(state, known, choices),
        html.P(_told(number, bool(filters)), role="status", id="found"),
        _direct([row["customer_id"] for row in found]),
        html.P(html.A("Export this list as CSV", href=f"/export/customers.csv?{urlencode(filters)}", id="export"))
        if number
        else None,
        _grid(known, state, number) if number else parts.empty("No customer fits. Loosen a filter."),
    )


def _told(number: int, filtered: bool) -> str:
    if not filtered:
        return f"{words.customers(number)}."
    return f"{words.customers(number)} {'fits' if number == 1 else 'fit'} these filters."


def _direct(ids: list[str]) -> Component:
    """The first hits of a search, one step away."""
    if not ids:
        return None
    links = [html.Li(parts.link(each, "/customer", id=each)) for each in ids]
    return html.Ul(links, className="hits", **parts.aria(label="First customers found"))


def _controls(state: State, known: Whole, choices: Mapping[str, list[str]]) -> Component:
    """Search and filters."""
    every = [("", "All")]
    segments = every + [(str(row["segment_id"]), row["segment"]) for row in known.profiles]
    countries = every + [(name, name) for name in choices["countries"]]
    buyers = every + [(name, words.buyer(name)) for name in choices["buyers"]]
    given = {"segment": segments, "country": countries, "buyer": buyers}
    titles = {"segment": "Segment", "country": "Country", "buyer": "Buys"}
    selects = [
        parts.select(name, titles[name], own, state.get(name, [value for value, _ in own]))
        for name, own in given.items()
        if len(own) > 1
    ]
    text = dmc.TextInput(
        id=parts.control("text"), label="Customer", placeholder="Part of the id", value=state.get("text"), debounce=400,
        className="control",
    )  # fmt: skip
    least = dmc.NumberInput(
        id=parts.control("least"), label="Spend at least", value=_whole(state.get("least")), min=0, debounce=400,
        className="control", hideControls=True, thousandSeparator=",", prefix=words.prefix(known.currency),
    )  # fmt: skip
    return parts.controls(text, *selects, least)


def _whole(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return ""


def _grid(known: Whole, state: State, number: int) -> Component:
    """The list; another filter makes another grid, which begins at its top."""
    money = words.prefix(known.currency)
    columns: list[dict[str, Any]] = [
        {"field": name, "headerName": title, "minWidth": WIDTHS.get(name, 95)} for name, title in HEADS.items()
    ]
    for column in columns:
        if column["field"] in ("recency_days", "frequency"):
            column["type"] = "rightAligned"
        if words.is_money(column["field"]):
            column |= {"type": "rightAligned", "headerName": f"{column['headerName']} {money}".strip()}
    columns[0]["cellRenderer"] = "CustomerLink"
    return dag.AgGrid(
        id={"type": GRID, "query": urlencode({name: state.get(name) for name in FILTERS if state.get(name)})},
        columnDefs=columns,
        defaultColDef={
            "sortable": True, "filter": False, "resizable": True, "flex": 1, "suppressMovable": True,
            "wrapHeaderText": True, "autoHeaderHeight": True,
        },
        rowModelType="infinite",
        dashGridOptions={
            "cacheBlockSize": BLOCK, "maxBlocksInCache": 20, "rowBuffer": 0, "ensureDomOrder": True,
            "suppressCellFocus": False, "pagination": True, "paginationPageSize": 50,
            "paginationPageSizeSelector": [50, 100],
        },
        className="grid",
        style={"height": f"{min(640, 160 + 42 * number)}px"},
    )  # fmt: skip


def answer(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """A block of rows that the grid asks for, as it shows them.

    Args:
        state: With the filters.
        request: `startRow`, `endRow` and `sortModel`.
    """
    order = tuple(
        (str(each.get("colId")), each.get("sort") == "desc")
        for each in request.get("sortModel") or []
        if each.get("colId") in COLUMNS
    )
    wanted, ask = Wanted.of(state.query), state.source.ask
    start, end = int(request.get("startRow") or 0), int(request.get("endRow") or BLOCK)
    rows = ask(asked.page, wanted, start, end, order)
    return {"rowData": [_shown(row) for row in rows], "rowCount": ask(asked.count, wanted)}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in plain words."""
    found = {name: row.get(name) for name in HEADS}
    money = {name: words.money(row[name]) for name in ("monetary", "expected_spend") if row.get(name) is not None}
    counts = {name: words.count(row[name]) for name in ("recency_days", "frequency")}
    return found | {"buyer": words.buyer(row["buyer"])} | counts | money
