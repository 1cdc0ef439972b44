"""Where customers live: names of countries, growth, the map and what it leaves out."""

import math

import pytest
import report_tables
from report_tables import drawn

from clientage.report import words
from clientage.report.places import land, place
from clientage.report.regions import ranking, regions, unplaced
from clientage.report.world import LARGEST, REACHES, Bubble, Sheet, labels, world


def made(shop, table=None):
    return regions(shop["regions"] if table is None else table, shop["profiles"].to_pylist(), "£")


def of(*countries):
    """Regions of countries: name, revenue, recent, earlier."""
    rows = [
        {"country": country, "segment_id": 1, "customers": 2, "active": 1, "revenue": revenue, "recent": recent}
        | {"earlier": earlier}
        for country, revenue, recent, earlier in countries
    ]
    return report_tables.arrow("regions", rows)


@pytest.mark.parametrize(
    "names",
    [
        ("United Kingdom", "UK", "u.k.", "Great Britain", "GB", "gbr", " united  KINGDOM "),
        ("EIRE", "Ireland", "Éire", "IE", "Republic of Ireland"),
        ("USA", "U.S.A.", "US", "United States", "the United States of America"),
        ("RSA", "South Africa", "ZA", "ZAF"),
        ("Korea", "South Korea", "Korea, Republic of", "KR"),
        ("Channel Islands", "Jersey"),
        ("Côte d’Ivoire", "Cote d'Ivoire", "Ivory Coast", "CI"),
        ("St. Lucia", "Saint Lucia"),
        ("Bosnia & Herzegovina", "Bosnia and Herzegovina"),
        ("Czech Republic", "Czechia"),
        ("Netherlands", "The Netherlands", "Holland"),
    ],
)
def test_a_country_is_found_by_all_of_its_names(names):
    assert place(names[0]) is not None
    assert {place(name) for name in names} == {place(names[0])}


@pytest.mark.parametrize("name", ["Ruritania", "Unspecified", "European Community", "", None, "·", "🙂"])
def test_a_name_that_is_no_country_has_no_place(name):
    assert place(name) is None


def test_land_is_rings_on_the_globe():
    points = [point for point in land() if point != (None, None)]
    assert all(-180 <= x <= 191 and -90 <= y <= 90 for x, y in points)
    assert land()[-1] == (None, None)


@pytest.mark.parametrize(
    ("recent", "earlier", "growth", "told"),
    [
        (150.0, 100.0, 0.5, "+50%"),
        (50.0, 100.0, -0.5, "−50%"),
        (100.0, 100.0, 0.0, "unchanged"),
        (5000.0, 100.0, 49.0, "+4,900%"),
        (10.0, 0.0, None, "from zero"),
        (0.0, 0.0, None, "no sales"),
        (-10.0, -5.0, None, "no sales"),
    ],
)
def test_growth_is_told_even_from_zero(recent, earlier, growth, told):
    assert words.growth(recent, earlier) == growth
    assert words.change(recent, earlier) == told


def test_countries_are_ranked_over_all_segments(shop):
    ranked = ranking(shop["regions"], shop["profiles"].to_pylist())
    assert [each["country"] for each in ranked] == ["United Kingdom", "EIRE", "France", "Ruritania"]
    first = ranked[0]
    assert (first["customers"], first["active"], first["revenue"], first["change"]) == (60, 0.3, 6000, "+50%")
    assert (first["segment"], first["colour"]) == (report_tables.name(3), report_tables.PALETTE[2])


def test_the_reading_names_the_first_the_fastest_and_the_slowest(shop):
    found = made(shop)
    assert found.reading == (
        "United Kingdom brings 62% of revenue, the other 3 countries 38%. Among the 4 largest, growth is strongest in "
        "United Kingdom (+50%) and weakest in EIRE (−50%): the last 90 days against the 90 before."
    )
    assert found.note == "Not on the map: Ruritania."


@pytest.mark.parametrize("others", [[], [("FR", 3.0, 2.0, 1.0)], [("FR", 3.0, 2.0, 0.0)]])
def test_where_all_grow_alike_or_nothing_is_known_none_is_named(shop, others):
    assert "growth" not in made(shop, of(("UK", 5.0, 2.0, 1.0), *others)).reading


def test_the_map_shows_revenue_as_area_growth_as_colour_and_rings_where_it_is_not_known(shop):
    (chart,) = made(shop).charts
    outline, known, unknown = chart.figure["data"]
    assert chart.title == "Where do customers live?"
    assert outline["fill"] == "toself"
    assert list(known["marker"]["color"]) == [0.5, -0.5]
    assert list(known["marker"]["size"]) == [LARGEST, round(LARGEST * math.sqrt(0.45), 1)]
    assert unknown["hovertext"][0].startswith("France<br>60 customers, revenue £900, from zero")
    assert unknown["marker"]["symbol"] == "circle-open"
    axis = chart.figure["layout"]["yaxis"]
    assert axis["scaleanchor"] == "x"
    assert not axis["showticklabels"]


@pytest.mark.parametrize(
    ("countries", "drawn"),
    [
        ([("UK", 5.0, 1.0, 1.0)], 0),
        ([("UK", 5.0, 1.0, 1.0), ("Narnia", 1.0, 1.0, 1.0)], 0),
        ([("UK", 5.0, 1.0, 1.0), ("FR", -1.0, 1.0, 1.0)], 1),
        ([("UK", 0.0, 0.0, 0.0), ("FR", 0.0, 0.0, 0.0)], 1),
        ([("Fiji", 5.0, 1.0, 1.0), ("Samoa", 1.0, 1.0, 0.0)], 1),
    ],
)
def test_a_map_needs_two_places_and_no_revenue(shop, countries, drawn):
    found = made(shop, of(*countries))
    assert len(found.charts) == drawn
    assert len(found.rows) == len(countries)
    assert bool(found.note) == (drawn and any(not place(name) for name, *_ in countries))


def test_one_country_brings_all(shop):
    assert made(shop, of(("UK", 5.0, 1.0, 1.0))).reading == "All revenue comes from UK."


def test_no_countries_are_no_part(shop):
    assert made(shop, of()) is None


def test_a_country_that_is_not_known_and_a_segment_that_is_gone_are_shown(shop):
    table = report_tables.arrow("regions", [of((None, 5.0, 1.0, 1.0)).to_pylist()[0] | {"segment_id": 9}])
    (row,) = made(shop, table).rows
    assert (row["country"], row["segment"]) == ("country not known", "not known")


def test_many_names_without_a_place_are_cut_short():
    assert unplaced([f"Land {i}" for i in range(10)]).endswith("Land 7 and 2 more.")
    assert unplaced([]) == ""


def test_names_on_the_map_are_harmless():
    bubbles = [Bubble("<a href='x'>", 1.0, 1.0, LARGEST, 0.1, "<b>"), Bubble("B", 9.0, 9.0)]
    figure = drawn(world("Where?", bubbles))
    assert figure.layout.annotations[0].text == "&lt;a href='x'&gt;"
    assert "<b>" not in figure.data[1].hovertext[0]


def test_names_cover_neither_names_nor_bubbles():
    sheet = Sheet(640, (0, 64), (0, 32), 1.0)
    crowd = [Bubble("A long name", 15 + i // 3, 30 + i % 3, 10) for i in range(9)]
    notes = labels(crowd, [sheet], most=9)
    boxes = sheet.taken[len(crowd) :]
    assert 0 < len(notes) == len(boxes)
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert right <= 640
        for other in [*sheet.taken[: len(crowd)], *boxes[:i]]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    alone = labels([Bubble("Far", 15, 30, 10)], [Sheet(640, (0, 64), (0, 32), 1.0)], most=9)
    assert alone[0]["ax"] == 5 + REACHES[0] + 6.8 * 3 / 2
