"""The page: what is on it, that it is whole and harmless, and that it is the same for the same tables."""

import html.parser
import itertools
import json
import re
import subprocess
import sys

import ibis
import pyarrow.parquet
import pytest
import report_tables

from clientage.report.page import render

EVIL = "</script><img src=x onerror=alert(1)><a href='https://evil.example'>x</a> %{x} & \"q\" {{7*7}} <!--"


class Page(html.parser.HTMLParser):
    """Tags with their attributes, the text of each, and what is in scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.scripts, self._open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        (self.scripts if self._open and self._open[-1] in ("script", "style") else self.text).append(data)

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.tags if name in attrs]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())

    @property
    def document(self):
        return json.loads(next(each for each in self.scripts if each.startswith('{"charts"')))


@pytest.fixture(scope="module")
def whole(_expressions):
    return render(_expressions, report_tables.FACTS)


@pytest.fixture(scope="module")
def page(whole):
    return Page(whole)


def test_it_says_who_when_and_how_much(page):
    text = page.words
    assert "Corner shop: customer segments" in text
    assert "Orders from 3 January 2024 to 10 June 2024 · as of 11 June 2024" in text
    assert "£2,250" in text
    assert "It finds 80% of this segment, and 90% of those it finds belong here." in text
    assert "6% buy in bulk, 2% to sell on." in text
    assert "expected spend in the next 90 days, each £567" in text
    assert "average spend in those 90 days, less returns £1,234" in text
    assert "3 segments by the recipe “behaviour”: the most that stay stable (ARI 0.86)." in text
    assert "d" * 64 in text
    assert "orders.csv" in text


def test_every_chart_has_its_place_with_a_text_for_those_who_do_not_see_it(page):
    places = page.attributes("data-chart")
    assert sorted(places) == sorted(page.document["charts"])
    assert {
        "revenue",
        "months",
        "world",
        "worth",
        "kinds",
        "recommenders",
        "forecast-expected",
        "forecast-last-horizon",
        "spread",
        "radar-1",
        "stability",
        "inertia",
        "r2",
        "map",
        "funnel",
    } <= set(places)
    described = [attrs for _, attrs in page.tags if "data-chart" in attrs]
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 10 for attrs in described)
    assert len(set(page.attributes("id"))) == len(page.attributes("id"))


def test_the_contents_lead_somewhere(page):
    links = page.attributes("href")
    assert links
    assert {link.removeprefix("#") for link in links} <= set(page.attributes("id"))


def test_headings_are_in_order(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))


def test_every_feature_can_be_chosen(page):
    chosen = [attrs["value"] for tag, attrs in page.tags if tag == "option"]
    assert chosen[0] == "monetary"
    assert sorted(chosen) == sorted(page.document["spreads"]) == sorted(report_tables.FEATURES)


def test_nothing_is_fetched(whole):
    start = whole.index("/**\n* plotly.js")
    page = Page(whole[:start] + whole[whole.index("</script>", start) :])
    assert not page.attributes("src")
    assert all(link.startswith("#") for link in page.attributes("href"))
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "iframe", "img", "object", "base"})
    assert not re.findall(r"https?:|@import|url\(", " ".join(page.scripts) + " ".join(page.attributes("style")))
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert len(whole.encode()) < 6_000_000


def test_plotly_is_there_once(whole):
    assert whole.count("* plotly.js v") == 1


def test_every_figure_is_one_that_plotly_knows(page):
    figures = page.document["charts"] | {
        f"spread {name}": found["figure"] for name, found in page.document["spreads"].items()
    }
    assert len(figures) > 20
    for name, figure in figures.items():
        assert len(report_tables.held(figure).data) == len(figure["data"]), name
    for template in page.document["templates"].values():
        report_tables.held({"layout": {"template": template}})


def test_what_is_not_a_number_is_drawn_as_nothing(engine, facts):
    shop = report_tables.shop(2)
    rows = [row | {"silhouette": float("nan")} for row in shop["quality"].to_pylist()]
    shop["quality"] = report_tables.arrow("quality", rows)
    drawn = Page(render(report_tables.expressions(shop, engine), facts)).document["charts"]["silhouette"]
    assert {value for trace in drawn["data"] for value in trace["y"]} == {None}


def test_text_from_data_stays_text(engine, facts):
    facts["source"] |= {"shop": EVIL, "currency": EVIL, "files": [EVIL], "missing_features": {EVIL: EVIL}}
    facts["choice"] |= {"reason": EVIL, "recipe": EVIL, "buyers": {"bulk": EVIL, "reseller": EVIL}}
    facts["recommender"] = {"model": EVIL, "reason": EVIL}
    facts |= {"data": EVIL, "settings": EVIL, "tables": {EVIL: 1}, "versions": {EVIL: EVIL}}
    shop = report_tables.shop(2, country=EVIL, segment=EVIL, reason=EVIL, recipe=EVIL, product=EVIL, model=EVIL)
    rows = [
        row | {"colour": EVIL, "summary": EVIL, "action": EVIL, "rule": EVIL} for row in shop["profiles"].to_pylist()
    ]
    shop["profiles"] = report_tables.arrow("profiles", rows)
    text = render(report_tables.expressions(shop, engine), facts)
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 3 == text.count("</script>")
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "iframe", "object"})
    assert all(link.startswith("#") for link in page.attributes("href"))
    assert "{{7*7}}" in page.words
    drawn = json.dumps([page.document["charts"], page.document["spreads"]])
    assert "<img" not in re.sub(r'"reading": "(\\.|[^"])*"', "", drawn)
    assert EVIL[:9] in page.words


@pytest.mark.parametrize(
    ("gone", "chart", "instead"),
    [
        ("evaluation", "r2", "clientage evaluate"),
        ("quality", "stability", "No other numbers of segments were tried."),
        ("rejected", "funnel", "Data, settings and versions"),
        ("regions", "world", "Who brings the revenue?"),
        ("recommenders", "recommenders", "4 customers"),
        ("values", "forecast-expected", "What are customers worth in the next 90 days?"),
    ],
)
def test_a_table_that_is_not_there_leaves_its_chart_out(tables, facts, gone, chart, instead):
    page = Page(render({name: table for name, table in tables.items() if name != gone}, facts))
    assert chart not in page.document["charts"]
    assert instead in page.words


def test_optional_columns_may_be_missing(tables, facts):
    facts["source"]["missing_features"] = {"products": "product"}
    tables["customers"] = tables["customers"].drop("country", "is_home_country", "products", "units", "units_per_line")
    tables["lines"] = tables["lines"].drop("country", "product", "quantity", "unit_price", "description")
    tables["segments"] = tables["segments"].drop("pc1", "pc2", "pc3")
    del tables["regions"]
    tables["traits"] = tables["traits"].filter(~tables["traits"].feature.isin(["products", "units", "units_per_line"]))
    page = Page(render(tables, facts))
    assert {"world", "map"}.isdisjoint(page.document["charts"])
    assert "Different products: needs the column product" in page.words


def test_a_page_of_the_old_tables_alone_has_no_new_part(tables, facts):
    new = {"regions", "recommendations", "favourites", "recommenders", "values"}
    old = {name: table for name, table in tables.items() if name not in new}
    forecast = ("expected_spend", "expected_orders")
    old |= {
        "customers": old["customers"].drop(*forecast),
        "profiles": old["profiles"].drop("expected_spend"),
        "traits": old["traits"].filter(~old["traits"].feature.isin(forecast)),
    }
    page = Page(render(old, facts))
    assert {"world", "worth", "recommenders"}.isdisjoint(page.document["charts"])
    assert {link.removeprefix("#") for link in page.attributes("href")} <= set(page.attributes("id"))
    for part in ("What to offer", "worth in the next", "forecast of spend", "expected spend"):
        assert part not in page.words


def test_stability_that_was_not_measured_is_not_drawn(shop, engine, facts):
    rows = [row | {"stability": None, "stability_se": None} for row in shop["quality"].to_pylist()]
    page = Page(
        render(report_tables.expressions(shop | {"quality": report_tables.arrow("quality", rows)}, engine), facts)
    )
    assert "stability" not in page.document["charts"]
    assert "silhouette" in page.document["charts"]
    assert "3 segments by the recipe" in page.words


def test_limits_of_the_choice_are_drawn_where_they_are_known(tables, facts, page):
    facts["choice"]["limits"] = {"mean": 0.8, "worst": 0.75}
    drawn = Page(render(tables, facts)).document["charts"]["stability"]["layout"]["shapes"]
    assert len(drawn) == len(page.document["charts"]["stability"]["layout"]["shapes"]) + 2


def test_what_is_not_known_is_said(shop, engine, facts):
    rows = [row | {"buys_again": None, "next_spend": None, "rule": ""} for row in shop["profiles"].to_pylist()]
    tables = report_tables.expressions(shop | {"profiles": report_tables.arrow("profiles", rows)}, engine)
    text = Page(render(tables, facts)).words
    assert "buy again in 90 days not known" in text
    assert "none that is simple" in text


@pytest.mark.parametrize(("segments", "last_size", "currency"), [(2, 1, ""), (10, 1, "EUR"), (10, 12, "$")])
def test_few_and_many_segments_and_any_currency(engine, facts, segments, last_size, currency):
    facts["source"]["currency"] = currency
    shop = report_tables.shop(segments, last_size, currency)
    page = Page(render(report_tables.expressions(shop, engine), facts))
    assert [name for name in page.document["charts"] if name.startswith("radar-")] == [
        f"radar-{i + 1}" for i in range(segments)
    ]
    assert "None" not in page.words
    assert "nan" not in page.words.split()


def test_facts_may_be_few(tables):
    assert "Customer segments" in Page(render(tables, {})).words


def test_the_same_tables_give_the_same_bytes_in_whatever_order_their_rows_are(shop, facts):
    def made(turned):
        rows = {name: table.take(list(range(len(table)))[::-1]) if turned else table for name, table in shop.items()}
        return render(report_tables.expressions(rows, ibis.duckdb.connect()), facts)

    assert made(turned=False) == made(turned=False) == made(turned=True)


def test_pandas_is_not_imported(shop, tmp_path):
    for name, table in shop.items():
        pyarrow.parquet.write_table(table, tmp_path / f"{name}.parquet")
    script = """
import pathlib, sys, ibis
from clientage.report.page import render
engine = ibis.duckdb.connect()
tables = {path.stem: engine.read_parquet(path) for path in pathlib.Path().glob("*.parquet")}
assert "Who brings the revenue?" in render(tables, {"as_of": "2024-06-11"})
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
