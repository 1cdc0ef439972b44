"""Pages in a browser: everything is drawn, nothing is asked of other machines, and everybody can use them."""

import csv
import os
import re
from pathlib import Path
from urllib.parse import urlencode

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from dashboards import KEYS, LET_IN, MARKUP

from clientage.dashboard.pages import MENU

DOCS = Path(__file__).resolve().parents[2] / "docs"
PATHS = [page.path for page in MENU] + ["/customer"]
CHARTS = {"/": 2, "/segments": 4, "/customer": 1, "/migration": 2, "/monitoring": 4}

UNDRAWN = """() => [...document.querySelectorAll(".chart")].filter(place => {
    const plot = place.querySelector(".js-plotly-plot"), drawn = plot && plot.querySelector(".main-svg");
    return !(drawn && plot.calcdata && plot.calcdata.length && drawn.getBoundingClientRect().width > 200);
}).map(place => place.id)"""


@pytest.fixture(scope="module")
def address(served):
    """A dashboard without keys."""
    return served()


@pytest.fixture(scope="module")
def locked(served):
    """A dashboard with keys."""
    return served(keys=LET_IN)


def where(path):
    """The address of a page with something to show."""
    return f"{path}?{urlencode({'id': MARKUP})}" if path == "/customer" else path


def wait(page, path=""):
    """Until the page and all of its charts are there, also those that wait until somebody comes near."""
    page.wait_for_selector("#page h1", timeout=60_000)
    page.evaluate("document.querySelectorAll('.far').forEach(place => place.scrollIntoView())")
    for _ in range(120):
        page.wait_for_timeout(250)
        if page.locator(".chart").count() >= CHARTS.get(path, 0) and not page.evaluate(UNDRAWN):
            return
    pytest.fail(f"{path}: not drawn: {page.evaluate(UNDRAWN)}")


def serious(page):
    """What a screen reader or a keyboard stumbles over."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["html"][:200] for node in each["nodes"]][:4])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_drawn_asks_nobody_else_and_fits_a_phone(opened, address, path):
    page = opened.open(address + where(path))
    wait(page, path)
    assert opened.wrong == []
    assert opened.elsewhere == []
    assert page.locator("#trouble").count() == 0
    assert page.title().endswith(" · Clientage")
    page.set_viewport_size({"width": 360, "height": 900})
    wait(page, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("path", PATHS)
def test_everybody_can_use_a_page(opened, address, path):
    page = opened.open(address + where(path), scheme="dark", bypass_csp=True)
    wait(page, path)
    assert serious(page) == []
    page.get_by_role("button", name="Dark or light").click()
    page.locator("html[data-ag-theme-mode=light]").wait_for()
    wait(page, path)
    assert serious(page) == []


def test_the_menu_of_a_phone_opens_and_closes(opened, address):
    page = opened.open(address, width=360)
    wait(page, "/")
    entry = page.get_by_role("link", name="Models")
    assert not entry.is_visible()
    page.get_by_role("button", name="Menu").click()
    entry.click()
    page.get_by_role("heading", name="Models", level=1).wait_for()
    entry.wait_for(state="hidden")
    assert opened.wrong == []


def test_a_customer_is_found_in_three_actions(opened, address):
    page = opened.open(address)
    wait(page, "/")
    page.get_by_role("link", name="Customers", exact=True).click()
    page.get_by_label("Customer", exact=True).fill("<img")
    page.get_by_role("list", name="First customers found").get_by_role("link", name=MARKUP).click()
    page.get_by_role("heading", name=f"Customer {MARKUP}", level=1).wait_for()
    wait(page, "/customer")
    assert page.evaluate("document.images.length") == 0
    assert page.title() == f"Customer {MARKUP} · Clientage"
    assert opened.wrong == []


def test_the_grid_is_sorted_filtered_and_leads_to_a_customer(opened, address, shop):
    first = pc.field("segment_id") == 1
    last = max(pq.read_table(shop / "tables/segments.parquet", filters=first)["customer_id"].to_pylist())
    page = opened.open(address + "/customers?segment=1")
    grid = page.get_by_role("treegrid").or_(page.get_by_role("grid")).first
    grid.get_by_role("link").first.wait_for()
    header = page.get_by_role("columnheader", name="Customer")
    header.click()
    page.locator("[role=columnheader][aria-sort=ascending]").wait_for()
    header.click()
    page.locator("[role=columnheader][aria-sort=descending]").wait_for()
    top = grid.locator('[row-index="0"]').get_by_role("link", name=last, exact=True)
    top.wait_for()
    assert all("Top" in text or text for text in grid.locator('[col-id="segment"]').all_inner_texts())
    top.click()
    page.get_by_role("heading", name=f"Customer {last}", level=1).wait_for()
    assert opened.wrong == []


def test_the_filtered_list_is_exported(opened, address, tmp_path):
    page = opened.open(address + "/customers?segment=1", accept_downloads=True)
    page.locator("#export").wait_for()
    number = int(re.match(r"([\d,]+) customers fit", page.inner_text("#found"))[1].replace(",", ""))
    with page.expect_download() as begun:
        page.locator("#export").click()
    begun.value.save_as(tmp_path / "list.csv")
    with (tmp_path / "list.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == number
    assert len({row["segment"] for row in rows}) == 1


def test_what_is_chosen_stands_in_the_address_and_comes_back(opened, address):
    page = opened.open(address + "/segments")
    wait(page, "/segments")
    page.get_by_role("combobox", name="Feature").or_(page.get_by_label("Feature", exact=True)).first.click()
    page.get_by_role("option", name="Days since last order", exact=True).click()
    page.wait_for_url("**/segments?feature=recency_days")
    wait(page, "/segments")
    page.get_by_text("Median days since last order").wait_for()
    other = opened.open(page.url)
    wait(other, "/segments")
    assert "Median days since last order" in other.inner_text("#page")
    page.go_back()
    page.get_by_text("Median spend").wait_for()
    assert opened.wrong == []


def test_the_map_is_drawn_when_somebody_comes_near(opened, address):
    page = opened.open(address + "/segments")
    page.wait_for_selector("#chart-kinds .main-svg", timeout=60_000)
    assert page.locator("#chart-map .js-plotly-plot").count() == 0
    wait(page, "/segments")
    assert page.locator("#chart-map canvas").count() > 0
    page.get_by_role("button", name="Dark or light").click()
    page.locator("html[data-ag-theme-mode=dark]").wait_for()
    wait(page, "/segments")
    assert page.locator("#chart-map canvas").count() > 0
    assert opened.wrong == []


def test_light_and_dark_follow_the_system_until_somebody_chooses(opened, address):
    page = opened.open(address, scheme="dark")
    wait(page, "/")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(23, 27, 32)"
    page.get_by_role("button", name="Dark or light").click()
    page.locator("html[data-ag-theme-mode=light]").wait_for()
    wait(page, "/")
    assert page.evaluate(ground) == "rgb(246, 247, 249)"
    page.reload()
    wait(page, "/")
    assert page.evaluate(ground) == "rgb(246, 247, 249)"


def test_the_keyboard_reaches_everything(opened, address):
    page = opened.open(address)
    wait(page, "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_role("link", name="Segments", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Segments", level=1).wait_for()
    page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_login_refuses_and_grants(opened, locked):
    page = opened.open(locked + "/monitoring?feature=frequency")
    page.get_by_role("heading", name="Clientage").wait_for()
    assert serious(opened.open(locked + "/login", bypass_csp=True)) == []
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    assert "Wrong key" in page.get_by_role("alert").inner_text()
    page.get_by_label("Key").fill(KEYS["operator"])
    page.get_by_role("button", name="Log in").click()
    wait(page, "/monitoring")
    assert page.url == locked + "/monitoring?feature=frequency"
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Key").wait_for()


def test_an_operator_promotes_and_is_told(opened, locked):
    page = opened.open(locked + "/login?next=/models")
    page.get_by_label("Key").fill(KEYS["operator"])
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("What was trained?").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Promote").click()
    page.get_by_text("Version challenger is the champion now.").wait_for()
    assert opened.wrong == []


def test_a_session_that_ended_leads_to_the_login(opened, locked):
    page = opened.open(locked + "/login?next=/segments")
    page.get_by_label("Key").fill(KEYS["viewer"])
    page.get_by_role("button", name="Log in").click()
    wait(page, "/segments")
    page.context.clear_cookies()
    page.get_by_role("link", name="Migration", exact=True).click()
    page.get_by_label("Key").wait_for()
    assert page.url.startswith(locked + "/login?next=")


@pytest.mark.skipif(not os.environ.get("CLIENTAGE_PICTURES"), reason="only where pictures for the docs are asked for")
@pytest.mark.parametrize(("path", "scheme"), [("/", "light"), ("/segments", "light"), ("/monitoring", "dark")])
def test_pictures_for_the_docs(opened, address, path, scheme):
    page = opened.open(address + path, scheme=scheme)
    wait(page, path)
    page.screenshot(path=DOCS / f"dashboard-{path.strip('/') or 'overview'}.png")
