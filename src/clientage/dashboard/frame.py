"""What stands around every page: header, menu, and the HTML it all begins with."""

import dash_mantine_components as dmc
from dash import dcc, html

from clientage.dashboard import access
from clientage.dashboard.access import Person
from clientage.dashboard.pages import MENU
from clientage.dashboard.parts import Component, aria

INDEX = """<!DOCTYPE html>
<html lang="en">
  <head>
    {%metas%}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{%title%}</title>
    <link rel="icon" type="image/svg+xml" href="/assets/mark.svg">
    {%css%}
  </head>
  <body>
    <noscript>The dashboard needs JavaScript. The report of a run, workspace/report.html, reads without it.</noscript>
    {%app_entry%}
    <footer>
      {%config%}
      {%scripts%}
      {%renderer%}
    </footer>
  </body>
</html>"""

NAVBAR = {"width": 200, "breakpoint": "sm", "collapsed": {"mobile": True}}
THEME = {
    "primaryColor": "blue",
    "primaryShade": {"light": 9, "dark": 8},  # dark enough to be read on its own tint
    "fontFamily": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "autoContrast": True,
}


def frame(person: Person, *, signed_in: bool) -> Component:
    """Everything but the page.

    Args:
        person: Who looks.
        signed_in: Whether they came with a key.
    """
    shell = dmc.AppShell(
        [_header(person, signed_in=signed_in), _menu(), _main()],
        id="shell", header={"height": 56}, navbar=NAVBAR, padding="md", transitionDuration=0,
    )  # fmt: skip
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="scheme"),
            dcc.Store(id="arrived"),
            html.A("Skip to the page", href="#main", className="skip"),
            shell,
        ],
        id="mantine",
        theme=THEME,
    )


def _header(person: Person, *, signed_in: bool) -> Component:
    own: list[Component] = [
        dmc.Burger(id="burger", opened=False, hiddenFrom="sm", size="sm", **aria(label="Menu")),
        html.Span("Clientage", className="brand"),
        html.Span(className="gap"),
        html.Button("Dark or light", id="toggle", className="quiet", n_clicks=0, type="button"),
    ]
    if signed_in:
        token = dcc.Input(type="hidden", name="token", value=access.token())
        leave = html.Button("Log out", type="submit", className="quiet")
        own += [
            html.Span(person.name, className="soft name"),
            html.Form([token, leave], action="/logout", method="POST"),
        ]
    return dmc.AppShellHeader(html.Div(own, className="head"))


def _menu() -> Component:
    links = [
        dmc.NavLink(label=page.name, href=page.path, active="exact" if page.path == "/" else "partial") for page in MENU
    ]
    return dmc.AppShellNavbar(html.Div(links), p="xs", **aria(label="Pages"))


def _main() -> Component:
    inner = html.Div(id="page", **aria(live="off"))
    return dmc.AppShellMain(html.Div(inner, id="main", tabIndex=-1))
