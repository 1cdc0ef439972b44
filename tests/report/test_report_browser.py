"""The page in a browser without a network: everything is drawn, nothing is cut off, nothing goes wrong."""

import ibis
import pytest
import report_tables

from clientage.report import story
from clientage.report.page import render

UNDRAWN = """() => [...document.querySelectorAll("[data-chart]")].filter(place =>
    !(place.calcdata && place.calcdata.length && place.querySelector(".main-svg").getBoundingClientRect().width > 200)
).map(place => place.id)"""

# labels that reach beyond their chart; text inside the 3-D map is not SVG
CUT_OFF = """() => [...document.querySelectorAll(".main-svg text")].filter(text => {
    const own = text.getBoundingClientRect(), whole = text.closest("[data-chart]").getBoundingClientRect();
    return own.width && (own.left < whole.left - 1 || own.right > whole.right + 1
        || own.top < whole.top - 1 || own.bottom > whole.bottom + 1);
}).map(text => text.closest("[data-chart]").id + ": " + text.textContent)"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The report of a shop with long names and many segments."""
    shop = report_tables.shop(7, segment="A segment whose name goes on and on · and on · until it ends")
    path = tmp_path_factory.mktemp("report") / "report.html"
    tables = report_tables.expressions(shop, ibis.duckdb.connect())
    path.write_text(render(tables, report_tables.FACTS), encoding="utf-8")
    return path


def wait_until_drawn(page):
    """Until every chart is; the page's own policy forbids Playwright's waiting for a function."""
    for _ in range(60):
        page.wait_for_timeout(250)
        if not (undrawn := page.evaluate(UNDRAWN)):
            return
    pytest.fail(f"not drawn: {undrawn}")


@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_offline_and_draws_every_chart(browser, file, width):
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page, wrong, fetched = context.new_page(), [], []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    wait_until_drawn(page)
    assert wrong == []
    assert fetched == [file.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT_OFF) == []
    page.select_option("#feature", "recency_days")
    assert page.inner_text("#spread-reading").startswith("Median days since last order: ")
    assert "Days since last order" in page.inner_text("#chart-spread")
    context.close()


def test_text_is_there_without_javascript(browser, file):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.get_by_text("It finds 80% of this segment").first.is_visible()
    context.close()


def test_what_happened_has_room_on_a_phone_and_the_table_scrolls_in_its_box(browser, tmp_path):
    path, because = tmp_path / "replay.html", "item mix: PAPER CHAIN KIT 50'S CHRISTMAS (22086) 0.0% → 0.6%; " * 3
    path.write_text(story.render([report_tables.played(i, "drift", 2.0, because=because) for i in range(3)]))
    context = browser.new_context(viewport={"width": 390, "height": 900}, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    wait_until_drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('td:last-child').offsetWidth") >= 300
    assert page.evaluate("(box => box.scrollWidth - box.clientWidth)(document.querySelector('.wide'))") > 0
    context.close()
